"""What of a text goes into a request: lines before and after, and the cursor's line as the prompt itself.

So prefix and suffix stay the same while a line is typed, and the server finds them in its cache.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tests.benchmarks.cases import At

LINES_BEFORE = 256
LINES_AFTER = 64
_BLANKS = re.compile(r"[ \t]*")


@dataclass(frozen=True, slots=True)
class Local:
    """``middle`` is the cursor's line up to the cursor; ``tail`` the rest of it, which begins ``suffix``."""

    prefix: str
    middle: str
    suffix: str
    tail: str
    indent: int

    def keys(self) -> list[tuple[str, str]]:
        """Under which a response is kept: also as if up to three lines at the top were scrolled away."""
        prefix, found = self.prefix, [(self.prefix + self.middle, self.suffix)]
        for _ in range(3):
            prefix = prefix.partition("\n")[2]
            if not prefix:
                break
            found.append((prefix + self.middle, self.suffix))
        return found


def is_blank(line: str) -> bool:
    """Whether a line holds nothing but blanks."""
    return _BLANKS.fullmatch(line) is not None


def blanks_of(line: str) -> int:
    """How many blanks a line begins with."""
    found = _BLANKS.match(line)
    return found.end() if found else 0


def local(lines: Sequence[str], at: At) -> Local:
    """What surrounds the cursor. A line of blanks is asked for from its beginning: the model indents it."""
    number, column = at
    line = lines[number] if number < len(lines) else ""
    before = lines[max(0, number - LINES_BEFORE) : number]
    after = lines[number + 1 : number + 1 + LINES_AFTER]
    if is_blank(line):
        return _local(before, "", "", after, 0)
    return _local(before, line[:column], line[column:], after, blanks_of(line))


def as_if_accepted(lines: Sequence[str], at: At, shown: Sequence[str], indent: int) -> Local:
    """What will surround the cursor once the lines ``shown`` are accepted."""
    number = at[0]
    line = lines[number] if number < len(lines) else ""
    before = list(lines[max(0, number - LINES_BEFORE + len(shown) - 1) : number])
    after = lines[number + 1 : number + 1 + LINES_AFTER]
    if len(shown) == 1:
        return _local(before, line + shown[0], "", after, indent)
    return _local([*before, line + shown[0], *shown[1:-1]], shown[-1], "", after, indent)


def _local(before: Sequence[str], middle: str, tail: str, after: Sequence[str], indent: int) -> Local:
    return Local("\n".join(before) + "\n", middle, f"{tail}\n" + "\n".join(after) + "\n", tail, indent)
