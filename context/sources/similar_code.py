"""Passages of other files that are about the same things as the lines around the cursor.

Alike means: they share identifiers, and rare ones count more. A passage is some lines between blank ones,
so that it begins and ends where its author paused.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

_LINES = 16  # of a passage: one short function, or a call with what prepares it
_MOST_PASSAGES = 24  # kept over all files
_MOST_OF_ONE_FILE = 4
_LEAST_SIMILARITY = 0.08  # below this two passages share chance words only
_LARGEST_FILE = 200_000  # characters: longer files are data
_EVERYWHERE = 0.4  # share of the files in question: a name that so many hold tells none of them apart
_FEW_FILES = 6  # below which a share says nothing
_WORD = re.compile(r"[A-Za-z_$][\w$]{2,}")
# reserved words of the languages served, and the commonest words of comments
NO_NAMES = frozenset(
    """
    abstract and any are array async await bool boolean break but byte can case catch char class const
    continue def default defer del delete describe elif else end enum except export extends extern false
    False final finally float for foreach from func function get global has her his how impl implements
    import inline int Integer interface internal into its lambda let List local long loop match mod
    module mut namespace new nil None not null number Object object one only operator Optional override
    package param pass private protected pub public raise readonly ref return returns self set short
    should signed sizeof static str String string struct super switch template than that the their them
    then these this throw throws trait true True try two type typedef typeof union unsafe unsigned until
    use used using val value var virtual void volatile was were when where which while will with without
    yield you your
    """.split()  # noqa: SIM905
)


@dataclass(frozen=True, slots=True)
class Passage:
    """Lines of a file, how alike they are (0 to 1), and the names shared, rarest first."""

    path: str
    line: int
    text: str
    similarity: float
    shared: tuple[str, ...]
    whole: bool = False


def similar_chunks(
    names: Mapping[str, int],
    texts: Mapping[str, str],
    rarity: Callable[[str], float],
    closeness: Mapping[str, float],
) -> list[Passage]:
    """The passages of ``texts`` (by path) most like the ``names``, best first."""
    held = {name: sum(name in text for text in texts.values()) for name in names if name not in NO_NAMES}
    most = len(texts) if len(texts) < _FEW_FILES else _EVERYWHERE * len(texts)
    worth = {name: rarity(name) * math.sqrt(names[name]) for name, files in held.items() if 0 < files <= most}
    total = sum(sorted(worth.values(), reverse=True)[:24]) or 1.0  # a passage can hold only so many names
    found: list[Passage] = []
    for path, text in texts.items():
        if len(text) > _LARGEST_FILE or not any(name in text for name in worth):
            continue
        best: list[Passage] = []
        for line, passage in passages(text):
            words = set(_WORD.findall(passage))
            shared = sorted((word for word in words if word in worth), key=lambda word: -worth[word])
            length = max(1.0, math.sqrt(len(words) / 12))  # a long passage shares more by chance
            alike = sum(worth[word] for word in shared) / total / length
            alike = min(1.0, alike) * (0.7 + 0.3 * min(1.0, closeness.get(path, 0.0)))
            if alike >= _LEAST_SIMILARITY:
                whole = len(passage) == len(text)
                best.append(Passage(path, line, passage, alike, tuple(shared), whole))
        best.sort(key=lambda one: -one.similarity)
        found += best[:_MOST_OF_ONE_FILE]
    found.sort(key=lambda one: (-one.similarity, one.path, one.line))
    return found[:_MOST_PASSAGES]


def passages(text: str) -> list[tuple[int, str]]:
    """A text cut into runs of at most some lines, at blank lines where there are any; with the first line."""
    lines = text.splitlines(True)
    found, start = [], 0
    while start < len(lines):
        end = min(len(lines), start + _LINES)
        if end < len(lines):
            blank = next((n for n in range(end, start + _LINES // 3, -1) if not lines[n - 1].strip()), end)
            end = blank
        passage = "".join(lines[start:end])
        if passage.strip():
            found.append((start, passage))
        start = end
    return found
