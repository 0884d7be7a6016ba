"""Small edits of Python functions that we make up, each with a check that a right answer passes.

From a seed to as many exercises as are wanted, the same ones every time: names, constants and shapes of
functions are drawn, the instruction says what is to be changed, the reference answer passes its own check and
the function as it was does not. Texts of a workspace, or of an evaluation, have no part in them.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_VERBS = ("collect", "count", "find", "gather", "keep", "list", "measure", "pick", "read", "sum_up", "take")
_NOUNS = (
    "amounts", "boxes", "cells", "days", "entries", "fields", "grades", "hours", "items", "jobs", "keys",
    "lengths", "marks", "notes", "orders", "pages", "ranks", "scores", "tags", "units", "values", "weights",
    "words", "years",
)  # fmt: skip
_TRIES = 4  # draws for one that is new


@dataclass(frozen=True, slots=True)
class Exercise:
    """``before`` is to become something like ``after``, of which only ``check`` is asked. ``kind``: which
    edit it is."""

    kind: str
    instruction: str
    before: str
    after: str
    check: str


def exercises(seed: int, count: int) -> Iterator[Exercise]:
    """At most ``count`` exercises (there are some thousands), kinds in turn, none twice."""
    draw = random.Random(seed)  # noqa: S311 - exercises are no secrets
    seen: set[tuple[str, str]] = set()
    made = drawn = 0
    while made < count and drawn < count * _TRIES:
        one = _KINDS[drawn % len(_KINDS)](draw)
        drawn += 1
        if (one.instruction, one.before) not in seen:
            seen.add((one.instruction, one.before))
            made += 1
            yield one


def _names(draw: random.Random) -> tuple[str, str, str]:
    """A function's name, its parameter, one element of that."""
    noun = draw.choice(_NOUNS)
    return f"{draw.choice(_VERBS)}_{noun}", noun, noun[0]


def _boundary(draw: random.Random) -> Exercise:
    name, many, one = _names(draw)
    limit = draw.randint(2, 40)
    comparison = draw.choice((">=", "<="))
    before = f"def {name}({many}):\n    return [{one} for {one} in {many} if {one} {comparison[0]} {limit}]\n"
    after = before.replace(f"{one} {comparison[0]} {limit}", f"{one} {comparison} {limit}")
    sample = [limit - 1, limit, limit + 1]
    wanted = [n for n in sample if (n >= limit if comparison == ">=" else n <= limit)]
    return Exercise(
        "boundary",
        f"Include values equal to {limit}, too.",
        before,
        after,
        f"assert {name}({sample}) == {wanted}",
    )


def _default(draw: random.Random) -> Exercise:
    name, many, _ = _names(draw)
    factor, given = draw.choice(("factor", "rate", "scale")), draw.randint(2, 9)
    before = f"def {name}({many}, {factor}):\n    return sum({many}) * {factor}\n"
    after = before.replace(f", {factor})", f", {factor}={given})")
    return Exercise(
        "default",
        f"Give {factor} the default value {given}.",
        before,
        after,
        f"assert {name}([1, 2]) == {3 * given}\nassert {name}([1, 2], 1) == 3",
    )


def _empty(draw: random.Random) -> Exercise:
    name, many, _ = _names(draw)
    fallback = draw.choice(("0", "None", "-1"))
    operation, value = draw.choice((("max", 5), ("min", 2)))
    before = f"def {name}({many}):\n    best = {operation}({many})\n    return best\n"
    after = (
        f"def {name}({many}):\n    if not {many}:\n        return {fallback}\n"
        f"    best = {operation}({many})\n    return best\n"
    )
    return Exercise(
        "guard",
        f"Return {fallback} where {many} is empty.",
        before,
        after,
        f"assert {name}([]) == {fallback}\nassert {name}([2, 5]) == {value}",
    )


def _rename(draw: random.Random) -> Exercise:
    name, many, one = _names(draw)
    other = draw.choice([noun for noun in _NOUNS if noun != many])
    before = (
        f"def {name}({many}):\n    total = 0\n    for {one} in {many}:\n"
        f"        total += {one}\n    return total\n"
    )
    after = before.replace(f"({many})", f"({other})").replace(f"in {many}:", f"in {other}:")
    return Exercise(
        "rename",
        f"Rename the parameter {many} to {other}.",
        before,
        after,
        f"assert {name}({other}=[1, 2, 3]) == 6",
    )


def _skip(draw: random.Random) -> Exercise:
    name, many, one = _names(draw)
    what, condition, sample, wanted = draw.choice((
        ("negative numbers", "< 0", [-3, 4, 5], (9, 2)),
        ("zeros", "== 0", [0, 4, 0], (4, 1)),
        ("numbers above 100", "> 100", [101, 7, 100], (107, 2)),
    ))  # fmt: skip
    before = (
        f"def {name}({many}):\n    total = 0\n    seen = 0\n    for {one} in {many}:\n"
        f"        total += {one}\n        seen += 1\n    return total, seen\n"
    )
    after = before.replace(
        f"    for {one} in {many}:\n",
        f"    for {one} in {many}:\n        if {one} {condition}:\n            continue\n",
    )
    return Exercise(
        "skip",
        f"Skip {what}.",
        before,
        after,
        f"assert {name}({sample}) == {wanted}",
    )


def _operator(draw: random.Random) -> Exercise:
    name, many, one = _names(draw)
    words, wrong, right, wanted = draw.choice((
        ("the product, not the sum", "total = 0|total += ", "total = 1|total *= ", 24),
        ("the sum, not the product", "total = 1|total *= ", "total = 0|total += ", 9),
    ))  # fmt: skip
    (start, step), (new_start, new_step) = wrong.split("|"), right.split("|")
    before = (
        f"def {name}({many}):\n    {start}\n    for {one} in {many}:\n        {step}{one}\n    return total\n"
    )
    after = before.replace(start, new_start).replace(step, new_step)
    return Exercise("operator", f"Return {words}.", before, after, f"assert {name}([2, 3, 4]) == {wanted}")


def _order(draw: random.Random) -> Exercise:
    name, many, _ = _names(draw)
    before = f"def {name}({many}):\n    return sorted({many})\n"
    after = f"def {name}({many}):\n    return sorted({many}, reverse=True)\n"
    words = draw.choice(
        ("Sort in descending order.", "Return the largest first.", "Reverse the order of the result.")
    )
    return Exercise("order", words, before, after, f"assert {name}([2, 3, 1]) == [3, 2, 1]")


def _first(draw: random.Random) -> Exercise:
    name, many, one = _names(draw)
    most = draw.randint(2, 6)
    before = f"def {name}({many}):\n    return [{one} * 2 for {one} in {many}]\n"
    after = f"def {name}({many}):\n    return [{one} * 2 for {one} in {many}[:{most}]]\n"
    sample = list(range(most + 2))
    return Exercise(
        "limit",
        f"Use only the first {most} {many}.",
        before,
        after,
        f"assert {name}({sample}) == {[n * 2 for n in sample[:most]]}",
    )


_KINDS: tuple[Callable[[random.Random], Exercise], ...] = (
    _boundary, _default, _empty, _rename, _skip, _operator, _order, _first,
)  # fmt: skip
