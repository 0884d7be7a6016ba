"""Real Emacsen with the real server: one with the 0.5B, one with a scripted model."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.editors import debian
from tests.editors.emacs.editor import EGLOT, REAL, SCRIPTED, Editor, running

Run = Callable[..., Editor]


@pytest.fixture(scope="session")
def emacs() -> None:
    """Where Emacs is not installed the test is skipped, except in CI."""
    if lacking := debian.lacking(debian.EMACS):
        if os.environ.get("CI"):
            pytest.fail(lacking)
        pytest.skip(lacking)


@pytest.fixture
def run(emacs: None, tmp_path: Path) -> Iterator[Run]:
    """``run(init)``: an Emacs of its own, in an empty repository."""
    with ExitStack() as stack:
        yield lambda init=SCRIPTED + EGLOT: _start(stack, tmp_path, init)


@pytest.fixture(scope="module")
def _scripted(emacs: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    with ExitStack() as stack:
        yield _start(stack, tmp_path_factory.mktemp("scripted"), SCRIPTED + EGLOT)


@pytest.fixture(scope="module")
def _real(emacs: None, small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    del small_model  # it is there
    with ExitStack() as stack:
        yield _start(stack, tmp_path_factory.mktemp("real"), REAL + EGLOT)


@pytest.fixture
def scripted(_scripted: Editor) -> Editor:
    """An Emacs whose model says what tests/scripted_server.py has written down."""
    _scripted.press("Escape", "Escape", "Escape")
    return _scripted


@pytest.fixture
def real(_real: Editor) -> Editor:
    """An Emacs with eglot, the 0.5B and the settings that everybody begins with."""
    _real.press("Escape", "Escape", "Escape")
    return _real


def _start(stack: ExitStack, place: Path, init: str) -> Editor:
    folder = place / "work"
    folder.mkdir()
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    return stack.enter_context(running(folder, place / "home", init))
