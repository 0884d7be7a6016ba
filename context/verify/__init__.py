"""What an edit would change for the better or worse: a document and its new text to ``Checks``.

Syntax trees, names, a linter: each is asked before and after the edit, and only what differs counts. Nothing
of the workspace is executed, but for its tests where the user's own settings ask for that. Knows no LSP and
no model.
"""

from context.verify.checks import Checks, Finding, joined
from context.verify.verify import verify, verify_all

__all__ = ["Checks", "Finding", "joined", "verify", "verify_all"]
