"""What a prompt of an earlier session held, read from its token ids: the cache may still have it.

Nothing but the ids is kept of a prompt across restarts, so its pieces come back as one, and its window is
found by looking which lines of the document tokenise to what it held.
"""

from __future__ import annotations

from collections.abc import Sequence

from context.assemble import Held, clean, closed_by_editor
from context.document import Document, Position
from context.items import ContextItem, Source, Stability
from context.pack import Pack
from context.prompt import Encode, Ids, PromptFormat, encode_lines
from context.window import Window, holds_anchor


def restored(
    document: Document,
    position: Position,
    tokens: Sequence[int],
    *,
    form: PromptFormat,
    encode: Encode,
    repository: str,
) -> Held | None:
    """Pieces and window of the prompt ``tokens`` for the same document, with the cursor where it is now.

    None where it cannot be read: another repository's, another document's, no fill-in-the-middle prompt.
    """
    if not form.fills_in or form.suffix_first:
        return None
    before, _, rest = _parted(tuple(tokens), form.prefix)
    prefix, marker, rest = _parted(rest, form.suffix)
    suffix, _, _ = _parted(rest, form.middle)
    pack = _pack(before, document.path, form=form, encode=encode, repository=repository)
    if pack is None or not marker:
        return None
    start, anchor = _lines_of(prefix, document, encode)
    line = document.clamp(position).line
    window = Window(start, anchor, len(document.lines), 0)
    if not holds_anchor(window, line):
        if start > line:
            return None
        anchor = line
    end = _end_of(suffix, document, position, encode)
    return Held(Window(start, anchor, end, len(document.lines) - end), pack, 0, False, document.version, 0)


def _parted(tokens: Ids, marker: Ids) -> tuple[Ids, Ids, Ids]:
    """As str.partition."""
    size = len(marker)
    for at in range(len(tokens) - size + 1):
        if tokens[at : at + size] == marker:
            return tokens[:at], marker, tokens[at + size :]
    return tokens, (), ()


def _pack(before: Ids, path: str, *, form: PromptFormat, encode: Encode, repository: str) -> Pack | None:
    """The pieces as one; None where what stands around them is not what would stand there now."""
    if before == form.begin:
        return Pack()
    head = form.begin
    if form.file_separator and form.repository:
        head = (*head, *form.repository, *encode(repository + "\n"))
    heading = (*form.file_separator, *encode((path if form.file_separator else f"# {path}") + "\n"))
    if before[: len(head)] != head or before[len(before) - len(heading) :] != heading:
        return None
    ids = before[len(head) : len(before) - len(heading)]
    why = "evaluated in an earlier session"
    item = ContextItem(Source.EARLIER_SESSION, "", "", 0.0, Stability.CLOSED_FILE, why=why)
    return Pack(((item, ids),))


def _lines_of(prefix: Ids, document: Document, encode: Encode) -> tuple[int, int]:
    """The line that ``prefix`` begins with and the one it ends at, where most of it is found again."""
    lines, best = clean(document.lines), (0, 0, 0)  # tokens found again, first line, line after the last
    for start in range(len(lines)):
        at, end = 0, start
        while at < len(prefix) and end < len(lines):
            size, ids = _block(lines, end, prefix[at:], encode)
            if not size:
                break
            at, end = at + len(ids), end + size
        best = max(best, (at, start, end), key=lambda one: one[0])
    return best[1:]


def _block(lines: Sequence[str], start: int, wanted: Ids, encode: Encode) -> tuple[int, Ids]:
    """How many lines from ``start`` on are tokenised together and begin ``wanted``, and their ids.

    A line and the blank ones after it, of which a window's edge may cut off some; 0 where they do not.
    """
    size = 1
    while start + size < len(lines) and not lines[start + size].strip():
        size += 1
    while size:
        ids = encode("".join(lines[start : start + size]))
        if wanted[: len(ids)] == ids:
            return size, ids
        size -= 1
    return 0, ()


def _end_of(suffix: Ids, document: Document, position: Position, encode: Encode) -> int:
    """The line at which a suffix of that many tokens ends."""
    line, column = document.clamp(position)
    text = document.line(line)
    tail = "" if closed_by_editor(text[column:]) else text[column:]
    following = clean((tail + document.lines[line][len(text) :], *document.lines[line + 1 :]))
    low, high = 1, len(following)
    while low < high:
        middle = (low + high) // 2
        if len(encode_lines(following[:middle], encode)) < len(suffix):
            low = middle + 1
        else:
            high = middle
    return line + low
