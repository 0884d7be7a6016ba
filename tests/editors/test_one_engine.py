"""Two Neovims of one user: one process has the model, once, and each editor its ghost text."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from lsp_server.shared_command import ask_all
from tests.editors.nvim import install
from tests.editors.nvim.editor import INIT, running
from tests.editors.vscode.code_server import link_models

pytestmark = [pytest.mark.editors, pytest.mark.model, pytest.mark.timeout(900)]

BEFORE = 'import math\n\n\ndef area(radius):\n    """The area of a circle."""\n    return '
PROXY_BYTES = 40 << 20


@pytest.fixture
def user(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """What the editors of one user have in common. The folder's path is short, as a socket's has to be."""
    folder = Path(tempfile.mkdtemp(prefix="codeflow-"))
    link_models(folder / "home" / "models")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    yield {
        "HOME": str(folder),
        "CODEFLOW_HOME": str(folder / "home"),
        "XDG_RUNTIME_DIR": str(folder),
        "CODEFLOW_SHARED_IDLE_S": "30",
    }
    psutil.wait_procs([psutil.Process(one["pid"]) for one in ask_all("end")], timeout=30)
    shutil.rmtree(folder, ignore_errors=True)  # code-server may still write below its HOME


def test_two_editors_have_one_copy_of_the_model(user: dict[str, str], tmp_path: Path) -> None:
    """Measured while both show ghost text: the second costs a proxy and what is its own."""
    if lacking := install.missing():
        pytest.skip(lacking)
    held: list[int] = []
    with ExitStack() as stack:
        for number, version in enumerate(install.NEOVIMS):
            folder = tmp_path / f"work-{number}"
            folder.mkdir()
            program, home = install.neovim(version), tmp_path / f"home-{number}"
            editor = stack.enter_context(running(program, folder, home, INIT, user))
            editor.insert("area.py", BEFORE + "|\n")
            editor.wait_for_ghost_text()
            held.append(held_bytes())
        (found,) = ask_all("status")
        print("held by one editor's process and by two editors':", [round(one / 1e6) for one in held], "MB")
        assert [model["clients"] for model in found["models"]] == [2] and len(found["clients"]) == 2
        for client in found["clients"]:
            assert psutil.Process(client["pid"]).memory_info().rss < PROXY_BYTES
        assert held[1] < held[0] * 1.2


def held_bytes() -> int:
    """Of the process that has the model."""
    (found,) = ask_all("status")
    return psutil.Process(found["pid"]).memory_full_info().pss
