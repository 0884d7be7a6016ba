"""A real HTTP server on 127.0.0.1 that behaves as a test says: well, badly, or not at all."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Exchange(BaseHTTPRequestHandler):
    """One request and what is answered to it. ``said`` is the request's JSON."""

    protocol_version = "HTTP/1.1"
    server: Scripted  # type: ignore[assignment]
    said: dict[str, Any]

    def do_GET(self) -> None:
        self._answer({})

    def do_POST(self) -> None:
        self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def log_message(self, format: str, *arguments: Any) -> None:
        del format, arguments

    def answer(self, status: int, body: Any, **headers: str) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def begin_stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def send(self, data: str) -> None:
        """Part of a stream, as it is."""
        content = data.encode()
        self.wfile.write(f"{len(content):x}\r\n".encode() + content + b"\r\n")
        self.wfile.flush()

    def text(self, text: str, finish: str | None = None, **more: Any) -> None:
        choice = {"index": 0, "text": text, "finish_reason": finish, **more}
        self.send(f"data: {json.dumps({'choices': [choice]})}\n\n")

    def end_stream(self) -> None:
        self.send("data: [DONE]\n\n")
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()

    def stream(self, *texts: str, finish: str = "stop", every_s: float = 0.0) -> None:
        """A whole well-behaved answer."""
        self.begin_stream()
        for text in texts:
            self.text(text)
            time.sleep(every_s)
        self.text("", finish)
        usage = {"prompt_tokens": 100, "prompt_tokens_details": {"cached_tokens": 75}}
        self.send(f"data: {json.dumps({'choices': [], 'usage': usage})}\n\n")
        self.end_stream()

    def stream_until_gone(self, text: str = "word ", every_s: float = 0.002) -> None:
        """An answer without an end; notes when the client has left."""
        try:
            self.begin_stream()
            while True:
                self.text(text)
                time.sleep(every_s)
        except OSError:
            self.server.left_at.append(time.monotonic())
            self.server.left.set()
            self.close_connection = True

    def hang_up(self) -> None:
        """Close without another word."""
        self.close_connection = True

    def _answer(self, said: dict[str, Any]) -> None:
        self.said = said
        server = self.server
        server.asked.append((self.path, dict(self.headers), said))
        if self.path == "/v1/models":
            self.answer(200, {"data": [{"id": name, "max_model_len": 8192} for name in server.models]})
        elif self.path == "/v1/completions" and str(said["prompt"]).startswith("# "):
            self.stream("def", " a", "():")  # what is asked on opening
        elif self.path == "/v1/completions":
            server.complete(self)
        else:
            self.answer(404, {"detail": "Not Found"})


class Scripted(ThreadingHTTPServer):
    """``asked`` is what came: path, headers, JSON. ``complete`` may be replaced at any time."""

    daemon_threads = True

    def __init__(self, complete: Callable[[Exchange], None], models: tuple[str, ...]) -> None:
        super().__init__(("127.0.0.1", 0), Exchange)
        self.complete, self.models = complete, models
        self.asked: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        self.left_at: list[float] = []
        self.left = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}/v1"

    @property
    def prompts(self) -> list[str]:
        """What was asked to be completed, but for what is asked on opening."""
        found = [str(said["prompt"]) for path, _, said in self.asked if path == "/v1/completions"]
        return [prompt for prompt in found if not prompt.startswith("# ")]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that leaves is part of the tests."""


@contextmanager
def serving(
    complete: Callable[[Exchange], None] = lambda exchange: exchange.stream("ok"),
    *,
    models: tuple[str, ...] = ("qwen-test",),
    tls: ssl.SSLContext | None = None,
) -> Iterator[Scripted]:
    server = Scripted(complete, models)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
        server.url = server.url.replace("http://127.0.0.1", "https://localhost")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
