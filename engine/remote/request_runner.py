"""One request to a server and its answer back, looking at the stop flag all the while.

Knows pieces, completions and time; nothing of HTTP, and nothing of threads and queues. A server says too
little to choose between candidates as a model on this machine does: there are several only where they are
asked for.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

from engine.backend import StopCheck
from engine.decoding import why_stop
from engine.errors import RemoteError
from engine.remote.client import LOOK_EVERY_S
from engine.remote.completion_chunk import Chunk, Usage
from engine.remote.opening import RemoteModel
from engine.remote.server_pace import ServerPace
from engine.request import Candidate, FinishReason, Generation, GenerationRequest, Priority, Timings, Token

_OTHER_TEMPERATURE = 0.7  # of further candidates, which would be the same as the first without
_MOST_STOPS = 4  # texts at which an answer ends: OpenAI's interface takes no more
_NO_ID = -1  # of tokens: a server gives their text
_FINISHES = {"stop": FinishReason.END_OF_TEXT, "length": FinishReason.LENGTH}


@dataclass(slots=True)
class _Answer:
    """One candidate in the making; ``ending`` is the server's reason, until its stream has ended too."""

    text: str = ""
    tokens: int = 0
    logprob: float = 0.0
    ending: FinishReason = FinishReason.END_OF_TEXT
    finish: FinishReason | None = None

    def candidate(self) -> Candidate:
        finish = self.finish or FinishReason.CANCELLED
        return Candidate(self.text, finish, self.logprob / max(1, self.tokens), self.tokens)


@dataclass(slots=True)
class _Watch:
    """When the first candidate's chunks came; the pace learns from it."""

    pace: ServerPace
    prompt: tuple[int, ...]
    began: float
    first: float | None = None
    last: float = 0.0
    usage: Usage | None = None

    def note(self, chunk: Chunk) -> None:
        now = time.monotonic()
        if self.first is None:
            self.pace.note_first(self.prompt, now - self.began)
            self.first = now
        elif chunk.tokens:
            self.pace.note_step((now - self.last) / chunk.tokens)
        self.last, self.usage = now, chunk.usage or self.usage


@dataclass(frozen=True, slots=True)
class _Event:
    """What came for a candidate: a chunk, None at the end, or what went wrong."""

    candidate: int
    came: Chunk | Exception | None


class _BeginsOtherwise(Exception):
    """An answer does not begin with what is demanded of it."""


class RemoteRunner:
    """Runs requests on a server's model (see ``engine.request_runner``)."""

    def __init__(self, model: RemoteModel) -> None:
        self._model, self._client, self._pace = model, model.client, model.pace

    def run(
        self, request: GenerationRequest, stop: StopCheck, queue_ms: float = 0.0
    ) -> Generator[Token, None, Generation]:
        """Yield chunks as tokens without ids; the return value is the ``Generation``.

        Raises RemoteError, also where the deadline of a request that somebody waits for passes without a
        word of the server.
        """
        if not request.tokens:
            return Generation((), Timings(queue_ms=queue_ms), FinishReason.END_OF_TEXT)
        watch = _Watch(self._pace, request.tokens, time.monotonic())
        answers = [_Answer() for _ in range(_candidates(request))]
        events: asyncio.Queue[_Event] = asyncio.Queue()
        loop = self._client.loop
        tasks = [
            loop.create_task(self._produce(request, i, len(answers), events)) for i in range(len(answers))
        ]
        try:
            while any(answer.finish is None for answer in answers):
                event = loop.run_until_complete(_next(events))
                if event is not None:
                    token = _take(request, answers[event.candidate], event, watch)
                    if token is not None:
                        yield token
                reason = why_stop(request, stop, answers[0].tokens)
                for answer in answers if reason is not None else ():
                    answer.finish = answer.finish or reason
        finally:
            self._client.give_up(tasks)
        finish = answers[0].finish or FinishReason.CANCELLED
        if (
            watch.first is None
            and finish is FinishReason.DEADLINE
            and request.priority is Priority.INTERACTIVE
        ):
            waited = time.monotonic() - watch.began
            raise RemoteError(f"{self._client.address.origin} has not answered within {waited:.0f} s")
        return _generation(request, answers, watch, queue_ms)

    def expected_s(self, tokens: Sequence[int], adapter: str = "") -> float:
        """Seconds until the first token of an answer to ``tokens``. Any thread may ask."""
        return self._pace.expected_s(tokens)

    @property
    def step_s(self) -> float:
        """Seconds that a token of an answer takes. Any thread may ask."""
        return self._pace.step_s

    def saved(self, owner: str) -> tuple[int, ...]:
        """Nothing: what the server keeps is its own affair."""
        del owner
        return ()

    def save(self, *, everything: bool = False) -> bool:
        """Nothing to be kept."""
        del everything
        return False

    async def _produce(
        self, request: GenerationRequest, index: int, count: int, events: asyncio.Queue[_Event]
    ) -> None:
        try:
            async with aclosing(self._chunks(request, index, count)) as chunks:
                async for chunk in chunks:
                    events.put_nowait(_Event(index, chunk))
            events.put_nowait(_Event(index, None))
        except Exception as error:  # raised again by whoever takes it out
            events.put_nowait(_Event(index, error))

    async def _chunks(
        self, request: GenerationRequest, index: int, count: int
    ) -> AsyncGenerator[Chunk, None]:
        """An answer without the text demanded of it.

        Logits are not to be had, so nothing can be forced. A word's beginning is sent with the prompt.
        Blanks, which belong to the next word's token, are left to the model at first, and sent where it does
        not begin with them.
        """
        demanded = request.begin_with.decode("utf-8", "replace")
        blank = demanded.isspace()
        if blank:
            try:
                asked = self._client.complete(self._body(request, "", index, count))
                async with aclosing(_beginning_with(demanded, asked)) as chunks:
                    async for chunk in chunks:
                        yield chunk
                return
            except _BeginsOtherwise:
                pass
        asked = self._client.complete(self._body(request, demanded, index, count))
        async with aclosing(_beginning_with("", asked) if blank else asked) as chunks:
            async for chunk in chunks:
                yield chunk

    def _body(self, request: GenerationRequest, tail: str, index: int, count: int) -> dict[str, Any]:
        model, sampling = self._model, request.sampling
        temperature = max(sampling.temperature, _OTHER_TEMPERATURE if index else 0.0)
        body: dict[str, Any] = {
            "model": model.name,
            "prompt": model.pieces.text(request.tokens, tail),
            "max_tokens": max(1, request.max_tokens),  # one is the least that evaluates a prompt
            "temperature": temperature,
            "stream_options": {"include_usage": True},
        }
        if temperature > 0:
            body |= {"top_p": sampling.top_p, "seed": sampling.seed + index}
        if count > 1:
            body["logprobs"] = 1
        if model.stops:
            body["stop"] = list(model.stops[:_MOST_STOPS])
        if model.stop_ids:  # vLLM or llama-server; the former shows no markers, so that no text has them
            body["stop_token_ids"] = list(model.stop_ids)
            body["stream_options"]["continuous_usage_stats"] = True
        return body


def _candidates(request: GenerationRequest) -> int:
    """One where several would only be opened to compare them, which a server's answers do not allow."""
    look = request.second_look
    only_if_unsure = look is not None and look.unsure_below <= 1
    return 1 if only_if_unsure or not request.max_tokens else max(1, request.candidates)


def _take(request: GenerationRequest, answer: _Answer, event: _Event, watch: _Watch) -> Token | None:
    """Add what came to its answer. Raises what went wrong with the first candidate."""
    chunk = event.came
    if isinstance(chunk, Exception):
        if event.candidate == 0:
            raise chunk
        answer.finish = FinishReason.CANCELLED
        return None
    if answer.finish is not None:
        return None
    if chunk is None:
        answer.finish = answer.ending
        return None
    if event.candidate == 0:
        watch.note(chunk)
    answer.ending = _FINISHES.get(chunk.finish, answer.ending)
    if not request.max_tokens or not chunk.tokens:
        return None
    answer.text += chunk.text
    answer.tokens += chunk.tokens
    answer.logprob += chunk.logprob
    if request.stop_when is not None and chunk.text and request.stop_when(answer.text):
        answer.finish = FinishReason.STOPPED
    return Token(event.candidate, _NO_ID, chunk.text.encode(), chunk.logprob)


def _generation(
    request: GenerationRequest, answers: Sequence[_Answer], watch: _Watch, queue_ms: float
) -> Generation:
    finish, now = answers[0].finish or FinishReason.CANCELLED, time.monotonic()
    pieces = len(request.tokens) if watch.first is not None else 0
    usage = watch.usage or Usage(1, 0)
    shown = [a for i, a in enumerate(answers) if a.text or (i == 0 and finish is not FinishReason.CANCELLED)]
    return Generation(
        tuple(answer.candidate() for answer in shown) if request.max_tokens else (),
        Timings(
            prompt_tokens=pieces,
            cached_tokens=min(pieces, pieces * usage.cached_tokens // max(1, usage.prompt_tokens)),
            generated_tokens=sum(answer.tokens for answer in answers),
            queue_ms=queue_ms,
            prefill_ms=((watch.first or now) - watch.began) * 1e3,
            decode_ms=(now - (watch.first or now)) * 1e3,
        ),
        finish,
        hurried=finish is FinishReason.DEADLINE,
    )


async def _next(events: asyncio.Queue[_Event]) -> _Event | None:
    """What comes next; None where nothing comes for a moment."""
    if not events.empty():
        return events.get_nowait()
    try:
        async with asyncio.timeout(LOOK_EVERY_S):
            return await events.get()
    except TimeoutError:
        return None


async def _beginning_with(demanded: str, chunks: AsyncGenerator[Chunk, None]) -> AsyncGenerator[Chunk, None]:
    """The chunks after ``demanded`` and any blanks behind it. Raises _BeginsOtherwise."""
    begun = False
    async with aclosing(chunks):
        async for chunk in chunks:
            text = chunk.text
            if demanded:
                if not text.startswith(demanded[: len(text)]) or (chunk.finish and len(text) < len(demanded)):
                    raise _BeginsOtherwise
                text, demanded = text[len(demanded) :], demanded[len(text) :]
            if not begun:
                text = text.lstrip(" \t")
                begun = bool(text)
            yield replace(chunk, text=text)
