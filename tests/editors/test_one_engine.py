"""Two Neovims and a VS Code on one machine: one process holds the model once, for all of them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from lsp_server.shared_command import ask_all
from tests.editors.nvim import install as neovims
from tests.editors.vscode.code_server import ROOT, CodeServer
from tests.editors.vscode.window import Window
from tests.editors.vscode.workspaces import PRICES, line_of, write

pytestmark = [pytest.mark.editors, pytest.mark.model, pytest.mark.timeout(600)]
DOCSTRING = '    """The sum of all prices."""'
LITTLE = 200e6  # bytes: what an editor's server holds without a model of its own


class Typist:
    """A Neovim in another process; pynvim and playwright do not share one."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def said(self) -> str:
        """The next line."""
        assert self._process.stdout
        line = self._process.stdout.readline().strip()
        assert line, "the Neovim has ended"
        return line

    def type(self, name: str) -> int:
        """A function in a new file; how many keys were followed by ghost text."""
        assert self._process.stdin
        self._process.stdin.write(f"{name}\n")
        self._process.stdin.flush()
        return int(self.said())


@contextmanager
def typist(version: str, place: Path, user: CodeServer) -> Iterator[Typist]:
    """A Neovim with the model open, of the same user as a VS Code."""
    write(place / "work", {".gitignore": ""})
    where = (neovims.neovim(version), place / "work", place / "own", user.home, user.codeflow_home)
    command = [sys.executable, "-m", "tests.editors.nvim.typist", *map(str, where)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        one = Typist(process)
        assert one.said() == "ready"
        yield one
        assert process.stdin
        process.stdin.close()
        process.wait(30)


def shared_process(codeflow_home: Path) -> dict[str, Any]:
    """What the one that serves these editors says of itself."""
    (found,) = (one for one in ask_all("status") if Path(one["log"]).is_relative_to(codeflow_home))
    return found


def test_three_editors_share_one_model(
    vscode: Callable[..., AbstractContextManager[Window]],
    tmp_path: Path,
    record_property: Callable[[str, object], None],
):
    """The second and the third add next to nothing to the process's memory, and each gets its ghost text."""
    if lacking := neovims.missing():
        if os.environ.get("CI"):
            pytest.fail(lacking)
        pytest.skip(lacking)
    older, newer = neovims.NEOVIMS
    with vscode(write(tmp_path / "shop", {"prices.py": PRICES})) as window:
        window.ready()
        window.open("prices.py", line_of(PRICES, DOCSTRING), len(DOCSTRING) + 1)
        window.press("Enter")
        window.type("return sum(")
        assert window.wait_for_ghost_text()
        alone = shared_process(window.host.codeflow_home)
        with (
            typist(older, tmp_path / "older", window.host) as one,
            typist(newer, tmp_path / "newer", window.host) as other,
        ):
            assert one.type("one.py") and other.type("other.py")
            found = shared_process(window.host.codeflow_home)
            window.type("p")
            assert window.wait_for_ghost_text()
            memory = [psutil.Process(client["pid"]).memory_info().rss for client in found["clients"]]
    assert found["pid"] == alone["pid"]
    assert len(found["clients"]) == 3
    assert [model["clients"] for model in found["models"]] == [3]
    grown = found["memory_bytes"] - alone["memory_bytes"]
    assert grown < 2 * LITTLE and max(memory) < LITTLE
    told = {
        "the process": f"{alone['memory_bytes'] / 1e6:.0f} MB with one editor, {grown / 1e6:+.0f} with three",
        "a proxy": f"{max(memory) / 1e6:.0f} MB",
    }
    for name, said in told.items():
        record_property(name, said)
        print(f"{name}: {said}")
