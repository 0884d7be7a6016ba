"""Where the shared process of this user is found, and the greeting that a connection begins with.

An environment goes in, a place comes out: a socket in a folder that nobody else may enter, named by all that
makes it another program (version, interpreter, variables that the engine reads). Two programs that differ in
one of these never meet. Every editor's start waits for this module, so it imports little; it does not know
what is said once greetings are exchanged.
"""

from __future__ import annotations

import json
import os
import socket
import stat
import struct
import sys
from collections.abc import Mapping
from contextlib import suppress
from hashlib import blake2b

import lsp_server

END = b"\0"  # the last byte of a session that ended as the editor wished; no byte of LSP is zero
MOST_GREETING = 1 << 22  # bytes of a greeting: it holds the client's environment
WELCOME_S = 20.0  # the process may still be importing, on a busy machine
ALONE_VARIABLE = "CODEFLOW_SHARED"  # 0: every editor has its own process
IDLE_VARIABLE = "CODEFLOW_SHARED_IDLE_S"

# What the engine and its libraries read: these are one for a whole process. All else (PATH, a virtual
# environment) concerns programs that are run for a client, and travels in its greeting.
_OF_THE_PROCESS = (
    *("HOME", "XDG_CACHE_HOME", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "LD_PRELOAD"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
)
_OF_THE_PROCESS_BEGIN = ("CODEFLOW_", "PIP_", "HF_", "CUDA_", "GGML_", "LLAMA_", "OMP_", "TORCH")


class NotShared(Exception):
    """No process can be shared here; the message is a sentence that says why."""


class Place:
    """A process by its name: its socket, and the lock that whoever listens there holds for life."""

    def __init__(self, folder: str, name: str) -> None:
        self.name = name
        self.socket = os.path.join(folder, f"{name}.sock")
        self.lock = os.path.join(folder, f"{name}.lock")


def place_of(environment: Mapping[str, str]) -> Place:
    """The place of the process that serves a client with this environment. Raises NotShared."""
    return Place(private_folder(environment), _name(environment))


def private_folder(environment: Mapping[str, str]) -> str:
    """The folder of all sockets, made where it is missing: the user's alone. Raises NotShared."""
    runtime = environment.get("XDG_RUNTIME_DIR", "")
    if os.path.isdir(runtime):
        folder = os.path.join(runtime, "codeflow")
    else:
        folder = os.path.join(environment.get("TMPDIR") or "/tmp", f"codeflow-{os.getuid()}")  # noqa: S108
    try:
        os.makedirs(folder, 0o700, exist_ok=True)
        found = os.lstat(folder)
    except OSError as error:
        raise NotShared(f"{folder} cannot be made: {error.strerror or error}") from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise NotShared(f"{folder} is not a folder that only you may enter; remove it")
    return folder


def connect(place: Place) -> socket.socket | None:
    """A connection to the process at ``place``; None where there is none. Raises NotShared."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(WELCOME_S)
    try:
        connection.connect(place.socket)
    except (FileNotFoundError, ConnectionRefusedError, BlockingIOError):
        connection.close()
        return None
    except OSError as error:
        connection.close()
        raise NotShared(f"{place.socket} cannot be used: {error.strerror or error}") from error
    if not is_ours(connection):
        connection.close()
        raise NotShared(f"{place.socket} is another user's")
    return connection


def is_ours(connection: socket.socket) -> bool:
    """Whether the other end is a process of this user; where the system cannot say, the folder is what keeps
    others out."""
    if sys.platform != "linux":
        return True
    form = struct.Struct("3i")  # pid, uid, gid: unix(7)
    return (
        form.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, form.size))[1] == os.getuid()
    )


def greet(connection: socket.socket, **greeting: object) -> dict[str, object] | None:
    """Send a greeting; what the process answers, or None where it was about to end.

    Raises NotShared where it answers nothing within `WELCOME_S`, or nonsense.
    """
    answer = bytearray()
    try:
        connection.sendall(json.dumps(greeting).encode() + b"\n")
        while not answer.endswith(b"\n"):
            if not (more := connection.recv(1)):  # what follows the line is the editor's
                return None
            answer += more
        return dict(json.loads(answer))
    except TimeoutError as error:
        raise NotShared("the process that holds the model does not answer") from error
    except OSError:
        return None
    except (ValueError, TypeError) as error:
        raise NotShared(
            "what answers in place of the process that holds the model is something else"
        ) from error


def claim(place: Place) -> tuple[socket.socket, int] | None:
    """Take a place: its listening socket, and the lock's file descriptor, which is to be kept open.

    None where another process has it. A socket that a crashed process left is replaced.
    """
    import fcntl

    lock = os.open(place.lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        return None
    with suppress(FileNotFoundError):
        os.unlink(place.socket)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(place.socket)
    os.chmod(place.socket, 0o600)
    listener.listen()
    return listener, lock


def stay(place: Place) -> None:
    """Look used: what clears temporary folders takes files that nobody has touched for days."""
    for path in (place.lock, place.socket):
        with suppress(OSError):
            os.utime(path)


def leave(place: Place, lock: int) -> None:
    """Give a place up: the next process may take it at once."""
    with suppress(FileNotFoundError):  # cleared away: who came since has another lock, and that socket
        if os.path.samestat(os.fstat(lock), os.stat(place.lock)):
            os.unlink(place.socket)
    os.close(lock)


def _name(environment: Mapping[str, str]) -> str:
    """Another name for whatever would be another program."""
    here = lsp_server.__file__
    parts = [lsp_server.__version__, sys.executable, here, str(os.stat(here).st_mtime_ns)]  # installed anew
    for name, value in sorted(environment.items()):
        if name in (ALONE_VARIABLE, IDLE_VARIABLE):
            continue
        if name.upper() in _OF_THE_PROCESS or name.startswith(_OF_THE_PROCESS_BEGIN):
            parts.append(f"{name}={value}")
    return blake2b("\0".join(parts).encode("utf-8", "surrogateescape"), digest_size=10).hexdigest()
