"""Code actions over stdio: offers, their edits, previews, and what goes wrong on the way."""

from __future__ import annotations

import ast
import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from context.document import Document, Edit
from lsp_server.from_lsp import position_in
from tests.benchmarks.waiting import context_ready
from tests.lsp_client import Editor, editor, like_vscode

SCRIPTED = [sys.executable, "-m", "tests.scripted_server"]
PATH = "a.ts"
TEXT = "export function area(w: number, h: number) {\r\n  return '😀'.length + (w + 1) * h;\r\n}\r\n"


def plain(can: types.ClientCapabilities) -> None:
    """A client that knows commands only."""


def served_texts(can: types.ClientCapabilities) -> None:
    """A client that asks the server for the texts that it shows."""
    like_vscode(can)
    assert can.workspace
    can.workspace.text_document_content = types.TextDocumentContentClientCapabilities()


async def offered(
    wire: Editor, uri: str, start: tuple[int, int], end: tuple[int, int], **context: Any
) -> list[types.CodeAction]:
    where = types.Range(types.Position(*start), types.Position(*end))
    params = types.CodeActionParams(
        types.TextDocumentIdentifier(uri), where, types.CodeActionContext([], **context)
    )
    return list(await wire.request(types.TEXT_DOCUMENT_CODE_ACTION, params))


def named(actions: list[types.CodeAction], beginning: str) -> types.CodeAction:
    return next(action for action in actions if action.title.startswith(beginning))


def after(text: str, edits: list[Any]) -> str:
    """The text after an LSP client has applied edits in UTF-16."""
    document = Document.of("", "", "", 1, text)
    for edit in reversed(edits):
        start, end = (
            position_in(document, one, types.PositionEncodingKind.Utf16)
            for one in (edit.range.start, edit.range.end)
        )
        document = document.apply(Edit(edit.new_text, start, end), 2)
    return document.text


@pytest.fixture
def uri(tmp_path: Path) -> str:
    (tmp_path / PATH).write_text(TEXT, newline="")
    return (tmp_path / PATH).as_uri()


async def test_an_exact_edit_is_versioned_minimal_and_labelled(uri: str, tmp_path: Path):
    """The offer costs nothing; resolved it edits the version it was made for, with a label and the checks."""
    async with editor(command=SCRIPTED, adjust=like_vscode, folders=[tmp_path.as_uri()]) as wire:
        wire.open(uri, TEXT, "typescript", version=7)
        actions = await offered(wire, uri, (1, 23), (1, 30))
        action = named(actions, "Extract")
        assert action.edit is None and action.kind == types.CodeActionKind.RefactorExtract
        resolved = await wire.request(types.CODE_ACTION_RESOLVE, action)
        assert resolved.edit and resolved.edit.document_changes and resolved.edit.change_annotations
        (change,) = resolved.edit.document_changes
        assert change.text_document.uri == uri and change.text_document.version == 7
        text = after(TEXT, change.edits)
        assert "(w + 1)" not in text and "= w + 1;\r\n" in text
        assert text.count("\n") == text.count("\r\n") == 4
        (annotation,) = resolved.edit.change_annotations.values()
        assert not annotation.needs_confirmation and "parses" in (annotation.description or "")


async def test_only_what_was_asked_for(uri: str):
    """``only`` holds for a kind and all below it."""
    async with editor(command=SCRIPTED, adjust=like_vscode) as wire:
        wire.open(uri, TEXT, "typescript")
        kinds = [types.CodeActionKind.RefactorExtract]
        found = await offered(wire, uri, (1, 23), (1, 30), only=kinds)
        assert found and {action.kind for action in found} == set(kinds)
        everything = await offered(wire, uri, (1, 23), (1, 30), only=[types.CodeActionKind.Refactor])
        assert len(everything) > len(found)
        other = [types.CodeActionKind.SourceOrganizeImports]
        assert not await offered(wire, uri, (1, 23), (1, 30), only=other)


async def test_a_text_that_was_changed_meanwhile_is_not_edited(uri: str):
    """Resolving an offer for an older version is refused, and the server goes on."""
    async with editor(command=SCRIPTED, adjust=like_vscode) as wire:
        wire.open(uri, TEXT, "typescript")
        action = named(await offered(wire, uri, (1, 23), (1, 30)), "Extract")
        wire.change(uri, 2, "// news\r\n", (0, 0))
        resolved = await wire.request(types.CODE_ACTION_RESOLVE, action)
        assert resolved.edit is None and "changed meanwhile" in wire.messages[-1].message
        assert named(await offered(wire, uri, (2, 23), (2, 30)), "Extract")
        wire.close(uri)
        resolved = await wire.request(types.CODE_ACTION_RESOLVE, action)
        assert resolved.edit is None and "not open" in wire.messages[-1].message


async def test_a_client_that_resolves_nothing_gets_a_command(uri: str):
    """The command has the edit applied by the client."""
    async with editor(command=SCRIPTED, adjust=plain) as wire:
        wire.open(uri, TEXT, "typescript")
        found: list[Any] = await offered(wire, uri, (1, 23), (1, 30))
        command = named(found, "Extract")
        assert isinstance(command, types.Command) and isinstance(command.command, str)
        done = await wire.request(
            types.WORKSPACE_EXECUTE_COMMAND,
            types.ExecuteCommandParams(command.command, command.arguments),
        )
        (edit,) = wire.applied
        assert done and edit.changes and "= w + 1;" in after(TEXT, list(edit.changes[uri]))


@pytest.mark.parametrize("adjust", [like_vscode, served_texts])
async def test_a_preview_is_a_diff(uri: str, adjust: Any):
    """codeflow.previewEdit shows a unified diff, as a file or as a text of the server's own."""
    async with editor(command=SCRIPTED, adjust=adjust, settings={"refactor": {"preview": "always"}}) as wire:
        wire.open(uri, TEXT, "typescript")
        action = named(await offered(wire, uri, (1, 23), (1, 30)), "Extract")
        await wire.request(
            types.WORKSPACE_EXECUTE_COMMAND, types.ExecuteCommandParams("codeflow.previewEdit", [action.data])
        )
        (shown,) = wire.shown
        if adjust is served_texts:
            answer = await wire.request(
                types.WORKSPACE_TEXT_DOCUMENT_CONTENT, types.TextDocumentContentParams(shown)
            )
            text = answer.text
        else:
            text = await asyncio.to_thread(Path(shown.removeprefix("file://")).read_text)
        assert text.startswith("# Extract") and f"--- a/{PATH}" in text and "\n+  " in text
    if adjust is like_vscode:
        assert not await asyncio.to_thread(Path(shown.removeprefix("file://")).exists)


async def test_two_resolved_at_once(uri: str):
    """Neither waits for, or spoils, the other."""
    async with editor(command=SCRIPTED, adjust=like_vscode) as wire:
        wire.open(uri, TEXT, "typescript")
        action = named(await offered(wire, uri, (1, 23), (1, 30)), "Extract")
        both = await asyncio.gather(*(wire.request(types.CODE_ACTION_RESOLVE, action) for _ in range(2)))
        texts = {after(TEXT, one.edit.document_changes[0].edits) for one in both}
        assert len(texts) == 1


async def test_data_that_is_none_of_ours(uri: str):
    """Another server's action comes back as it is; a command without an offer is answered with a sentence."""
    async with editor(command=SCRIPTED, adjust=like_vscode) as wire:
        wire.open(uri, TEXT, "typescript")
        action = types.CodeAction("Something", data={"other": 1})
        assert (await wire.request(types.CODE_ACTION_RESOLVE, action)).edit is None
        params = types.ExecuteCommandParams("codeflow.refactor", ["nonsense"])
        assert await wire.request(types.WORKSPACE_EXECUTE_COMMAND, params) is False
        assert "choose one in the menu" in wire.messages[-1].message
        with pytest.raises(JsonRpcException):
            nothing = types.ExecuteCommandParams("codeflow.refactor", [])
            await wire.request(types.WORKSPACE_EXECUTE_COMMAND, nothing)
        assert await offered(wire, uri, (0, 0), (0, 0)) is not None


@pytest.mark.model
async def test_the_model_writes_what_no_engine_can(tmp_path: Path):
    """A docstring by the real model: only lines are added, the file parses, and the checks are told."""
    text = "def join(names: list[str], mark: str) -> str:\n    return mark.join(names)\n\n\nLAST = 1\n"
    uri = (tmp_path / "a.py").as_uri()
    async with editor(adjust=like_vscode, folders=[tmp_path.as_uri()], work_done_progress=True) as wire:
        await wire.ready()
        wire.open(uri, text)
        actions = await offered(wire, uri, (0, 6), (0, 6))
        assert named(actions, "Write the docstring of 'join' (preview…)")
        action = await wire.request(types.CODE_ACTION_RESOLVE, named(actions, "Write the docstring"))
        assert action.edit and action.edit.change_annotations
        found = after(text, action.edit.document_changes[0].edits)
        assert ast.get_docstring(ast.parse(found).body[0])  # pyright: ignore[reportArgumentType]
        left = iter(found.splitlines())
        assert all(line in left for line in text.splitlines())  # in their order, with others between
        values: list[Any] = [one.value for one in wire.progress]
        kinds = [value["kind"] for value in values]
        assert kinds.count("begin") == kinds.count("end") == 2 and kinds[-1] == "end"  # loading, and this


@pytest.mark.model
async def test_an_explanation_is_shown(tmp_path: Path):
    """The command asks the thinking role, and shows what it says."""
    uri = (tmp_path / "a.py").as_uri()
    async with editor(adjust=like_vscode, folders=[tmp_path.as_uri()]) as wire:
        await wire.ready()
        wire.open(uri, "def double(a):\n    return 2 * a\n")
        data: Any = named(await offered(wire, uri, (0, 6), (0, 6)), "Write tests").data
        data["offer"] |= {"action": "explain", "title": "Explain 'double'"}
        params = types.ExecuteCommandParams("codeflow.explainCode", [data])
        assert await wire.request(types.WORKSPACE_EXECUTE_COMMAND, params) is True
        text = await asyncio.to_thread(Path(wire.shown[0].removeprefix("file://")).read_text)
        assert text.startswith("# Explain 'double'") and len(text) > 60


@pytest.mark.model
async def test_a_clearer_name_is_the_models_the_renaming_an_engines(tmp_path: Path):
    """Every use in the function changes, and nothing else."""
    text = "def total(prices):\n    x = 0\n    for price in prices:\n        x += price\n    return x\n"
    uri = (tmp_path / "a.py").as_uri()
    async with editor(adjust=like_vscode, folders=[tmp_path.as_uri()]) as wire:
        await wire.ready()
        wire.open(uri, text)
        action = named(await offered(wire, uri, (1, 4), (1, 4)), "Rename 'x' to a clearer name")
        resolved = await wire.request(types.CODE_ACTION_RESOLVE, action)
        if resolved.edit is None:  # it may well have none
            assert "no clearer name" in wire.messages[-1].message
            return
        found = after(text, resolved.edit.document_changes[0].edits)
        name = found.splitlines()[1].strip().removesuffix(" = 0")
        assert name.isidentifier() and found == text.replace("x", name)


PYTHON = "def first(a):\n    b = a + 1\n    return b\n\n\ndef second(c):\n    return c * 2\n"


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("", (0, 0), (0, 0)),
        ("\n\n\n", (1, 0), (1, 0)),
        (PYTHON, (2, 4), (6, 10)),  # over two functions
        (PYTHON, (9, 0), (99, 99)),  # behind the end
        (PYTHON.replace("return b", "return (b"), (1, 8), (1, 13)),  # syntax errors
        ("def f(:\n    x = (1\n", (1, 8), (1, 10)),
        ("\ud83d" + PYTHON, (1, 8), (1, 13)),  # half a character
        ("x = 1\n" * 20_000 + "y = x + x + 3\n", (20_000, 4), (20_000, 9)),
        ("a" * 300_000, (0, 5), (0, 9)),
    ],
)
async def test_strange_places_are_answered(
    tmp_path: Path, text: str, start: tuple[int, int], end: tuple[int, int]
):
    """Offers or none, each resolved to an edit that applies or a sentence; the server goes on."""
    uri = (tmp_path / "a.py").as_uri()
    (tmp_path / "a.py").write_text(text, errors="replace")
    async with editor(command=SCRIPTED, adjust=like_vscode, folders=[tmp_path.as_uri()]) as wire:
        wire.open(uri, text)
        for action in await offered(wire, uri, start, end):
            data: Any = getattr(action, "data", None)
            if data is None or not data["offer"]["exact"]:
                continue
            said = len(wire.messages)
            resolved = await wire.request(types.CODE_ACTION_RESOLVE, action)
            if resolved.edit is None:
                assert len(wire.messages) == said + 1, action.title
            else:
                assert after(text, resolved.edit.document_changes[0].edits) != text
        wire.change(uri, 2, PYTHON, (0, 0), (30_000, 0))
        assert named(await offered(wire, uri, (1, 8), (1, 13)), "Extract variable")


@pytest.mark.parametrize("state", ["read-only", "deleted"])
async def test_files_that_cannot_be_edited(tmp_path: Path, state: str):
    """A read-only file is refused with a sentence; of a deleted one the editor still has the text."""
    path = tmp_path / "a.py"
    path.write_text(PYTHON)
    if state == "read-only":
        path.chmod(0o444)
    else:
        path.unlink()
    async with editor(command=SCRIPTED, adjust=like_vscode, folders=[tmp_path.as_uri()]) as wire:
        wire.open(path.as_uri(), PYTHON)
        action = named(await offered(wire, path.as_uri(), (1, 8), (1, 13)), "Extract variable")
        resolved = await wire.request(types.CODE_ACTION_RESOLVE, action)
        if state == "deleted":
            assert resolved.edit is not None
        else:
            assert resolved.edit is None and "a.py" in wire.messages[-1].message


async def test_an_answer_without_form_is_refused(tmp_path: Path):
    """A model that says nothing usable: a sentence, no edit, and the next request is answered."""
    uri = (tmp_path / "a.py").as_uri()
    (tmp_path / "a.py").write_text(PYTHON)
    async with editor(command=SCRIPTED, adjust=like_vscode, folders=[tmp_path.as_uri()]) as wire:
        await wire.ready()
        wire.open(uri, PYTHON)
        action = named(await offered(wire, uri, (1, 4), (2, 4)), "Add error handling")
        resolved = await wire.request(types.CODE_ACTION_RESOLVE, action)
        assert resolved.edit is None and wire.messages[-1].message.startswith("CodeFlow: ")
        assert await offered(wire, uri, (1, 4), (1, 4))


@pytest.mark.parametrize(("trusted", "command", "said"), [
    (True, f"{sys.executable} -m pytest -q -p no:cacheprovider {{tests}}", "its tests pass"),
    (False, f"{sys.executable} -m pytest -q {{tests}}", "does not trust"),
    (True, "", "name no command"),
])  # fmt: skip
async def test_tests_run_only_where_the_user_lets_them(
    tmp_path: Path, trusted: bool, command: str, said: str
):
    """codeflow.testEdit: the diff with the tests' word, or why they are not run."""
    (tmp_path / "calc.py").write_text("def double(a):\n    b = 2 * a\n    return b\n")
    (tmp_path / "test_calc.py").write_text(
        "import calc\n\n\ndef test_it():\n    assert calc.double(2) == 4\n"
    )
    subprocess.run(["git", "-C", str(tmp_path), "init", "-q"], check=True)  # noqa: ASYNC221
    settings = {"refactor": {"trusted": trusted, "testCommand": command}}
    uri = (tmp_path / "calc.py").as_uri()
    async with editor(
        command=SCRIPTED, adjust=like_vscode, folders=[tmp_path.as_uri()], settings=settings
    ) as wire:
        wire.open(uri, (tmp_path / "calc.py").read_text())
        await context_ready(wire, uri)
        action = named(await offered(wire, uri, (1, 4), (1, 5)), "Inline")
        params = types.ExecuteCommandParams("codeflow.testEdit", [action.data])
        done = await wire.request(types.WORKSPACE_EXECUTE_COMMAND, params)
        if not trusted or not command:
            assert done is False and said in wire.messages[-1].message and not wire.shown
        else:
            text = await asyncio.to_thread(Path(wire.shown[0].removeprefix("file://")).read_text)
            assert done is True and said in text
