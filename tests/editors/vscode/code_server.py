"""One code-server with an extension installed, alone with its settings, extensions, HOME, models and port.

Starts it in a folder of its own and ends it with all that it started. Knows nothing of the browser that
shows it.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from engine.catalog.store import models_dir
from tests.editors.vscode.install import NODE, code_server

ROOT = Path(__file__).resolve().parents[3]
SERVER = ROOT / ".venv" / "bin" / "codeflow-lsp"
SOON_IDLE = {"CODEFLOW_SHARED_IDLE_S": "2"}  # the model of a test that is over takes no memory from the next
MODEL = "qwen2.5-coder-0.5b"
STARTS_WITHIN_S = 60  # 0.7 s on an idle machine
ENDS_WITHIN_S = 10
OPTIONS = (
    "--auth=none",
    "--disable-workspace-trust",
    "--disable-telemetry",
    "--disable-update-check",
    "--disable-getting-started-override",
)


@dataclass(frozen=True)
class CodeServer:
    """A code-server that runs. ``folder`` holds all that it keeps."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes]

    @property
    def home(self) -> Path:
        """The user's HOME."""
        return self.folder / "home"

    @property
    def codeflow_home(self) -> Path:
        """Where CodeFlow has its models and all else that it keeps."""
        return self.folder / "codeflow"

    def log(self) -> str:
        """The extension's output channel, and below it what code-server itself printed."""
        files = sorted((self.folder / "user" / "logs").rglob("codeflow.codeflow-lsp/*.log"))
        return "\n".join(
            f"== {file}\n{file.read_text(errors='replace')}"
            for file in [*files, self.folder / "code-server.log"]
        )

    def language_servers(self) -> list[psutil.Process]:
        """The language servers that the extension runs."""
        return [one for one in _below(self.process.pid) if _is_server(_command(one))]


def install_extension(vsix: Path, folder: Path) -> Path:
    """A folder of extensions with that one in it, to be copied by each code-server."""
    extensions = folder / "extensions"
    command = [*_program(folder, extensions), "--install-extension", str(vsix)]
    done = subprocess.run(command, env=_env(folder, {}), capture_output=True, text=True, check=False)
    if done.returncode or not any(extensions.glob("codeflow.codeflow-lsp-*")):
        raise RuntimeError(f"{vsix} could not be installed: {done.stdout}{done.stderr}")
    return extensions


@contextmanager
def running(
    folder: Path,
    extensions: Path,
    settings: Mapping[str, Any] | None = None,
    env: Mapping[str, str | None] | None = None,
) -> Iterator[CodeServer]:
    """A code-server with VS Code's default settings, but for the server, the model and ``settings``.

    ``env`` is added to the environment; None takes a variable away. The models are those of this machine,
    unless ``folder`` has its ``codeflow/models`` already. What an earlier code-server kept there stays.
    """
    if not (folder / "extensions").exists():
        shutil.copytree(extensions, folder / "extensions")
    own = {
        "codeflow.server.path": str(SERVER),
        "codeflow.model.name": MODEL,
        "files.autoSave": "off",  # the default of a VS Code that is not in a browser
        **(settings or {}),
    }
    (folder / "user" / "User").mkdir(parents=True, exist_ok=True)
    (folder / "user" / "User" / "settings.json").write_text(json.dumps(own))
    if not (folder / "codeflow" / "models").exists():
        link_models(folder / "codeflow" / "models")
    port = _free_port()
    command = [*_program(folder, folder / "extensions"), f"--bind-addr=127.0.0.1:{port}"]
    with (folder / "code-server.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            env=_env(folder, env or {}),
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )
        try:
            _wait_for(port, process, folder / "code-server.log")
            yield CodeServer(folder, port, process)
        finally:
            _end(process)


def link_models(folder: Path) -> None:
    """The models of this machine with their proofs, but nothing else that is kept."""
    folder.mkdir(parents=True)
    for file in models_dir().iterdir():
        (folder / file.name).symlink_to(file)


def _program(folder: Path, extensions: Path) -> list[str]:
    return [
        str(NODE),
        str(code_server()),
        *OPTIONS,
        f"--user-data-dir={folder / 'user'}",
        f"--extensions-dir={extensions}",
        f"--config={folder / 'config.yaml'}",
    ]


def _env(folder: Path, more: Mapping[str, str | None]) -> dict[str, str]:
    home = folder / "home"
    home.mkdir(parents=True, exist_ok=True)
    left_out = ("VIRTUAL_ENV", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "PYTHONPATH")
    kept = {name: value for name, value in os.environ.items() if name not in left_out}
    wanted = {"HOME": str(home), "CODEFLOW_HOME": str(folder / "codeflow"), **SOON_IDLE, **more}
    return {name: value for name, value in {**kept, **wanted}.items() if value is not None}


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(
        f"code-server did not start within {STARTS_WITHIN_S} s:\n{log.read_text(errors='replace')}"
    )


def _below(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _is_server(command: list[str]) -> bool:
    return "--stdio" in command and any(Path(part).name == "codeflow-lsp" for part in command)


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []  # it ended just now


def _end(process: subprocess.Popen[bytes]) -> None:
    """With all that it started: extension hosts, language servers, installers."""
    started = _below(process.pid)
    process.terminate()
    for one in started:
        try:
            one.terminate()
        except psutil.NoSuchProcess:
            continue
    _, alive = psutil.wait_procs(started, timeout=ENDS_WITHIN_S)
    for one in alive:
        one.kill()
    try:
        process.wait(ENDS_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
