"""Real editors: found, started, and looked at when a test fails. Nothing here runs but by ``-m editors``."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.editors.vscode import install
from tests.editors.vscode.code_server import ROOT, install_extension, running
from tests.editors.vscode.window import ARGUMENTS, Window, window

EXTENSION = ROOT / "extension"
EVIDENCE = Path(tempfile.gettempdir()) / "codeflow-editors"
OpenWindow = Callable[..., AbstractContextManager[Window]]

_open: list[Window] = []  # what is on the screen now, for the evidence of a failure


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Minutes each: left out unless the marker is named."""
    if "editors" in (config.getoption("markexpr") or ""):
        return
    here = Path(__file__).parent
    left_out = [item for item in items if here in item.path.parents]
    items[:] = [item for item in items if here not in item.path.parents]
    config.hook.pytest_deselected(items=left_out)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """On a failure, what stood on the screen and in the log."""
    report: Any = yield
    if report.failed:
        for number, one in enumerate(_open):
            folder = EVIDENCE / re.sub(r"[^\w.-]+", "-", f"{item.path.stem}-{item.name}-{report.when}")
            folder.mkdir(parents=True, exist_ok=True)
            one.screenshot(folder / f"screen-{number}.png")
            (folder / f"log-{number}.txt").write_text(one.host.log())
            report.sections.append(("what the editor showed", str(folder)))
    return report


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium; without one, or without code-server, the tests are skipped, except in CI."""
    if lacking := install.missing():
        if os.environ.get("CI"):
            pytest.fail(lacking)
        pytest.skip(lacking)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=install.chromium(), args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def vsix() -> Path:
    """The extension as it is installed: CODEFLOW_VSIX, or what `make vsix` made of these sources."""
    if named := os.environ.get("CODEFLOW_VSIX"):
        return Path(named)
    found = max(EXTENSION.glob("*.vsix"), key=lambda file: file.stat().st_mtime, default=None)
    sources = [EXTENSION / "package.json", *(EXTENSION / "src").rglob("*.ts")]
    if found is None or found.stat().st_mtime < max(file.stat().st_mtime for file in sources):
        pytest.fail("`make vsix` first: there is no .vsix, or it is older than its sources")
    return found


@pytest.fixture(scope="session")
def vscode(
    browser: Browser, vsix: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., AbstractContextManager[Window]]:
    """``vscode(folder, settings, env, home)``: a window on a folder, in a code-server of its own."""
    extensions = install_extension(vsix, tmp_path_factory.mktemp("install"))

    @contextmanager
    def opened(
        folder: Path,
        settings: Mapping[str, Any] | None = None,
        env: Mapping[str, str | None] | None = None,
        home: Path | None = None,
    ) -> Iterator[Window]:
        own = home or tmp_path_factory.mktemp("code-server")
        with running(own, extensions, settings, env) as host, window(browser, host, folder) as found:
            _open.append(found)
            try:
                yield found
            finally:
                _open.remove(found)

    return opened
