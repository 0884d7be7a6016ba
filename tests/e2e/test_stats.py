"""The statistics of the real server process, as VS Code's and Copilot's clients report to it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types

from tests.e2e.test_server import URI, scripted
from tests.lsp_client import INVOKED, Editor


async def stats(wire: Editor) -> dict[str, Any]:
    """The session's counts."""
    found = await wire.request("codeflow/stats")
    return found.session._asdict()


async def accept(wire: Editor, item: types.InlineCompletionItem) -> None:
    assert item.command is not None
    await wire.client.workspace_execute_command_async(
        types.ExecuteCommandParams(item.command.command, arguments=item.command.arguments)
    )


def reported(item: types.InlineCompletionItem) -> dict[str, Any]:
    """An item as a client reports on it: as it was given."""
    assert item.command is not None
    command = {"title": "", "command": item.command.command, "arguments": item.command.arguments}
    return {"insertText": item.insert_text, "command": command}


async def test_shown_in_part_and_whole_are_counted_once_each():
    async with scripted() as wire:
        await wire.ready()
        wire.open(URI, "    return a\n")
        (item,) = await wire.complete(URI, 0, 12)
        notify = wire.client.protocol.notify
        for _ in range(2):
            notify("textDocument/didShowCompletion", {"item": reported(item)})
        notify("textDocument/didPartiallyAcceptCompletion", {"item": reported(item), "acceptedLength": 2})
        wire.change(URI, 2, " +", (0, 12))
        (rest,) = await wire.complete(URI, 0, 14)
        found = await stats(wire)
        assert (found["suggestions"], found["shown"], found["accepted"]) == (1, 1, 0)
        assert (found["partly_accepted"], found["accepted_characters"]) == (1, 2)
        for _ in range(2):
            await accept(wire, rest)
        found = await stats(wire)
        assert (found["accepted"], found["partly_accepted"], found["accepted_characters"]) == (1, 0, 4)
        assert found["p50_ms"] >= 1 and found["cache_share"] is not None
        assert found["languages"].python.accepted == 1


async def test_the_chosen_candidate_is_the_one_that_is_counted():
    async with scripted() as wire:
        await wire.ready()
        wire.open(URI, "x = \n")
        items = await wire.complete(URI, 0, 4, trigger=INVOKED)
        assert len(items) > 1
        numbers = [tuple(item.command.arguments or ())[1:] for item in items if item.command]
        assert numbers == [(), *((number,) for number in range(1, len(items)))]
        await accept(wire, items[-1])
        assert (await stats(wire))["accepted_characters"] == len(str(items[-1].insert_text))


@pytest.mark.parametrize(
    "params",
    [
        None,
        {},
        {"item": None},
        {"item": {"insertText": 3, "command": {"arguments": []}}, "acceptedLength": ""},
    ],
)
async def test_a_report_that_makes_no_sense_counts_as_nothing(params: Any):
    async with scripted() as wire:
        await wire.ready()
        for method in ("textDocument/didShowCompletion", "textDocument/didPartiallyAcceptCompletion"):
            wire.client.protocol.notify(method, params)
        for arguments in ([], ["nobody"], [None, "x"], ["a", 1, 2]):
            await wire.client.workspace_execute_command_async(
                types.ExecuteCommandParams("codeflow.accepted", arguments=arguments)
            )
        found = await stats(wire)
        assert (found["shown"], found["accepted"], found["partly_accepted"]) == (0, 0, 0)
        assert not wire.messages


async def test_counts_outlive_the_server_until_they_are_cleared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("CODEFLOW_HOME", str(tmp_path))
    for number in (1, 2):
        async with scripted(settings={"keepStatistics": True}) as wire:
            await wire.ready()
            wire.open(URI, "    return a\n")
            await accept(wire, (await wire.complete(URI, 0, 12))[0])
            found = await wire.request("codeflow/stats")
            assert (found.session.accepted, found.total.accepted) == (1, number)
    kept = json.loads((tmp_path / "statistics.json").read_text("utf-8"))
    assert kept["accepted"] == 2 and kept["since"] == found.since
    async with scripted(settings={"keepStatistics": True}) as wire:
        await wire.client.workspace_execute_command_async(types.ExecuteCommandParams("codeflow.stats.clear"))
        found = await wire.request("codeflow/stats")
        assert found.total.accepted == 0 and found.since >= kept["since"]


@pytest.mark.parametrize(
    ("text", "column", "trigger"),
    [("# x = \n", 6, types.InlineCompletionTriggerKind.Automatic), ("a = 1  # x = \n", 13, INVOKED)],
)
async def test_with_the_setting_nothing_is_suggested_in_comments(
    text: str, column: int, trigger: types.InlineCompletionTriggerKind
):
    async with scripted(settings={"completion": {"inComments": False}}) as wire:
        await wire.ready()
        wire.open(URI, text + "x = \n")
        assert await wire.complete(URI, 0, column, trigger=trigger) == []
        assert len(await wire.complete(URI, 1, 4)) == 1


async def test_inside_of_a_word_only_what_was_there_is_shown_on():
    """Whoever stands there changes that word; asked for explicitly, something is said."""
    async with scripted() as wire:
        await wire.ready()
        wire.open(URI, "    return amount\nprint(name)\n")
        assert await wire.complete(URI, 0, 12) == []
        assert await wire.complete(URI, 0, 12, trigger=INVOKED) != []
        assert await wire.complete(URI, 1, 6) != []  # before a word
        wire.change(URI, 2, "'h", (1, 6))
        (rest,) = await wire.complete(URI, 1, 8)
        assert rest.insert_text == "ello'"
