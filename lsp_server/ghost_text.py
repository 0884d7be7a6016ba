"""One request for ghost text: context assembles a prompt, engine generates, trim cuts.

The walk that inline completion, the completion menu and the one-shot command share. It reads an ``Ask`` and
nothing else that can change, but for what earlier prompts held, which keeps the cache warm.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from context import Prompt
from lsp_server.account import Account, account_of
from lsp_server.ahead import Ahead
from lsp_server.ask import Ask
from lsp_server.place import Place
from lsp_server.prompts import Prompts
from lsp_server.ranking import shown_of
from lsp_server.trim import Shown
from lsp_server.typed_along import TypedAlong

if TYPE_CHECKING:
    from engine.engine import Handle
    from engine.request import Generation

_ACCOUNTS_KEPT = 200


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Something to show, under a key by which its account is found."""

    shown: Shown
    key: str


@dataclass(slots=True)
class GhostText:
    """Answers requests for one server; remembers what it showed and what prompts hold."""

    typed_along: TypedAlong = field(default_factory=TypedAlong)
    accounts: OrderedDict[str, Account] = field(default_factory=OrderedDict)
    _foreseen: dict[str, Account] = field(default_factory=dict)  # of suggestions that nobody saw yet
    _prompts: Prompts = field(default_factory=Prompts)
    _ahead: Ahead = field(init=False)
    _followed: set[str] = field(default_factory=set)  # suggestions whose acceptance was looked beyond
    _keys: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        """What is asked ahead goes the same way."""
        self._ahead = Ahead(self._foresee)

    def forget(self, uri: str) -> None:
        """A document was closed."""
        self.typed_along.forget(uri)
        self._prompts.forget(uri)

    def from_what_was_shown(self, place: Place) -> Suggestion | None:
        """The rest of an earlier suggestion, where what was typed since agrees with it."""
        started = time.perf_counter()
        found = self.typed_along.find(place)
        if found is None:
            return None
        shown, key = found
        known = self.accounts.get(key)  # what it was made of is still what it was made of
        along = Account(key, "typed along", pieces=known.pieces if known else ())
        account = self._foreseen.pop(key, None) or along
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
        chosen = await self._prompts.choose(ask, answer_by)
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
        self._prompts.note(ask, chosen, generation)
        best = (await asyncio.to_thread(shown_of, ask.place, generation))[:candidates]
        account = account_of(
            f"c{next(self._keys)}", "model", chosen.prompt, generation, whole=chosen.is_whole
        )
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
        chosen = await self._prompts.choose(ask, None)
        if chosen is None:
            return None
        first = None if ask.supposed else await self._prompts.choose_first(ask, chosen)
        if first is not None:
            await _evaluated(ask, first)
        request = ask.request(chosen.prompt, candidates=1, answer_by=None, whole=True, background=True)
        generation = await _result(ask.session.engine.submit(request))
        self._prompts.note(ask, chosen, generation)
        found = await asyncio.to_thread(shown_of, ask.place, generation)
        account = account_of(f"c{next(self._keys)}", "foreseen", chosen.prompt, generation, whole=True)
        self._foreseen[account.key] = account
        while len(self._foreseen) > _ACCOUNTS_KEPT:
            del self._foreseen[next(iter(self._foreseen))]
        for shown, _ in reversed(found):
            self.typed_along.remember(ask.place, shown, account.key)
        if not ask.supposed:
            self._follow(account.key)  # that is what is done next
        return found[0][0] if found else None

    async def _evaluate(self, ask: Ask, *, pieces_only: bool) -> None:
        chosen = await self._prompts.choose(ask, None)
        if chosen is None or (pieces_only and not chosen.prompt.stable):
            return
        keeps = chosen.prompt.stable > 0 and ask.session.keeps_prefixes
        if pieces_only or keeps:
            # what every prompt of this folder begins with
            keep = f"folder {ask.repository}" if keeps else ""
            await _evaluated(ask, chosen.prompt, chosen.prompt.stable, keep=keep)
        if pieces_only:
            return
        if (first := await self._prompts.choose_first(ask, chosen)) is not None:
            await _evaluated(ask, first)
        self._prompts.note(ask, chosen, await _evaluated(ask, chosen.prompt))

    def _follow(self, key: str) -> None:
        if len(self._followed) > _ACCOUNTS_KEPT:
            self._followed.clear()
        self._followed.add(key)

    def _account(self, account: Account) -> None:
        self.accounts[account.key] = account
        self.accounts.move_to_end(account.key)
        while len(self.accounts) > _ACCOUNTS_KEPT:
            self.accounts.popitem(last=False)


async def _result(handle: Handle) -> Generation:
    """Wait for the engine; cancelling the wait stops it."""
    try:
        return await asyncio.shield(asyncio.wrap_future(handle.result))
    except asyncio.CancelledError:
        handle.cancel()
        raise


async def _evaluated(ask: Ask, prompt: Prompt, length: int | None = None, keep: str = "") -> Generation:
    """Evaluate a prompt, or its first ``length`` tokens, in the background; ``keep`` it under that name."""
    request = ask.request(prompt, candidates=1, answer_by=None, whole=False, background=True)
    request = replace(request, tokens=request.tokens[:length], max_tokens=0, second_look=None, keep=keep)
    return await _result(ask.session.engine.submit(request))
