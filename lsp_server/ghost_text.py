"""One request for ghost text: context assembles a prompt, engine generates, trim cuts.

The walk that inline completion, the completion menu and the one-shot command share. It reads an ``Ask`` and
nothing else that can change, but for what earlier prompts held, which keeps the cache warm.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from context import Assembled, Held, Prompt
from context.prompt import Piece
from context.shorter import Around, around, shorter_prompts
from lsp_server.ahead import Ahead
from lsp_server.ask import Ask
from lsp_server.place import Place
from lsp_server.ranking import shown_of
from lsp_server.trim import Shown
from lsp_server.typed_along import TypedAlong

if TYPE_CHECKING:
    from engine.engine import Engine, Handle
    from engine.request import Generation

_ACCOUNTS_KEPT = 200
_ANSWER_TOKENS = 8  # of a suggestion that time is kept for
_LONG_S = 1.5  # of evaluating a whole prompt ahead, from which on a shorter one goes first
_FIRST_SHARE = 0.4  # of that time, at most, for the shorter one


@dataclass(frozen=True, slots=True)
class Account:
    """What one answer cost and was made of; times in milliseconds, the rest in tokens."""

    key: str
    source: str  # "model", "typed along" where no call was needed, "foreseen" where it had been made ahead
    total_ms: float = 0.0
    assemble_ms: float = 0.0
    queue_ms: float = 0.0
    prefill_ms: float = 0.0
    decode_ms: float = 0.0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    generated_tokens: int = 0
    finish: str = ""
    mean_logprob: float = 0.0
    whole: bool = True  # False: a shorter prompt was asked, because there was no time for the whole one
    pieces: tuple[Piece, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """For a client; a piece is its source, path and tokens (``codeflow/explain`` has more)."""
        return {**asdict(self), "pieces": [(one.source, one.path, one.tokens) for one in self.pieces]}


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Something to show, under a key by which its account is found."""

    shown: Shown
    key: str


@dataclass(slots=True)
class _Document:
    """What is remembered of a document from one request to the next."""

    held: Held | None = None  # by the latest whole prompt
    evaluated: Held | None = None  # by the latest whole prompt that was evaluated to its end
    around: Around | None = None  # lines that shorter prompts held


@dataclass(frozen=True, slots=True)
class _Chosen:
    """The prompt to ask now, and the whole one, which it may be."""

    prompt: Prompt
    assembled: Assembled

    @property
    def is_whole(self) -> bool:
        return self.prompt is self.assembled.prompt


@dataclass(slots=True)
class GhostText:
    """Answers requests for one server; remembers what it showed and what prompts hold."""

    typed_along: TypedAlong = field(default_factory=TypedAlong)
    accounts: OrderedDict[str, Account] = field(default_factory=OrderedDict)
    _foreseen: dict[str, Account] = field(default_factory=dict)  # of suggestions that nobody saw yet
    _documents: dict[str, _Document] = field(default_factory=dict)
    _latest: Held | None = None
    _ahead: Ahead = field(init=False)
    _followed: set[str] = field(default_factory=set)  # suggestions whose acceptance was looked beyond
    _keys: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        """What is asked ahead goes the same way."""
        self._ahead = Ahead(self._foresee)

    def forget(self, uri: str) -> None:
        """A document was closed."""
        self.typed_along.forget(uri)
        self._documents.pop(uri, None)

    def from_what_was_shown(self, place: Place) -> Suggestion | None:
        """The rest of an earlier suggestion, where what was typed since agrees with it."""
        started = time.perf_counter()
        found = self.typed_along.find(place)
        if found is None:
            return None
        shown, key = found
        account = self._foreseen.pop(key, None) or Account(key, "typed along")
        self._account(replace(account, total_ms=(time.perf_counter() - started) * 1e3))
        return Suggestion(shown, key)

    def look_beyond(self, ask: Ask, shown: Suggestion) -> None:
        """``shown`` is on the screen at the place of ``ask``: ask what comes once it is accepted."""
        if shown.key not in self._followed:
            self._follow(shown.key)
            self._ahead.begin(ask, shown.shown, better=False)

    def evaluate_ahead(self, ask: Ask, *, pieces_only: bool) -> None:
        """Evaluate, while nobody waits, what a request at this place would need.

        ``pieces_only``: the line is not known yet, only which other files matter.
        """
        if not (pieces_only and self._ahead.busy):
            self._ahead.do(ask, lambda: self._evaluate(ask, pieces_only=pieces_only))

    async def suggest(self, ask: Ask, *, candidates: int = 1, in_time: bool = False) -> list[Suggestion]:
        """Ask the model. Empty where nothing useful came, or a newer request for the document took over.

        ``in_time``: the answer is to come within ``completion.deadlineMs``, whatever the prompt has to lack,
        and what comes next is asked ahead. Cancelling the task stops the engine within a token, or inside a
        chunk of the prompt.
        """
        started = time.monotonic()
        self._ahead.stop()
        limit_s = ask.settings.completion.deadline_ms / 1e3 if in_time else 0.0
        answer_by = started + limit_s if limit_s else None
        chosen = await self._choose(ask, answer_by)
        if chosen is None:  # a secret
            return []
        assembled_at = time.monotonic()
        handle = ask.session.engine.submit(
            ask.request(
                chosen.prompt,
                candidates=candidates,
                answer_by=answer_by,
                whole=chosen.is_whole,
                background=False,
            )
        )
        generation = await _result(handle)
        if handle.cancelled:
            return []
        self._note_evaluated(ask, chosen, generation)
        best = (await asyncio.to_thread(shown_of, ask.place, generation))[:candidates]
        account = _account_of(f"c{next(self._keys)}", "model", chosen, generation)
        account = replace(
            account,
            total_ms=(time.monotonic() - started) * 1e3,
            assemble_ms=(assembled_at - started) * 1e3,
            mean_logprob=best[0][1].mean_logprob if best else 0.0,
        )
        self._account(account)
        for shown, _ in reversed(best):
            self.typed_along.remember(ask.place, shown, account.key)
        if in_time:
            self._follow(account.key)
            better = not chosen.is_whole or generation.hurried
            self._ahead.begin(ask, best[0][0] if best else None, better=better)
        return [Suggestion(shown, account.key) for shown, _ in best]

    async def _foresee(self, ask: Ask) -> Shown | None:
        """Ask in the background, with all the time there is, and remember what would be shown."""
        chosen = await self._choose(ask, None)
        if chosen is None:
            return None
        if not ask.supposed:
            await self._evaluate_first(ask, chosen)
        request = ask.request(chosen.prompt, candidates=1, answer_by=None, whole=True, background=True)
        generation = await _result(ask.session.engine.submit(request))
        self._note_evaluated(ask, chosen, generation)
        found = await asyncio.to_thread(shown_of, ask.place, generation)
        account = _account_of(f"c{next(self._keys)}", "foreseen", chosen, generation)
        self._foreseen[account.key] = account
        while len(self._foreseen) > _ACCOUNTS_KEPT:
            del self._foreseen[next(iter(self._foreseen))]
        for shown, _ in reversed(found):
            self.typed_along.remember(ask.place, shown, account.key)
        return found[0][0] if found else None

    async def _evaluate(self, ask: Ask, *, pieces_only: bool) -> None:
        chosen = await self._choose(ask, None)
        if chosen is None or (pieces_only and not chosen.prompt.stable):
            return
        if pieces_only:
            await _evaluated(ask, chosen.prompt, chosen.prompt.stable)
            return
        await self._evaluate_first(ask, chosen)
        self._note_evaluated(ask, chosen, await _evaluated(ask, chosen.prompt))

    async def _evaluate_first(self, ask: Ask, chosen: _Chosen) -> None:
        """What a key that comes before the whole prompt is evaluated will be answered from."""
        known = self._documents.setdefault(ask.query.uri, _Document())
        prompt, windows = await asyncio.to_thread(_worth_first, ask, chosen.assembled, known)
        known.around = windows
        if prompt is not None:
            await _evaluated(ask, prompt)

    async def _choose(self, ask: Ask, answer_by: float | None) -> _Chosen | None:
        """The prompt to ask; None where the cursor stands in a secret."""
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
        whole = _Chosen(assembled.prompt, assembled)
        if answer_by is None:
            return whole
        left_s = answer_by - time.monotonic()
        prompt, known.around = await asyncio.to_thread(_in_time, ask, assembled, known, left_s)
        return replace(whole, prompt=prompt)

    def _note_evaluated(self, ask: Ask, chosen: _Chosen, generation: Generation) -> None:
        known = self._documents.get(ask.query.uri)
        if (
            known
            and chosen.is_whole
            and not ask.supposed
            and generation.timings.prompt_tokens == len(chosen.prompt.tokens)
        ):
            known.evaluated = chosen.assembled.held

    def _follow(self, key: str) -> None:
        if len(self._followed) > _ACCOUNTS_KEPT:
            self._followed.clear()
        self._followed.add(key)

    def _account(self, account: Account) -> None:
        self.accounts[account.key] = account
        self.accounts.move_to_end(account.key)
        while len(self.accounts) > _ACCOUNTS_KEPT:
            self.accounts.popitem(last=False)


def _in_time(ask: Ask, assembled: Assembled, known: _Document, left_s: float) -> tuple[Prompt, Around | None]:
    """The largest prompt that is answered within ``left_s``, or the one that is answered soonest."""
    engine: Engine = ask.session.engine
    left_s -= _ANSWER_TOKENS * engine.step_s
    soonest, soonest_s = assembled.prompt, engine.expected_s(assembled.prompt.tokens)
    if soonest_s <= left_s:
        return soonest, known.around
    windows, prompts = _shorter(ask, assembled, known)
    for prompt in prompts:
        expected_s = engine.expected_s(prompt.tokens)
        if expected_s < soonest_s:
            soonest, soonest_s = prompt, expected_s
        if expected_s <= left_s:
            break
    return soonest, windows


def _shorter(ask: Ask, assembled: Assembled, known: _Document) -> tuple[Around, Iterator[Prompt]]:
    """Shorter prompts for the same place, and the lines they hold."""
    position, encode = ask.place.position, ask.session.encode
    windows = around(assembled.document, position.line, encode, known.around)
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
    engine: Engine = ask.session.engine
    whole_s = engine.expected_s(assembled.prompt.tokens)
    if whole_s < _LONG_S:
        return None, known.around
    windows, prompts = _shorter(ask, assembled, known)
    for prompt in prompts:
        if engine.expected_s(prompt.tokens) <= whole_s * _FIRST_SHARE:
            return prompt, windows
    return None, windows


async def _result(handle: Handle) -> Generation:
    """Wait for the engine; cancelling the wait stops it."""
    try:
        return await asyncio.shield(asyncio.wrap_future(handle.result))
    except asyncio.CancelledError:
        handle.cancel()
        raise


async def _evaluated(ask: Ask, prompt: Prompt, length: int | None = None) -> Generation:
    """Evaluate a prompt, or its first ``length`` tokens, in the background."""
    request = ask.request(prompt, candidates=1, answer_by=None, whole=False, background=True)
    request = replace(request, tokens=request.tokens[:length], max_tokens=0, second_look=None)
    return await _result(ask.session.engine.submit(request))


def _account_of(key: str, source: str, chosen: _Chosen, generation: Generation) -> Account:
    timings = generation.timings
    return Account(
        key,
        source,
        queue_ms=timings.queue_ms,
        prefill_ms=timings.prefill_ms,
        decode_ms=timings.decode_ms,
        prompt_tokens=timings.prompt_tokens,
        cached_tokens=timings.cached_tokens,
        generated_tokens=timings.generated_tokens,
        finish=generation.finish.value,
        whole=chosen.is_whole,
        pieces=chosen.prompt.pieces,
    )
