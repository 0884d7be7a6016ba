"""An address and a name to a model that answers: what it is called, how much it holds, how quick it is.

Asks the server a few questions, and has it complete a short text of this project, so that a wrong key or name
is found now. What vLLM and llama-server have beside OpenAI's interface is used where it is there.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.backend import FimMarkers, StopCheck
from engine.errors import RemoteError
from engine.fim import FAMILIES, markers_of
from engine.remote.address import Address
from engine.remote.client import Client
from engine.remote.completion_chunk import Usage
from engine.remote.pieces import Pieces
from engine.remote.server_pace import ServerPace
from engine.speed import Speed

_CONTEXT_UNKNOWN = 4096  # tokens, where the server does not say
_SAMPLE_CHARACTERS = 1_200
_SAMPLE_ANSWER = 8  # tokens
_LEAST_S = 1e-4  # per token: nothing is quicker, but the clock may say so
_BELIEVED = (0.5, 2.0)  # tokens for a piece
_SHOWN_NAMES = 8
_LIKE = {"iquest": "qwen"}  # families called otherwise than their markers


@dataclass(frozen=True, slots=True)
class RemoteModel:
    """A server's model, ready to be asked. ``tokens_per_piece`` is the server's count over ours."""

    client: Client
    name: str
    pieces: Pieces
    markers: FimMarkers
    stop_ids: tuple[int, ...]
    context_tokens: int
    tokens_per_piece: float
    pace: ServerPace

    @property
    def stops(self) -> tuple[str, ...]:
        """Texts at which an answer ends."""
        marks = self.markers
        return tuple(
            text
            for text in (marks.file_separator, marks.prefix, marks.suffix, marks.middle, marks.repository)
            if text
        )

    @property
    def speed(self) -> Speed:
        """Pieces evaluated and tokens generated in a second."""
        return Speed(1 / self.pace.piece_s, 1 / self.pace.step_s)

    def close(self) -> None:
        """Close the connections. Idempotent."""
        self.client.close()


def open_remote(
    address: Address,
    key: str,
    *,
    name: str = "",
    family: str = "auto",
    context_tokens: int = 0,
    stop: StopCheck = lambda: False,
) -> RemoteModel:
    """Ask the server what is to be known; ``stop`` ends it. Raises RemoteError.

    ``name`` "" takes the server's only model. ``family`` names the markers ("none": it has none), "auto"
    asks the server's tokenizer, and goes by the model's name where it has none. ``context_tokens`` 0 takes
    the server's word.
    """
    client = Client(address, key)
    try:
        return _Opening(client, stop).open(name, family, context_tokens)
    except BaseException:
        client.close()
        raise


class _Opening:
    def __init__(self, client: Client, stop: StopCheck) -> None:
        self._client, self._stop, self._at = client, stop, client.address
        self._tokenizes = True
        self._name = ""

    def open(self, name: str, family: str, context_tokens: int) -> RemoteModel:
        listed = self._models()
        self._name = name or _only(listed, self._at.origin)
        markers = self._markers(family)
        texts = [markers.prefix, markers.suffix, markers.middle, markers.file_separator, markers.repository]
        texts = [text for text in texts if text]
        ids = [token for text in texts if (token := self.marker_token(text)) is not None]
        context_tokens = context_tokens or self._context(listed.get(self._name) or {})
        pieces = Pieces(texts)
        pace, tokens_per_piece = self._measured(pieces, listed)
        return RemoteModel(
            self._client,
            self._name,
            pieces,
            markers,
            tuple(ids),
            context_tokens,
            tokens_per_piece,
            pace,
        )

    def fim_token_texts(self) -> dict[str, str]:
        """Nothing: servers do not say (see ``engine.fim.MarkedModel``)."""
        return {}

    @property
    def marker_token(self) -> Callable[[str], int | None]:
        """The one token of a marker string, by the server's tokenizer."""
        return self._one_token

    def _json(self, method: str, url: str, body: dict[str, Any] | None = None) -> Any:
        found = self._client.wait(self._client.json(method, url, body), self._stop)
        if self._stop():
            raise RemoteError(f"connecting to {self._at.origin} was given up")
        return found

    def _models(self) -> dict[str, dict[str, Any]]:
        """What the server serves, by name; empty where it does not say."""
        found = self._json("GET", f"{self._at.base}/models")
        entries = found.get("data") if isinstance(found, dict) else None
        return {
            entry["id"]: entry
            for entry in (entries if isinstance(entries, list) else ())
            if isinstance(entry, dict) and isinstance(entry.get("id"), str)
        }

    def _markers(self, family: str) -> FimMarkers:
        if family != "auto":
            return FAMILIES.get(family, FimMarkers())
        if markers := markers_of(self):
            return markers
        name = self._name.lower()
        if self._tokenizes:
            return FimMarkers()  # it was asked, and knows none of them
        told = next((FAMILIES[markers] for part, markers in _LIKE.items() if part in name), None)
        return told or next((markers for part, markers in FAMILIES.items() if part in name), FimMarkers())

    def _one_token(self, text: str) -> int | None:
        """vLLM and llama-server read different fields of the one request, and pass over the other's."""
        if not self._tokenizes:
            return None
        body = {"model": self._name, "prompt": text, "add_special_tokens": False}
        body |= {"content": text, "add_special": False, "parse_special": True}
        try:
            found = self._json("POST", f"{self._at.root}/tokenize", body)
        except RemoteError:
            if self._stop():
                raise
            found = None
        ids = found.get("tokens") if isinstance(found, dict) else None
        self._tokenizes = isinstance(ids, list)
        return ids[0] if isinstance(ids, list) and len(ids) == 1 and isinstance(ids[0], int) else None

    def _context(self, entry: dict[str, Any]) -> int:
        """The longest prompt with its answer, in tokens: vLLM lists it, llama-server has it among its own."""
        if isinstance(most := entry.get("max_model_len"), int) and most > 0:
            return most
        try:
            props = self._json("GET", f"{self._at.root}/props")
            most = props["default_generation_settings"]["n_ctx"]
        except (RemoteError, KeyError, TypeError):
            if self._stop():
                raise
            return _CONTEXT_UNKNOWN
        return most if isinstance(most, int) and most > 0 else _CONTEXT_UNKNOWN

    def _measured(self, pieces: Pieces, listed: dict[str, Any]) -> tuple[ServerPace, float]:
        """The pace, and how many of the server's tokens a piece is, by a prompt asked twice: the second time
        the server knows it."""
        text = Path(__file__).read_text("utf-8")[:_SAMPLE_CHARACTERS]
        prompt = pieces.encode(f"# {secrets.token_hex(4)}\n{text}")  # unknown to the server, for certain
        try:
            fresh_s, _, _ = self._asked(pieces.text(prompt))
            known_s, step_s, usage = self._asked(pieces.text(prompt))
        except RemoteError as error:
            if listed and self._name not in listed and not self._stop():
                raise RemoteError(f"{error}; it lists {_names(listed)}") from None
            raise
        ratio = usage.prompt_tokens / len(prompt) if usage else 1.0
        piece_s = max(_LEAST_S / 10, (fresh_s - known_s) / len(prompt))
        pace = ServerPace(known_s, piece_s, max(_LEAST_S, step_s))
        return pace, max(_BELIEVED[0], min(_BELIEVED[1], ratio))

    def _asked(self, prompt: str) -> tuple[float, float, Usage | None]:
        """Seconds to the first token, seconds for each further one, and the server's count."""
        body = {"model": self._name, "prompt": prompt, "max_tokens": _SAMPLE_ANSWER, "temperature": 0.0}
        body["stream_options"] = {"include_usage": True}

        async def ask() -> tuple[float, float, Usage | None]:
            began, times, usage = time.monotonic(), list[float](), None
            async with aclosing(self._client.complete(body)) as chunks:
                async for chunk in chunks:
                    times.append(time.monotonic())
                    usage = chunk.usage or usage
            first = times[0] if times else time.monotonic()
            step_s = (times[-1] - first) / (len(times) - 1) if len(times) > 1 else 0.0
            return first - began, step_s, usage

        found = self._client.wait(ask(), self._stop)
        if found is None:
            raise RemoteError(f"connecting to {self._at.origin} was given up")
        return found


def _only(listed: dict[str, Any], origin: str) -> str:
    if not listed:
        raise RemoteError(f"{origin} does not say which models it has; set remote.model")
    if len(listed) > 1:
        raise RemoteError(f"{origin} has several models; set remote.model to one of {_names(listed)}")
    return next(iter(listed))


def _names(listed: dict[str, Any]) -> str:
    shown = [name if len(name) <= 100 else name[:100] + "..." for name in list(listed)[:_SHOWN_NAMES]]
    return ", ".join(shown) + (", ..." if len(listed) > _SHOWN_NAMES else "")
