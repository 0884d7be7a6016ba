"""Two texts to the hunks that lead from one to the other.

Bounded, because it runs beside an event loop: the ends that both texts share are cut off first, which
leaves a handful of lines in most cases, and a middle beyond `MOST_LINES` is one hunk instead of a search.
"""

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from context.history.values import Hunk

MOST_LINES = 2000  # of either side's differing middle: the search grows with the square
BINARY_BYTES = 8000  # where git itself looks for a NUL


def is_binary(data: bytes) -> bool:
    """Whether a content is no text, by git's own rule."""
    return b"\0" in data[:BINARY_BYTES]


def text_of(data: bytes) -> str:
    """A file's bytes as text with "\\n" for line ends, so that a checkout with CRLF differs in nothing."""
    return data.decode("utf-8", "replace").replace("\r\n", "\n")


def lines_of(text: str) -> list[str]:
    """The lines of a text, each with its end; what else Unicode calls a line end is none."""
    lines = [line + "\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


def changed_ranges(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[int, int, int, int]]:
    """The ranges of lines that differ: begin and end in the old text, begin and end in the new one."""
    start = 0
    shorter = min(len(old), len(new))
    while start < shorter and old[start] == new[start]:
        start += 1
    behind = 0
    while behind < shorter - start and old[-1 - behind] == new[-1 - behind]:
        behind += 1
    old_end, new_end = len(old) - behind, len(new) - behind
    if start == old_end and start == new_end:
        return
    if max(old_end, new_end) - start > MOST_LINES:
        yield start, old_end, start, new_end
        return
    matcher = SequenceMatcher(None, old[start:old_end], new[start:new_end])
    for tag, old_from, old_to, new_from, new_to in matcher.get_opcodes():
        if tag != "equal":
            yield start + old_from, start + old_to, start + new_from, start + new_to


def hunks_between(before: str, after: str, most_characters: int) -> tuple[Hunk, ...]:
    """The changed lines, without context, in order; no more than fit into so many characters.

    The hunk that does not fit is cut behind a line, on both of its sides.
    """
    old, new = lines_of(before), lines_of(after)
    found: list[Hunk] = []
    left = most_characters
    for old_from, old_to, new_from, new_to in changed_ranges(old, new):
        removed = _beginning(old[old_from:old_to], left)
        added = _beginning(new[new_from:new_to], left - len(removed) if len(removed) < left else 0)
        if removed or added:
            found.append(Hunk(new_from, removed, added))
        left -= len(removed) + len(added)
        if left <= 0:
            break
    return tuple(found)


def _beginning(lines: Sequence[str], most_characters: int) -> str:
    """As many whole lines as fit."""
    kept: list[str] = []
    for line in lines:
        most_characters -= len(line)
        if most_characters < 0:
            break
        kept.append(line)
    return "".join(kept)
