"""The real server process with the real 0.5B: what a user gets."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from pygls.exceptions import JsonRpcException

from tests.lsp_client import editor

WORKSPACE = Path(__file__).parents[1] / "workspace"
pytestmark = pytest.mark.model


async def test_ghost_text_in_a_real_file(small_model: Path):
    file = WORKSPACE / "store" / "cart.py"
    text = file.read_text()
    line = next(i for i, one in enumerate(text.splitlines()) if "return sum()" in one)
    settings = {"context": {"budgetTokens": 1800}, "completion": {"deadlineMs": 0, "timeoutMs": 90_000}}
    async with editor(model=str(small_model), folders=[WORKSPACE.as_uri()], settings=settings) as wire:
        status = await wire.ready()
        assert status.state == "ready" and status.fillsIn
        wire.open(file.as_uri(), text)
        assert await wire.request("codeflow/contextReady", {"uri": file.as_uri(), "line": line})
        (item,) = await wire.complete(file.as_uri(), line, len("        return sum("))
        assert "amount()" in str(item.insert_text) and str(item.insert_text).endswith(")")
        cost = await wire.account(item)
        wire.change(file.as_uri(), 2, "(", (line, len("        return sum(")))
        await wire.complete(file.as_uri(), line, len("        return sum(("))
        warm = await wire.request("codeflow/lastAccount")
        assert warm.cached_tokens > 0.95 * cost.prompt_tokens


async def test_cancelling_a_long_prefill_frees_the_engine(small_model: Path):
    settings = {
        "context": {"budgetTokens": 4000, "disabledSources": ["all"]},
        "completion": {"deadlineMs": 0},
    }
    uri = "file:///project/long.py"
    async with editor(model=str(small_model), settings=settings) as wire:
        await wire.ready()
        wire.open(uri, "value = compute(previous, following)\n" * 900 + "x = \n")
        request = wire.ask(uri, 900, 4, request_id="cancel-me")
        await asyncio.sleep(1.0)
        wire.cancel("cancel-me")
        with pytest.raises(JsonRpcException):
            await request
        wire.open("file:///project/short.py", "def add(a, b):\n    return \n")
        assert await wire.complete("file:///project/short.py", 1, 11)
        assert (await wire.request("codeflow/lastAccount")).queue_ms < 500


def run(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lsp_server.cli", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=120, env=os.environ | env, check=False
    )


def test_one_shot_completion(small_model: Path):
    file = WORKSPACE / "web" / "format.ts"
    line = file.read_text().splitlines().index("  ")
    place = ("--line", str(line), "--character", "2", "--model", str(small_model))
    answer = json.loads(run("complete", str(file), *place, "--json").stdout)
    assert answer["items"][0]["insertText"].startswith("return ")
    assert answer["account"]["prompt_tokens"] > 50
    assert "return " in run("complete", str(file), *place).stdout


def test_doctor(small_model: Path):
    found = json.loads(run("doctor", "--json", "--model", str(small_model)).stdout)
    assert found["model"]["prefill_tokens_per_s"] > 1
    assert found["machine"]["cores"] >= 1
    assert run("doctor", "--model", str(small_model)).returncode == 0


def test_errors_are_sentences_without_a_traceback(tmp_path: Path):
    for arguments in (
        ("complete", str(tmp_path / "missing.py"), "--line", "0", "--character", "0"),
        ("complete", __file__, "--line", "0", "--character", "0", "--model", "no-such-model"),
        ("complete", __file__, "--line", "0", "--character", "0", "--model", str(tmp_path / "no.gguf")),
        ("models", "pull", "no-such-model"),
    ):
        done = run(*arguments)
        assert done.returncode == 1 and done.stderr.strip() and "Traceback" not in done.stderr


async def test_a_model_that_cannot_be_had_is_told_and_the_server_lives(tmp_path: Path):
    async with editor(model=str(tmp_path / "no.gguf")) as wire:
        status = await wire.ready()
        assert status.state == "error" and "no.gguf" in status.message
        wire.open("file:///project/a.py", "x = \n")
        assert await wire.complete("file:///project/a.py", 0, 4) == []


def test_starting_is_cheap():
    """``--version`` imports no model library, and the server none of torch."""
    code = (
        "import sys\n"
        "from lsp_server.cli import main\n"
        "try: main(['--version'])\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'transformers', 'llama_cpp', 'numpy', 'pygls', 'rich', 'huggingface_hub'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    code = (
        "import sys, lsp_server.server, engine.engine, engine.llama.opening\n"
        "lsp_server.server.create_server()\n"
        "print(sorted({'torch', 'transformers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
