"""A suggestion as an entry of a completion menu, for clients that differ in what they show and insert."""

from __future__ import annotations

from typing import Any

import pytest
from lsprotocol import converters, types

from context.document import Document, Position
from context.prompt import Piece
from lsp_server.account import Account
from lsp_server.completion import Menu, menu_list, menu_of, told
from lsp_server.ghost_text import Suggestion
from lsp_server.place import Place
from lsp_server.trim import Shown

UTF16, MARKDOWN, PLAIN = (
    types.PositionEncodingKind.Utf16,
    types.MarkupKind.Markdown,
    types.MarkupKind.PlainText,
)
USUAL = Menu()


def entry(marked: str, text: str, menu: Menu = USUAL, replaced: int = 0) -> tuple[types.CompletionItem, Any]:
    """The one entry for a suggestion at ``|``, and the list's defaults."""
    before, _, after = marked.partition("|")
    document = Document.of("file:///a.py", "a.py", "python", 1, before + after)
    place = Place(document, Position(before.count("\n"), len(before.rsplit("\n", 1)[-1])))
    found = menu_list(place, Suggestion(Shown(text, replaced), "c1"), menu, UTF16)
    (item,) = found.items
    assert found.is_incomplete
    return item, found.item_defaults


@pytest.mark.parametrize(
    ("marked", "text", "replaced", "label", "edit"),
    [
        ("x = |\n", "1", 0, "1", ((4, 4), "1")),
        ("    return a|\n", " + b", 0, "a + b", ((11, 12), "a + b")),
        ("print(|)\n", "'a')", 1, "'a')", ((6, 7), "'a')")),
        ("été.nam|\n", "e()", 0, "name()", ((4, 7), "name()")),
        ("😀.été|\n", "()", 0, "été()", ((3, 6), "été()")),
        ("for x in |\n", "y:\n    z", 0, "y:", ((9, 9), "y:\n    z")),
        ("def f():|\n", "\n    pass", 0, "pass", ((8, 8), "\n    pass")),
        ("x = |\n", "a" * 70, 0, "a" * 59 + "…", ((4, 4), "a" * 70)),
    ],
)
def test_an_entry(marked: str, text: str, replaced: int, label: str, edit: Any) -> None:
    """Its label is one line; its range begins with the word and ends where the suggestion does."""
    item, defaults = entry(marked, text, replaced=replaced)
    assert item.label == label and defaults is None
    assert isinstance(item.text_edit, types.TextEdit)
    (start, end), new = edit
    around = item.text_edit.range
    assert (around.start.character, around.end.character, item.text_edit.new_text) == (start, end, new)
    assert item.filter_text == new.split("\n")[0] and item.detail == "CodeFlow"
    assert item.command is not None and item.command.arguments == ["c1"]


@pytest.mark.parametrize("other", ["name", "_name", "Zebra", "0", "zzzz", "09.9999.name", "11", "7fffffff"])
def test_it_stands_below_names(other: str) -> None:
    """Below what language servers sort by, or label."""
    item, _ = entry("x = |\n", "1")
    assert item.sort_text is not None and item.sort_text > other and not item.preselect


@pytest.mark.parametrize(
    ("can", "menu"),
    [
        ({}, Menu()),
        ({"completionItem": {"labelDetailsSupport": True}}, Menu(shows_details=True)),
        ({"completionItem": {"documentationFormat": ["plaintext"]}}, Menu(shows_markdown=False)),
        ({"completionItem": {"documentationFormat": ["plaintext", "markdown"]}}, Menu()),
        (
            {"completionItem": {"insertTextModeSupport": {"valueSet": [1, 2]}}, "insertTextMode": 2},
            Menu(takes_as_is=True),
        ),
        ({"completionItem": {"insertTextModeSupport": {"valueSet": [2]}}}, Menu(indents=True)),
        ({"insertTextMode": 2}, Menu(indents=True)),
        ({"insertTextMode": 1}, Menu()),
        (
            {"completionList": {"itemDefaults": ["editRange", "data"]}},
            Menu(defaults=frozenset({"editRange", "data"})),
        ),
    ],
)
def test_what_a_client_says_of_its_menu(can: Any, menu: Menu) -> None:
    documents = {"textDocument": {"completion": can}}
    said = converters.get_converter().structure(documents, types.ClientCapabilities)
    assert menu_of(said) == menu


def test_a_client_that_says_nothing_is_served() -> None:
    assert menu_of(types.ClientCapabilities()) == Menu()


def test_further_lines_keep_their_indentation() -> None:
    """As they are where the client can be asked for that; elsewhere without what the client adds, and never
    with less than nothing."""
    marked, text = "def f():\n    for x in |\n", "y:\n        z\n    return\nend"
    item, _ = entry(marked, text, Menu(takes_as_is=True))
    assert item.insert_text_mode == types.InsertTextMode.AsIs
    assert isinstance(item.text_edit, types.TextEdit) and item.text_edit.new_text == text
    item, _ = entry(marked, text, Menu(indents=True))
    assert item.insert_text_mode is None
    assert isinstance(item.text_edit, types.TextEdit)
    assert item.text_edit.new_text == "y:\n    z\nreturn\nend"
    item, _ = entry(marked, "y:\n\t    z", Menu(indents=True))
    assert isinstance(item.text_edit, types.TextEdit) and item.text_edit.new_text == "y:\n\t    z"


def test_neovim_is_given_snippets() -> None:
    """Its own menu inserts of a plain text what precedes the first blank, gives further lines the indentation
    of the line, and leaves what stands behind the cursor."""
    said = types.ClientCapabilities(
        text_document=types.TextDocumentClientCapabilities(
            completion=types.CompletionClientCapabilities(
                completion_item=types.ClientCompletionItemOptions(snippet_support=True)
            )
        )
    )
    assert menu_of(said, "Neovim") == Menu(expands=True) and menu_of(said, "Helix") == Menu()
    item, _ = entry("    print(|)\n", "f'${a}\\n'):\n        b", Menu(expands=True), replaced=1)
    assert item.insert_text_format == types.InsertTextFormat.Snippet
    assert isinstance(item.text_edit, types.TextEdit)
    assert item.text_edit.new_text == r"f'\${a\}\\n'):" + "\n    b"
    assert item.text_edit.range == types.Range(types.Position(0, 10), types.Position(0, 10))
    (more,) = item.additional_text_edits or []
    assert more == types.TextEdit(types.Range(types.Position(0, 10), types.Position(0, 11)), "")
    item, _ = entry("x = |\n", "1", Menu(expands=True))
    assert item.additional_text_edits is None


def test_defaults_take_what_the_client_lets_them() -> None:
    item, defaults = entry("x = |\n", "1", Menu(takes_as_is=True, defaults=frozenset({"editRange"})))
    assert item.text_edit is None and item.text_edit_text == "1"
    assert item.insert_text_mode == types.InsertTextMode.AsIs and defaults.insert_text_mode is None
    assert defaults.edit_range == types.Range(types.Position(0, 4), types.Position(0, 4))
    both = frozenset({"editRange", "insertTextMode"})
    item, defaults = entry("x = |\n", "1", Menu(takes_as_is=True, defaults=both))
    assert item.insert_text_mode is None and defaults.insert_text_mode == types.InsertTextMode.AsIs


@pytest.mark.parametrize(
    ("text", "markdown", "shown"),
    [
        ("a\nb", True, "```python\na\nb\n```"),
        ("'```'", True, "````python\n'```'\n````"),
        ("'`````'", True, "``````python\n'`````'\n``````"),
        ("a\nb", False, "a\nb"),
    ],
)
def test_the_documentation_is_the_whole_text(text: str, markdown: bool, shown: str) -> None:
    """In a fence that no backticks of its own end."""
    item, _ = entry("x = |\n", text, Menu(shows_markdown=markdown))
    assert item.documentation == types.MarkupContent(MARKDOWN if markdown else PLAIN, shown)


def test_what_the_model_was_told_of() -> None:
    """Other files, the largest part first; never the file itself, nor what are no files."""
    pieces = (
        Piece("recent edits", "cart.py.diff", 5),
        Piece("imports", "prices.py", 10),
        Piece("project map", "", 99),
        Piece("open file", "prices.py", 10),
        Piece("same folder", "tax.py", 15),
        Piece("prefix", "cart.py", 50),
    )
    account = Account("c1", "model", pieces=pieces)
    assert told(account, MARKDOWN) == "CodeFlow, told of `prices.py`, `tax.py`"
    assert told(account, PLAIN) == "CodeFlow, told of prices.py, tax.py"
    many = Account("c1", "model", pieces=tuple(Piece("open file", f"{n}.py", 9 - n) for n in range(6)))
    assert told(many, PLAIN) == "CodeFlow, told of 0.py, 1.py, 2.py, 3.py and 2 more"
    assert told(Account("c1", "model"), PLAIN) == "CodeFlow, from this file alone"
