"""`codeflow-lsp serve` as a process with the real 0.5B, asked by the client that asks teams' servers, and as
Zed asks."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.engine import Engine
from engine.errors import RemoteError
from engine.remote.address import parse_address
from engine.remote.opening import open_remote
from engine.remote.request_runner import RemoteRunner
from engine.request import FinishReason, GenerationRequest

pytestmark = pytest.mark.model
COMMAND = [sys.executable, "-m", "lsp_server.cli", "serve", "--http", "127.0.0.1:0"]


@contextmanager
def serving(*arguments: str) -> Iterator[tuple[str, str, subprocess.Popen[str]]]:
    """Address, what is said of the token, and the process."""
    with subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            address = token = ""
            for line in process.stdout:
                if " answers at " in line:
                    address = line.split(" answers at ")[1].split(",")[0]
                elif line.startswith("token: "):
                    token = line.removeprefix("token: ").strip()
                    break
            assert address and token, "it ended"
            yield address, token, process
        finally:
            process.terminate()


def test_our_own_client_is_answered(small_model: Path) -> None:
    """It finds name, markers and room, streams, and stops in the middle; without the token it is refused."""
    del small_model
    with serving("--model", "qwen2.5-coder-0.5b") as (url, token, process):
        with pytest.raises(RemoteError, match="401"):
            open_remote(parse_address(url), "")
        engine = Engine(lambda: open_remote(parse_address(url), token), open_decoder=RemoteRunner)
        try:
            model = engine.opened.result(120)
            assert model.name == "qwen2.5-coder-0.5b" and model.context_tokens == 4096
            assert model.markers.prefix == "<|fim_prefix|>"
            prompt = model.pieces.encode("# numbers from one to fifty\nnumbers = [1, 2, 3, 4, 5, 6,")
            request = GenerationRequest(prompt, max_tokens=32, stop_when=lambda text: "9" in text)
            found = engine.submit(request).result.result(120)
            assert found.finish is FinishReason.STOPPED and found.candidates[0].text.startswith(" 7, 8, 9")
            handle = engine.submit(GenerationRequest(prompt, max_tokens=2000), lambda _: handle.cancel())
            assert handle.result.result(120).finish is FinishReason.CANCELLED
            found = engine.submit(GenerationRequest(prompt, max_tokens=8)).result.result(120)
            assert found.candidates[0].text.startswith(" 7, 8") and found.timings.cached_tokens > 0
        finally:
            engine.close()
        process.terminate()
        assert process.wait(30) == 0


def test_zed_is_answered(small_model: Path, tmp_path: Path) -> None:
    """What Zed sends for Qwen's models: their markers, four stops, no stream; the token is in a file."""
    del small_model
    kept = tmp_path / "token"
    with serving("--model", "qwen2.5-coder-0.5b", "--token-file", str(kept)) as (url, said, _):
        assert said == f"the one in {kept}"
        before, after = "def add(a, b):\n    retu", "\n\n\nprint(add(1, 2))\n"
        body = {
            "model": "qwen2.5-coder:0.5b",
            "prompt": f"<|fim_prefix|>{before}<|fim_suffix|>{after}<|fim_middle|>",
            "max_tokens": 64,
            "temperature": None,
            "stop": ["<|endoftext|>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>"],
            "environment": None,
        }
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {kept.read_text().strip()}"}
        asked = urllib.request.Request(f"{url}/completions", json.dumps(body).encode(), headers)  # noqa: S310
        with urllib.request.urlopen(asked, timeout=120) as answer:  # noqa: S310
            found = json.loads(answer.read())
        assert found["choices"][0]["text"].startswith("rn a + b")
        assert found["usage"]["total_tokens"] > found["usage"]["completion_tokens"] > 0
