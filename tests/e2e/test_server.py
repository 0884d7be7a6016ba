"""The real server process over stdio, with a scripted model: the protocol's promises, one test each."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from tests.lsp_client import INVOKED, editor

URI = "file:///project/a.py"


def scripted(
    chunk_s: float = 0.0, deadline_ms: int = 0, settings: dict[str, Any] | None = None, **options: Any
):
    """The whole prompt is waited for, and nothing asked ahead, unless there is a deadline."""
    settings = {
        **(settings or {}),
        "completion": {"deadlineMs": deadline_ms, **(settings or {}).get("completion", {})},
        "engine": {"savedMb": 0, "ahead": "always" if deadline_ms else "never"},
        "context": (settings or {}).get("context", {}),
    }
    command = [sys.executable, "-m", "tests.scripted_server", str(chunk_s)]
    return editor(command=command, settings=settings, **options)


async def test_advertises_what_it_serves():
    async with scripted() as wire:
        found = wire.capabilities
        assert found.inline_completion_provider is not None
        assert found.completion_provider is None  # this client has inline completion
        sync = found.text_document_sync
        assert isinstance(sync, types.TextDocumentSyncOptions)
        assert sync.change == types.TextDocumentSyncKind.Incremental


async def test_offers_the_menu_where_inline_completion_is_lacking():
    async with scripted(inline=False) as wire:
        await wire.ready()
        assert wire.capabilities.completion_provider is not None
        wire.open(URI, "def add(a, b):\n    return a\n")
        answer = await wire.client.text_document_completion_async(
            types.CompletionParams(types.TextDocumentIdentifier(URI), types.Position(1, 12))
        )
        assert isinstance(answer, types.CompletionList)
        edit = answer.items[0].text_edit
        assert isinstance(edit, types.TextEdit)
        assert edit.new_text == "a + b"
        assert edit.range == types.Range(types.Position(1, 11), types.Position(1, 12))


async def test_the_menu_can_be_asked_for_by_setting():
    async with scripted(settings={"completion": {"menu": "always"}}) as wire:
        assert wire.capabilities.completion_provider is not None


async def test_completes_and_accounts_for_it():
    async with scripted() as wire:
        await wire.ready()
        wire.open(URI, "def add(a, b):\n    return a\n")
        (item,) = await wire.complete(URI, 1, 12)
        assert item.insert_text == " + b"
        assert item.range == types.Range(types.Position(1, 12), types.Position(1, 12))
        account = await wire.account(item)
        assert account.source == "model" and account.prompt_tokens > 20 and account.generated_tokens >= 4


async def test_invoked_gives_several_automatic_gives_one():
    async with scripted() as wire:
        await wire.ready()
        wire.open(URI, "x = \n")
        assert len(await wire.complete(URI, 0, 4)) == 1
        assert len(await wire.complete(URI, 0, 4, trigger=INVOKED)) > 1


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
async def test_every_position_encoding_with_text_beyond_the_first_plane(encoding: str):
    units = {"utf-8": len("😀".encode()), "utf-16": 2, "utf-32": 1}[encoding]
    async with scripted(encodings=[encoding]) as wire:
        await wire.ready()
        assert wire.capabilities.position_encoding == encoding
        wire.open(URI, "\n")
        wire.change(URI, 2, "😀", (0, 0))
        wire.change(URI, 3, " = ", (0, units))
        (item,) = await wire.complete(URI, 0, units + 3)
        assert item.insert_text == "'😀'"
        assert item.range is not None and item.range.start.character == units + 3


async def test_an_auto_closed_bracket_is_replaced_not_doubled():
    async with scripted() as wire:
        await wire.ready()
        wire.open(URI, "print()\n")
        (item,) = await wire.complete(URI, 0, 6)
        assert item.insert_text == "'hello')"
        assert item.range == types.Range(types.Position(0, 6), types.Position(0, 7))


async def test_typing_along_costs_no_model_call():
    async with scripted() as wire:
        await wire.ready()
        wire.open(URI, "    return a\n")
        (first,) = await wire.complete(URI, 0, 12)
        pieces = (await wire.account(first)).pieces
        wire.change(URI, 2, " +", (0, 12))
        (rest,) = await wire.complete(URI, 0, 14)
        assert rest.insert_text == " b"
        account = await wire.account(rest)
        assert account.source == "typed along" and account.prompt_tokens == 0
        assert pieces and account.pieces == pieces  # why it was suggested is still to be seen
        assert rest.command is not None and first.command is not None
        assert rest.command.arguments == first.command.arguments


async def test_what_the_completion_menu_has_selected_is_extended_or_nothing_shown():
    async with scripted() as wire:
        await wire.ready()
        wire.open(URI, "    return a\n")
        around = types.Range(types.Position(0, 11), types.Position(0, 12))
        fits = types.SelectedCompletionInfo(around, "a + b")
        (item,) = await wire.complete(URI, 0, 12, selected=fits)
        assert item.range is not None and item.range.start.character <= 11
        assert str(item.insert_text).startswith("a + b")
        other = types.SelectedCompletionInfo(around, "abs")
        assert await wire.complete(URI, 0, 12, selected=other) == []


async def test_a_cancelled_request_ends_at_once_and_the_server_goes_on():
    async with scripted(chunk_s=0.5, settings={"context": {"disabledSources": ["all"]}}) as wire:
        await wire.ready()
        wire.open(URI, "# a line of some length\n" * 40 + "    return a\n")
        request = wire.ask(URI, 40, 12, request_id="cancel-me")
        await asyncio.sleep(0.7)
        started = time.monotonic()
        wire.cancel("cancel-me")
        with pytest.raises(JsonRpcException, match="cancel-me"):
            await request
        wire.open("file:///project/b.py", "x = \n")
        assert len(await wire.complete("file:///project/b.py", 0, 4)) == 1
        assert (
            time.monotonic() - started < 2.5
        )  # one chunk of the first would take that long; twenty were left


async def test_a_newer_request_replaces_an_older_one_of_the_document():
    async with scripted(chunk_s=0.2) as wire:
        await wire.ready()
        wire.open(URI, "# a line of some length\n" * 20 + "    return a\nx = \n")
        older = wire.ask(URI, 20, 12)
        await asyncio.sleep(0.3)
        newer = wire.ask(URI, 21, 4)
        assert (await newer).items[0].insert_text == "1"
        assert not (await older).items


async def test_progress_and_status_while_the_model_loads():
    async with scripted(work_done_progress=True) as wire:
        await wire.ready()
        await wire.request("codeflow/status")
        kinds = [params.value["kind"] for params in wire.progress if params.value]
        assert kinds[0] == "begin" and kinds[-1] == "end"
        assert [s.state for s in wire.statuses] == ["starting", "ready"]


async def test_settings_change_while_running_and_bad_ones_are_told():
    async with scripted() as wire:
        await wire.ready()
        wire.open(URI, "x = \n")
        wire.configure({"completion": {"disabledLanguages": ["python"], "maxTokens": "many"}})
        assert await wire.complete(URI, 0, 4) == []
        assert "codeflow.completion.maxTokens" in wire.messages[-1].message
        wire.configure({"completion": {"enabled": False}})
        assert await wire.complete(URI, 0, 4) == []
        assert (await wire.request("codeflow/status")).state == "off"
        wire.configure({"completion": {"enabled": True}})
        assert len(await wire.complete(URI, 0, 4)) == 1


async def test_files_that_hold_secrets_get_nothing():
    async with scripted() as wire:
        await wire.ready()
        wire.open("file:///project/.env", "x = \n", language="plaintext")
        assert await wire.complete("file:///project/.env", 0, 4) == []


@pytest.mark.parametrize(
    ("uri", "language", "text", "at"),
    [
        ("file:///project/big.py", "python", "value = 1\n" * 200_000 + "x = \n", (200_000, 4)),
        ("file:///project/mixed.py", "python", "a = 1\r\nb = 2\rc = 3\nx = \r\n", (3, 4)),
        ("file:///project/with%20blank/%C3%A9t%C3%A9.py", "python", "x = \n", (0, 4)),
        ("file:///elsewhere/outside.py", "python", "x = \n", (0, 4)),
        ("untitled:Untitled-1", "python", "x = \n", (0, 4)),
        ("file:///project/a.xyz", "no-such-language", "x = \n", (0, 4)),
        ("file:///project/a.py", "python", "x = ", (0, 4)),
        ("file:///project/surrogate.py", "python", "a = '\ud83d'\nx = \n", (1, 4)),
        ("file:///project/far.py", "python", "x = ", (99, 99)),
        ("file:///project/long.py", "python", "a = '" + "é" * 300_000 + "'\nx = \n", (1, 4)),
    ],
    ids=["2 MB", "mixed line ends", "blanks in uri", "outside", "untitled", "unknown language", "no line end",
         "lone surrogate", "beyond the end", "one long line"],
)  # fmt: skip
async def test_answers_whatever_a_file_is_like(uri: str, language: str, text: str, at: tuple[int, int]):
    async with scripted(folders=["file:///project"]) as wire:
        await wire.ready()
        wire.open(uri, text, language)
        (item,) = await wire.complete(uri, *at)
        assert item.insert_text == "1"


async def test_edits_of_a_large_file_and_half_a_surrogate_pair():
    async with scripted() as wire:
        await wire.ready()
        wire.open(URI, "value = 1\n" * 200_000)
        wire.change(URI, 2, "x = '\ud83d", (100_000, 0))
        wire.change(URI, 3, "\nx = ", (100_000, 6))
        (item,) = await wire.complete(URI, 100_001, 4)
        assert item.insert_text == "1value" or item.insert_text == "1"


async def test_nonsense_does_not_kill_the_server():
    async with scripted() as wire:
        await wire.ready()
        wire.change("file:///never/opened.py", 1, "x", (0, 0))
        assert await wire.complete("file:///never/opened.py", 0, 0) == []
        wire.open(URI, "x = \n")
        wire.change(URI, 2, "y", (50, 50), (3, 3))
        wire.client.protocol.notify("no/suchNotification", {"a": 1})
        with pytest.raises(JsonRpcException):
            await wire.request("no/suchRequest", {})
        assert (await wire.request("codeflow/status")).state == "ready"


async def test_says_why_a_suggestion_is_what_it_is(tmp_path: Path):
    (tmp_path / "prices.py").write_text("def gross(net: int) -> int:\n    return net * 6 // 5\n")
    async with scripted(folders=[tmp_path.as_uri()]) as wire:
        await wire.ready()
        uri = (tmp_path / "cart.py").as_uri()
        wire.open(uri, "from prices import gross\n\nx = \n")
        assert await wire.request("codeflow/contextReady", {"uri": uri, "line": 2})
        status = await wire.request("codeflow/status")
        assert (status.index.state, status.index.done) == ("ready", status.index.total)
        (item,) = await wire.complete(uri, 2, 4)
        assert item.command is not None and item.command.arguments
        why = await wire.request("codeflow/explain", {"key": item.command.arguments[0]})
        assert ("imports", "prices.py") in [(piece.source, piece.path) for piece in why.pieces]
        at = {"uri": uri, "position": {"line": 2, "character": 4}, "text": True, "budget": 1000}
        told = {piece.path: piece for piece in (await wire.request("codeflow/explain", at)).pieces}
        assert "def gross(net: int) -> int" in told["prices.py"].text
        assert "imported as prices" in told["prices.py"].why
        assert await wire.request("codeflow/explain", {"key": "unheard of"}) is None


async def test_problems_that_the_editor_passes_on_are_told_to_the_model():
    async with scripted() as wire:
        await wire.ready()
        wire.open(URI, "x = \n")
        problem = {"range": {"start": {"line": 0, "character": 4}}, "message": "expression expected"}
        wire.client.protocol.notify("codeflow/diagnostics", {"uri": URI, "diagnostics": [problem]})
        at = {"uri": URI, "position": {"line": 0, "character": 4}, "text": True}
        told = await wire.request("codeflow/explain", at)
        assert [piece.text for piece in told.pieces if piece.source == "diagnostics"] == [
            "a.py:1: expression expected\n"
        ]
