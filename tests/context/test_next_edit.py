"""Next edits: where they are found, what is said of them, and what is never shown."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from context.document import Document, Edit, Position
from context.facts import Facts, Layout
from context.history.values import Commit, History
from context.language import language_of_path
from context.next_edit import Elsewhere, NextPlace, locate, read_elsewhere
from context.next_edit.changes import runs_of
from context.workspace import Closed, Diagnosed, Diagnosis, Edited, Opened, Workspace

HEAD = "import os\n\n\n"
USES = HEAD + "".join(
    f"def use_{name}(path):\n    {body}\n    return path\n\n\n"
    for name, body in (
        ("one", "fetch_rows(path)"),
        ("two", "print(path)"),
        ("three", "rows = fetch_rows(path)"),
        ("four", "print(os.getcwd())"),
        ("five", "return fetch_rows(os.path.join(path))"),
    )
)


class Editor:
    """Documents by path, and where the cursor was left."""

    def __init__(self, **texts: str) -> None:
        self.workspace = Workspace()
        self.uri, self.cursor = "", Position(0, 0)
        for name, text in texts.items():
            path = name.replace("_py", ".py").replace("_ts", ".ts").replace("__", "/")
            language = language_of_path(path).name
            self.workspace.apply(Opened(Document.of(f"file:///{path}", path, language, 1, text)))

    def replace(self, path: str, old: str, new: str) -> Editor:
        """Replace the first ``old`` as somebody would type it."""
        self.uri = f"file:///{path}"
        document = self.workspace.document(self.uri)
        assert document is not None
        start = _position(document.text, document.text.index(old))
        end = _position(document.text, document.text.index(old) + len(old))
        self.workspace.apply(Edited(self.uri, document.version + 1, (Edit(new, start, end),)))
        self.cursor = Position(start.line + new.count("\n"), 0)
        return self

    def next(self, elsewhere: Elsewhere | None = None, most: int = 3) -> list[NextPlace]:
        """The places shown."""
        return locate(self.workspace.snapshot(), self.uri, self.cursor, elsewhere, most)

    def line(self, place: NextPlace) -> str:
        """The text at a place in an open document."""
        document = self.workspace.document(place.uri)
        assert document is not None
        return document.line(place.start)


def _position(text: str, offset: int) -> Position:
    above = text.count("\n", 0, offset)
    return Position(above, offset - (text.rfind("\n", 0, offset) + 1))


def test_nothing_is_shown_where_nothing_was_edited() -> None:
    assert Editor(a_py=USES).next() == []
    assert locate(Editor(a_py=USES).workspace.snapshot(), "file:///none.py", Position(0, 0)) == []


def test_other_uses_of_a_replaced_name_are_found_below_and_above() -> None:
    """Two uses were renamed: the third, below, is shown with its text."""
    editor = Editor(a_py=USES).replace(
        "a.py",
        "fetch_rows(path)\n    return path\n\n\ndef use_two",
        "load_rows(path)\n    return path\n\n\ndef use_two",
    )
    editor.replace("a.py", "rows = fetch_rows", "rows = load_rows")
    found = [place for place in editor.next() if place.edit is not None]
    assert [editor.line(place).strip() for place in found] == ["return fetch_rows(os.path.join(path))"]
    assert found[0].edit is not None
    assert found[0].edit.after == ("    return load_rows(os.path.join(path))\n",)
    assert "fetch_rows" in found[0].reason


def test_a_renamed_definition_leads_to_its_uses_in_other_open_documents() -> None:
    """One edit is enough for the text where what is defined got another name."""
    editor = Editor(
        user_py="import rows\n\nvalue = rows.fetch_rows('x')\n",
        rows_py="def fetch_rows(path):\n    return path\n",
    )
    found = editor.replace("rows.py", "fetch_rows", "load_rows").next()
    (use,) = [place for place in found if place.path == "user.py" and place.edit is not None]
    assert use.edit is not None
    assert use.edit.after == ("value = rows.load_rows('x')\n",)


def test_a_single_change_of_wording_points_but_does_not_write() -> None:
    """A word replaced once in a text is no rule for all others."""
    text = "".join(f"# the retry logic of number {n} is simple\n\n\nvalue_{n} = {n}\n\n\n" for n in range(4))
    found = Editor(a_py=text).replace("a.py", "logic", "rules").next(most=9)
    assert found and all(place.edit is None for place in found)


def test_what_was_undone_is_not_proposed_again() -> None:
    """old -> new, then new -> old at another line: neither replacement is offered."""
    editor = Editor(
        a_py="alpha_value = 1\n" + "\n" * 9 + "beta_value = 2\n" + "\n" * 9 + "use(alpha_value, beta_value)\n"
    )
    editor.replace("a.py", "alpha_value = 1", "beta_value = 1")
    editor.replace("a.py", "beta_value = 2", "alpha_value = 2")
    assert all(place.edit is None for place in editor.next(most=9))


def test_a_reverted_edit_leaves_nothing_to_do() -> None:
    editor = (
        Editor(a_py=USES)
        .replace("a.py", "print(path)", "show(path)")
        .replace("a.py", "show(path)", "print(path)")
    )
    assert editor.next() == []


def test_a_name_that_nothing_defines_leads_to_the_imports() -> None:
    editor = Editor(a_py=USES).replace("a.py", "print(os.getcwd())", "shutil.rmtree(path)")
    places = editor.next()
    assert any(place.start <= 3 for place in places)


def test_the_import_of_a_name_no_longer_used_is_shown() -> None:
    text = "import os\nimport json\n\n\n" + "x = 1\n" * 40 + "print(json.dumps(x))\n"
    places = Editor(a_py=text).replace("a.py", "print(json.dumps(x))", "print(x)").next()
    (place,) = [place for place in places if place.start <= 3]
    assert place.signal == "import_unused"
    assert place.reason == "json is imported here and no longer used."


def test_callers_of_a_changed_head_are_shown() -> None:
    text = "def area(width):\n    return width\n" + "\n\nspare = 1\n" * 12 + "\n\nprint(area(3))\n"
    places = Editor(a_py=text).replace("a.py", "def area(width)", "def area(width, height)").next()
    assert text.split("\n").index("print(area(3))") in [place.start for place in places]


def test_a_line_that_a_checker_reports_is_shown() -> None:
    text = "x = 1\n" + "\n\nspare = 1\n" * 30 + "print(y)\n"
    editor = Editor(a_py=text).replace("a.py", "x = 1", "z = 1")
    line = text.split("\n").index("print(y)")
    editor.workspace.apply(Diagnosed("file:///a.py", (Diagnosis(line, "y is not defined"),)))
    (place,) = [place for place in editor.next() if place.start == line]
    assert place.signal == "diagnosed"


def test_places_are_apart_and_shares_of_one() -> None:
    places = Editor(a_py=USES).replace("a.py", "fetch_rows", "load_rows").next(most=9)
    assert len(places) > 3
    for n, place in enumerate(places):
        assert all(abs(place.start - other.start) > 3 for other in places[:n] if other.uri == place.uri)
    assert 0.99 < sum(place.score for place in places) + (1 - sum(place.score for place in places)) < 1.01
    assert sum(place.score for place in places) <= 1.001
    assert [place.score for place in places] == sorted((place.score for place in places), reverse=True)


def facts_of(root: Path, editor: Editor, files: dict[str, str], history: History | None = None) -> Facts:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, "utf-8")
    opened = {document.path: document for document in editor.workspace.snapshot().documents.values()}
    return Facts(root=root, history=history, layout=Layout(sorted(files)), opened=opened)


def test_closed_files_that_change_together_are_read_and_shown(tmp_path: Path) -> None:
    """History says that the client changes with the server; the client still holds the old name."""
    files = {
        "server.py": "def fetch_rows(path):\n    return path\n",
        "client.py": "import server\n\nserver.fetch_rows('x')\n",
    }
    files |= {f"spare_{n}.py": "spare = 1\n" for n in range(50)}
    history = History(tmp_path, recent=(Commit("1", "", "", 0, ("server.py", "client.py")),))
    editor = Editor(server_py=files["server.py"]).replace("server.py", "fetch_rows", "load_rows")
    elsewhere = read_elsewhere(
        editor.workspace.snapshot(), editor.uri, facts_of(tmp_path, editor, files, history)
    )
    assert list(elsewhere.texts) == ["client.py"]
    place = next(place for place in editor.next(elsewhere) if place.path == "client.py")
    assert (place.uri, place.start) == ("", 2)
    assert place.edit is not None
    assert place.edit.after == ("server.load_rows('x')\n",)


def test_files_that_hold_secrets_by_their_name_are_not_read(tmp_path: Path) -> None:
    editor = Editor(a_py=USES).replace("a.py", "fetch_rows", "load_rows")
    facts = facts_of(tmp_path, editor, {"a.py": USES, ".env": "fetch_rows=1\n", "b.py": "fetch_rows(1)\n"})
    assert list(read_elsewhere(editor.workspace.snapshot(), editor.uri, facts).texts) == ["b.py"]


def test_an_edit_in_a_document_that_was_closed_still_counts() -> None:
    editor = Editor(rows_py="def fetch_rows(path):\n    return path\n", a_py=USES)
    editor.replace("rows.py", "fetch_rows", "load_rows")
    editor.workspace.apply(Closed("file:///rows.py"))
    editor.uri, editor.cursor = "file:///a.py", Position(0, 0)
    assert "    load_rows(path)\n" in [place.edit.after[0] for place in editor.next() if place.edit]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_line_ends_are_kept(end: str) -> None:
    text = USES.replace("\n", end)
    editor = Editor(a_py=text).replace("a.py", f"    fetch_rows(path){end}", f"    load_rows(path){end}")
    editor.replace("a.py", "rows = fetch_rows", "rows = load_rows")
    (after,) = [place.edit.after[0] for place in editor.next() if place.edit is not None]
    assert after == f"    return load_rows(os.path.join(path)){end}"


lines = st.lists(st.sampled_from(("alpha = beta", "def alpha(beta):", "import beta", "beta(alpha)", "", "}")))
changes = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 4), lines), min_size=1, max_size=6)


@given(lines, lines, changes)
def test_whatever_was_edited_places_are_lines_and_no_text_undoes_an_edit(
    here: list[str], other: list[str], made: list[tuple[int, int, list[str]]]
) -> None:
    editor = Editor(a_py="\n".join(here), b_py="\n".join(other))
    for number, (start, count, new) in enumerate(made, 2):
        editor.uri = f"file:///{'ab'[number % 2]}.py"
        edit = Edit("\n".join(new), Position(start, 0), Position(start + count, 0))
        editor.workspace.apply(Edited(editor.uri, number, (edit,)))
        editor.cursor = Position(start + len(new), 0)
    snapshot = editor.workspace.snapshot()
    for place in editor.next(most=20):
        document = snapshot.documents[place.uri]
        assert 0 <= place.start < place.end <= len(document.lines)
        if place.edit is not None:
            assert place.edit.before == document.lines[place.start : place.end] != place.edit.after
            assert not any(
                place.edit.after[0] in one.before and place.edit.before[0] in one.after
                for one in runs_of(snapshot.recent_edits, editor.uri, editor.cursor)
            )


def test_a_file_of_twenty_thousand_lines_takes_well_under_a_second() -> None:
    """Bounded work: the words of an edit are searched, the lines are not read one by one."""
    text = "".join(f"value_{n} = compute(value_{n - 1}, shared_name)\n" for n in range(20_000))
    editor = (
        Editor(a_py=text)
        .replace("a.py", "shared_name", "other_name")
        .replace("a.py", "shared_name", "other_name")
    )
    editor.next()
    began = time.process_time()
    places = editor.next()
    assert time.process_time() - began < 0.5
    assert places
