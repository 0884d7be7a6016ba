"""Several editors, one process: real proxies, a real process between them, and what goes wrong there."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

import lsp_server
from engine.catalog import resolve
from engine.errors import ModelUnavailable
from lsp_server.shared.rendezvous import NotShared, claim, connect, leave, place_of, private_folder
from lsp_server.shared_command import ask_all
from tests.e2e.test_server import scripted
from tests.lsp_client import INVOKED, SHARED_VARIABLE, Editor, editor

URI = "file:///project/a.py"
CODE = "def add(a, b):\n    return a\n"
SCRIPTED = (sys.executable, "-m", "tests.scripted_proxy", "0")
REAL = (sys.executable, "-m", "lsp_server.cli", "--stdio")
GREETING = json.dumps({"wants": "editor", "pid": 1, "backend": "", "logLevel": "warning", "environment": {}})


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of this test's own for sockets and all that is kept; in the end nothing runs any more."""
    folder = Path(tempfile.mkdtemp(prefix="codeflow-"))  # short: a socket's path has 107 bytes at most
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    monkeypatch.setenv("CODEFLOW_HOME", str(folder / "home"))
    monkeypatch.setenv("CODEFLOW_SHARED_IDLE_S", "60")
    monkeypatch.setenv(SHARED_VARIABLE, "together")
    yield folder
    _, alive = psutil.wait_procs([psutil.Process(one["pid"]) for one in ask_all("end")], timeout=20)
    assert not alive
    shutil.rmtree(folder)


def processes() -> list[dict[str, Any]]:
    return ask_all("status")


def until(what: Callable[[], bool], within_s: float = 20.0) -> None:
    end = time.monotonic() + within_s
    while not what():
        assert time.monotonic() < end
        time.sleep(0.05)


async def completes(wire: Editor, uri: str = URI) -> None:
    """It is served: a document opened, a suggestion made."""
    wire.open(uri, CODE)
    assert [item.insert_text for item in await wire.complete(uri, 1, 12)] == [" + b"]
    wire.close(uri)


class Proxy:
    """An editor's side of a proxy, by hand: it may leave as rudely as it likes."""

    def __init__(self, *command: str) -> None:
        self.process = subprocess.Popen(
            command or SCRIPTED, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert self.process.stdin and self.process.stdout and self.process.stderr
        self.stdin, self.stdout, self.stderr = (
            self.process.stdin,
            self.process.stdout,
            self.process.stderr,
        )

    def send(self, method: str, params: Any = None, number: int | None = None) -> None:
        self.write(framed(method, params, number))

    def write(self, data: bytes) -> None:
        self.stdin.write(data)
        self.stdin.flush()

    def answer(self, number: int) -> Any:
        """The answer to that request; whatever comes before is passed over."""
        while True:
            length = 0
            while line := self.stdout.readline().strip():
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            assert length, "the proxy has ended"
            message = json.loads(self.stdout.read(length))
            if message.get("id") == number and "method" not in message:
                return message["result"]

    def initialize(self, **settings: Any) -> Any:
        params = {"processId": None, "rootUri": None, "capabilities": {}, "initializationOptions": settings}
        self.send("initialize", params, 1)
        found = self.answer(1)
        self.send("initialized", {})
        return found

    def end(self) -> tuple[int, str]:
        """Its exit status, and what it said on standard error."""
        status = self.process.wait(20)
        said = self.stderr.read().decode()
        for stream in (self.stdin, self.stdout, self.stderr):
            try:
                stream.close()
            except BrokenPipeError:
                continue
        return status, said


def framed(method: str, params: Any = None, number: int | None = None) -> bytes:
    message = {"jsonrpc": "2.0", "method": method, "params": params}
    body = json.dumps(message | ({} if number is None else {"id": number})).encode()
    return b"Content-Length: %d\r\n\r\n" % len(body) + body


async def test_two_editors_share_a_process_and_its_model() -> None:
    """Each has its own documents, even of one name; the status knows both."""
    async with scripted() as one, scripted() as other:
        await one.ready()
        await other.ready()
        (found,) = processes()
        assert [model["clients"] for model in found["models"]] == [2] and len(found["clients"]) == 2
        one.open(URI, CODE)
        other.open(URI, "x = \n")
        assert [item.insert_text for item in await one.complete(URI, 1, 12)] == [" + b"]
        assert [item.insert_text for item in await other.complete(URI, 0, 4)] == ["1"]


async def test_the_same_document_in_two_editors_is_two_lanes() -> None:
    """A newer request of one editor does not stop the other's."""
    async with scripted(0.2) as one, scripted(0.2) as other:
        for wire in (one, other):
            await wire.ready()
            wire.open(URI, "# a line\n" * 20 + CODE)
        answers = await asyncio.gather(*(wire.complete(URI, 21, 12) for wire in (one, other)))
        assert [[item.insert_text for item in items] for items in answers] == [[" + b"]] * 2


async def test_leaving_ends_neither_the_process_nor_the_model() -> None:
    async with scripted() as one:
        await one.ready()
        async with scripted() as other:
            await completes(other)
        (found,) = processes()
        assert [model["clients"] for model in found["models"]] == [1] and len(found["clients"]) == 1
        await completes(one)


@pytest.mark.parametrize("how", ["between messages", "in a message", "in a header", "while asking"])
async def test_an_editor_that_is_killed_harms_no_other(how: str) -> None:
    async with scripted(0.1) as wire:
        await wire.ready()
        rude = Proxy(*SCRIPTED[:-1], "0.1")
        rude.initialize(model={"name": "qwen2.5-coder-0.5b"}, engine={"savedMb": 0, "ahead": "never"})
        item = {"uri": URI, "languageId": "python", "version": 1, "text": "# a line\n" * 200 + CODE}
        opened = framed("textDocument/didOpen", {"textDocument": item})
        if how == "in a message":
            rude.write(opened[:-100])
        elif how == "in a header":
            rude.write(opened[:12])
        elif how == "while asking":
            rude.write(opened)
            position = {"line": 201, "character": 12}
            params = {"textDocument": {"uri": URI}, "position": position, "context": {"triggerKind": 2}}
            rude.send("textDocument/inlineCompletion", params, 2)
        await asyncio.sleep(0.5)
        assert len(processes()[0]["clients"]) == 2
        rude.process.kill()
        rude.end()
        started = time.monotonic()
        await completes(wire)
        assert time.monotonic() - started < 4  # 60 chunks of the dead one's prompt were left
        await asyncio.to_thread(until, lambda: len(processes()[0]["clients"]) == 1)
        assert [model["clients"] for model in processes()[0]["models"]] == [1]


GARBAGE = {
    "nothing": b"",
    "another protocol": b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "half a greeting": GREETING.encode()[:20],
    "no object": b"[1, 2]\n",
    "an unknown wish": b'{"wants": "cake"}\n',
    "a greeting that lacks something": b'{"wants": "editor"}\n',
    "a line without an end": b"x" * (9 << 20),
    "an editor that says nothing": GREETING.encode() + b"\n",
    "an editor that speaks no JSON": GREETING.encode() + b"\nContent-Length: 5\r\n\r\nabcde",
    "an editor whose message is no message": GREETING.encode() + b"\nContent-Length: 2\r\n\r\n[]",
    "an editor that lies about a length": GREETING.encode() + b"\nContent-Length: 999999999999\r\n\r\n{}",
    "an editor whose header has no end": GREETING.encode() + b"\n" + b"\xff" * (9 << 20),
}


async def test_garbage_on_the_socket_harms_nobody(folder: Path) -> None:
    async with scripted() as wire:
        await wire.ready()
        (path,) = (folder / "codeflow").glob("*.sock")
        for what, data in GARBAGE.items():
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(5)
                connection.connect(str(path))
                try:
                    connection.sendall(data)
                except OSError:  # it was shown the door
                    assert len(data) > 1 << 20, what
                await completes(wire)
        await asyncio.to_thread(until, lambda: len(processes()[0]["clients"]) == 1)


def test_editors_that_start_at_once_end_with_one_process(folder: Path) -> None:
    proxies = [Proxy() for _ in range(4)]
    for proxy in proxies:
        proxy.initialize()
    (found,) = processes()
    assert len(found["clients"]) == len(proxies)
    for proxy in proxies:
        proxy.stdin.close()
        assert proxy.end()[0] == 0
    assert Path(found["log"]).read_text().count(" listens at ") == 1


def test_a_process_that_is_killed_is_told_and_replaced(folder: Path) -> None:
    """Its editors end with a sentence, and a status that has them started again; its socket is in no way."""
    proxy = Proxy()
    proxy.initialize()
    (found,) = processes()
    os.kill(found["pid"], signal.SIGKILL)
    status, said = proxy.end()
    assert status == 1 and f"(pid {found['pid']}) has ended" in said
    assert len(list((folder / "codeflow").glob("*.sock"))) == 1 and processes() == []
    proxy = Proxy()
    proxy.initialize()
    (new,) = processes()
    assert new["pid"] != found["pid"]
    proxy.stdin.close()
    assert proxy.end() == (0, "")


def test_an_idle_process_ends(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Not while an editor is connected that says nothing; then within its time, and it leaves no socket."""
    monkeypatch.setenv("CODEFLOW_SHARED_IDLE_S", "0.4")
    proxy = Proxy()
    proxy.initialize()
    process = psutil.Process(processes()[0]["pid"])
    time.sleep(1.5)
    assert process.is_running() and len(processes()) == 1
    proxy.stdin.close()
    assert proxy.end() == (0, "")
    process.wait(10)
    assert list((folder / "codeflow").glob("*.sock")) == []


def test_stopping_the_process_frees_its_place_at_once() -> None:
    proxy = Proxy()
    proxy.initialize()
    (found,) = processes()
    assert f"process {found['pid']} runs" in command("shared")
    said = command("shared", "stop")
    assert f"process {found['pid']} ends" in said and f"editor  process {proxy.process.pid}" in said
    status, why = proxy.end()
    assert status == 1 and "has ended" in why
    assert json.loads(command("shared", "--json")) == []


def command(*words: str) -> str:
    """What the command line says."""
    ended = subprocess.run([*REAL[:-1], *words], capture_output=True, text=True, timeout=60, check=True)
    return ended.stdout


@pytest.mark.parametrize("how", ["exit", "end of input", "terminated"])
def test_a_proxy_ends_with_its_editor(how: str) -> None:
    proxy = Proxy()
    proxy.initialize()
    if how == "exit":
        proxy.send("shutdown", number=2)
        proxy.answer(2)
        proxy.send("exit")
    elif how == "end of input":
        proxy.stdin.close()
    else:
        proxy.process.terminate()
    assert proxy.end() == (-signal.SIGTERM if how == "terminated" else 0, "")
    until(lambda: processes()[0]["clients"] == [])


def test_a_proxy_imports_nothing_that_takes_time() -> None:
    """pygls, numpy and the like are the process's to import."""
    proxy = Proxy(*REAL)
    proxy.initialize(completion={"enabled": False})
    libraries = {
        Path(one.path).name.partition(".")[0] for one in psutil.Process(proxy.process.pid).memory_maps()
    }
    assert not {name for name in libraries if name.startswith(("_multiarray", "libllama", "_asyncio"))}
    assert psutil.Process(proxy.process.pid).memory_info().rss < 40 << 20
    proxy.stdin.close()
    proxy.end()


@pytest.mark.parametrize("how", ["--alone", "CODEFLOW_SHARED"])
def test_alone_means_alone(how: str, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    if how == "CODEFLOW_SHARED":
        monkeypatch.setenv(how, "0")
    proxy = Proxy(*REAL, *([how] if how == "--alone" else []))
    proxy.initialize(completion={"enabled": False})
    assert processes() == []
    proxy.stdin.close()
    assert proxy.end() == (0, "")


def test_a_folder_that_others_may_enter_is_not_used(folder: Path) -> None:
    """The editor is served all the same, and told why it is alone."""
    (folder / "codeflow").mkdir(0o755)
    proxy = Proxy(*REAL)
    proxy.initialize(completion={"enabled": False})
    proxy.stdin.close()
    status, said = proxy.end()
    assert status == 0 and "a process of its own" in said and "only you may enter" in said
    (folder / "codeflow").rmdir()


def test_the_socket_is_the_users_alone(folder: Path) -> None:
    proxy = Proxy()
    proxy.initialize()
    (path,) = (folder / "codeflow").glob("*.sock")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(Path(processes()[0]["log"]).stat().st_mode) == 0o600
    proxy.stdin.close()
    proxy.end()


def test_another_program_or_environment_has_another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    one = Proxy()
    one.initialize()
    monkeypatch.setenv("CODEFLOW_REMOTE_KEY", "secret")
    other = Proxy()
    other.initialize()
    assert len({found["pid"] for found in processes()}) == 2
    for proxy in (one, other):
        proxy.stdin.close()
        assert proxy.end() == (0, "")


DIFFER = ("CODEFLOW_HOME", "CODEFLOW_REMOTE_KEY", "PIP_INDEX_URL", "https_proxy", "HF_ENDPOINT", "HOME")
AGREE = ("PATH", "VIRTUAL_ENV", "TERM", "CODEFLOW_SHARED", "CODEFLOW_SHARED_IDLE_S", "PWD")


def test_a_name_is_of_all_that_makes_it_another_program(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = place_of(os.environ).name
    assert all(place_of({**os.environ, name: "/elsewhere"}).name != plain for name in DIFFER)
    assert all(place_of({**os.environ, name: "/elsewhere"}).name == plain for name in AGREE)
    monkeypatch.setattr(lsp_server, "__version__", "99.0")
    newer = place_of(os.environ).name
    monkeypatch.setattr(sys, "executable", "/elsewhere/python")
    assert len({plain, newer, place_of(os.environ).name}) == 3


def test_a_place_is_taken_by_one_and_left_for_the_next() -> None:
    place = place_of(os.environ)
    claimed = claim(place)
    assert claimed is not None and claim(place) is None
    claimed[0].close()
    leave(place, claimed[1])
    again = claim(place)
    assert again is not None
    again[0].close()
    leave(place, again[1])


def test_whoever_lost_its_lock_takes_no_socket_from_another() -> None:
    """As when a temporary folder was cleared."""
    place = place_of(os.environ)
    first = claim(place)
    Path(place.lock).unlink()
    second = claim(place)
    assert first and second
    leave(place, first[1])
    connection = connect(place)
    assert connection is not None
    connection.close()
    leave(place, second[1])
    assert connect(place) is None
    first[0].close()
    second[0].close()


def test_a_link_in_the_folders_place_is_not_followed(folder: Path) -> None:
    (folder / "elsewhere").mkdir(0o700)
    (folder / "codeflow").symlink_to(folder / "elsewhere")
    with pytest.raises(NotShared, match="only you may enter"):
        private_folder(os.environ)
    (folder / "codeflow").unlink()


async def test_log_lines_reach_the_editor_that_they_are_of() -> None:
    async with scripted(settings={"nonsense": 1}) as one, scripted() as other:
        await one.ready()
        await other.ready()
        assert any("codeflow.nonsense is no setting" in line for line in one.logged)
        assert not other.logged


@pytest.fixture(scope="session")
def smallest_model() -> str:
    """Its path; looked for before a test has a cache folder of its own."""
    try:
        return str(resolve("smollm2-135m", allow_smaller=False).path)
    except ModelUnavailable as error:
        pytest.skip(str(error))


def held_bytes() -> int:
    """What the process and its proxies hold in memory, what they share counted once."""
    (found,) = processes()
    pids = [found["pid"], *(client["pid"] for client in found["clients"])]
    return sum(psutil.Process(pid).memory_full_info().pss for pid in pids)


@pytest.mark.model
async def test_a_second_editor_costs_no_second_model(smallest_model: str) -> None:
    """Two hold about as much as one did; one of them is killed, and the other goes on."""
    settings = {"completion": {"deadlineMs": 0, "timeoutMs": 90_000}}
    async with editor(model=smallest_model, settings=settings) as wire:
        await wire.ready()
        wire.open(URI, CODE)
        assert await wire.complete(URI, 1, 12)
        one = held_bytes()
        second = Proxy(*REAL)
        second.initialize(model={"name": smallest_model}, engine={"savedMb": 0}, **settings)
        item = {"uri": URI, "languageId": "python", "version": 1, "text": CODE}
        second.send("textDocument/didOpen", {"textDocument": item})
        position = {"line": 1, "character": 12}
        params = {"textDocument": {"uri": URI}, "position": position, "context": {"triggerKind": 1}}
        second.send("textDocument/inlineCompletion", params, 2)
        assert second.answer(2)["items"]
        two = held_bytes()
        assert [model["clients"] for model in processes()[0]["models"]] == [2]
        assert two - one < 50e6
        second.process.kill()
        second.end()
        wire.change(URI, 2, " ", (1, 12))
        assert await wire.complete(URI, 1, 13, trigger=INVOKED) is not None
        await asyncio.to_thread(until, lambda: len(processes()[0]["clients"]) == 1)
