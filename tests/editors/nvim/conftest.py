"""Real Neovims with the real server: one of each version with the 0.5B, one with a scripted model."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.editors.nvim import install
from tests.editors.nvim.editor import INIT, SCRIPTED, Editor, running

Run = Callable[..., Editor]


@pytest.fixture(scope="session", params=list(install.NEOVIMS))
def version(request: pytest.FixtureRequest) -> str:
    """Each version of Neovim; where one is not installed the test is skipped, except in CI."""
    if lacking := install.missing():
        if os.environ.get("CI"):
            pytest.fail(lacking)
        pytest.skip(lacking)
    return request.param


@pytest.fixture
def run(version: str, tmp_path: Path) -> Iterator[Run]:
    """``run(init, env)``: a Neovim of its own, in an empty repository."""
    with ExitStack() as stack:

        def started(init: str = SCRIPTED, env: dict[str, str] | None = None) -> Editor:
            return _start(stack, version, tmp_path, init, env)

        yield started


@pytest.fixture(scope="session")
def _scripted(version: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    with ExitStack() as stack:
        yield _start(stack, version, tmp_path_factory.mktemp("scripted"), SCRIPTED)


@pytest.fixture(scope="session")
def _real(version: str, small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    del small_model  # it is there
    with ExitStack() as stack:
        yield _start(stack, version, tmp_path_factory.mktemp("real"), INIT)


@pytest.fixture
def scripted(_scripted: Editor) -> Editor:
    """A Neovim whose model says what tests/scripted_server.py has written down."""
    _scripted.clean()
    return _scripted


@pytest.fixture
def real(_real: Editor) -> Editor:
    """A Neovim with the 0.5B and the settings that everybody begins with."""
    _real.clean()
    return _real


def _start(
    stack: ExitStack, version: str, place: Path, init: str, env: dict[str, str] | None = None
) -> Editor:
    folder = place / "work"
    folder.mkdir()
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    return stack.enter_context(running(install.neovim(version), folder, place / "home", init, env))
