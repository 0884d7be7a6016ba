"""One event of a streamed completion, as OpenAI's servers, vLLM and llama-server write it, to a value."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the server counts them."""

    prompt_tokens: int
    cached_tokens: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of an answer. ``finish`` is the server's reason to end, "" before the end."""

    text: str = ""
    finish: str = ""
    tokens: int = 0
    logprob: float = 0.0  # of all its tokens together; 0.0 where it was not asked for
    usage: Usage | None = None


class ErrorEvent(Exception):
    """The server says in the middle of an answer that it failed; ``str`` is its own words."""


def chunk_of(data: str) -> Chunk:
    """The value of an event's data. Raises ErrorEvent, and ValueError where it is no event of an answer."""
    event = json.loads(data)
    if not isinstance(event, dict):
        raise ValueError("not an object")
    if event.get("error"):
        raise ErrorEvent(words_of(event))
    choices, usage = event.get("choices"), _usage(event.get("usage"))
    if not isinstance(choices, list):
        raise ValueError("no choices")
    if not choices:  # the last event, with the usage alone
        return Chunk(usage=usage)
    choice = choices[0]
    text, finish = choice.get("text") or "", choice.get("finish_reason") or ""
    if not isinstance(text, str) or not isinstance(finish, str):
        raise ValueError("text is none")
    logprobs = _logprobs(choice.get("logprobs"))
    return Chunk(text, finish, len(logprobs) or int(bool(text)), sum(logprobs), usage)


def words_of(body: Any) -> str:
    """The sentence in a server's error, "" where there is none: never what it quotes of the request."""
    found = body.get("error", body) if isinstance(body, dict) else ""
    if isinstance(found, dict):
        found = found.get("message", "")
    return found if isinstance(found, str) else ""


def _logprobs(found: Any) -> list[float]:
    """vLLM and OpenAI: ``token_logprobs``; llama-server: ``content``, as for chats."""
    if not isinstance(found, dict):
        return []
    if isinstance(entries := found.get("content"), list):
        return [
            float(entry["logprob"]) for entry in entries if isinstance(entry, dict) and "logprob" in entry
        ]
    return [float(value) for value in found.get("token_logprobs") or () if value is not None]


def _usage(found: Any) -> Usage | None:
    if not isinstance(found, dict) or not isinstance(prompt := found.get("prompt_tokens"), int):
        return None
    cached = (found.get("prompt_tokens_details") or {}).get("cached_tokens")
    return Usage(prompt, cached if isinstance(cached, int) else 0)
