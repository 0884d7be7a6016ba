"""Next edits: what was edited lately to the places that want an edit because of it, best first, no model.

`locate` answers on the request path from the snapshot and from `Elsewhere`, which `read_elsewhere` gathers in
the background. Where the edit is the same replacement as one just made, `text_of` writes it too; otherwise
the text is somebody else's to find. Knows no LSP and asks no model.
"""

from context.next_edit.elsewhere import Elsewhere, read_elsewhere
from context.next_edit.locate import locate
from context.next_edit.replacement import text_of
from context.next_edit.values import NextEdit, NextPlace

__all__ = ["Elsewhere", "NextEdit", "NextPlace", "locate", "read_elsewhere", "text_of"]
