"""Edits by instruction over stdio: ``codeflow/edit`` and what carries it out."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types

from lsp_server.offer_data import plain
from tests.e2e.test_code_actions import after, named, offered
from tests.lsp_client import Editor, editor, like_vscode

SCRIPTED = [sys.executable, "-m", "tests.scripted_server"]
TEXT = "LAST = '😀'; x = 1\n\n\ndef join(names, mark):\n    text = mark\n    return text.join(names)\n"


async def asked(wire: Editor, uri: str, start: tuple[int, int], end: tuple[int, int], **more: Any) -> Any:
    where = {key: {"line": at[0], "character": at[1]} for key, at in (("start", start), ("end", end))}
    params = {"textDocument": {"uri": uri}, "range": where, "instruction": "use a list", **more}
    return await wire.request("codeflow/edit", params)


async def command(wire: Editor, name: str, data: Any) -> Any:
    return await wire.request(
        types.WORKSPACE_EXECUTE_COMMAND, types.ExecuteCommandParams(name, [plain(data)])
    )


@pytest.mark.parametrize(
    ("start", "end", "lines"),
    [
        ((4, 6), (4, 6), (3, 5)),  # a cursor: its function
        ((4, 6), (4, 9), (4, 4)),  # a selection: its lines
        ((4, 0), (5, 0), (4, 4)),  # up to a line's beginning is without that line
        ((0, 14), (0, 14), (0, 0)),  # behind a character of two UTF-16 units
        ((90, 0), (91, 7), (6, 6)),  # behind the end
    ],
)
async def test_what_an_instruction_is_for(
    tmp_path: Path, start: tuple[int, int], end: tuple[int, int], lines: tuple[int, int]
):
    """The lines that are selected, or the function or statement at the cursor."""
    uri = (tmp_path / "a.py").as_uri()
    async with editor(command=SCRIPTED, adjust=like_vscode, folders=[tmp_path.as_uri()]) as wire:
        wire.open(uri, TEXT, version=3)
        action = await asked(wire, uri, start, end)
        (first, _), (last, _) = action.data.offer.selection
        assert (first, last) == lines
        assert action.title == "Do: use a list" and action.data.version == 3 and not action.data.preview


async def test_what_cannot_be_asked_is_answered_with_a_sentence(tmp_path: Path):
    """No document, no instruction, a text that was changed meanwhile."""
    uri = (tmp_path / "a.py").as_uri()
    async with editor(command=SCRIPTED, adjust=like_vscode, folders=[tmp_path.as_uri()]) as wire:
        assert await asked(wire, uri, (0, 0), (0, 0)) is None
        wire.open(uri, TEXT)
        assert await asked(wire, uri, (0, 0), (0, 0), instruction=" ") is None
        assert len([one for one in wire.messages if "what is to be done" in one.message]) == 2
        action = await asked(wire, uri, (4, 0), (4, 0))
        wire.change(uri, 2, "\n", (0, 0))
        assert await command(wire, "codeflow.refactor", action.data) is False
        assert "changed meanwhile" in wire.messages[-1].message and not wire.applied


@pytest.mark.parametrize("preview", [True, False])
async def test_a_preview_is_confirmed_before_it_is_applied(tmp_path: Path, preview: bool):
    """``preview`` of a command's data asks the client for a confirmation."""
    uri = (tmp_path / "a.py").as_uri()
    async with editor(command=SCRIPTED, adjust=like_vscode, folders=[tmp_path.as_uri()]) as wire:
        wire.open(uri, TEXT)
        data: Any = named(await offered(wire, uri, (4, 4), (4, 8)), "Inline").data
        assert await command(wire, "codeflow.refactor", {**data, "preview": preview}) is True
        (annotation,) = (wire.applied[0].change_annotations or {}).values()
        assert annotation.needs_confirmation is preview


@pytest.mark.model
async def test_an_instruction_is_carried_out_by_the_model(tmp_path: Path):
    """What was asked for is in the edit, and nothing outside of the function is touched."""
    uri = (tmp_path / "a.py").as_uri()
    async with editor(adjust=like_vscode, folders=[tmp_path.as_uri()]) as wire:
        await wire.ready()
        wire.open(uri, TEXT)
        action = await asked(
            wire, uri, (4, 0), (4, 0), instruction="Write a docstring for join.", preview=True
        )
        assert await command(wire, "codeflow.refactor", action.data) is True
        (edit,) = wire.applied
        assert edit.document_changes and edit.change_annotations
        (annotation,) = edit.change_annotations.values()
        assert annotation.needs_confirmation
        text = after(TEXT, list(edit.document_changes[0].edits))  # pyright: ignore[reportAttributeAccessIssue]
        assert text.startswith("LAST = '😀'; x = 1\n\n\ndef join(names, mark):\n")
        assert ast.get_docstring(ast.parse(text).body[-1])  # pyright: ignore[reportArgumentType]
