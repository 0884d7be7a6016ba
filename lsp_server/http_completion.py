"""What OpenAI's /v1/completions asks and answers, as values: JSON to a request of the engine, text to JSON.

A prompt comes with its model's fill-in-the-middle markers, or as prompt and suffix; either way it becomes
the prompt that ghost text is asked with. Knows no sockets, and no workspace: what the prompt holds, the asker
chose.
"""

from __future__ import annotations

import json
import math
import re
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from context.prompt import plain, render
from lsp_server.model_session import ModelSession
from lsp_server.settings import CompletionSettings

if TYPE_CHECKING:
    from engine.backend import FimMarkers
    from engine.request import FinishReason, GenerationRequest, Sampling, Timings

_MOST_STOPS = 16
_GREEDY_BELOW = 0.01  # a temperature: the likeliest token is the only one then
_ANSWER_WITHIN_S = 120.0
_LINE = re.compile(r"[^\n]*\n|[^\n]+")


class BadRequest(ValueError):
    """A request that cannot be answered; ``str`` is a sentence for who sent it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request for a completion."""

    prompt: str
    suffix: str | None
    max_tokens: int
    stops: tuple[str, ...]
    sampling: Sampling
    streams: bool
    counts: bool  # whether a stream ends with what it cost


def read_request(body: bytes) -> Asked:
    """The request in a body of JSON. What would only add to the answer is passed over. Raises BadRequest."""
    from engine.request import Sampling

    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        raise BadRequest("The body is no JSON.") from None
    if not isinstance(said, dict):
        raise BadRequest("The body is no JSON object.")
    prompt, suffix = said.get("prompt"), said.get("suffix")
    if isinstance(prompt, list) and len(prompt) == 1:
        (prompt,) = prompt
    if not isinstance(prompt, str) or not (suffix is None or isinstance(suffix, str)):
        raise BadRequest("`prompt` has to be one text, and `suffix` one or none.")
    stops = said.get("stop") or ()
    stops = (stops,) if isinstance(stops, str) else stops
    if not isinstance(stops, list | tuple) or not all(isinstance(one, str) for one in stops):
        raise BadRequest("`stop` has to be a text or a list of texts.")
    if len(stops) > _MOST_STOPS:
        raise BadRequest(f"`stop` has more than {_MOST_STOPS} texts.")
    if said.get("echo") or any(said.get(name) not in (None, 1) for name in ("n", "best_of")):
        raise BadRequest("One answer is given, without its prompt: leave `n`, `best_of` and `echo` out.")
    options, temperature = said.get("stream_options"), _number(said, "temperature", 0.0, 0.0, 2.0)
    return Asked(
        prompt=_text(prompt),
        suffix=None if suffix is None else _text(suffix),
        max_tokens=int(_number(said, "max_tokens", CompletionSettings().max_tokens, 1, 1 << 17, whole=True)),
        stops=tuple(one for one in stops if one),
        sampling=Sampling(  # greedy, where nothing is said: code is no prose
            temperature=temperature if temperature >= _GREEDY_BELOW else 0.0,
            top_p=_number(said, "top_p", 0.95, 0.01, 1.0),
            seed=int(_number(said, "seed", 0, 0, 1 << 62, whole=True)),
        ),
        streams=bool(said.get("stream")),
        counts=isinstance(options, dict) and bool(options.get("include_usage")),
    )


def request_of(asked: Asked, session: ModelSession) -> GenerationRequest:
    """What the engine is asked. Raises BadRequest where the model cannot be asked so, or has no room."""
    from engine.fim import markers_of
    from engine.request import GenerationRequest

    backend, form = session.engine.opened.result(), session.form
    parts = (asked.prompt, asked.suffix) if asked.suffix is not None else None
    if asked.suffix and not form.fills_in:
        raise BadRequest(f"{session.name} does not fill in: it has no use for `suffix`.")
    if parts is None and form.fills_in:
        parts = fim_parts(asked.prompt, markers_of(backend.tokenizer))
    if parts is None or not form.fills_in:  # markers of several files, or none: as it is written
        tokens = (*form.begin, *backend.tokenizer.encode(asked.prompt, special=True))
        begin_with = b""
    else:
        before, after = (_LINE.findall(part.replace("\r\n", "\n")) for part in parts)
        head = "" if not before or before[-1].endswith("\n") else before.pop()
        prompt = render(
            form=form,
            encode=session.encode,
            items=(),
            repository="",
            path="",
            prefix=plain(before),
            middle=(),
            head=head,
            suffix=plain(after),
        )
        tokens, begin_with = prompt.tokens, prompt.begin_with
    # what is written again of the word at the cursor is no part of the answer
    most = asked.max_tokens + len(session.encode(begin_with.decode()))
    if len(tokens) + most > backend.context_tokens:
        raise BadRequest(
            f"The prompt has {len(tokens)} tokens and the answer may have {most}, but "
            f"{backend.context_tokens} is all there is room for: send less, or start the server with a "
            "larger --context-tokens."
        )
    stops = asked.stops
    return GenerationRequest(
        tokens=tokens or session.encode("\n"),
        begin_with=begin_with,
        max_tokens=most,
        sampling=asked.sampling,
        stop_when=(lambda text: any(stop in text for stop in stops)) if stops else None,
        deadline=time.monotonic() + _ANSWER_WITHIN_S,
    )


def fim_parts(prompt: str, markers: FimMarkers) -> tuple[str, str] | None:
    """What precedes and what follows the cursor in a prompt with its model's markers; None in any other."""
    if not markers or any(prompt.count(one) != 1 for one in (markers.prefix, markers.suffix)):
        return None
    if markers.middle and not (prompt.count(markers.middle) == 1 and prompt.endswith(markers.middle)):
        return None
    body = prompt.removesuffix(markers.middle)
    first, second = markers.prefix, markers.suffix
    if markers.suffix_first:
        first, second = second, first
    if not body.startswith(first) or second not in body:
        return None
    one, other = body.removeprefix(first).split(second)
    return (other, one) if markers.suffix_first else (one, other)


@dataclass(slots=True)
class StopText:
    """An answer's text as it comes, up to the first of ``stops``; what may be the beginning of one is held
    back until it is known."""

    stops: tuple[str, ...]
    is_met: bool = False
    _held: str = ""

    def add(self, text: str) -> str:
        """What may be shown now that ``text`` has come."""
        if self.is_met:
            return ""
        held = self._held + text
        found = [at for stop in self.stops if (at := held.find(stop)) >= 0]
        if found:
            self.is_met, self._held = True, ""
            return held[: min(found)]
        kept = max((_overlap(held, stop) for stop in self.stops), default=0)
        self._held = held[len(held) - kept :]
        return held[: len(held) - kept]

    def rest(self) -> str:
        """What was held back, at the end."""
        rest, self._held = self._held, ""
        return rest


@dataclass(frozen=True, slots=True)
class Answer:
    """How one answer is written."""

    model: str
    key: str = field(default_factory=lambda: f"cmpl-{secrets.token_hex(8)}")
    created: int = field(default_factory=lambda: int(time.time()))

    def as_json(self, text: str, finish: str | None, timings: Timings | None = None) -> dict[str, Any]:
        """A whole answer, or a piece of one."""
        choice = {"index": 0, "text": text, "logprobs": None, "finish_reason": finish}
        return self._object([choice], timings)

    def costs(self, timings: Timings) -> dict[str, Any]:
        """The last piece of a stream: what it cost."""
        return self._object([], timings)

    def _object(self, choices: list[dict[str, Any]], timings: Timings | None) -> dict[str, Any]:
        made = {"id": self.key, "object": "text_completion", "created": self.created, "model": self.model}
        found: dict[str, Any] = {**made, "choices": choices}
        if timings is not None:
            found["usage"] = {
                "prompt_tokens": timings.prompt_tokens,
                "completion_tokens": timings.generated_tokens,
                "total_tokens": timings.prompt_tokens + timings.generated_tokens,
                "prompt_tokens_details": {"cached_tokens": timings.cached_tokens},
            }
        return found


def finish_of(reason: FinishReason) -> str:
    """The interface's word for why an answer ended."""
    from engine.request import FinishReason

    return "stop" if reason in (FinishReason.END_OF_TEXT, FinishReason.STOPPED) else "length"


def models_json(session: ModelSession) -> dict[str, Any]:
    """The one model; ``max_model_len`` is vLLM's name for how much it holds."""
    most = session.engine.opened.result().context_tokens
    model = {"id": session.name, "object": "model", "created": 0, "owned_by": "codeflow"}
    return {"object": "list", "data": [{**model, "max_model_len": most}]}


def _number(
    said: dict[str, Any], name: str, default: float, least: float, most: float, *, whole: bool = False
) -> float:
    value = said.get(name)
    if value is None:
        return default
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or not least <= value <= most or (whole and value % 1):
        raise BadRequest(f"`{name}` has to be a {'whole ' if whole else ''}number from {least} to {most}.")
    return value


def _text(text: str) -> str:
    """JSON may hold half a surrogate pair, which no tokenizer takes."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _overlap(text: str, stop: str) -> int:
    """How much of the end of ``text`` may be the beginning of ``stop``."""
    return next((n for n in range(min(len(stop) - 1, len(text)), 0, -1) if text.endswith(stop[:n])), 0)
