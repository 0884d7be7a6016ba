"""The real language server with a server's model in place of one of its own: a real one, and bad ones."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.engine import Engine
from engine.remote.address import parse_address
from engine.remote.opening import open_remote
from engine.remote.request_runner import RemoteRunner
from engine.request import FinishReason, GenerationRequest
from tests.benchmarks.llama_vim.server import Server
from tests.engine.scripted_http import Exchange, serving
from tests.lsp_client import INVOKED, editor

URI, TEXT = "file:///project/area.py", "def add(a, b):\n    return \n\n\nprint(add(1, 2))\n"


@pytest.fixture(scope="module")
def llama_server(small_model: Path) -> Iterator[str]:
    """The address of llama.cpp's server with the 0.5B."""
    server = Server(small_model, threads=2)
    try:
        yield server.address
    finally:
        server.close()


def remote(url: str, **more: Any) -> dict[str, Any]:
    return {"remote": {"url": url, **more}, "completion": {"deadlineMs": 0, "timeoutMs": 60_000}}


@pytest.mark.model
async def test_ghost_text_from_a_real_server(llama_server: str) -> None:
    """With fill-in-the-middle, whose markers the server's tokenizer told; and several when invoked."""
    async with editor(settings=remote(llama_server)) as wire:
        status = await wire.ready()
        assert status.state == "ready", status.message
        assert status.fillsIn and llama_server in status.reason
        wire.open(URI, TEXT)
        (item,) = await wire.complete(URI, 1, 11)
        assert str(item.insert_text) == "a + b"
        cost = await wire.account(item)
        assert cost.source == "model" and cost.generated_tokens > 0
        assert await wire.complete(URI, 1, 4 + 3, trigger=INVOKED) is not None


@pytest.mark.model
def test_a_real_server_streams_counts_and_stops(llama_server: str) -> None:
    """Its tokens are about our pieces; an answer that is cut short leaves it ready for the next."""
    engine = Engine(lambda: open_remote(parse_address(llama_server), ""), open_decoder=RemoteRunner)
    try:
        model = engine.opened.result(60)
        assert model.markers.prefix == "<|fim_prefix|>" and len(model.stop_ids) == 5
        assert 0.8 < model.tokens_per_piece < 1.3 and model.context_tokens >= 8192
        prompt = model.pieces.encode("# numbers from one to fifty\nnumbers = [1, 2, 3, 4, 5, 6,")
        request = GenerationRequest(prompt, max_tokens=64, stop_when=lambda text: "9" in text)
        found = engine.submit(request).result.result(60)
        assert found.finish is FinishReason.STOPPED and found.candidates[0].text.startswith(" 7, 8, 9")
        handle = engine.submit(GenerationRequest(prompt, max_tokens=2000), lambda _: handle.cancel())
        assert handle.result.result(60).finish is FinishReason.CANCELLED
        found = engine.submit(GenerationRequest(prompt, max_tokens=8, candidates=2)).result.result(60)
        assert found.candidates[0].text.startswith(" 7, 8")
        assert all(one.mean_logprob < 0 for one in found.candidates)
        assert found.timings.cached_tokens > len(prompt) // 2
    finally:
        engine.close()


async def test_a_server_that_fails_and_recovers() -> None:
    """Its failure is told once as a message and as the status, requests are answered with nothing; once it
    answers again, so does this one."""
    broken = lambda exchange: exchange.answer(500, {"error": {"message": "CUDA error"}})  # noqa: E731
    with serving(broken) as server:
        async with editor(settings=remote(server.url)) as wire:
            assert (await wire.ready()).state == "ready"
            wire.open(URI, TEXT)
            for _ in range(2):
                assert await wire.complete(URI, 1, 11) == []
            assert wire.statuses[-1].state == "error" and "CUDA error" in wire.statuses[-1].message
            assert [message.message for message in wire.messages if "CUDA" in message.message] == [
                f"CodeFlow: {wire.statuses[-1].message}"
            ]
            server.complete = lambda exchange: exchange.stream("a + b")
            assert [item.insert_text for item in await wire.complete(URI, 1, 11)] == ["a + b"]
            assert (await wire.ready()).state == "ready"


async def test_a_server_that_is_not_there_is_told() -> None:
    async with editor(settings=remote("http://127.0.0.1:9/v1")) as wire:
        status = await wire.ready()
        assert status.state == "error" and "nothing listens at http://127.0.0.1:9" in status.message
        wire.open(URI, TEXT)
        assert await wire.complete(URI, 1, 11) == []


@pytest.mark.parametrize("allowed", [False, True])
async def test_nothing_leaves_the_machine_without_consent(
    allowed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A workspace may bring the setting along, so the user is asked, once for each server."""
    monkeypatch.setenv("CODEFLOW_HOME", str(tmp_path))
    asked: list[str] = []
    for _ in range(2):
        async with editor(
            settings=remote("https://codeflow.invalid"), answer="Allow" if allowed else None
        ) as wire:
            status = await wire.ready()
            asked += wire.questions
            assert status.state == "error"
            assert ("no machine is known" if allowed else "you have not allowed it") in status.message
    assert len(asked) == (1 if allowed else 2) and "https://codeflow.invalid" in asked[0]
    kept = tmp_path / "remote-servers.json"
    assert (json.loads(kept.read_text()) == ["https://codeflow.invalid"]) if allowed else not kept.exists()


async def test_changing_the_setting_changes_the_server() -> None:
    with serving(lambda exchange: exchange.stream("one")) as one, serving(models=("qwen-other",)) as other:
        async with editor(settings=remote(one.url)) as wire:
            assert (await wire.ready()).model == "qwen-test"
            wire.configure(remote(other.url))
            async with asyncio.timeout(20):
                while wire.statuses[-1].model != "qwen-other":
                    wire.changed.clear()
                    await wire.changed.wait()
            wire.open(URI, TEXT)
            await wire.complete(URI, 1, 11)
        assert other.prompts and not one.prompts


async def test_cancelling_in_the_editor_closes_the_connection() -> None:
    begun = threading.Event()

    def complete(exchange: Exchange) -> None:
        begun.set()
        exchange.stream_until_gone("a + b\n")

    with serving(complete) as server:
        settings = remote(server.url) | {"engine": {"ahead": "never"}}
        async with editor(settings=settings) as wire:
            await wire.ready()
            wire.open(URI, "x = [\n")
            request = wire.ask(URI, 0, 5, request_id="cancel-me")
            await asyncio.to_thread(begun.wait, 10)
            wire.cancel("cancel-me")
            assert await asyncio.to_thread(server.left.wait, 5)
            request.cancel()
