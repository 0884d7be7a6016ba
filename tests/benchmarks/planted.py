"""Needles in long texts of token ids: definitions near the beginning, and calls at the end that repeat them.

Ten definitions make a file in front of a held-back text, each with a default value that nothing else tells;
a last file calls each of them up to that value. The text is read once, and every call goes on from a fork of
it. Whether a value is likely *because it is there* is seen by reading the text again with other values in the
same places.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from engine.backend import Backend, MarkedTokenizer
from engine.training.data.tokenizer import FILE
from tests.benchmarks.held_text import LongText, opening
from tests.benchmarks.likelihood import nats, read

GROUP = 10  # definitions in one text
WRONG = 9  # values that the right one is compared with
DEFINITION = 'def fetch_{name}(region, limit={value}):\n    return select("{name}", region, limit)\n\n\n'
FUNCTION = "def report(region):\n"
CALL = "    rows = fetch_{name}(region, limit="
_SYLLABLES = [first + last for first in "bdfgklmnprstvz" for last in "aeiou"]


@dataclass(frozen=True, slots=True)
class Needle:
    """The function ``fetch_name`` has the default ``value``, or in the other reading of the text ``other``.
    ``wrong`` stand in neither."""

    name: str
    value: str
    other: str
    wrong: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """What a needle's value costs, in nats, with its definition there and with the other one; whether it is
    likelier than all wrong values, with and without its definition, and than the other values there."""

    nats: float
    nats_without: float
    of_wrong: bool
    of_wrong_without: bool
    of_others: bool


def needles(number: int) -> list[Needle]:
    """The needles of text ``number``; no value occurs twice among them, and no name."""
    draw = random.Random(f"needles {number}")
    values = [str(value) for value in draw.sample(range(10_000, 100_000), GROUP * (2 + WRONG))]
    names: dict[str, None] = {}
    while len(names) < GROUP:
        names["".join(draw.sample(_SYLLABLES, 3))] = None
    return [
        Needle(name, values[n], values[GROUP + n], tuple(values[2 * GROUP + n :: GROUP]))
        for n, name in enumerate(names)
    ]


def planted(
    text: LongText, tokens: int, tokenizer: MarkedTokenizer, values: Sequence[tuple[str, str]]
) -> list[int]:
    """``tokens`` tokens that end where the first call may begin; ``values`` are names and values."""
    lines = "".join(DEFINITION.format(name=name, value=value) for name, value in values)
    definitions = (*opening(tokenizer, FILE, "lookups.py"), *tokenizer.encode(lines))
    calls = (*opening(tokenizer, FILE, "report.py"), *tokenizer.encode(FUNCTION))
    return [*text.end(tokens - len(calls), definitions), *calls]


def find(backend: Backend, text: LongText, tokens: int, group: Sequence[Needle]) -> list[Found]:
    """Read the text in both ways, and ask for every needle. Uses sequences 0 to 2."""
    encode = backend.tokenizer.encode
    asked: list[list[list[float]]] = []
    for values in ([(one.name, one.value) for one in group], [(one.name, one.other) for one in group]):
        _empty(backend)
        read(backend, 0, planted(text, tokens, backend.tokenizer, values))
        costs: list[list[float]] = []
        for one in group:
            backend.fork(0, 1, backend.length(0))
            before = read(backend, 1, encode(CALL.format(name=one.name)))
            answers = [one.value, *one.wrong]
            if not asked:  # the others' values are there, too
                answers += (other.value for other in group if other is not one)
            costs.append([])
            for answer in answers:
                backend.fork(1, 2, backend.length(1))
                costs[-1].append(nats(backend, 2, encode(answer), before))
        asked.append(costs)
    _empty(backend)
    return [
        Found(
            there[0],
            without[0],
            of_wrong=there[0] < min(there[1 : 1 + WRONG]),
            of_wrong_without=without[0] < min(without[1:]),
            of_others=there[0] < min(there[1 + WRONG :], default=math.inf),
        )
        for there, without in zip(*asked, strict=True)
    ]


def _empty(backend: Backend) -> None:
    """Forks hold the room of what they were made of."""
    for sequence in range(3):
        backend.rewind(sequence, 0)
