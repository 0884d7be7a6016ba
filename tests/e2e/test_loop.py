"""The real language server with a checkpoint in the published layout, run by the loop engine on a CPU."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.engine.loop.checkpoints import saying
from tests.lsp_client import INVOKED, editor

URI, TEXT = "file:///project/area.py", "def add(a, b):\n    return \n\n\nprint(add(1, 2))\n"
COMMAND = [sys.executable, "-m", "lsp_server.cli", "--stdio", "--backend", "loop"]


def loop(**more: Any) -> dict[str, Any]:
    return {"completion": {"deadlineMs": 0, "timeoutMs": 60_000}, **more}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saying(tmp_path_factory.mktemp("checkpoint"), " a + b").folder


async def test_ghost_text_from_a_checkpoint(folder: Path) -> None:
    """With fill-in-the-middle by the published markers; reused while typing; several when invoked."""
    async with editor(model=str(folder), settings=loop(), command=COMMAND) as wire:
        status = await wire.ready()
        assert status.state == "ready", status.message
        assert status.fillsIn and "on the processor in float32" in status.reason
        wire.open(URI, TEXT)
        (item,) = await wire.complete(URI, 1, 11)
        assert str(item.insert_text) == "a + b"
        cost = await wire.account(item)
        assert cost.source == "model" and cost.generated_tokens > 1
        wire.change(URI, 2, "x", (1, 11))
        again = await wire.complete(URI, 1, 12, trigger=INVOKED)
        assert again and (await wire.account(again[0])).cached_tokens > cost.prompt_tokens // 2


def relabelled(folder: Path, to: Path) -> None:
    """A copy whose config.json hides that it is a loop model."""
    shutil.copytree(folder, to, dirs_exist_ok=True)
    raw = json.loads((folder / "config.json").read_text())
    (to / "config.json").write_text(json.dumps(raw | {"model_type": "llama", "loop_num": 1}))


async def test_a_checkpoint_that_cannot_be_opened_is_a_sentence_and_the_server_lives(
    folder: Path, tmp_path: Path
) -> None:
    relabelled(folder, tmp_path)
    async with editor(model=str(tmp_path), settings=loop(), command=COMMAND) as wire:
        status = await wire.ready()
        assert status.state == "error" and "gates of a Loop model" in status.message
        wire.open(URI, TEXT)
        assert await wire.complete(URI, 1, 11) == []


@pytest.mark.parametrize(
    ("backend", "model", "sentence"),
    [
        ("loop", "auto", "model.name names no model for it"),
        ("llama", "", "is a folder of safetensors, which loop runs"),
        ("remote", "", "remote.url names no server"),
    ],
)
async def test_a_backend_that_cannot_run_the_model_says_so(
    backend: str, model: str, sentence: str, folder: Path
) -> None:
    command = [*COMMAND[:-1], backend]
    async with editor(model=model or str(folder), settings=loop(), command=command) as wire:
        status = await wire.ready()
        assert status.state == "error" and sentence in status.message


async def test_doctor_says_where_a_checkpoint_would_run(folder: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "lsp_server.cli", "doctor", "--json", "--model", str(folder)),
        stdout=asyncio.subprocess.PIPE,
    )
    found = json.loads((await process.communicate())[0])
    assert process.returncode == 0
    assert found["model"]["loops"] == 2
    assert "8,192 tokens of context" in found["model"]["fits_in_full"]
    assert found["gpu"]["found"] == "none" or found["gpu"]["loop_engine"]


async def test_a_question_is_answered_in_pieces_and_as_a_whole(folder: Path) -> None:
    """Through the checkpoint's own chat template; what it says of a role without a model of its own."""
    async with editor(model=str(folder), settings=loop(), command=COMMAND) as wire:
        await wire.ready()
        wire.open(URI, TEXT)
        asked = {"question": "What is it?", "uri": URI, "role": "thinking", "partialResultToken": "here"}
        found = await wire.request("codeflow/ask", asked)
        assert found.text == " a + b" and found.finish == "end of text"
        assert found.model == folder.name and found.generatedTokens > 1
        values: list[Any] = [one.value for one in wire.progress if one.token == "here"]  # noqa: S105
        pieces = [value["text"] for value in values]
        assert "".join(pieces) == found.text and len(pieces) > 1


async def test_the_thinking_role_has_a_model_of_its_own(folder: Path, tmp_path: Path) -> None:
    other = saying(tmp_path / "thinker", " b - a").folder
    settings = loop(model={"name": str(folder), "thinking": str(other)})
    async with editor(model=str(folder), settings=settings, command=COMMAND) as wire:
        await wire.ready()
        answers = [
            await wire.request("codeflow/ask", {"question": "?", "role": role})
            for role in ("instruct", "thinking", "instruct")
        ]
        assert [one.text for one in answers] == [" a + b", " b - a", " a + b"]
        settings["model"]["thinking"] = str(tmp_path / "nowhere")
        wire.configure({**settings, "engine": {"savedMb": 0}})
        found = await wire.request("codeflow/ask", {"question": "?", "role": "thinking"})
        assert "There is no file" in found.error
