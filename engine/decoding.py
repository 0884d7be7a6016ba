"""One request, from token ids to candidates: chunked prefill, then a generator of tokens.

Knows nothing of threads and queues. The stop check is looked at before every chunk and token and, through
the backend, inside them; a generator that is no longer advanced leaves the cache in a usable state.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from engine.backend import Backend, Logits, StopCheck
from engine.demanded_text import DemandedText
from engine.errors import ContextFull
from engine.prefix_store import PrefixStore, common_prefix
from engine.request import Candidate, FinishReason, Generation, GenerationRequest, Timings, Token
from engine.sampling import best, choose, log_probability

_FOLLOWING_TOKENS = 24  # of what follows, for a second look: a line or two


@dataclass(slots=True)
class _Branch:
    """One candidate in the making."""

    sequence: int
    demanded: bytes
    indented: bool  # blanks were demanded: they are the indentation, and it gets no deeper
    data: bytearray = field(default_factory=bytearray)
    logprob: float = 0.0
    tokens: int = 0
    last: int = -1
    finish: FinishReason | None = None
    fit: float | None = None

    @property
    def text(self) -> str:
        """What is generated so far; an unfinished UTF-8 character at the end is left out."""
        return self.data.decode("utf-8", "ignore")


class Decoder:
    """Runs requests one at a time on ``backend``, reusing what ``store`` holds.

    Sequences from ``store``'s count upwards are scratch space for further candidates.
    """

    def __init__(self, backend: Backend, branches: int) -> None:
        self._backend = backend
        self._store = PrefixStore(backend, branches)
        self._scratch = list(range(branches, backend.sequences))
        self._demanded = DemandedText(backend.tokenizer.pieces)
        self._stop_tokens = stop_tokens = backend.tokenizer.stop_tokens
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
        sequence, cached = self._store.acquire(prompt)
        logits, done, finish = self._prefill(request, sequence, cached, stop)
        prefilled = time.monotonic()
        branches: list[_Branch] = []
        if logits is not None:
            first = _Branch(sequence, request.begin_with, request.begin_with.isspace())
            branches = [first]
            if request.candidates > 1:
                logits = yield from self._meet_demand(request, first, logits, stop)
            if first.finish is None and logits is not None:
                if not self._is_sure(request, first, logits):
                    branches = self._open_branches(request, first)
                yield from self._decode(request, branches, logits, stop)
                self._look_again(request, branches, stop)
            finish = first.finish or FinishReason.CANCELLED
        return Generation(
            tuple(_candidate(branch) for branch in branches),
            Timings(
                prompt_tokens=done,
                cached_tokens=cached,
                generated_tokens=sum(branch.tokens for branch in branches),
                queue_ms=queue_ms,
                prefill_ms=(prefilled - started) * 1e3,
                decode_ms=(time.monotonic() - prefilled) * 1e3,
            ),
            finish,
        )

    def _prefill(
        self, request: GenerationRequest, sequence: int, cached: int, stop: StopCheck
    ) -> tuple[Logits | None, int, FinishReason]:
        """Evaluate what the cache lacks; how far it came, and why it ended where it was not the end."""
        logits, at, size = None, cached, self._backend.chunk_tokens
        while at < len(request.tokens):
            if stop():
                return None, at, FinishReason.CANCELLED
            if request.deadline is not None and time.monotonic() >= request.deadline:
                return None, at, FinishReason.DEADLINE
            chunk = request.tokens[at : at + size]
            logits = self._with_room(
                sequence, lambda chunk=chunk: self._backend.prefill(sequence, chunk, stop)
            )
            if logits is None:
                return None, at, FinishReason.CANCELLED
            self._store.extend(sequence, chunk)
            at += len(chunk)
        return logits, at, FinishReason.CANCELLED

    def _with_room(self, keep: int, evaluate: Callable[[], Logits | None]) -> Logits | None:
        """Evaluate; where the pool is full, forget the oldest branches until it fits."""
        while True:
            try:
                return evaluate()
            except ContextFull:
                if not self._store.make_room(keep):
                    raise

    def _meet_demand(
        self, request: GenerationRequest, branch: _Branch, logits: Logits, stop: StopCheck
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
            branch.finish = _why_stop(request, stop)
            following = None if branch.finish else self._backend.decode(steps, stop)
            if following is None:
                branch.finish = branch.finish or FinishReason.CANCELLED
                return None
            self._store.extend(branch.sequence, [token])
            logits = following[0]
        return logits

    def _leaves_no_choice(self, demanded: bytes, candidates: int) -> bool:
        """Whether the next token is as good as given. Blanks leave only a choice between ways to split them,
        but for the last one, which belongs to the following word's token."""
        blanks = len(demanded) > 1 and demanded.isspace()
        return bool(demanded) and (blanks or self._demanded.completing(demanded) < candidates)

    def _open_branches(self, request: GenerationRequest, first: _Branch) -> list[_Branch]:
        """Give every further candidate a sequence and the state of the first."""
        branches = [first]
        length = self._backend.length(first.sequence)
        for scratch in self._scratch[: request.candidates - 1]:
            self._backend.fork(first.sequence, scratch, length)
            branches.append(replace(first, sequence=scratch, data=bytearray(first.data)))
        return branches

    def _is_sure(self, request: GenerationRequest, branch: _Branch, logits: Logits) -> bool:
        """Whether one candidate will do: the first word is likely enough for the request."""
        if request.second_look is None:
            return False
        allowed = self._allowed(branch)
        likeliest = best(logits, 1, allowed)[0]
        return log_probability(logits, likeliest, allowed) >= math.log(request.second_look.unsure_below)

    def _look_again(self, request: GenerationRequest, branches: list[_Branch], stop: StopCheck) -> None:
        """Score what follows after each candidate; too long ones, and a lone one, are left without."""
        look, first = request.second_look, branches[0]
        if look is None or len(branches) < 2 or not look.following:
            return
        encode = self._backend.tokenizer.encode
        following = encode(look.following)[:_FOLLOWING_TOKENS]
        shared = common_prefix(look.before, self._store.tokens(first.sequence))
        scratch = self._scratch[0]
        scores: dict[str, float] = {}
        for branch in branches:
            text = look.shown(branch.text)
            if text and text not in scores:
                read = (*look.before[shared:], *encode(f"{look.head}{text}\n"), *following)
                if len(read) > self._backend.chunk_tokens:
                    return
                self._backend.fork(first.sequence, scratch, shared)
                found = self._backend.score(scratch, read, len(following), stop)
                self._backend.rewind(scratch, 0)
                if found is None:
                    return
                scores[text] = sum(found) / len(found)
            branch.fit = scores.get(text)

    def _decode(
        self, request: GenerationRequest, branches: list[_Branch], logits: Logits, stop: StopCheck
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
            reason = _why_stop(request, stop)
            steps = [(branches[i].sequence, branches[i].last) for i in alive]
            following = None
            if reason is None:
                keep = branches[0].sequence
                following = self._with_room(keep, lambda steps=steps: self._backend.decode(steps, stop))
            if following is None:
                for i in alive:
                    branches[i].finish = reason or FinishReason.CANCELLED
                break
            for row, i in enumerate(alive):
                if i == 0:
                    self._store.extend(branches[0].sequence, [branches[0].last])
                scores[i] = following[row]
                rows[i] = choose(scores[i], request.sampling, random, self._allowed(branches[i]))
        for branch in branches[1:]:
            self._backend.rewind(branch.sequence, 0)

    def _first_tokens(
        self, request: GenerationRequest, branches: list[_Branch], logits: Logits, random: np.random.Generator
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

    def _allowed(self, branch: _Branch) -> NDArray[np.intp] | None:
        """Tokens that may come next; None for all."""
        if branch.demanded:
            return self._demanded.allowed(branch.demanded)
        return self._unblank if branch.indented and not branch.data else None

    def _take(self, request: GenerationRequest, branch: _Branch, token: int, logits: Logits) -> int | None:
        """Add a chosen token to a branch; None where it ended instead."""
        if token in self._stop_tokens:
            branch.finish = FinishReason.END_OF_TEXT
            return None
        piece = self._backend.tokenizer.piece(token)
        branch.logprob += log_probability(logits, token, self._allowed(branch))
        branch.tokens += 1
        branch.last = token
        given = min(len(branch.demanded), len(piece))
        branch.demanded = branch.demanded[given:]
        branch.data += piece[given:]
        if request.stop_when is not None and not branch.demanded and request.stop_when(branch.text):
            branch.finish = FinishReason.STOPPED
        elif branch.tokens >= request.max_tokens:
            branch.finish = FinishReason.LENGTH
        return token


def _why_stop(request: GenerationRequest, stop: StopCheck) -> FinishReason | None:
    if stop():
        return FinishReason.CANCELLED
    if request.deadline is not None and time.monotonic() >= request.deadline:
        return FinishReason.DEADLINE
    return None


def _candidate(branch: _Branch) -> Candidate:
    mean = branch.logprob / branch.tokens if branch.tokens else 0.0
    return Candidate(branch.text, branch.finish or FinishReason.CANCELLED, mean, branch.tokens, branch.fit)
