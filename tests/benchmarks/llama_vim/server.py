"""llama-server (from the package xllamacpp) in a process of its own, with the flags llama.vim recommends.

    python -m tests.benchmarks.llama_vim.server MODEL_FILE THREADS

Prints its address and serves until its standard input ends. ``Server`` starts it so, and asks it.
"""

from __future__ import annotations

import http.client
import importlib
import importlib.util
import json
import socket
import subprocess
import sys
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

HOW_TO_INSTALL = (
    "llama.cpp's server comes from the package xllamacpp, which CodeFlow itself does not need: "
    ".venv/bin/python -m pip install xllamacpp"
)


def is_installed() -> bool:
    """Whether there is a llama-server to be started."""
    return importlib.util.find_spec("xllamacpp") is not None


class Server:
    """A running server."""

    def __init__(self, model: Path, threads: int) -> None:
        command = [sys.executable, "-m", __name__, str(model), str(threads)]
        self._child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._child.stdout is not None
        self.address = self._child.stdout.readline().strip()
        if not self.address:
            raise RuntimeError("llama-server did not start")
        self.process = psutil.Process(self._child.pid)

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
        assert self._child.stdin is not None
        self._child.stdin.close()
        try:
            self._child.wait(10)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()


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


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
