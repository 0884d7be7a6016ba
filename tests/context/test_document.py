"""A document's edits, beside the slow true version on plain strings."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from context.document import Document, Edit, Position, line_end, split_lines

texts = st.text(st.sampled_from("ab\n\r\t é👋\u2028\x0b\x85\ud83d\udc4b"), max_size=30)
positions = st.builds(Position, st.integers(-1, 12), st.integers(-1, 12))


def document_of(text: str) -> Document:
    return Document.of("file:///a.py", "a.py", "python", 1, text)


def slow_lines(text: str) -> list[str]:
    """Lines with their ends, character by character."""
    lines = [""]
    for index, character in enumerate(text):
        lines[-1] += character
        if character == "\n" or (character == "\r" and text[index + 1 : index + 2] != "\n"):
            lines.append("")
    return lines


def slow_offset(text: str, position: Position) -> int:
    """Offset of a position in a text; outside of it, that of the nearest place inside."""
    lines = slow_lines(text)
    if position.line < 0:
        return 0
    if position.line >= len(lines):
        return len(text)
    visible = len(lines[position.line].rstrip("\r\n"))
    return len("".join(lines[: position.line])) + min(max(position.column, 0), visible)


@given(texts)
def test_a_line_ends_at_newline_carriage_return_or_both_and_nowhere_else(text: str) -> None:
    assert list(split_lines(text)) == slow_lines(text)
    assert all(line == line.rstrip("\r\n") + line_end(line) for line in split_lines(text))


@given(texts)
def test_the_lines_are_the_text(text: str) -> None:
    document = document_of(text)
    assert document.text == text
    assert [document.line(n) for n in range(len(document.lines) + 1)] == [
        *(line.rstrip("\r\n") for line in slow_lines(text)),
        "",
    ]


@given(texts, st.lists(st.tuples(texts, positions, positions), max_size=6))
@example("a\r\nb", [("", Position(0, 1), Position(1, 0))])
@example("a\rb", [("\n", Position(1, 0), Position(1, 0))])
@example("a\n", [("\r", Position(0, 1), Position(0, 1))])
@example("\ud83d", [("\udc4b", Position(0, 1), Position(0, 1))])
def test_edits_do_what_they_do_to_a_string(text: str, edits: list[tuple[str, Position, Position]]) -> None:
    document = document_of(text)
    for version, (new, start, end) in enumerate(edits, start=2):
        first, last = sorted((slow_offset(text, start), slow_offset(text, end)))
        text = text[:first] + new + text[last:]
        document = document.apply(Edit(new, start, end), version)
        assert document.text == text
        assert list(document.lines) == slow_lines(text)
        assert document.version == version


@given(texts, texts)
def test_an_edit_without_a_range_replaces_everything(text: str, new: str) -> None:
    assert document_of(text).apply(Edit(new), 2) == Document.of("file:///a.py", "a.py", "python", 2, new)


@given(texts, positions)
def test_a_position_is_clamped_to_the_nearest_place_and_stays_there(text: str, position: Position) -> None:
    document = document_of(text)
    clamped = document.clamp(position)
    assert 0 <= clamped.line < len(document.lines)
    assert 0 <= clamped.column <= len(document.line(clamped.line))
    assert document.clamp(clamped) == clamped
    before = len("".join(document.lines[: clamped.line])) + clamped.column
    assert before == slow_offset(text, position)


@given(texts, texts, positions)
def test_an_edit_leaves_the_old_document_as_it_was(text: str, new: str, at: Position) -> None:
    document = document_of(text)
    lines = document.lines
    document.apply(Edit(new, at, at), 2)
    assert document.lines is lines
    assert document == document_of(text)


def test_new_lines_end_as_the_first_one_does() -> None:
    assert [document_of(text).line_end for text in ("", "a", "a\nb\r\n", "a\r\nb\n", "a\rb")] == [
        "\n",
        "\n",
        "\n",
        "\r\n",
        "\r",
    ]
