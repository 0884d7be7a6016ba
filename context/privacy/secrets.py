"""A text without its secrets: the same number of letters, the same lines, stars in place of each secret.

`key_blocks` knows what spans lines, `formats` what a secret's letters give away, `assignments` what its
surroundings do. This module decides which lines need a look at all, remembers what it saw, and repeats until
nothing is left, so that redacting twice is redacting once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from context.privacy.assignments import WORDS_IN_LINE, assigned
from context.privacy.formats import MARKERS, known_formats
from context.privacy.key_blocks import STAR, mask_key_blocks
from context.privacy.randomness import random_values

MOST_REMEMBERED = 8_192  # suspicious lines, one in ten: the code of a large working set, at most some 3 MB
LONGEST_LOOK = 4_000  # letters looked at in one go: 5 ms for the slowest expression on the worst text found
OVERLAP = 2_000  # letters that two looks share: longer secrets than this are key blocks
MOST_ROUNDS = 8  # a star is no letter, so one secret masked may bare another; two rounds are the rule

_RUN = re.compile(r"[A-Za-z0-9_+/-]{16,}")
_GAP = re.compile(r"\s{41,}")  # nobody aligns so far; behind a name it costs some of the expressions hours
_DIGIT = re.compile(r"\d")
_LEAD = re.compile(r"\s*(?:(?!#\s*define)(?:[-+#*|>;%/! ]|<!--))+")
_LINE_ENDS = frozenset("\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029")


def redact(text: str) -> str:
    """The text with stars for its secrets: as many code points, the same ends of lines; idempotent."""
    return "".join(redact_lines(text.splitlines(keepends=True)))


def redact_lines(lines: Sequence[str]) -> list[str]:
    """The lines (with their ends) with stars for their secrets, keys that span lines included."""
    return [_redact_line(line) if _is_suspicious(line) else line for line in mask_key_blocks(lines)]


def _is_suspicious(line: str) -> bool:
    """Whether a line needs a look: most do not, and to see that takes a microsecond or two."""
    if "://" in line and "@" in line:
        return True
    for run in _RUN.findall(line):
        if _DIGIT.search(run):
            return True
        if MARKERS.search(line):
            return True
    lower = line.lower()
    return any(word in lower for word in WORDS_IN_LINE)


@lru_cache(maxsize=MOST_REMEMBERED)
def _redact_line(line: str) -> str:
    for _ in range(MOST_ROUNDS):
        masked = _mask(line, _places(line))
        if masked == line:
            break
        line = masked
    return line


def _places(line: str) -> Iterator[tuple[int, int]]:
    """Of the line as it stands, and of what it is behind the signs of a diff, a comment or a quotation."""
    yield from _places_from(line)
    if (lead := _LEAD.match(line)) and lead[0].strip() and (end := lead.end()) < len(line):
        yield from ((end + first, end + last) for first, last in _places_from(line[end:]))


def _places_from(line: str) -> Iterator[tuple[int, int]]:
    for start, part in _parts(line):
        for find in (known_formats, assigned, random_values):
            for first, last in find(part):
                yield start + first, start + last


def _parts(line: str) -> Iterator[tuple[int, str]]:
    """The line in parts, each with its place, so that no expression holds the interpreter for long."""
    begin = 0
    for gap in (*_GAP.finditer(line), None):
        end = gap.start() if gap else len(line)
        for start in range(begin, max(begin + 1, end - OVERLAP), LONGEST_LOOK - OVERLAP):
            yield start, line[start : min(start + LONGEST_LOOK, end)]
        begin = gap.end() if gap else end


def _mask(line: str, places: Iterable[tuple[int, int]]) -> str:
    letters = None
    for first, last in places:
        letters = letters or list(line)
        letters[first:last] = [letter if letter in _LINE_ENDS else STAR for letter in letters[first:last]]
    return "".join(letters) if letters else line
