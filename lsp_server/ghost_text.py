"""One request for ghost text: context assembles a prompt, engine generates, trim cuts.

The walk that inline completion, the completion menu and the one-shot command share. It reads a snapshot and
nothing else that can change, but for what the previous prompt held, which keeps the cache warm.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import time
from collections import OrderedDict
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from context import Assembled, Held, Query, Snapshot, assemble
from context.dossier import Dossier
from context.privacy import redact_lines
from context.prompt import Piece, Prompt
from context.syntax import error_count
from lsp_server.model_session import ModelSession
from lsp_server.place import Extent, Place
from lsp_server.settings import Settings
from lsp_server.trim import Shown, is_finished, trim
from lsp_server.typed_along import TypedAlong

if TYPE_CHECKING:
    from engine.engine import Handle
    from engine.request import Candidate, Generation, SecondLook

_ACCOUNTS_KEPT = 200
_WARMING = "warming"  # the lane of what nobody waits for
_UNSURE_BELOW = 0.7  # probability of the first word below which candidates are compared
_FIT_WEIGHT = 4.0  # best of those tried on 60 rows outside the tuning set (docs/log.md)
_LINES_BELOW = 4  # that candidates are judged by; the engine takes the first 24 tokens of them
_LINE_TOKENS = 48  # most tokens of a suggestion that is one line
_CHECKED_LINES = 60  # lines before, and half as many after, that a candidate's syntax is checked with


@dataclass(frozen=True, slots=True)
class Account:
    """What one answer cost and was made of; times in milliseconds, the rest in tokens."""

    key: str
    source: str  # "model", or "typed along" where no model call was needed
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
class GhostText:
    """Answers requests for one server; remembers what it showed and what prompts hold."""

    typed_along: TypedAlong = field(default_factory=TypedAlong)
    accounts: OrderedDict[str, Account] = field(default_factory=OrderedDict)
    _held: dict[str, Held] = field(default_factory=dict)
    _latest: Held | None = None
    _asked: set[str] = field(default_factory=set)  # documents for which there was a request
    _warming: Handle | None = None
    _keys: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def forget(self, uri: str) -> None:
        """A document was closed."""
        self.typed_along.forget(uri)
        self._held.pop(uri, None)
        self._asked.discard(uri)

    def from_what_was_shown(self, place: Place) -> Suggestion | None:
        """The rest of an earlier suggestion, where what was typed since agrees with it."""
        started = time.perf_counter()
        found = self.typed_along.find(place)
        if found is None:
            return None
        shown, key = found
        self._account(Account(key, "typed along", total_ms=(time.perf_counter() - started) * 1e3))
        return Suggestion(shown, key)

    async def warm(
        self,
        snapshot: Snapshot,
        query: Query,
        session: ModelSession,
        settings: Settings,
        *,
        repository: str = "",
        dossier: Dossier | None = None,
    ) -> None:
        """Evaluate, while nobody waits, what the first prompt for a document will hold of other files.

        Gives way to the first real request; does nothing once there was one for this document.
        """
        from engine.request import GenerationRequest, Priority

        if query.uri in self._asked:
            return
        assembled = await self._assemble(snapshot, query, session, settings, repository, dossier)
        # a prompt cut short would take the place of the whole one, once that is evaluated
        if assembled is None or query.uri in self._asked or not assembled.prompt.stable:
            return
        tokens = assembled.prompt.tokens[: assembled.prompt.stable]
        request = GenerationRequest(tokens, max_tokens=0, priority=Priority.BACKGROUND, lane=_WARMING)
        self._warming = session.engine.submit(request)

    async def suggest(
        self,
        snapshot: Snapshot,
        query: Query,
        session: ModelSession,
        settings: Settings,
        *,
        candidates: int = 1,
        repository: str = "",
        dossier: Dossier | None = None,
    ) -> list[Suggestion]:
        """Ask the model. Empty where nothing useful came, or a newer request for the document took over.

        Cancelling the task stops the engine within a token, or inside a chunk of the prompt.
        """
        from engine.engine import MAX_CANDIDATES
        from engine.request import GenerationRequest

        started = time.perf_counter()
        self._asked.add(query.uri)
        if self._warming is not None:
            self._warming.cancel()
        document = snapshot.documents[query.uri]
        place = Place(document, document.clamp(query.position))
        assembled = await self._assemble(snapshot, query, session, settings, repository, dossier)
        if assembled is None:  # a secret
            return []
        self._held[query.uri] = self._latest = assembled.held
        assembled_at = time.perf_counter()
        limit = settings.completion.max_tokens
        look = _second_look(place, assembled.prompt, _UNSURE_BELOW if candidates == 1 else math.inf)
        handle = session.engine.submit(
            GenerationRequest(
                tokens=assembled.prompt.tokens,
                begin_with=assembled.prompt.begin_with,
                max_tokens=min(limit, _LINE_TOKENS) if place.extent is Extent.LINE else limit,
                candidates=MAX_CANDIDATES if look else max(1, min(candidates, MAX_CANDIDATES)),
                second_look=look,
                stop_when=lambda text: is_finished(place, text),
                deadline=time.monotonic() + settings.completion.timeout_ms / 1e3,
                lane=query.uri,
            )
        )
        try:
            generation = await asyncio.shield(asyncio.wrap_future(handle.result))
        except asyncio.CancelledError:
            handle.cancel()
            raise
        if handle.cancelled:
            return []
        best = (await asyncio.to_thread(_shown, place, generation))[:candidates]
        key = f"c{next(self._keys)}"
        timings = generation.timings
        self._account(
            Account(
                key,
                "model",
                total_ms=(time.perf_counter() - started) * 1e3,
                assemble_ms=(assembled_at - started) * 1e3,
                queue_ms=timings.queue_ms,
                prefill_ms=timings.prefill_ms,
                decode_ms=timings.decode_ms,
                prompt_tokens=timings.prompt_tokens,
                cached_tokens=timings.cached_tokens,
                generated_tokens=timings.generated_tokens,
                finish=generation.finish.value,
                mean_logprob=best[0][1].mean_logprob if best else 0.0,
                pieces=assembled.prompt.pieces,
            )
        )
        if best:
            self.typed_along.remember(place, best[0][0], key)
        return [Suggestion(shown, key) for shown, _ in best]

    async def _assemble(
        self,
        snapshot: Snapshot,
        query: Query,
        session: ModelSession,
        settings: Settings,
        repository: str,
        dossier: Dossier | None,
    ) -> Assembled | None:
        return await asyncio.to_thread(
            assemble,
            snapshot,
            query,
            form=session.form,
            encode=session.encode,
            tokenised=session.tokenised,
            budget_tokens=session.budget_tokens,
            repository=repository,
            previous=self._held.get(query.uri),
            elsewhere=self._latest.pack if self._latest is not None else None,
            dossier=dossier,
            disabled=settings.context.disabled_sources,
        )

    def _account(self, account: Account) -> None:
        self.accounts[account.key] = account
        self.accounts.move_to_end(account.key)
        while len(self.accounts) > _ACCOUNTS_KEPT:
            self.accounts.popitem(last=False)


def _second_look(place: Place, prompt: Prompt, unsure_below: float) -> SecondLook | None:
    """How the engine may choose between candidates; None where nothing follows to judge them by."""
    from engine.request import SecondLook

    if place.extent is Extent.LINE or not prompt.left:
        return None
    below = place.document.lines[place.position.line + 1 :][:_LINES_BELOW]
    told = redact_lines([line for line in below if line.strip()])
    following = "".join(told).replace("\r\n", "\n")

    def shown(text: str) -> str:
        found = trim(place, text)
        return found.text.replace("\r\n", "\n") if found else ""

    if not following:
        return None
    return SecondLook(prompt.left, prompt.head, following, shown, unsure_below)


def _shown(place: Place, generation: Generation) -> list[tuple[Shown, Candidate]]:
    """What can be shown of a generation, best first, nothing twice.

    The likeliest candidate comes first, unless it breaks the syntax of the code around and another does not.
    """
    found: dict[str, tuple[Shown, Candidate]] = {}
    for candidate in generation.candidates:
        shown = trim(place, candidate.text)
        if shown is not None and shown.text not in found:
            found[shown.text] = (shown, candidate)
    ranked = list(found.values())
    if len(ranked) > 1:
        ranked.sort(key=lambda pair: (_errors_with(place, pair[0]), -_worth(pair[1])))
    return ranked


def _worth(candidate: Candidate) -> float:
    """How good a candidate is: how likely, and how likely what follows is after it."""
    return candidate.mean_logprob * candidate.tokens + _FIT_WEIGHT * (candidate.fit or 0.0)


def _errors_with(place: Place, shown: Shown) -> int:
    """Syntax errors of the lines around once ``shown`` is accepted."""
    lines, line = place.document.lines, place.position.line
    before = "".join(lines[max(0, line - _CHECKED_LINES) : line]) + place.head
    after = place.tail[shown.replaced :] + "\n" + "".join(lines[line + 1 : line + 1 + _CHECKED_LINES // 2])
    return error_count(place.language, before + shown.text + after)
