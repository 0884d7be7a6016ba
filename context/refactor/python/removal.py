"""A function's lines taken out of a file, with the smaller of the gaps around them."""

from __future__ import annotations

import re

from context.refactor.python.functions import Definition
from context.refactor.python.splices import Splice, indentation
from context.refactor.python.walking import parts_of

_BLANK_LINES = re.compile(rb"(?:[ \t\f]*(?:\r\n|\r|\n))*")


def without(definition: Definition) -> Splice:
    """Its lines gone; a ``pass`` where its block would be empty."""
    source, start, stop = definition.tree.source, definition.first_line, definition.last_line
    block = definition.outer.parent
    if block is not None and block.type == "block" and len(parts_of(block)) == 1:
        end = definition.tree.document.line_end if source[:stop].endswith((b"\n", b"\r")) else ""
        return Splice(start, stop, f"{indentation(source, definition.outer.start_byte)}pass{end}")
    after = _BLANK_LINES.match(source, stop)
    below = after.end() - stop if after is not None else 0
    lines = source[:start].splitlines(keepends=True)
    above = 0
    while lines and not lines[-1].strip():
        above += len(lines.pop())
    is_last = stop + below >= len(source)
    if not lines or (block is not None and block.type == "block" and parts_of(block)[0] == definition.outer):
        return Splice(start, stop + below if not is_last else stop, "")
    return (
        Splice(start - above, stop, "") if is_last or 0 < above <= below else Splice(start, stop + below, "")
    )
