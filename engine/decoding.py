"""One request, from token ids to candidates: chunked prefill, then a generator of tokens.

Knows nothing of threads and queues. The stop check is looked at before every chunk and token and, through
the backend, inside them; a generator that is no longer advanced leaves the cache in a usable state.
"""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from engine.backend import Backend, Logits, StopCheck
from engine.candidate_branch import CandidateBranch
from engine.constraint import ConstrainedTokens
from engine.demanded_text import DemandedText
from engine.errors import ContextFull
from engine.pace import Pace
from engine.prefill import Prefill
from engine.prefix_store import PrefixStore
from engine.request import FinishReason, Generation, GenerationRequest, Timings, Token
from engine.sampling import best, choose, log_probability
from engine.saved_prefixes import SavedPrefixes
from engine.second_look import FOLLOWING_TOKENS, look_again
from engine.speculation import PromptLookup
from engine.speed import Speed
from engine.stepping import Stepper

_LEAST_ANSWER = 4  # tokens that are generated although the time for the answer is over
_TYPICAL_ANSWER = 10  # tokens
_SLOW = Speed(prefill=150.0, decode=20.0)  # to begin with, where nothing was measured


class Decoder:
    """Runs requests one at a time on ``backend``, reusing what ``store`` holds.

    The ``named`` sequences behind the ``branches`` hold prefixes that are kept by name; those from there on
    are scratch space for further candidates.
    """

    def __init__(
        self,
        backend: Backend,
        branches: int,
        *,
        named: int = 0,
        speed: Speed = _SLOW,
        parked_bytes: int = 0,
        saved: SavedPrefixes | None = None,
        vocabulary: DemandedText | None = None,
    ) -> None:
        self._backend = backend
        self.store = PrefixStore(backend, branches, named=named, parked_bytes=parked_bytes, saved=saved)
        self._pace = Pace(speed)
        self._prefill = Prefill(backend, self.store, self._pace)
        self._scratch = list(range(branches + named, backend.sequences))
        self._demanded = vocabulary or DemandedText(backend.tokenizer.pieces)
        self._stop_tokens = stop_tokens = backend.tokenizer.stop_tokens
        self._constrained = ConstrainedTokens(self._demanded, stop_tokens, len(backend.tokenizer.pieces))
        blank = (b" ", b"\t", b"\r", b"\n")
        pieces = enumerate(backend.tokenizer.pieces)
        self._unblank = np.array(
            [i for i, piece in pieces if i in stop_tokens or not piece.startswith(blank)]
        )

    def run(
        self, request: GenerationRequest, stop: StopCheck, queue_ms: float = 0.0
    ) -> Generator[Token, None, Generation]:
        """Yield tokens as they come; the generator's return value is the finished ``Generation``.

        Raises ContextFull where prompt and answer cannot fit.
        """
        prompt = request.tokens
        if not prompt:
            return Generation((), Timings(queue_ms=queue_ms), FinishReason.END_OF_TEXT)
        if len(prompt) + request.max_tokens > self._backend.context_tokens:
            raise ContextFull(
                f"a prompt of {len(prompt)} tokens and an answer of up to {request.max_tokens} do not fit in "
                f"{self._backend.context_tokens}; lower context.budgetTokens or raise engine.contextTokens"
            )
        started = time.monotonic()
        self._backend.adapt(request.adapter)
        prefilled = self._prefill.run(request, stop)
        if request.keep and prefilled.logits is not None:
            self.store.keep(request.keep, prefilled.sequence)
        began, logits, finish = time.monotonic(), prefilled.logits, prefilled.reason
        branches: list[CandidateBranch] = []
        is_late = False
        if logits is not None and request.max_tokens:
            begin_with, form = request.begin_with, request.constraint
            first = CandidateBranch(
                prefilled.sequence, begin_with, begin_with.isspace(), form, form.start if form else None
            )
            branches = [first]
            if request.candidates > 1:
                logits = yield from self._meet_demand(request, first, logits, stop)
            if first.finish is None and logits is not None:
                is_sure = self._is_sure(request, first, logits)
                is_late = not is_sure and self._is_late(request)
                if not (is_sure or is_late):
                    branches = self._open_branches(request, first)
                decode = self._decode if len(branches) > 1 else self._decode_alone
                yield from decode(request, branches, logits, stop)
                if request.second_look is not None and len(branches) > 1:
                    held = self.store.tokens(first.sequence)
                    look_again(self._backend, request.second_look, branches, held, self._scratch[0], stop)
            finish = first.finish or FinishReason.CANCELLED
        return Generation(
            tuple(branch.candidate for branch in branches),
            Timings(
                prompt_tokens=prefilled.done,
                cached_tokens=min(prefilled.cached, prefilled.done),
                generated_tokens=sum(branch.tokens for branch in branches),
                queue_ms=queue_ms,
                prefill_ms=(began - started) * 1e3,
                decode_ms=(time.monotonic() - began) * 1e3,
            ),
            finish,
            hurried=is_late or finish is FinishReason.DEADLINE,
        )

    def expected_s(self, tokens: Sequence[int], adapter: str = "") -> float:
        """Seconds until the first token of an answer to ``tokens``. Any thread may ask."""
        return self._prefill.expected_s(tokens, adapter)

    @property
    def step_s(self) -> float:
        """Seconds that a token of an answer takes. Any thread may ask."""
        return self._pace.step_s

    def saved(self, owner: str) -> tuple[int, ...]:
        """The body of the prompt of ``owner`` that was saved last. Any thread may ask."""
        return self.store.saved(owner)

    def save(self, *, everything: bool = False) -> bool:
        """Write evaluated prompts to disk; without ``everything`` one that is news, if there is one."""
        return self.store.save(everything=everything)

    def _meet_demand(
        self, request: GenerationRequest, branch: CandidateBranch, logits: Logits, stop: StopCheck
    ) -> Generator[Token, None, Logits | None]:
        """Generate until what is demanded leaves a choice: before, further candidates would be the same.

        The logits to branch from; None where the branch is finished.
        """
        while self._leaves_no_choice(branch.demanded, request.candidates):
            token = self._take(request, branch, int(best(logits, 1, self._allowed(branch))[0]), logits)
            if token is None or branch.finish is not None:
                return None
            yield Token(0, token, self._backend.tokenizer.piece(token), branch.logprob)
            steps = [(branch.sequence, token)]
            branch.finish = why_stop(request, stop, branch.tokens)
            following = None if branch.finish else self._backend.decode(steps, stop)
            if following is None:
                branch.finish = branch.finish or FinishReason.CANCELLED
                return None
            self.store.extend(branch.sequence, [token])
            logits = following[0]
        return logits

    def _leaves_no_choice(self, demanded: bytes, candidates: int) -> bool:
        """Whether the next token is as good as given. Blanks leave only a choice between ways to split them,
        but for the last one, which belongs to the following word's token."""
        blanks = len(demanded) > 1 and demanded.isspace()
        return bool(demanded) and (blanks or self._demanded.completing(demanded) < candidates)

    def _open_branches(self, request: GenerationRequest, first: CandidateBranch) -> list[CandidateBranch]:
        """Give every further candidate a sequence and the state of the first."""
        branches = [first]
        length = self._backend.length(first.sequence)
        for scratch in self._scratch[: request.candidates - 1]:
            self._backend.fork(first.sequence, scratch, length)
            branches.append(replace(first, sequence=scratch, data=bytearray(first.data)))
        return branches

    def _is_sure(self, request: GenerationRequest, branch: CandidateBranch, logits: Logits) -> bool:
        """Whether one candidate will do: the first word is likely enough for the request."""
        if request.second_look is None:
            return False
        allowed = self._allowed(branch)
        likeliest = best(logits, 1, allowed)[0]
        return log_probability(logits, likeliest, allowed) >= math.log(request.second_look.unsure_below)

    def _is_late(self, request: GenerationRequest) -> bool:
        """Whether the time for the answer does not allow for further candidates, and reading what follows."""
        if request.answer_by is None or request.second_look is None:
            return False
        reading = self._pace.batch_s(2 * FOLLOWING_TOKENS) * request.candidates
        needed = _TYPICAL_ANSWER * self._pace.step_s * request.candidates + reading
        return time.monotonic() + needed > request.answer_by

    def _decode(
        self, request: GenerationRequest, branches: list[CandidateBranch], logits: Logits, stop: StopCheck
    ) -> Generator[Token, None, None]:
        random = np.random.default_rng(request.sampling.seed)
        rows = self._first_tokens(request, branches, logits, random)
        scores = [logits] * len(branches)
        while True:
            alive = []
            for index, branch in enumerate(branches):
                if branch.finish is not None:
                    continue
                token = self._take(request, branch, rows[index], scores[index])
                if token is not None:
                    yield Token(index, token, self._backend.tokenizer.piece(token), branch.logprob)
                if branch.finish is None:
                    alive.append(index)
            if not alive:
                break
            reason = why_stop(request, stop, branches[0].tokens)
            steps = [(branches[i].sequence, branches[i].last) for i in alive]
            following = None
            if reason is None:
                keep = branches[0].sequence
                following = self._prefill.with_room(
                    keep, lambda steps=steps: self._backend.decode(steps, stop)
                )
            if following is None:
                for i in alive:
                    branches[i].finish = reason or FinishReason.CANCELLED
                break
            for row, i in enumerate(alive):
                if i == 0:
                    self.store.extend(branches[0].sequence, [branches[0].last], alone=len(alive) == 1)
                scores[i] = following[row]
                rows[i] = choose(scores[i], request.sampling, random, self._allowed(branches[i]))
        for branch in branches[1:]:
            self._backend.rewind(branch.sequence, 0)

    def _decode_alone(
        self,
        request: GenerationRequest,
        branches: list[CandidateBranch],
        logits: Logits,
        stop: StopCheck,
    ) -> Generator[Token, None, None]:
        """One candidate; several tokens a step where they can be guessed."""
        (branch,) = branches
        random = np.random.default_rng(request.sampling.seed)
        guessing = request.sampling.temperature <= 0 and request.guesses
        lookup = PromptLookup((*request.lookup, *request.tokens)) if guessing else None
        scratch = self._scratch[0] if self._scratch else None
        stepper = Stepper(
            self._backend, branch.sequence, scratch, self._prefill.with_room, self._pace, lookup
        )
        while True:
            token = self._take(
                request, branch, choose(logits, request.sampling, random, self._allowed(branch)), logits
            )
            if token is not None:
                yield Token(0, token, self._backend.tokenizer.piece(token), branch.logprob)
            branch.finish = branch.finish or why_stop(request, stop, branch.tokens)
            if token is None or branch.finish is not None:
                break
            wanted = request.max_tokens - branch.tokens
            following = stepper.after(token, stop, wanted, self._allowed(branch))
            if following is None:
                branch.finish = FinishReason.CANCELLED
                break
            self.store.extend(branch.sequence, [token], alone=stepper.is_plain)
            logits = following
        stepper.settle()

    def _first_tokens(
        self,
        request: GenerationRequest,
        branches: list[CandidateBranch],
        logits: Logits,
        random: np.random.Generator,
    ) -> list[int]:
        """A different first token for every branch; only the first branch may end at once."""
        allowed = self._allowed(branches[0])
        if len(branches) == 1:
            return [choose(logits, request.sampling, random, allowed)]
        likeliest = best(logits, len(branches) + len(self._stop_tokens), allowed)
        further = [token for token in likeliest[1:] if token not in self._stop_tokens]
        firsts = [likeliest[0], *further][: len(branches)]
        for branch in branches[len(firsts) :]:
            branch.finish = FinishReason.END_OF_TEXT
        return firsts + [-1] * (len(branches) - len(firsts))

    def _allowed(self, branch: CandidateBranch) -> NDArray[np.intp] | None:
        """Tokens that may come next; None for all."""
        form = branch.constraint
        if branch.demanded:
            found = self._demanded.allowed(branch.demanded)
            return found if form is None else self._keeping(branch, found)
        kept = self._constrained.allowed(form, branch.state) if form is not None else None
        if branch.data or not branch.indented:
            return kept
        return self._unblank if kept is None else np.intersect1d(self._unblank, kept)

    def _keeping(self, branch: CandidateBranch, tokens: NDArray[np.intp]) -> NDArray[np.intp]:
        """Those that keep to the form with what they have beyond the demanded text."""
        form, given, piece = branch.constraint, len(branch.demanded), self._backend.tokenizer.piece
        kept = [
            t
            for t in tokens
            if form is None or form.advance(branch.state, piece(int(t))[given:])[0] is not None
        ]
        return np.asarray(kept, dtype=np.intp)

    def _take(
        self, request: GenerationRequest, branch: CandidateBranch, token: int, logits: Logits
    ) -> int | None:
        """Add a chosen token to a branch; None where it ended instead."""
        if token in self._stop_tokens:
            branch.end()
            return None
        piece = self._backend.tokenizer.piece(token)
        branch.logprob += log_probability(logits, token, self._allowed(branch))
        branch.tokens += 1
        branch.last = token
        given = min(len(branch.demanded), len(piece))
        branch.demanded = branch.demanded[given:]
        branch.grow(piece[given:])
        form, stop_when = branch.constraint, None if branch.demanded else request.stop_when
        is_whole = form is not None and form.is_done(branch.state)
        if is_whole or (stop_when is not None and stop_when(branch.text)):
            branch.finish = FinishReason.STOPPED
        elif branch.tokens >= request.max_tokens:
            branch.finish = FinishReason.LENGTH
        return token


def why_stop(request: GenerationRequest, stop: StopCheck, generated: int) -> FinishReason | None:
    """Why an answer of which so many tokens are there ends now; None where it goes on."""
    if stop():
        return FinishReason.CANCELLED
    now = time.monotonic()
    if request.deadline is not None and now >= request.deadline:
        return FinishReason.DEADLINE
    late = request.answer_by is not None and now >= request.answer_by
    return FinishReason.DEADLINE if late and generated >= _LEAST_ANSWER else None
