"""The way from LSP's values to ours, beside Python's own codecs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lsprotocol import types

from context.document import Document, Position
from lsp_server.from_lsp import column_of, edits_of, opened_document, position_in, prompt_path
from lsp_server.to_lsp import character_of, position_of

CODECS = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}
encodings = st.sampled_from(sorted(CODECS))
lines = st.text(st.sampled_from("ab é€👋𝒳\ud83d\udc4b\t"), max_size=12)
texts = st.text(st.sampled_from("ab\n\r é€👋\ud83d"), max_size=24)


def units(text: str, encoding: str) -> int:
    """Code units that a text takes."""
    codec, size = CODECS[encoding]
    return sum(len(point.encode(codec, "surrogatepass")) for point in text) // size


def slow_column(line: str, character: int, encoding: str) -> int:
    """The last column that takes no more than ``character`` code units."""
    return max(n for n in range(len(line) + 1) if units(line[:n], encoding) <= character)


@given(lines, st.integers(0, 50), encodings)
def test_a_column_is_what_the_codec_says(line: str, character: int, encoding: str) -> None:
    assert column_of(line, character, encoding) == slow_column(line, character, encoding)


@given(lines, st.integers(0, 12), encodings)
def test_a_column_goes_there_and_back(line: str, column: int, encoding: str) -> None:
    character = character_of(line, column, encoding)
    assert character == units(line[:column], encoding)
    assert column_of(line, character, encoding) == min(column, len(line))


@given(texts, st.integers(0, 9), st.integers(0, 30), encodings)
def test_a_position_beyond_the_line_or_the_document_means_its_end(
    text: str, line: int, character: int, encoding: str
) -> None:
    document = Document.of("file:///a", "a", "python", 1, text)
    found = position_in(document, types.Position(line, character), encoding)
    assert found == document.clamp(found)
    if line >= len(document.lines):
        assert found == Position(len(document.lines) - 1, len(document.line(len(document.lines) - 1)))
    else:
        assert found == Position(line, slow_column(document.line(line), character, encoding))


def apply_changes(
    document: Document,
    version: int,
    events: list[types.TextDocumentContentChangeEvent],
    encoding: str,
) -> Document:
    for edit in edits_of(document, version, events, encoding):
        document = document.apply(edit, version)
    return document


changes = st.tuples(
    texts, st.tuples(st.integers(0, 6), st.integers(0, 12)), st.tuples(st.integers(0, 6), st.integers(0, 12))
)


@given(texts, st.lists(changes, max_size=5), encodings)
def test_incremental_edits_and_the_whole_text_come_to_the_same(
    text: str, edits: list[tuple[str, tuple[int, int], tuple[int, int]]], encoding: str
) -> None:
    document = Document.of("file:///a", "a", "python", 1, text)
    events: list[types.TextDocumentContentChangeEvent] = []
    for new, start, end in edits:
        first, last = sorted((start, end))
        event = types.TextDocumentContentChangePartial(
            types.Range(types.Position(*first), types.Position(*last)), new
        )
        now = apply_changes(document, 1, events, encoding)
        begin, stop = (
            len("".join(now.lines[: at.line])) + at.column
            for at in (
                position_in(now, event.range.start, encoding),
                position_in(now, event.range.end, encoding),
            )
        )
        text = now.text[:begin] + new + now.text[stop:]
        events.append(event)
        whole = types.TextDocumentContentChangeWholeDocument(text)
        assert apply_changes(document, 2, events, encoding) == apply_changes(document, 2, [whole], encoding)


@given(texts, st.integers(0, 9), st.integers(0, 12), encodings)
def test_a_position_of_ours_goes_there_and_back(text: str, line: int, column: int, encoding: str) -> None:
    document = Document.of("file:///a", "a", "python", 1, text)
    position = document.clamp(Position(line, column))
    assert position_in(document, position_of(document, position, encoding), encoding) == position


@pytest.mark.parametrize(
    ("uri", "folders", "path"),
    [
        ("file:///home/a/shop/web/a%20b.ts", ["file:///home/a/shop"], "web/a b.ts"),
        ("file:///home/a/shop/web/a.ts", ["file:///home/a/shop", "file:///home/a/shop/web/"], "a.ts"),
        ("file:///home/a/shopping/a.ts", ["file:///home/a/shop"], "a.ts"),
        ("file:///c%3A/code/shop/a.py", ["file:///c%3A/code/shop"], "a.py"),
        ("untitled:Untitled-1", [], "Untitled-1"),
        ("file:///", [], "untitled"),
    ],
)
def test_a_prompt_calls_a_file_by_its_path_in_its_folder(uri: str, folders: list[str], path: str) -> None:
    assert prompt_path(uri, folders) == path


def test_a_document_without_a_language_has_that_of_its_name() -> None:
    item = types.TextDocumentItem("file:///shop/a.rs", "", 3, "fn main() {}\n")
    assert opened_document(item, []) == Document.of("file:///shop/a.rs", "a.rs", "rust", 3, "fn main() {}\n")
