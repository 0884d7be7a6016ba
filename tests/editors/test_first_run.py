"""The set-up from nothing: no server, no model, no environment; a Python and a package index only."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.editors.vscode.code_server import ROOT
from tests.editors.vscode.window import Window
from tests.editors.vscode.workspaces import PRICES, line_of, write

SET_UP_WITHIN_S = 45 * 60  # llama.cpp is compiled where no compiled one fits
MODEL_WITHIN_S = 20 * 60
pytestmark = [
    pytest.mark.editors,
    pytest.mark.first_run,
    pytest.mark.timeout(SET_UP_WITHIN_S + MODEL_WITHIN_S),
]

OFFER = "CodeFlow needs its server"
DOCSTRING = '    """The sum of all prices."""'


def path_without_codeflow() -> str:
    """The PATH without the environment that the tests run in."""
    kept = [one for one in os.environ["PATH"].split(os.pathsep) if not Path(one).is_relative_to(ROOT)]
    return os.pathsep.join(kept)


def pip_configuration() -> dict[str, str | None]:
    """Where this machine's package index is said, which a new HOME would hide."""
    own = Path.home() / ".config" / "pip" / "pip.conf"
    return {"PIP_CONFIG_FILE": str(own)} if own.is_file() else {}


def test_from_nothing_to_the_first_ghost_text(
    vscode: Callable[..., AbstractContextManager[Window]], tmp_path: Path
):
    """One click, and some minutes later there is ghost text; what each part took is printed."""
    began = time.monotonic()

    def tell(what: str) -> None:
        print(f"{time.monotonic() - began:7.1f} s  {what}", flush=True)

    home = tmp_path / "home"
    (home / "codeflow" / "models").mkdir(parents=True)  # no models but what is downloaded
    settings = {"codeflow.server.path": ""}
    env = {"PATH": path_without_codeflow(), **pip_configuration()}
    with vscode(write(tmp_path / "shop", {"prices.py": PRICES}), settings, env, home) as window:
        window.wait_for_status("missing")
        tell("the extension says that its server is missing")
        window.press_button(OFFER, "Set Up")
        window.wait_for_status("downloading")
        tell("the set-up has begun")
        seen: set[str] = set()

        def installed() -> bool:
            now = window.status()
            assert now is not None and now.state not in ("missing", "error"), now
            step = re.split(r" \d| \(", now.message)[0]  # without how far it is
            if step not in seen:
                seen.add(step)
                tell(now.message)
            return now.state == "ready"

        window.until(installed, "a server and a model", SET_UP_WITHIN_S + MODEL_WITHIN_S)
        window.open("prices.py", line_of(PRICES, DOCSTRING), len(DOCSTRING) + 1)
        window.press("Enter")
        window.type("return sum(")
        ghost = window.wait_for_ghost_text()
        tell(f"ghost text: {ghost!r}")
        (server,) = window.host.language_servers()
        assert str(window.host.folder) in " ".join(server.cmdline())
