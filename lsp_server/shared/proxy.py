"""What an editor starts: its standard input and output, joined to the process that holds the models.

Bytes go through unchanged in both directions, unread. Where no process runs yet one is started, where several
editors do so at once all but one of those end again. Knows nothing of the language server protocol, and
imports nothing that takes time.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from lsp_server.shared.rendezvous import END, NotShared, Place, connect, greet, place_of

_START_S = 30.0  # until a process listens, or has said why not
_AGAIN_S = 0.05
_READ_BYTES = 1 << 16
_GOODBYE_S = 5.0  # after the editor has closed its end; the process answers within milliseconds, or hangs

Start = Callable[[Place], str]


def serve(backend: str, log_level: str, start: Start | None = None) -> int:
    """Serve one editor until it leaves; the exit status. Raises NotShared before anything was read of it."""
    place = place_of(os.environ)
    connection, welcome = _arrive(place, backend, log_level, start or start_process)
    connection.settimeout(None)
    threading.Thread(target=_pass_input_on, args=(connection,), daemon=True).start()
    if _pass_output_on(connection):
        return 0
    print(  # noqa: T201
        f"codeflow-lsp: the process that held the model (pid {welcome.get('pid')}) has ended, or given this "
        f"editor up; {welcome.get('log')} may say why. Start the language server again.",
        file=sys.stderr,
    )
    return 1


def start_process(place: Place) -> str:
    """Start the process for ``place``: "listening", or "held" where another was quicker. Raises NotShared."""
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    environment = dict(os.environ)
    if root not in sys.path[1:]:  # run from a clone: the first entry is the script's folder, or this one
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, (environment.get("PYTHONPATH"), root)))
    return started([sys.executable, "-P", "-m", "lsp_server.shared.process", place.name], environment)


def started(command: list[str], environment: dict[str, str]) -> str:
    """What a starting process says before it goes its own way."""
    import subprocess

    try:
        said = subprocess.run(
            command,
            env=environment,
            cwd="/",  # never the workspace: nothing in it is to be imported, and it may be unmounted
            stdin=subprocess.DEVNULL,
            capture_output=True,
            start_new_session=True,  # what stops the editor stops no other
            timeout=_START_S,
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise NotShared(f"the process that would hold the model cannot be started: {error}") from error
    word = said.stdout.decode("utf-8", "replace").strip()
    if word not in ("listening", "held"):
        why = said.stderr.decode("utf-8", "replace").strip().splitlines() or [f"status {said.returncode}"]
        raise NotShared(f"the process that would hold the model does not start: {why[-1]}")
    return word


def _arrive(
    place: Place, backend: str, log_level: str, start: Start
) -> tuple[socket.socket, dict[str, object]]:
    """A connection whose greeting was answered, and the answer."""
    until = time.monotonic() + _START_S
    greeting = {
        "wants": "editor",
        "pid": os.getpid(),
        "backend": backend,
        "logLevel": log_level,
        "environment": dict(os.environ),
    }
    while time.monotonic() < until:
        if (connection := connect(place)) is not None:
            try:
                welcome = greet(connection, **greeting)
            except NotShared:
                connection.close()
                raise
            if welcome is not None:
                return connection, welcome
            connection.close()
        elif start(place) == "listening":
            continue
        time.sleep(_AGAIN_S)  # another is just starting, or just ending
    raise NotShared("the process that holds the model neither answers nor ends")


def _pass_input_on(connection: socket.socket) -> None:
    with suppress(OSError):  # the process has ended: whoever reads from it sees that too
        while data := os.read(0, _READ_BYTES):
            connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
    time.sleep(_GOODBYE_S)
    os._exit(1)


def _pass_output_on(connection: socket.socket) -> bool:
    """Whether the session ended as the editor wished."""
    data = b""
    with suppress(OSError):  # a connection that is reset has ended, too
        while more := connection.recv(_READ_BYTES):
            data = more
            try:
                _write(data.removesuffix(END))
            except OSError:
                return True  # the editor has gone, and reads no sentence
    return data.endswith(END)


def _write(data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(1, rest) :]
