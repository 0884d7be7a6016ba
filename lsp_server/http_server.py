"""OpenAI's /v1/completions and /v1/models on this machine's own address, answered by one engine.

For editors that ask such a server and no language server. Turns requests that the guard lets in into requests
of the engine, and tokens into answers, whole or streamed; a client that leaves stops its answer. A thread a
connection, few of them; nothing that was asked or answered is logged.
"""

from __future__ import annotations

import codecs
import json
import logging
import os
import queue
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import TYPE_CHECKING, Any

from lsp_server.http_completion import (
    Answer,
    Asked,
    BadRequest,
    StopText,
    finish_of,
    models_json,
    read_request,
    request_of,
)
from lsp_server.http_guard import Guard
from lsp_server.model_session import ModelSession

if TYPE_CHECKING:
    from engine.engine import Handle
    from engine.request import GenerationRequest, Token

logger = logging.getLogger(__name__)
MOST_BYTES = 1 << 20  # of a request's body: more than any prompt here
_MOST_CONNECTIONS = 16
_IDLE_S = 30.0  # without a byte, after which a connection is closed
_LINGER_S = 1.0
_LOOK_EVERY_S = 0.05  # whether the client is still there, while nothing comes


class CompletionServer(ThreadingHTTPServer):
    """Listens from the first, so that a port in use is told before a model is opened; ``serve`` answers."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = os.name != "nt"  # there it would let two programs share the port

    def __init__(self, host: str, port: int, token: str) -> None:
        """Raises OSError where the port is taken."""
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._room = threading.Semaphore(_MOST_CONNECTIONS)
        self.session: ModelSession
        super().__init__((host, port), _Exchange)
        self.guard = Guard(host, self.server_port, token)

    @property
    def url(self) -> str:
        """What clients call its base."""
        host = self.guard.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.server_port}/v1"

    def serve(self, session: ModelSession) -> None:
        """Answer until ``shutdown`` is called on another thread, or an exception comes on this one."""
        self.session = session
        self.serve_forever(poll_interval=0.2)

    def server_bind(self) -> None:
        """Without asking a name server what this machine is called."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]

    def process_request(self, request: Any, client_address: Any) -> None:
        """On a thread of its own, where there is room for one more."""
        if self._room.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """One connection, to its end."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that leaves is nothing to tell of."""
        logger.debug("a connection failed", exc_info=True)


class _Exchange(BaseHTTPRequestHandler):
    """The requests of one connection."""

    server: CompletionServer  # type: ignore[assignment]
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "codeflow-lsp", ""
    timeout = _IDLE_S

    def do_GET(self) -> None:
        """/v1/models."""
        if not self._is_admitted("/v1/models"):
            return
        self._send(HTTPStatus.OK, models_json(self.server.session))

    def do_POST(self) -> None:
        """/v1/completions."""
        if not self._is_admitted("/v1/completions") or (body := self._body()) is None:
            return
        try:
            asked = read_request(body)
            request = request_of(asked, self.server.session)
        except BadRequest as error:
            self._send(HTTPStatus.BAD_REQUEST, _error(HTTPStatus.BAD_REQUEST, str(error)))
            return
        self._answer(asked, request)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the library refuses, as JSON like all else."""
        del explain
        self._refuse(HTTPStatus(code), message or HTTPStatus(code).phrase)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Methods, paths and status, for who debugs."""
        logger.debug(format, *arguments)

    def _is_admitted(self, path: str) -> bool:
        if (refusal := self.server.guard.refusal(self.headers)) is not None:
            self._refuse(refusal.status, refusal.sentence)
            return False
        if self.path.partition("?")[0].rstrip("/") != path:
            self._refuse(HTTPStatus.NOT_FOUND, "There are POST /v1/completions and GET /v1/models.")
            return False
        return True

    def _body(self) -> bytes | None:
        """The request's body; None where it was refused."""
        length = self.headers.get("Content-Length", "")
        if self.headers.get_content_type() != "application/json":
            self._refuse(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "The body has to be application/json.")
        elif "Transfer-Encoding" in self.headers or not (length.isascii() and length.isdigit()):
            self._refuse(HTTPStatus.LENGTH_REQUIRED, "The body has to come with a Content-Length.")
        elif int(length) > MOST_BYTES:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"More than {MOST_BYTES} bytes are not read.")
        else:
            return self.rfile.read(int(length))
        return None

    def _answer(self, asked: Asked, request: GenerationRequest) -> None:
        from engine.errors import EngineError
        from engine.request import FinishReason

        answer, session = Answer(self.server.session.name), self.server.session
        tokens: queue.SimpleQueue[Token | None] = queue.SimpleQueue()
        try:
            handle = session.engine.submit(request, tokens.put)
        except EngineError as error:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, str(error))
            return
        handle.result.add_done_callback(lambda _: tokens.put(None))
        text = ""
        if asked.streams:
            self._begin_stream()
        try:
            for piece in self._pieces(handle, tokens, StopText(asked.stops)):
                if asked.streams:
                    self._event(answer.as_json(piece, None))
                else:
                    text += piece
        except OSError:  # the client has left, or does not read on
            handle.cancel()
            raise
        try:
            found = handle.result.result()
            if found.finish is FinishReason.CANCELLED:
                raise EngineError("The server is being stopped.")
        except EngineError as error:
            if not asked.streams:
                self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, str(error))
            else:
                self._event(_error(HTTPStatus.SERVICE_UNAVAILABLE, str(error)))
            return
        finish = finish_of(found.finish)
        if not asked.streams:
            self._send(HTTPStatus.OK, answer.as_json(text, finish, found.timings))
            return
        self._event(answer.as_json("", finish))
        if asked.counts:
            self._event(answer.costs(found.timings))
        self.wfile.write(b"data: [DONE]\n\n")

    def _pieces(
        self, handle: Handle, tokens: queue.SimpleQueue[Token | None], text: StopText
    ) -> Iterator[str]:
        """The answer's text as it comes. Raises ConnectionError where the client has left."""
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        healed = len(handle.request.begin_with)  # bytes that are written again, and not part of the answer
        while (token := self._next(handle, tokens)) is not None:
            shown = text.add(decoder.decode(token.piece[healed:]))
            healed = max(0, healed - len(token.piece))
            if shown:
                yield shown
        if rest := text.add(decoder.decode(b"", final=True)) + text.rest():
            yield rest

    def _next(self, handle: Handle, tokens: queue.SimpleQueue[Token | None]) -> Token | None:
        while True:
            if self._is_left():
                raise ConnectionAbortedError
            try:
                return tokens.get(timeout=_LOOK_EVERY_S)
            except queue.Empty:
                continue

    def _is_left(self) -> bool:
        """Whether the client has closed the connection, which is how it says that it wants no answer."""
        readable, _, _ = select.select([self.connection], [], [], 0)
        try:
            return bool(readable) and not self.connection.recv(1, socket.MSG_PEEK)
        except OSError:
            return True

    def _begin_stream(self) -> None:
        self.close_connection = True  # the answer ends where the connection does
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Connection", "close")
        self.end_headers()

    def _event(self, value: dict[str, Any]) -> None:
        self.wfile.write(f"data: {json.dumps(value)}\n\n".encode())

    def _refuse(self, status: HTTPStatus, sentence: str) -> None:
        """Answer without having read the body, and close. Closing while the client still sends would take the
        answer back (a reset), so what comes is passed over for a moment."""
        self.close_connection = True
        with suppress(OSError):
            self._send(status, _error(status, sentence))
            self.connection.shutdown(socket.SHUT_WR)
            self.connection.settimeout(_LINGER_S)
            left = MOST_BYTES
            while left > 0 and (passed := len(self.connection.recv(1 << 16))):
                left -= passed

    def _send(self, status: HTTPStatus, value: dict[str, Any]) -> None:
        content = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        if status is HTTPStatus.UNAUTHORIZED:
            self.send_header("WWW-Authenticate", "Bearer")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


def _error(status: HTTPStatus, sentence: str) -> dict[str, Any]:
    kind = "invalid_request_error" if status < HTTPStatus.INTERNAL_SERVER_ERROR else "server_error"
    return {"error": {"message": sentence, "type": kind, "param": None, "code": int(status)}}
