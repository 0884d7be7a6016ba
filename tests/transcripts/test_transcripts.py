"""Sessions of editors, each with what that editor says of itself, answered by the real process with a
scripted model, and compared with what was answered before.

``tests/golden/clients`` has what editors send with ``initialize``, and how that is known;
``tests/golden/transcripts`` what they are answered. ``CODEFLOW_REWRITE=1 python -m pytest tests/transcripts``
writes the latter anew.
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from lsprotocol import types

from context.document import Document, Edit
from lsp_server.from_lsp import position_in
from tests.transcripts.wire import Wire, said

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden"
CLIENTS = sorted(path.stem for path in (GOLDEN / "clients").glob("*.json"))
SERVER = [sys.executable, "-m", "tests.scripted_server"]
SETTINGS = {
    "completion": {"deadlineMs": 0},
    "engine": {"savedMb": 0, "ahead": "never"},
    "refactor": {"preview": "always"},
    "keepStatistics": False,
}
PLACE = ("line", "character")
ADVERTISED = ("positionEncoding", "completionProvider", "inlineCompletionProvider", "codeActionProvider")

# | is where something is suggested; each suggestion is accepted before the next is asked for
MARKED = """name = '😀'; count = |


def show(all):
    for each in |


def check(prices):
    if not prices:
        raise ValueError("no prices")
    else:
        print(len(prices))
"""
SUGGESTED = ("1", "all:\n        print(each)")
CONDITION, ACTION = "    if not prices:", "Invert 'if'"
CHECK, INVERTED = (
    MARKED[MARKED.index(CONDITION) :],
    """    if prices:
        print(len(prices))
    else:
        raise ValueError("no prices")
""",
)


class Session:
    """An editor with one file of a folder open; ``recorded`` is what it was answered, step by step."""

    def __init__(self, client: dict[str, Any], folder: Path) -> None:
        self.client, self.folder, self.uri = client, folder, (folder / "shop.py").as_uri()
        self.can = client["capabilities"]
        self.wire = Wire(SERVER, ROOT, self.can, client["serves"], SETTINGS)
        self.recorded: list[dict[str, Any]] = []
        self.text = MARKED.replace("|", "")
        self.version = 1
        (folder / "shop.py").write_text(self.text)

    @property
    def document(self) -> Document:
        return Document.of(self.uri, "shop.py", "python", self.version, self.text)

    def record(self, step: str, answer: Any) -> Any:
        self.recorded.append({"step": step, "answer": answer})
        return answer

    def ask(self, method: str, params: Any, *, about: str = "") -> Any:
        """Send and record a request."""
        return self.record(f"{method} {about}".strip(), self.wire.request(method, params))

    def start(self) -> None:
        folders = [{"uri": self.folder.as_uri(), "name": "folder"}]
        params = {
            "processId": os.getpid(),
            "clientInfo": self.client["clientInfo"],
            "rootUri": self.folder.as_uri(),
            "rootPath": str(self.folder),
            "workspaceFolders": folders,
            "capabilities": self.can,
            "initializationOptions": SETTINGS,
        }
        sent = {name: one for name, one in params.items() if one is not None}
        found = self.wire.request("initialize", sent)
        self.serves = found["capabilities"]
        self.encoding = self.serves.get("positionEncoding", "utf-16")
        offered = said(self.can, "general.positionEncodings") or ["utf-16"]
        assert self.encoding in offered
        self.record("initialize", {name: self.serves[name] for name in ADVERTISED if name in self.serves})
        self.wire.notify("initialized", {})
        self.wire.wait_told("codeflow/status", lambda status: status["state"] == "ready")

    def open(self, uri: str) -> None:
        self.uri = uri
        item = {"uri": uri, "languageId": "python", "version": self.version, "text": self.text}
        self.wire.notify("textDocument/didOpen", {"textDocument": item})

    def close(self) -> None:
        self.wire.notify("textDocument/didClose", {"textDocument": {"uri": self.uri}})

    def at(self, offset: int) -> dict[str, int]:
        """The position of an offset of the text, in the units agreed on."""
        head = self.text[:offset].rsplit("\n", 1)[-1]
        units = {"utf-8": len(head.encode()), "utf-16": len(head.encode("utf-16-le")) // 2}
        return {"line": self.text.count("\n", 0, offset), "character": units.get(self.encoding, len(head))}

    def edit(self, edits: list[Any]) -> None:
        """Apply edits as they came, and tell the server."""
        document = self.document
        in_order = sorted(edits, key=lambda one: tuple(one["range"]["start"][name] for name in PLACE))
        for edit in in_order[::-1]:
            start, end = (
                position_in(document, types.Position(**edit["range"][name]), self.encoding)
                for name in ("start", "end")
            )
            document = document.apply(Edit(edit["newText"], start, end), self.version)
        self.version, self.text = self.version + 1, document.text
        whole = [{"text": self.text}]
        changed = {"uri": self.uri, "version": self.version}
        self.wire.notify("textDocument/didChange", {"textDocument": changed, "contentChanges": whole})

    # -- suggestions

    def complete(self, offset: int) -> None:
        """Ask in the way that this editor has, look at the entry, accept it."""
        at = {"textDocument": {"uri": self.uri}, "position": self.at(offset)}
        if said(self.can, "textDocument.inlineCompletion") is not None:
            context = {"triggerKind": 2}
            found = self.ask("textDocument/inlineCompletion", {**at, "context": context})
            (item,) = found["items"]
            assert isinstance(item["insertText"], str)
            edit = {"range": item["range"], "newText": item["insertText"]}
        else:
            assert "completionProvider" in self.serves
            context = {"triggerKind": 2, "triggerCharacter": " "}
            sent = {"context": context} if said(self.can, "textDocument.completion.contextSupport") else {}
            found = self.ask("textDocument/completion", {**at, **sent})
            (item,) = found["items"]
            properties = said(self.can, "textDocument.completion.completionItem.resolveSupport.properties")
            if "documentation" in (properties or ()):
                item = self.ask("completionItem/resolve", item)
            edit = self.menu_edit(item, found.get("itemDefaults") or {})
        self.edit([edit, *item.get("additionalTextEdits", [])])
        command = item["command"]
        self.ask("workspace/executeCommand", {key: command[key] for key in ("command", "arguments")})

    def menu_edit(self, item: Any, defaults: Any) -> Any:
        """What accepting an entry does, by this editor's rules of defaults and of indentation."""
        allowed = said(self.can, "textDocument.completion.completionList.itemDefaults") or ()
        assert set(defaults) <= set(allowed)
        edit = item.get("textEdit") or {"range": defaults["editRange"], "newText": item["textEditText"]}
        mode = item.get("insertTextMode") or defaults.get("insertTextMode")
        modes = said(self.can, "textDocument.completion.completionItem.insertTextModeSupport.valueSet") or ()
        assert mode is None or mode in modes
        usual = said(self.can, "textDocument.completion.insertTextMode")
        is_snippet = item.get("insertTextFormat") == types.InsertTextFormat.Snippet.value
        if is_snippet:
            assert said(self.can, "textDocument.completion.completionItem.snippetSupport")
            edit = {**edit, "newText": re.sub(r"\\(.)", r"\1", edit["newText"])}
        elif (mode or usual) != types.InsertTextMode.AdjustIndentation.value:
            return edit
        line = self.text.split("\n")[edit["range"]["start"]["line"]]
        indentation = line[: len(line) - len(line.lstrip())]
        return {**edit, "newText": edit["newText"].replace("\n", f"\n{indentation}")}

    # -- code actions

    def act(self, title: str, beginning: str) -> list[Any]:
        """Choose a code action on a line; the edits that this editor is given for its file."""
        start = self.text.index(beginning)
        place = {"start": self.at(start), "end": self.at(start + len(beginning))}
        params = {"textDocument": {"uri": self.uri}, "range": place, "context": {"diagnostics": []}}
        offered = self.wire.request("textDocument/codeAction", params)
        action = self.record(f"textDocument/codeAction: {title}", one_of(offered, title))
        properties = said(self.can, "textDocument.codeAction.resolveSupport.properties") or ()
        if "edit" in properties and "edit" not in action and "command" not in action:
            action = self.ask("codeAction/resolve", action, about=title)
        edit = action.get("edit")
        if "command" in action:
            command = action["command"]
            asked = len(self.wire.asked)
            sent = {key: command[key] for key in ("command", "arguments")}
            self.ask("workspace/executeCommand", sent, about=title)
            for method, params in self.wire.asked[asked:]:
                if method == "window/showDocument":
                    shown = Path(unquote(urlsplit(params["uri"]).path))
                    text = {"uri": shown.name, "text": shown.read_text()}
                    self.record(f"asked: {method}", {**params, **text})
                elif not method.startswith(("window/workDone", "client/")):
                    self.record(f"asked: {method}", params)
                    edit = params.get("edit")
        return self.edits_in(edit) if edit else []

    def edits_in(self, edit: Any) -> list[Any]:
        """The edits of this file, in the form that the editor understands."""
        if not said(self.can, "workspace.workspaceEdit.documentChanges"):
            assert set(edit) == {"changes"}
            return edit["changes"][self.uri]
        assert "changes" not in edit
        (change,) = edit["documentChanges"]
        assert change["textDocument"] == {"uri": self.uri, "version": self.version}
        assert self.shows_labels or "changeAnnotations" not in edit
        return change["edits"]

    @property
    def shows_labels(self) -> bool:
        """Whether this editor asks before it applies what needs confirmation: labels are for versioned edits,
        which Neovim does not say that it knows."""
        edits = said(self.can, "workspace.workspaceEdit") or {}
        is_known = bool(edits.get("documentChanges")) and "changeAnnotationSupport" in edits
        return is_known and bool(said(self.can, "textDocument.codeAction.honorsChangeAnnotations"))


def one_of(offered: list[Any], title: str) -> Any:
    return next(one for one in offered if one["title"] == title)


def normalised(session: Session) -> str:
    """What was recorded without what differs from one run to the next."""
    text = json.dumps(session.recorded, indent=1, ensure_ascii=False, sort_keys=True)
    text = text.replace(session.folder.as_uri(), "file:///project")
    return text.replace(str(session.folder), "/project") + "\n"


@pytest.mark.parametrize("name", CLIENTS)
def test_a_session(name: str, tmp_path: Path) -> None:
    """Initialize, open, complete and accept, invert an `if` and look at the diff first, rename the file, shut
    down: the file is the same in the end whichever the editor, and the server asked for nothing that the
    editor does not know."""
    client = json.loads((GOLDEN / "clients" / f"{name}.json").read_text("utf-8"))
    folder = tmp_path / "project"
    folder.mkdir()
    session = Session(client, folder)
    wire = session.wire
    try:
        session.start()
        session.open(session.uri)
        expected = MARKED
        for suggested in SUGGESTED:
            session.complete(expected.index("|"))
            expected = expected.replace("|", suggested, 1)
            assert session.text == expected.replace("|", "")
        before = session.text
        looked_at = session.act(f"{ACTION} (preview…)", CONDITION)
        assert bool(looked_at) == session.shows_labels  # elsewhere it was shown, and is not applied
        edits = session.act(ACTION, CONDITION)
        assert edits
        session.edit(edits)
        assert session.text == before.replace(CHECK, INVERTED)
        session.close()
        session.text, session.version = MARKED.replace("|", ""), 1
        (folder / "shop.py").rename(folder / "store.py")
        kinds = {"shop.py": types.FileChangeType.Deleted, "store.py": types.FileChangeType.Created}
        changes = [{"uri": (folder / name).as_uri(), "type": kind.value} for name, kind in kinds.items()]
        if said(session.can, "workspace.didChangeWatchedFiles") is not None:
            wire.notify("workspace/didChangeWatchedFiles", {"changes": changes})
        session.open((folder / "store.py").as_uri())
        session.complete(MARKED.index("|"))
        assert session.text == MARKED.replace("|", SUGGESTED[0], 1).replace("|", "")
        assert wire.end() == 0
    finally:
        wire.kill()
    assert not wire.unexpected, wire.unexpected
    begun = {params["token"] for method, params in wire.asked if method == "window/workDoneProgress/create"}
    assert {params["token"] for method, params in wire.told if method == "$/progress"} <= begun
    shown = [params["message"] for method, params in wire.told if method == "window/showMessage"]
    session.record("told: window/showMessage", shown)
    session.record("told", sorted({method for method, _ in wire.told}))
    assert not re.search("Traceback|ERROR", wire.stderr), wire.stderr
    golden, found = GOLDEN / "transcripts" / f"{name}.json", normalised(session)
    if os.environ.get("CODEFLOW_REWRITE"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(found, encoding="utf-8")
    assert json.loads(golden.read_text("utf-8")) == json.loads(found)


def test_the_editors_that_people_use_are_there() -> None:
    """Each with how it is known what it says."""
    wanted = {"neovim-0.11", "neovim-0.12", "vscode", "emacs-eglot"}
    assert wanted | {"helix", "sublime", "zed", "kate", "jetbrains-lsp4ij"} <= set(CLIENTS)
    for name in CLIENTS:
        client = json.loads((GOLDEN / "clients" / f"{name}.json").read_text("utf-8"))
        assert client["source"] and client["capabilities"]["textDocument"]
