"""Replacements of tokens: what an edit replaced by what on a line, where else the old form stands, and what
that place becomes.

A replacement is read off one changed line by comparing its tokens before and after. It points to other places
where its old form says enough to be recognised: a name, or several tokens in a row. It writes their text only
where it is no guess: it was made more than once, or it gave something that is defined another name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from functools import lru_cache

from context.next_edit.changes import Run
from context.next_edit.values import NextEdit
from context.next_edit.words import defined_on, likeness, words_of

_TOKEN = re.compile(r"\w+|[^\w\s]")
_CONTEXT = 2  # tokens on either side that make an old form without a name recognisable
_LEAST_LIKE = 0.3  # of two lines of which one became the other
_MOST_TOKENS = 12  # of an old form: more are a passage, not a form
_MOST_LINES = 12  # of a run: larger ones are rewritten, not replaced
_LONGEST_LINE = 400  # characters


@dataclass(frozen=True, slots=True)
class Replacement:
    """The tokens ``old`` became the text ``new``; ``name`` is the longest name in ``old``.

    ``sure``: whether other places will want the same.
    """

    old: tuple[str, ...]
    new: str
    name: str
    run: Run
    sure: bool

    def apply(self, line: str) -> str | None:
        """The line with every old form replaced; None where there is none."""
        spans = [(found.start(), found.end(), found[0]) for found in _TOKEN.finditer(line[:_LONGEST_LINE])]
        size, parts, at, n = len(self.old), list[str](), 0, 0
        while n + size <= len(spans):
            if tuple(text for _, _, text in spans[n : n + size]) == self.old:
                parts += [line[at : spans[n][0]], self.new]
                at = spans[n + size - 1][1]
                n += size
            else:
                n += 1
        return "".join([*parts, line[at:]]) if at else None


def replacements(runs: Sequence[Run]) -> list[Replacement]:
    """What recent edits replaced, newest first; nothing that was done and undone."""
    found: dict[tuple[str, ...], Replacement] = {}
    undone: set[tuple[tuple[str, ...], tuple[str, ...]]] = set()
    for run in runs:
        if max(len(run.before), len(run.after)) > _MOST_LINES:
            continue
        for before, after in _pairs(run.before, run.after):
            for old, new in forms(before, after):
                new_tokens = tuple(_TOKEN.findall(new))
                undone.add((new_tokens, old))
                if (old, new_tokens) in undone:  # there and back again: neither is a rule
                    found.pop(new_tokens, None)
                    continue
                if not (name := _telling(old)):
                    continue
                if (known := found.get(old)) is None:
                    sure = old == (name,) and _names(before, name) and _names(after, new)
                    found[old] = Replacement(old, new, name, run, sure)
                elif known.new == new:
                    found[old] = replace(known, sure=True)
    return list(found.values())


def _names(line: str, name: str) -> bool:
    """Whether a line defines ``name``: as a function, class or type, or by giving it a value."""
    given = line.lstrip().removeprefix("const ").removeprefix("let ").removeprefix("var ")
    return defined_on(line) == name or bool(re.match(rf"{re.escape(name)}\s*(:[^=]*)?:?=(?!=)", given))


def _pairs(before: Sequence[str], after: Sequence[str]) -> list[tuple[str, str]]:
    """Each old line with the new line it became: in order, the likest."""
    if len(before) == len(after):
        return [pair for pair in zip(before, after, strict=True) if likeness(*pair) >= _LEAST_LIKE]
    found, start = [], 0
    for line in before:
        best = max(range(start, len(after)), key=lambda n: likeness(line, after[n]), default=None)
        if best is not None and likeness(line, after[best]) >= _LEAST_LIKE:
            found.append((line, after[best]))
            start = best + 1
    return found


@lru_cache(512)
def forms(before: str, after: str) -> tuple[tuple[tuple[str, ...], str], ...]:
    """The tokens of one line that were replaced, each with the text in their place."""
    old = [(one.start(), one.end(), one[0]) for one in _TOKEN.finditer(before[:_LONGEST_LINE])]
    new = [(one.start(), one.end(), one[0]) for one in _TOKEN.finditer(after[:_LONGEST_LINE])]
    matcher = SequenceMatcher(None, [t for _, _, t in old], [t for _, _, t in new], autojunk=False)
    found = []
    for tag, a0, a1, b0, b1 in matcher.get_opcodes():
        if tag == "equal":
            continue
        if not any(_telling((text,)) for _, _, text in old[a0:a1]):
            left = min(_CONTEXT, a0, b0)
            right = min(_CONTEXT, len(old) - a1, len(new) - b1)
            same_left = next((n for n in range(left) if old[a0 - n - 1][2] != new[b0 - n - 1][2]), left)
            same_right = next((n for n in range(right) if old[a1 + n][2] != new[b1 + n][2]), right)
            a0, b0, a1, b1 = a0 - same_left, b0 - same_left, a1 + same_right, b1 + same_right
        tokens = tuple(text for _, _, text in old[a0:a1])
        if 0 < len(tokens) <= _MOST_TOKENS:
            text = after[new[b0][0] : new[b1 - 1][1]] if b1 > b0 else ""
            if text:
                found.append((tokens, text))
    return tuple(found)


def _telling(tokens: Sequence[str]) -> str:
    """The longest name among tokens that are recognisable as a form; "" where they are not."""
    names = words_of(" ".join(tokens))
    name = max(names, key=lambda word: (len(word), word), default="")
    return name if len(name) >= (3 if len(tokens) > 1 else 4) else ""


def text_of(line: int, text: str, known: Sequence[Replacement], runs: Sequence[Run]) -> NextEdit | None:
    """The edit of a line that holds an old form, with its line end; None where no sure replacement fits.

    All replacements of the newest edit that fits are made at once. Never what an edit had just taken away.
    """
    changed, source = text, None
    for one in known:
        if one.sure and (source is None or one.run is source):
            result = one.apply(changed)
            if result is not None and result != changed:
                changed, source = result, one.run
    if source is None or is_undone(changed, text, runs):
        return None
    return NextEdit(line, (text,), (changed,))


def is_undone(changed: str, text: str, runs: Sequence[Run]) -> bool:
    """Whether making ``changed`` of ``text`` puts back what a recent edit replaced."""
    return any(changed in run.before and text in run.after for run in runs)
