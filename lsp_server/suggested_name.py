"""A name that a model would give to something that has one: the renaming itself is an engine's.

Asked with the lines around the cursor; only what can be a name in the language comes back.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from context.document import Document
from context.privacy import may_be_prompted, redact_lines
from context.refactor import Offer, Refused
from lsp_server.question import answer

if TYPE_CHECKING:
    from lsp_server.model_session import ModelSession

_AROUND = 30  # lines above and below
_MOST_TOKENS = 24
_NAME = re.compile(r"[^\W\d]\w{2,39}")
_CHATTER = frozenset(("and", "better", "clearer", "code", "for", "name", "new", "rename", "the", "would"))


async def suggested_name(
    session: ModelSession, document: Document, offer: Offer, tell: Callable[[str], None] | None = None
) -> str:
    """Another name for what is selected. Raises EngineError, and Refused where the model has none."""
    (line, start), (_, end) = offer.selection
    old = document.line(line)[start:end] or offer.name
    if not may_be_prompted(document.path):
        raise Refused(f"{document.path} holds secrets by its name, and is shown to no model.")
    first = max(0, line - _AROUND)
    lines = redact_lines(document.lines[first : line + _AROUND])
    question = (
        f"Suggest a clearer name for `{old}` in line {line - first + 1}, in the style of this code. "
        "Answer with the name only."
    )
    said = [(document.path, "".join(lines))]
    found = await answer(session, question, "instruct", files=said, tell=tell, max_tokens=_MOST_TOKENS)
    taken = set(_NAME.findall(document.text))
    for name in _NAME.findall(found.text):
        if name not in taken and name.lower() not in _CHATTER and not keyword.iskeyword(name):
            return name
    raise Refused(f"The model has no clearer name for '{old}'; the editor's own rename takes yours.")
