"""JSON-RPC over a process's pipes, as an editor speaks it: what goes out and comes in is as it was written.

It answers what the server asks by what the editor says that it can, and notes what it was asked beyond that.
It knows methods and capabilities, and nothing of what a test expects.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

WITHIN_S = 60.0  # two slow cores, busy with other tests
_NEEDS = {  # what a client says by which a server may ask it
    "workspace/applyEdit": "workspace.applyEdit",
    "workspace/configuration": "workspace.configuration",
    "window/showDocument": "window.showDocument.support",
    "window/workDoneProgress/create": "window.workDoneProgress",
    "client/registerCapability": "",
    "client/unregisterCapability": "",
    "window/showMessageRequest": "",
}
_CAN = {"workspace/applyEdit": {"applied": True}, "window/showDocument": {"success": True}}


def said(capabilities: Any, path: str) -> Any:
    """The value at a dotted path of what a client says; None where it does not say it."""
    for name in path.split(".") if path else ():
        capabilities = capabilities.get(name) if isinstance(capabilities, dict) else None
    return capabilities


@dataclass
class Wire:
    """One server process. ``serves`` are methods that the client answers though it does not say so."""

    command: list[str]
    cwd: Path
    capabilities: dict[str, Any]
    serves: list[str]
    settings: dict[str, Any]
    asked: list[tuple[str, Any]] = field(default_factory=list)  # by the server
    told: list[tuple[str, Any]] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)  # asked though the client cannot
    _count: int = 0

    def __post_init__(self) -> None:
        pipe = subprocess.PIPE
        alone = os.environ | {"CODEFLOW_SHARED": "0"}  # its errors are this process's
        self.process = subprocess.Popen(
            self.command, cwd=self.cwd, env=alone, stdin=pipe, stdout=pipe, stderr=pipe
        )
        self._came: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.errors: list[bytes] = []
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=self._read_errors, daemon=True).start()

    def request(self, method: str, params: Any = None) -> Any:
        """The result, waited for; an error is an AssertionError."""
        self._count += 1
        self._send({"id": self._count, "method": method, "params": params})
        answer = self._until(lambda message: message.get("id") == self._count and "method" not in message)
        assert "error" not in answer, (method, answer["error"], self.stderr)
        return answer["result"]

    def notify(self, method: str, params: Any = None) -> None:
        self._send({"method": method, "params": params})

    def wait_told(self, method: str, what: Callable[[Any], bool]) -> None:
        """Until the server has told something of the kind."""
        if not any(name == method and what(params) for name, params in self.told):
            self._until(lambda message: message.get("method") == method and what(message.get("params")))

    def end(self) -> int:
        """Shut down as the protocol has it; the exit status."""
        assert self.request("shutdown") is None
        self.notify("exit")
        return self.process.wait(WITHIN_S)

    def kill(self) -> None:
        """End the process, whatever it does."""
        self.process.kill()
        self.process.wait(10)
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()

    @property
    def stderr(self) -> str:
        return b"".join(self.errors).decode("utf-8", "replace")

    def _until(self, what: Callable[[Any], bool]) -> Any:
        while True:
            try:
                message = self._came.get(timeout=WITHIN_S)
            except queue.Empty:
                raise AssertionError(f"nothing came within {WITHIN_S} s; {self.stderr}") from None
            assert message is not None, f"the server ended: {self.stderr}"
            if "method" in message and "id" in message:
                self._reply(message)
            elif "method" in message:
                self.told.append((message["method"], message.get("params")))
            if what(message):
                return message

    def _reply(self, message: Any) -> None:
        method, params = message["method"], message.get("params")
        self.asked.append((method, params))
        is_known = method in _NEEDS and (not _NEEDS[method] or said(self.capabilities, _NEEDS[method]))
        if not (is_known or method in self.serves):
            self.unexpected.append(method)
            error = {"code": -32601, "message": f"no {method} here"}
            self._send({"id": message["id"], "error": error})
            return
        result = _CAN.get(method)
        if method == "workspace/configuration":
            result = [self.settings for _ in params["items"]]
        self._send({"id": message["id"], "result": result})

    def _send(self, message: Any) -> None:
        content = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self.process.stdin is not None
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(content) + content)
        self.process.stdin.flush()

    def _read(self) -> None:
        pipe = self.process.stdout
        assert pipe is not None
        while True:
            length = 0
            while (line := pipe.readline()).strip():
                name, _, value = line.partition(b":")
                if name.strip().lower() == b"content-length":
                    length = int(value)
            if not length:
                self._came.put(None)
                return
            self._came.put(json.loads(pipe.read(length)))

    def _read_errors(self) -> None:
        assert self.process.stderr is not None
        self.errors.extend(iter(self.process.stderr.readline, b""))
