"""What later commits say of an earlier one: reverted, fixed or kept. The rules stand in `change`."""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from context.codeflow.change import Fate

if TYPE_CHECKING:
    from context.codeflow.commits import RawCommit

WINDOW = 20  # commits: a fix that comes later than that is usually another piece of work
HALF = 0.5  # of the telling lines that a commit added
FEWEST_LINES = 3  # telling lines; fewer are taken away by chance
TELLING = 8  # characters: `}`, `else:` and `return x` say nothing about where a line comes from

_REVERTS = re.compile(r"(?i)\b(?:reverts|reverted) commits? ([0-9a-f]{7,64})\b")
_FIXES = re.compile(r"(?im)^fixes:? ([0-9a-f]{7,64})\b")
_NAMED = re.compile(r"\b(?=[0-9a-f]*[0-9])([0-9a-f]{7,64})\b")  # a word such as "defaced" is no sha
_PICKED = re.compile(r"(?i)\(?cherry[- ]picked from commit [0-9a-f]+\)?")
_FIX_WORD = re.compile(
    r"(?i)\b(?:fix(?:es|ed|up)?|bug(?:fix)?|regress\w*|broke\w*|correct(?:s|ed)?|repairs?|introduced)\b"
)
GREP = r"revert(s|ed) commits? [0-9a-f]{7}|[0-9a-f]{7}"  # for git's own search: a superset of the above


class NamedFates:
    """Fates that messages speak of, by the sha they name (seven digits or more)."""

    def __init__(self, messages: Iterable[tuple[str, str]]) -> None:
        """``messages``: (sha, message), newest first: a revert that was itself reverted says nothing."""
        self._named: dict[str, list[tuple[str, Fate]]] = {}
        for sha, message in messages:
            if self.of(sha) is Fate.REVERTED:
                continue
            for named, fate in spoken_of(message):
                self._named.setdefault(named[:7], []).append((named, fate))

    def of(self, sha: str) -> Fate:
        """What messages say of a commit."""
        said = {fate for named, fate in self._named.get(sha[:7], ()) if sha.startswith(named)}
        if Fate.REVERTED in said:
            return Fate.REVERTED
        return Fate.FIXED if said else Fate.KEPT


def spoken_of(message: str) -> list[tuple[str, Fate]]:
    """The shas that a message reverts or fixes."""
    found = [(sha.lower(), Fate.REVERTED) for sha in _REVERTS.findall(message)]
    found += [(sha.lower(), Fate.FIXED) for sha in _FIXES.findall(message)]
    reverted = {sha for sha, _ in found}
    rest = _PICKED.sub("", message)
    if _FIX_WORD.search(rest):
        found += [(sha, Fate.FIXED) for sha in _NAMED.findall(rest) if sha not in reverted]
    return found


@dataclass
class Judged:
    """A commit while later ones are looked at."""

    commit: RawCommit
    added: Counter[str]  # telling lines
    fate: Fate = Fate.KEPT
    payload: object = None


@dataclass
class Window:
    """The last commits whose fate is still open. Give it commits oldest first; it holds `WINDOW` of them."""

    named: NamedFates
    _open: deque[Judged] = field(default_factory=deque)

    def add(
        self, commit: RawCommit, added: Counter[str], removed: Counter[str], payload: object = None
    ) -> list[Judged]:
        """Take the next commit in; returns those whose fate is settled now (at most one)."""
        taken_away = removed - added  # lines that only moved are on both sides
        for earlier in self._open:
            if earlier.fate is Fate.REVERTED:
                continue
            if restores(commit, earlier.commit):
                earlier.fate = Fate.REVERTED
            elif earlier.fate is Fate.KEPT and (
                commit.message.startswith(f"fixup! {earlier.commit.message.partition(chr(10))[0]}")
                or rewrites(earlier, taken_away, added)
            ):
                earlier.fate = Fate.FIXED
        self._open.append(Judged(commit, added, self.named.of(commit.sha), payload))
        return [self._open.popleft()] if len(self._open) > WINDOW else []

    def rest(self) -> list[Judged]:
        """Those still open when no commits are left."""
        left = list(self._open)
        self._open.clear()
        return left


def restores(later: RawCommit, earlier: RawCommit) -> bool:
    """Whether ``later`` gives every file of ``earlier`` back what it had before."""
    if not earlier.files or len(later.files) < len(earlier.files):
        return False
    after = {file.path: (file.old_blob, file.new_blob) for file in later.files}
    for file in earlier.files:
        if file.old_path != file.path:  # renamed there, so back again here
            back = any(f.path == file.old_path and f.new_blob == file.old_blob for f in later.files)
            if not back:
                return False
        elif after.get(file.path) != (file.new_blob, file.old_blob):
            return False
    return True


def rewrites(earlier: Judged, taken_away: Counter[str], added: Counter[str]) -> bool:
    """Whether a later commit takes away half of what the earlier one added, and writes something else."""
    total = sum(earlier.added.values())
    if total < FEWEST_LINES or not added:
        return False
    return sum((earlier.added & taken_away).values()) >= max(FEWEST_LINES, HALF * total)


def telling_lines(lines: Sequence[str]) -> Counter[str]:
    """Lines that are long enough to be recognised, with counts, white space aside."""
    bag: Counter[str] = Counter()
    for line in lines:
        stripped = line.strip()
        if len(stripped) >= TELLING:
            bag[stripped] += 1
    return bag
