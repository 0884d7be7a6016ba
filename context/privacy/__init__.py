"""The one gate that every text passes on its way into a prompt: names, ignore rules, kind and size, contents.

It turns a workspace folder into the files that may be read (`walk`, `read_text`) and a text into the same
text without its secrets (`redact`). It knows nothing of prompts, editors or models, and nothing in a
workspace can make it raise: what cannot be read or understood is left out.
"""

from context.privacy.ignore import Ignore
from context.privacy.names import SECRET_NAMES, may_be_prompted
from context.privacy.reading import FileEntry, read_text, walk, why_not
from context.privacy.secrets import redact, redact_lines

__all__ = [
    "SECRET_NAMES",
    "FileEntry",
    "Ignore",
    "may_be_prompted",
    "read_text",
    "redact",
    "redact_lines",
    "walk",
    "why_not",
]
