"""Recent edits: whatever was typed, the pairs lead from the text as it is now back to the text as it was."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from context.document import Document, Edit, Position
from context.edit_log import RecentEdit, as_diff
from context.workspace import Closed, Edited, Opened, Workspace

URI = "file:///a.py"
texts = st.text(st.sampled_from("ab\n"), max_size=60)
places = st.tuples(st.integers(0, 25), st.integers(0, 4))
typed = st.text(st.sampled_from("xyz\n"), max_size=6)
edits = st.lists(st.tuples(places, places, typed), max_size=8)


def document_of(text: str, uri: str = URI) -> Document:
    return Document.of(uri, uri.rsplit("/", 1)[-1], "python", 1, text)


def workspace_after(text: str, changes: list[Edit]) -> Workspace:
    workspace = Workspace()
    workspace.apply(Opened(document_of(text)))
    for version, edit in enumerate(changes, start=2):
        workspace.apply(Edited(URI, version, (edit,)))
    return workspace


def undo(lines: tuple[str, ...], pairs: tuple[RecentEdit, ...]) -> str:
    """The text before all of ``pairs``, from the text after them."""
    found = list(lines)
    for edit in sorted(pairs, key=lambda edit: -edit.line):
        assert tuple(found[edit.line : edit.line + len(edit.after)]) == edit.after
        found[edit.line : edit.line + len(edit.after)] = edit.before
    return "".join(found)


@given(texts, edits)
def test_putting_every_pair_back_gives_the_text_as_it_was(
    text: str, changes: list[tuple[tuple[int, int], tuple[int, int], str]]
) -> None:
    workspace = workspace_after(
        text, [Edit(new, Position(*start), Position(*end)) for start, end, new in changes]
    )
    snapshot = workspace.snapshot()
    assert undo(snapshot.documents[URI].lines, snapshot.recent_edits) == text


@given(texts, texts)
def test_a_replaced_whole_text_is_one_pair(before: str, after: str) -> None:
    snapshot = workspace_after(before, [Edit(after)]).snapshot()
    assert len(snapshot.recent_edits) == (before != after)
    assert undo(snapshot.documents[URI].lines, snapshot.recent_edits) == before


def test_letters_typed_one_by_one_are_one_pair() -> None:
    text = "def f():\n    pass\n" + "\n" * 20 + "x = 1\n"
    typing = [Edit(letter, Position(1, 4 + n), Position(1, 4 + n)) for n, letter in enumerate("return 1")]
    (edit,) = workspace_after(text, typing).snapshot().recent_edits
    assert as_diff(edit) == "-    pass\n+    return 1pass\n"


def test_places_far_apart_are_pairs_of_their_own_and_keep_their_lines() -> None:
    text = "".join(f"line {n}\n" for n in range(40))
    changes = [Edit("b", Position(30, 0), Position(30, 0)), Edit("new\n", Position(2, 0), Position(2, 0))]
    first, second = workspace_after(text, changes).snapshot().recent_edits
    assert (first.line, first.after) == (31, ("bline 30\n",))
    assert (second.line, as_diff(second)) == (2, "+new\n line 2\n")


def test_what_was_undone_is_no_edit() -> None:
    changes = [Edit("b", Position(0, 0), Position(0, 0)), Edit("", Position(0, 0), Position(0, 1))]
    assert workspace_after("a\n", changes).snapshot().recent_edits == ()


def test_edits_of_a_closed_document_are_remembered() -> None:
    workspace = workspace_after("a\n", [Edit("b", Position(0, 0), Position(0, 0))])
    workspace.apply(Closed(URI))
    (edit,) = workspace.snapshot().recent_edits
    assert (edit.path, as_diff(edit)) == ("a.py", "-a\n+ba\n")


def test_a_pasted_thousand_lines_is_no_evidence_of_a_habit() -> None:
    paste = Edit("x\n" * 1000, Position(0, 0), Position(0, 0))
    assert workspace_after("a\n", [paste]).snapshot().recent_edits == ()
