"""Which prompt is asked: the whole one, or the largest that is answered in time.

How long evaluating takes is the engine's word. What prompts held is remembered from one request to the next,
so that they change as little as possible.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from context import Assembled, Held, Prompt
from context.shorter import Around, around, shorter_prompts
from lsp_server.ask import Ask

if TYPE_CHECKING:
    from engine.request import Generation

_ANSWER_TOKENS = 8  # of a suggestion that time is kept for,
_ANSWER_SHARE = 0.5  # but no more than that of the time there is
_NEARLY = 1.5  # times the soonest answer's time that a larger prompt may take, where none is in time
_LONG_S = 1.5  # of evaluating a whole prompt ahead, from which on a shorter one goes first
_FIRST_SHARE = 0.4  # of that time, at most, for the shorter one


@dataclass(slots=True)
class _Document:
    """What is remembered of a document from one request to the next."""

    held: Held | None = None  # by the latest whole prompt
    evaluated: Held | None = None  # by the latest whole prompt that was evaluated to its end
    around: Around | None = None  # lines that shorter prompts held


@dataclass(frozen=True, slots=True)
class Chosen:
    """The prompt to ask now, and the whole one, which it may be."""

    prompt: Prompt
    assembled: Assembled

    @property
    def is_whole(self) -> bool:
        """Whether they are the same."""
        return self.prompt is self.assembled.prompt


class Prompts:
    """What the prompts of one server's documents hold. Owned by the event loop."""

    def __init__(self) -> None:
        self._documents: dict[str, _Document] = {}
        self._latest: Held | None = None

    def forget(self, uri: str) -> None:
        """A document was closed."""
        self._documents.pop(uri, None)

    async def choose(self, ask: Ask, answer_by: float | None) -> Chosen | None:
        """The prompt to ask, so that the answer comes by then; None where the cursor stands in a secret."""
        known = self._documents.get(ask.query.uri)
        if known is None:
            held = await asyncio.to_thread(ask.restored)
            known = self._documents.setdefault(ask.query.uri, _Document(evaluated=held))
        elsewhere = self._latest.pack if self._latest is not None else None
        assembled = await asyncio.to_thread(ask.assemble, known.held, elsewhere)
        if assembled is None:
            return None
        if not ask.supposed:
            known.held = self._latest = assembled.held
        whole = Chosen(assembled.prompt, assembled)
        if answer_by is None:
            return whole
        left_s = answer_by - time.monotonic()
        prompt, known.around = await asyncio.to_thread(_in_time, ask, assembled, known, left_s)
        return replace(whole, prompt=prompt)

    async def choose_first(self, ask: Ask, chosen: Chosen) -> Prompt | None:
        """What to evaluate before the whole prompt, because a key may well come before that is done."""
        known = self._documents.setdefault(ask.query.uri, _Document())
        prompt, known.around = await asyncio.to_thread(_worth_first, ask, chosen.assembled, known)
        return prompt

    def note(self, ask: Ask, chosen: Chosen, generation: Generation) -> None:
        """Remember what was evaluated."""
        known = self._documents.get(ask.query.uri)
        if (
            known
            and chosen.is_whole
            and not ask.supposed
            and generation.timings.prompt_tokens == len(chosen.prompt.tokens)
        ):
            known.evaluated = chosen.assembled.held


def _in_time(ask: Ask, assembled: Assembled, known: _Document, left_s: float) -> tuple[Prompt, Around | None]:
    """The largest prompt that is answered within ``left_s``; where none is, the largest of those that take
    hardly longer than the one that is answered soonest: it serves the keys that follow as well."""
    engine = ask.session.engine
    left_s -= min(_ANSWER_TOKENS * engine.step_s, _ANSWER_SHARE * left_s)
    late = [(assembled.prompt, _expected_s(ask, assembled.prompt))]
    if late[0][1] <= left_s:
        return assembled.prompt, known.around
    windows, prompts = _shorter(ask, assembled, known)
    for prompt in prompts:
        expected_s = _expected_s(ask, prompt)
        if expected_s <= left_s:
            return prompt, windows
        late.append((prompt, expected_s))
    most_s = min(expected_s for _, expected_s in late) * _NEARLY
    return next(prompt for prompt, expected_s in late if expected_s <= most_s), windows


def _expected_s(ask: Ask, prompt: Prompt) -> float:
    return ask.session.engine.expected_s(prompt.tokens, ask.adapter)


def _shorter(ask: Ask, assembled: Assembled, known: _Document) -> tuple[Around, Iterator[Prompt]]:
    """Shorter prompts for the same place, and the lines they hold."""
    position, encode = ask.place.position, ask.session.encode
    budget = assembled.held.budget_tokens
    windows = around(assembled.document, position.line, encode, known.around, budget_tokens=budget)
    prompts = shorter_prompts(
        assembled,
        position,
        windows,
        form=ask.session.form,
        encode=encode,
        repository=ask.repository,
        earlier=known.evaluated,
    )
    return windows, prompts


def _worth_first(ask: Ask, assembled: Assembled, known: _Document) -> tuple[Prompt | None, Around | None]:
    """Which prompt to evaluate before the whole one, which takes so long that a key is likely to come sooner:
    the best of those that take a small part of its time. None where there is no need."""
    whole_s = _expected_s(ask, assembled.prompt)
    if whole_s < _LONG_S:
        return None, known.around
    windows, prompts = _shorter(ask, assembled, known)
    for prompt in prompts:
        if _expected_s(ask, prompt) <= whole_s * _FIRST_SHARE:
            return prompt, windows
    return None, windows
