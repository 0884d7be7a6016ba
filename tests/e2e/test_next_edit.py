"""Next edits over stdio: where, what, why; in open documents and in closed files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from lsprotocol import types

from tests.benchmarks.waiting import context_ready, plain
from tests.lsp_client import Editor, editor, like_vscode

SCRIPTED = [sys.executable, "-m", "tests.scripted_server"]
TEXT = (
    "def fetch_page(url):\n    return url\n\n\ndef first():\n    return fetch_page('😀')\n\n\n"
    "def second():\n    page = fetch_page('b')\n    return page\n"
)
OTHER = "from pages import fetch_page\n\n\ndef third():\n    return fetch_page('c')\n"


def workspace(folder: Path) -> str:
    for name, text in (("pages.py", TEXT), ("other.py", OTHER)):
        (folder / name).write_text(text)
    for command in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=a", "-c", "user.email=a", "commit", "-qm", "a"],
    ):
        subprocess.run(["git", "-C", str(folder), *command], check=True)
    return (folder / "pages.py").as_uri()


async def renamed(wire: Editor, uri: str) -> list[dict[str, Any]]:
    """Give the function another name, key by key, and ask for the next edit there."""
    wire.open(uri, TEXT)
    await context_ready(wire, uri)
    for number, letter in enumerate("load"):
        wire.change(uri, 2 + number, letter, (0, 4 + number), (0, 5 + number))
    wire.change(uri, 6, "", (0, 8), (0, 9))
    place = {"textDocument": {"uri": uri}, "position": {"line": 0, "character": 8}}
    return plain(await wire.request("codeflow/nextEdit", place))["edits"]


async def offered(wire: Editor, uri: str) -> list[Any]:
    """The code actions on the definition."""
    at = types.Range(types.Position(0, 6), types.Position(0, 6))
    params = types.CodeActionParams(types.TextDocumentIdentifier(uri), at, types.CodeActionContext([]))
    return await wire.request(types.TEXT_DOCUMENT_CODE_ACTION, params)


async def test_a_new_name_is_followed_to_its_uses(tmp_path: Path):
    """The uses of the old name, here and in a closed file, each with its new text and the reason."""
    uri = workspace(tmp_path)
    async with editor(command=SCRIPTED, folders=[tmp_path.as_uri()]) as wire:
        found = await renamed(wire, uri)
        texts = {(Path(one["textDocument"]["uri"]).name, one["range"]["start"]["line"]): one for one in found}
        assert ("pages.py", 5) in texts and texts["pages.py", 5]["text"] == "    return load_page('😀')\n"
        assert texts["pages.py", 5]["textDocument"]["version"] == 6 and texts["pages.py", 5]["reason"]
        assert all("fetch_page" not in (one["text"] or "") for one in found)
        assert any(one["textDocument"]["version"] is None for one in found)


async def test_clients_made_for_copilot(tmp_path: Path):
    """They get edits of open documents with their texts, and a command that counts."""
    uri = workspace(tmp_path)
    async with editor(command=SCRIPTED, folders=[tmp_path.as_uri()]) as wire:
        await renamed(wire, uri)
        params = {
            "textDocument": {"uri": uri, "version": 6},
            "position": {"line": 0, "character": 8},
            "context": {"triggerKind": 2},
        }
        edits = plain(await wire.request("textDocument/copilotInlineEdit", params))["edits"]
        assert edits and {one["textDocument"]["version"] for one in edits} == {6}
        assert all("load_page" in one["text"] for one in edits)
        wire.client.protocol.notify("textDocument/didShowInlineEdit", {"item": edits[0]})
        before = plain(await wire.request("codeflow/stats"))["session"]
        command = edits[0]["command"]
        accepted = types.ExecuteCommandParams(command["command"], command["arguments"])
        await wire.request(types.WORKSPACE_EXECUTE_COMMAND, accepted)
        after = plain(await wire.request("codeflow/stats"))["session"]
        assert before["shown"] == 1 and after["accepted"] == before["accepted"] + 1
        assert after["accepted_characters"] <= 8  # of a line, only what is not there already


async def test_nothing_edited_nothing_next(tmp_path: Path):
    """Without an edit there is no next one; a document that is not open has none either."""
    uri = workspace(tmp_path)
    async with editor(command=SCRIPTED, folders=[tmp_path.as_uri()]) as wire:
        wire.open(uri, TEXT)
        for asked in (uri, "file:///nowhere.py"):
            place = {"textDocument": {"uri": asked}, "position": {"line": 0, "character": 0}}
            assert plain(await wire.request("codeflow/nextEdit", place)) == {"edits": []}


async def test_a_new_name_everywhere_at_once(tmp_path: Path):
    """One edit over open documents and closed files, to be looked through before it is applied."""
    uri = workspace(tmp_path)
    async with editor(command=SCRIPTED, folders=[tmp_path.as_uri()], adjust=like_vscode) as wire:
        await renamed(wire, uri)
        actions = await offered(wire, uri)
        (action,) = [one for one in actions if "everywhere" in one.title]
        assert action.title == "Call 'fetch_page' 'load_page' everywhere"
        edit = (await wire.request(types.CODE_ACTION_RESOLVE, action)).edit
        changes = {Path(one.text_document.uri).name: one for one in edit.document_changes}
        assert {name: one.text_document.version for name, one in changes.items()} == {
            "pages.py": 6,
            "other.py": None,
        }
        assert [len(one.edits) for one in changes.values()] == [2, 2]
        (annotation,) = edit.change_annotations.values()
        assert annotation.needs_confirmation and "look through" in annotation.description


async def test_a_new_parameter_is_passed_by_every_caller(tmp_path: Path):
    """Named like the parameter where the model has no better one; to be looked through."""
    uri = workspace(tmp_path)
    async with editor(command=SCRIPTED, folders=[tmp_path.as_uri()], adjust=like_vscode) as wire:
        wire.open(uri, TEXT)
        await context_ready(wire, uri)
        wire.change(uri, 2, ", retries", (0, 18))
        actions = await offered(wire, uri)
        (action,) = [one for one in actions if "wherever" in one.title]
        edit = (await wire.request(types.CODE_ACTION_RESOLVE, action)).edit
        new = [one.new_text for change in edit.document_changes for one in change.edits]
        assert len(new) == 3 and all("retries=" in text for text in new)
        (annotation,) = edit.change_annotations.values()
        assert annotation.needs_confirmation
