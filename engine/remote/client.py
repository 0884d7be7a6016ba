"""HTTP to one server: JSON, and completions as they are streamed; every failure as a RemoteError.

Runs an event loop of its own, on whichever thread calls, so that waiting can be given up at any moment: what
is under way is then cancelled, which closes its connection, and that tells the server to stop. Proxies,
.netrc and the like are not taken from the environment: what is sent goes to the configured server alone.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import time
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing, suppress
from typing import Any, TypeVar, cast

import httpx2

from engine.backend import StopCheck
from engine.errors import RemoteError
from engine.remote.address import Address
from engine.remote.completion_chunk import Chunk, ErrorEvent, chunk_of
from engine.remote.failures import failed, refused, senseless, unreached

LOOK_EVERY_S = 0.01  # at the stop flag, while nothing comes
_TIMEOUT = httpx2.Timeout(5.0, read=60.0, pool=None)  # a long prompt on a busy server takes a while
_LIMITS = httpx2.Limits(max_connections=8, max_keepalive_connections=4, keepalive_expiry=60.0)
_MOST_BYTES = 1 << 20  # of an answer that is not streamed, and of one event of one that is
_MOST_PAUSE_S = 60.0  # that a server may ask for
_DONE = "[DONE]"
_LAST_BYTE_S = 0.05  # after that, within which the answer is to be over
T = TypeVar("T")

for _library in ("httpx2", "httpcore2"):  # they log addresses and headers
    logging.getLogger(_library).setLevel(logging.WARNING)


class Client:
    """Belongs to one thread. ``key`` is sent as a bearer token, and is in no message."""

    def __init__(self, address: Address, key: str) -> None:
        self.address = address
        self.loop = asyncio.new_event_loop()
        self._key = key
        self._not_before, self._pause = -math.inf, RemoteError()
        self._http = httpx2.AsyncClient(
            headers={"Accept-Encoding": "identity"} | ({"Authorization": f"Bearer {key}"} if key else {}),
            timeout=_TIMEOUT,
            limits=_LIMITS,
            trust_env=False,
            follow_redirects=False,
        )

    def wait(self, work: Coroutine[Any, Any, T], stop: StopCheck) -> T | None:
        """Run ``work`` to its end; None where ``stop`` came true before."""
        task = self.loop.create_task(work)
        while True:
            self.loop.run_until_complete(asyncio.wait((task,), timeout=LOOK_EVERY_S))
            if task.done():
                return task.result()
            if stop():
                self.give_up([task])
                return None

    def give_up(self, tasks: list[asyncio.Task[Any]]) -> None:
        """Cancel tasks and wait until their connections are closed."""
        for task in tasks:
            task.cancel()
        self.loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))

    async def json(self, method: str, url: str, body: dict[str, Any] | None = None) -> Any:
        """An answer as JSON; None where the server has no such thing (404, 405). Raises RemoteError."""
        try:
            response = await self._send(method, url, body)
            try:
                content = await _content(response)
            finally:
                await response.aclose()
            if response.status_code in (404, 405):
                return None
            if not response.is_success:
                raise refused(self.address, response.status_code, content, str(body or ""), self._key, "")
            return json.loads(content)
        except (httpx2.HTTPError, httpx2.StreamError) as error:
            raise unreached(self.address, error) from None
        except ValueError:
            raise senseless(self.address) from None

    async def complete(self, body: dict[str, Any]) -> AsyncGenerator[Chunk, None]:
        """Stream the completion of ``body``'s prompt; closing the generator stops it. Raises RemoteError."""
        if time.monotonic() < self._not_before:
            raise self._pause
        ended = False
        try:
            response = await self._send("POST", f"{self.address.base}/completions", {**body, "stream": True})
            try:
                if not response.is_success:
                    raise self._refused(response, await _content(response), body)
                source = httpx2.EventSource(response, max_event_size=_MOST_BYTES)
                events = cast("AsyncGenerator[httpx2.ServerSentEvent, None]", aiter(source))
                async with aclosing(events):
                    async for event in events:
                        if event.data == _DONE:
                            await _to_the_end(events)
                            return
                        chunk = chunk_of(event.data)
                        ended = ended or bool(chunk.finish)
                        yield chunk
            finally:
                await response.aclose()
        except (httpx2.HTTPError, httpx2.StreamError) as error:
            if not ended:
                raise unreached(self.address, error) from None
        except ErrorEvent as error:
            raise failed(self.address, str(error), body["prompt"], self._key) from None
        except (ValueError, TypeError, AttributeError, KeyError):
            raise senseless(self.address) from None
        if not ended:
            raise unreached(self.address, httpx2.RemoteProtocolError("an answer without an end"))

    def close(self) -> None:
        """Close connections and loop. Idempotent."""
        if not self.loop.is_closed():
            self.loop.run_until_complete(self._http.aclose())
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
            self.loop.close()

    async def _send(self, method: str, url: str, body: dict[str, Any] | None) -> httpx2.Response:
        """Send, and again where the connection turns out to have been closed while it was idle."""
        request = self._http.build_request(method, url, json=body)
        try:
            return await self._http.send(request, stream=True)
        except (httpx2.RemoteProtocolError, httpx2.ReadError, httpx2.WriteError):
            return await self._http.send(self._http.build_request(method, url, json=body), stream=True)

    def _refused(self, response: httpx2.Response, content: bytes, body: dict[str, Any]) -> RemoteError:
        error = refused(self.address, response.status_code, content, body["prompt"], self._key, body["model"])
        pause = response.headers.get("Retry-After", "")
        if pause.isascii() and pause.isdigit():
            self._not_before = time.monotonic() + min(_MOST_PAUSE_S, float(pause))
            self._pause = error
        return error


async def _to_the_end(events: AsyncGenerator[Any, None]) -> None:
    """A connection whose answer was read to its last byte can be used again."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_LAST_BYTE_S):
            async for _ in events:
                pass


async def _content(response: httpx2.Response) -> bytes:
    content = b""
    async with aclosing(response.aiter_bytes()) as parts:
        async for part in parts:
            content += part
            if len(content) > _MOST_BYTES:
                raise ValueError("too long")
    return content
