"""llama-server in a process of its own, with the flags llama.vim recommends: a program that is there, or the
one in the package xllamacpp.

    python -m tests.benchmarks.llama_vim.server MODEL_FILE THREADS

Serves with the package, prints the address and goes on until its standard input ends. ``Server`` starts it
so, and asks it.
"""

from __future__ import annotations

import http.client
import importlib
import importlib.util
import json
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil

FLAGS = {
    "n_ctx": 0,
    "n_batch": 1024,
    "n_ubatch": 1024,
    "n_cache_reuse": 256,
}  # those of --fim-qwen-1.5b-default
_STARTS_WITHIN_S, _ENDS_WITHIN_S = 120.0, 10.0
_ASKED_EVERY_S = 0.2

HOW_TO_INSTALL = (
    "llama.cpp's server comes from the package xllamacpp, which CodeFlow itself does not need: "
    ".venv/bin/python -m pip install xllamacpp"
)


def is_installed() -> bool:
    """Whether there is a llama-server to be started."""
    return importlib.util.find_spec("xllamacpp") is not None


class Server:
    """A running server; ``program`` is the path of a llama-server, "" means the package's.

    In a session of its own: Ctrl-C is for who started it, and that closes it.
    """

    def __init__(self, model: Path, threads: int, program: str = "") -> None:
        if program:
            port = _free_port()
            self.address = f"http://127.0.0.1:{port}"
            command = [program, *_arguments(model, threads, port)]
            quiet = subprocess.DEVNULL
            self._child = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=quiet, stderr=quiet, start_new_session=True
            )
            try:
                self._wait()
            except BaseException:
                self.close()
                raise
        else:
            command = [sys.executable, "-m", __name__, str(model), str(threads)]
            self._child = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
            )
            assert self._child.stdout is not None
            self.address = self._child.stdout.readline().decode().strip()
            if not self.address:
                self.close()
                raise RuntimeError("llama-server did not start")
        self.process = psutil.Process(self._child.pid)

    def is_running(self) -> bool:
        """Whether it can still be asked."""
        return self._child.poll() is None

    def infill(self, request: dict[str, Any]) -> dict[str, Any]:
        """Ask on a connection of its own, as the plugin's curl does. Blocks."""
        where = urlsplit(self.address)
        connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=600)
        try:
            body = json.dumps(request).encode()
            connection.request("POST", "/infill", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        if answer.status != http.HTTPStatus.OK:
            raise RuntimeError(f"llama-server said {answer.status}: {text[:500]!r}")
        return json.loads(text)

    def close(self) -> None:
        """End it."""
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe is not None:
                pipe.close()
        self._child.terminate()
        try:
            self._child.wait(_ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()

    def _wait(self) -> None:
        where = urlsplit(self.address)
        until = time.monotonic() + _STARTS_WITHIN_S
        while time.monotonic() < until and self.is_running():
            connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=10)
            try:
                connection.request("GET", "/health")
                if connection.getresponse().status == http.HTTPStatus.OK:
                    return
            except OSError:
                pass
            finally:
                connection.close()
            time.sleep(_ASKED_EVERY_S)
        raise RuntimeError(f"llama-server did not start: {self._child.args}")


def serve(model: str, threads: int) -> None:
    """Serve until standard input ends."""
    xllamacpp: Any = importlib.import_module("xllamacpp")
    parameters = xllamacpp.CommonParams()
    parameters.model.path = model
    parameters.hostnames, parameters.port = ["127.0.0.1"], _free_port()
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = threads
    parameters.verbosity = 0
    for name, value in FLAGS.items():
        setattr(parameters, name, value)
    server = xllamacpp.Server(parameters)
    print(server.listening_address, flush=True)
    sys.stdin.read()


def _arguments(model: Path, threads: int, port: int) -> list[str]:
    options = {
        "model": model,
        "host": "127.0.0.1",
        "port": port,
        "threads": threads,
        "threads-batch": threads,
    }
    options |= {"ctx-size": 0, "batch-size": 1024, "ubatch-size": 1024, "cache-reuse": 256}  # as in FLAGS
    return [text for name, value in options.items() for text in (f"--{name}", str(value))]


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
