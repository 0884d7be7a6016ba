"""What goes wrong in VS Code, and how it ends well: a server that dies, a model missing or damaged."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from engine.catalog import find_entry, resolve
from tests.editors.vscode.model_home import DAMAGE, index_with, model_home
from tests.editors.vscode.window import Window
from tests.editors.vscode.workspaces import PRICES, line_of, write

pytestmark = [pytest.mark.editors, pytest.mark.model, pytest.mark.timeout(600)]
OpenWindow = Callable[..., AbstractContextManager[Window]]

SMALL = "smollm2-135m"
DOCSTRING = '    """The sum of all prices."""'


def type_in_total(window: Window) -> str:
    """Begin the body of `total`; the ghost text."""
    window.open("prices.py", line_of(PRICES, DOCSTRING), len(DOCSTRING) + 1)
    window.press("Enter")
    window.type("return sum(")
    return window.wait_for_ghost_text()


def test_a_server_that_is_killed_comes_back(vscode: OpenWindow, tmp_path: Path):
    """Nobody has to do anything: it is started again, knows the unsaved text, and suggests as before."""
    with vscode(write(tmp_path / "shop", {"prices.py": PRICES})) as window:
        window.ready()
        assert type_in_total(window)
        window.press("Escape")
        (server,) = window.host.language_servers()
        server.kill()
        window.wait_for_status("starting")
        window.ready()
        assert [one.pid for one in window.host.language_servers()] != [server.pid]
        window.type("p")
        assert window.wait_for_ghost_text()
        window.press("Escape")
        assert "    return sum(p)\n" in window.text("prices.py")


@pytest.mark.parametrize("how", DAMAGE)
def test_a_model_that_is_missing_or_damaged_is_told_and_mended(how: str, vscode: OpenWindow, tmp_path: Path):
    """The status item says what is the matter; its menu has what mends it, and then there is ghost text."""
    entry = find_entry(SMALL)
    real = resolve(SMALL, allow_smaller=False).path
    index = index_with(real, tmp_path / "index")
    home = model_home(tmp_path / "home", entry, real, how)
    env = {name: None for name in os.environ if name.startswith("PIP_")} | {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(index),
        "HF_HUB_OFFLINE": "1",
    }
    settings = {"codeflow.model.name": SMALL, "codeflow.model.download": False}
    with vscode(write(tmp_path / "shop", {"n.py": "numbers = [1, 2, 3, 4\n"}), settings, env, home) as window:
        said = window.wait_for_status("error").message
        assert ("is not on this machine" if how == "missing" else "is damaged") in said
        window.open_menu()
        window.choose("Download Model")
        window.ready()
        window.open("n.py", 1, len("numbers = [1, 2, 3, 4") + 1)
        window.type(",")
        assert window.wait_for_ghost_text()
