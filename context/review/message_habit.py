"""How commit messages look in a repository: prefixes, case, mood, length. Learnt from the last commits.

Turns commits into a ``Habit``, and brings a subject that somebody or something wrote into its form.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from context.history.values import Commit

_CONVENTIONAL = re.compile(
    r"(?:feat|fix|docs?|chore|refactor|tests?|perf|build|ci|style|revert)(?:\([^)]*\))?!?: (?=\S)"
)
_AREA = re.compile(r"(?:[A-Za-z][\w./,* -]{0,30}): (?=\S)")
_BRACKET = re.compile(r"(?:\[[\w./, -]{1,30}\]) ?(?=\S)")
_BOT = re.compile(r"(?i)^(?:(?:build|chore)\(deps[^)]*\): )?(?:bump|update dependency|merge|revert) ")
_USUAL = 0.5  # share of subjects from which on something is the habit
_FEWEST = 5  # commits; fewer are no habit
_MOST_EXAMPLES = 8
_SHORT, _LONG = 50, 72  # characters; git's own advice, and where most tools cut
_PAST = frozenset(
    ["Added", "Fixed", "Removed", "Changed", "Updated", "Moved", "Renamed", "Made", "Used", "Improved"]
)
_PRESENT = frozenset(
    ["Adds", "Fixes", "Removes", "Changes", "Updates", "Moves", "Renames", "Makes", "Uses", "Improves"]
)


@dataclass(frozen=True, slots=True)
class Habit:
    """``prefix``: "conventional" (feat: ...), "area" (parser: ...), "bracket" ([parser] ...) or "".

    ``mood``: "imperative" (Add), "past" (Added) or "present" (Adds). ``length``: of nine subjects in ten, at
    most. ``body``: share of messages with one. ``areas``: path to the prefixes of commits that touched it,
    the most used first.
    """

    prefix: str = ""
    capital: bool = True
    full_stop: bool = False
    mood: str = "imperative"
    length: int = _LONG
    body: float = 0.0
    examples: tuple[str, ...] = ()
    areas: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def area_of(self, paths: Sequence[str]) -> str:
        """The prefix that commits of these files had most often; "" where none is known."""
        known = dict(self.areas)
        votes = Counter(area for path in paths for area in known.get(path, ())[:1])
        return votes.most_common(1)[0][0] if votes else ""

    def described(self) -> str:
        """The habit in words, for a model."""
        rules = {
            "conventional": "Begin with a type as in Conventional Commits: feat, fix, docs, test, ...",
            "area": 'Begin with the part of the project it is about, then ": ".',
            "bracket": "Begin with the part of the project in square brackets.",
        }
        said = [rules[self.prefix]] if self.prefix else ["Use no prefix."]
        said.append(
            {"imperative": 'Imperative mood ("Add", "Fix").', "past": 'Past tense ("Added").'}.get(
                self.mood, 'Present tense ("Adds").'
            )
        )
        said.append(f"At most {self.length} characters.")
        said.append("End with a full stop." if self.full_stop else "No full stop at the end.")
        return " ".join(said)


def habit_of(commits: Sequence[Commit]) -> Habit:
    """The habit of these commits, which are newest first; git's own advice where they are too few."""
    own = [one for one in commits if one.subject and not _BOT.match(one.subject)]
    if len(own) < _FEWEST:
        return Habit(examples=tuple(one.subject for one in own[:_MOST_EXAMPLES]))
    prefix = next((name for name in ("conventional", "bracket", "area") if _share(own, name) >= _USUAL), "")
    rests = [split(one.subject, prefix)[1] for one in own]
    lengths = sorted(len(one.subject) for one in own)
    areas: dict[str, Counter[str]] = {}
    often = Counter(split(one.subject, prefix)[0] for one in own)
    for one in own:
        area = split(one.subject, prefix)[0]
        if area and often[area] > 1:  # used once it was the beginning of a sentence
            for path in one.files:
                areas.setdefault(path, Counter())[area] += 1
    return Habit(
        prefix,
        sum(rest[:1].isupper() for rest in rests) >= _USUAL * len(rests),
        sum(rest.endswith(".") for rest in rests) >= _USUAL * len(rests),
        _mood(rests),
        max(_SHORT, min(lengths[len(lengths) * 9 // 10], _LONG)),
        sum(bool(one.body) for one in own) / len(own),
        tuple(one.subject for one in own[:_MOST_EXAMPLES]),
        tuple((path, tuple(a for a, _ in votes.most_common())) for path, votes in sorted(areas.items())),
    )


def split(subject: str, prefix: str) -> tuple[str, str]:
    """A subject's prefix as it stands there, and the rest; "" where it has none of that kind."""
    found = _pattern(prefix).match(subject) if prefix else None
    return (subject[: found.end()], subject[found.end() :]) if found else ("", subject)


def in_form(subject: str, habit: Habit, otherwise: str) -> str:
    """The subject with the habit's prefix (``otherwise`` where it brings none), case and end."""
    prefix, rest = split(subject.strip(), habit.prefix)
    if not prefix and habit.prefix:
        prefix = otherwise
    first = rest.partition(" ")[0]
    if first.isalpha() and first[1:].lower() == first[1:]:  # a name such as OAuth stays as it is
        rest = (rest[:1].upper() if habit.capital else rest[:1].lower()) + rest[1:]
    rest = rest.rstrip()
    rest = rest.rstrip(".") + "." if habit.full_stop else rest.rstrip(".")
    return prefix + rest


def _pattern(prefix: str) -> re.Pattern[str]:
    return {"conventional": _CONVENTIONAL, "area": _AREA, "bracket": _BRACKET}[prefix]


def _share(commits: Sequence[Commit], prefix: str) -> float:
    return sum(bool(_pattern(prefix).match(one.subject)) for one in commits) / len(commits)


def _mood(rests: Sequence[str]) -> str:
    firsts = [rest.partition(" ")[0].capitalize() for rest in rests]
    past = sum(first in _PAST or (first.endswith("ed") and len(first) > 4) for first in firsts)
    present = sum(first in _PRESENT for first in firsts)
    if max(past, present) < 0.3 * len(firsts):
        return "imperative"
    return "past" if past >= present else "present"
