"""The window of lines around the cursor: typing moves none of its edges, and it keeps its budgets."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from context.document import Document, Edit, Position
from context.window import LEAST_SHARE, MIDDLE_LINES, SUFFIX_SLACK, Window, choose_window

lines = st.lists(
    st.sampled_from(["", "a = 1", "def f():", "    " + "x" * 30, "y" * 200]), min_size=1, max_size=80
)


def document_of(content: list[str]) -> Document:
    return Document.of("file:///a.py", "a.py", "python", 1, "\n".join(content))


def count(text: str) -> int:
    """Tokens of a line, roughly as a tokenizer has them."""
    return 1 + len(text) // 4


def cost(document: Document, first: int, last: int) -> int:
    return sum(count(line) for line in document.lines[first:last])


def window_at(
    document: Document, line: int, prefix: int, suffix: int, previous: Window | None = None
) -> Window:
    return choose_window(
        document, line, prefix_tokens=prefix, suffix_tokens=suffix, count=count, previous=previous
    )


@given(lines, st.integers(0, 79), st.integers(1, 600), st.integers(1, 200))
def test_typing_twenty_lines_moves_no_edge_while_they_fit(
    content: list[str], at: int, prefix: int, suffix: int
) -> None:
    document, line = document_of(content), min(at, len(content) - 1)
    window = first = window_at(document, line, prefix, suffix)
    for typed in range(1, 21):
        end = len(document.line(line))
        document = document.apply(Edit("\n    b = 2", Position(line, end), Position(line, end)), typed)
        line += 1
        window = window_at(document, line, prefix, suffix, window)
        if cost(document, first.start, line + 1) > prefix:
            break  # the start edge has to move
        assert (window.start, window.anchor) == (first.start, first.anchor)
        assert window.lines_below == first.lines_below


@given(lines, st.integers(0, 79), st.integers(200, 600), st.integers(1, 200))
def test_after_the_start_edge_moved_there_is_room_to_type(
    content: list[str], at: int, prefix: int, suffix: int
) -> None:
    document, line = document_of(content), min(at, len(content) - 1)
    window = window_at(document, line, prefix, suffix)
    if window.start > 0 and window.start < line:
        assert cost(document, window.start, line + 1) <= 0.7 * prefix


@given(lines, st.lists(st.integers(0, 79), min_size=1, max_size=12), st.integers(1, 600), st.integers(1, 200))
def test_wherever_the_cursor_jumps_the_budgets_are_kept(
    content: list[str], jumps: list[int], prefix: int, suffix: int
) -> None:
    document, window = document_of(content), None
    for jump in jumps:
        line = min(jump, len(content) - 1)
        window = window_at(document, line, prefix, suffix, window)
        assert 0 <= window.start <= window.anchor <= line < window.end <= len(document.lines)
        assert line - window.anchor <= MIDDLE_LINES
        assert window.lines_below == len(document.lines) - window.end
        if window.start < line:
            assert cost(document, window.start, line + 1) <= prefix
        if window.end > line + 2:
            assert cost(document, line + 1, window.end) <= SUFFIX_SLACK * suffix


@given(lines, st.integers(0, 79))
def test_a_file_that_fits_is_taken_whole(content: list[str], at: int) -> None:
    document, line = document_of(content), min(at, len(content) - 1)
    window = window_at(document, line, 10_000, 10_000)
    assert window == Window(0, line, len(document.lines), 0)


@given(lines, st.integers(0, 79), st.integers(1, 600), st.integers(1, 200))
def test_asking_again_gives_the_same_window(content: list[str], at: int, prefix: int, suffix: int) -> None:
    document, line = document_of(content), min(at, len(content) - 1)
    window = window_at(document, line, prefix, suffix)
    assert window_at(document, line, prefix, suffix, window) == window


@given(lines, st.integers(0, 79), st.integers(0, 79), st.integers(40, 600), st.integers(1, 200))
def test_a_cursor_that_goes_up_is_given_the_lines_above_it(
    content: list[str], at: int, then: int, prefix: int, suffix: int
) -> None:
    """Wherever it was before: at least a third of the budget, or as much as a new window would have."""
    document = document_of(content)
    before = window_at(document, min(at, len(content) - 1), prefix, suffix)
    line = min(then, len(content) - 1)
    window, fresh = (
        window_at(document, line, prefix, suffix, before),
        window_at(document, line, prefix, suffix),
    )
    held, wanted = cost(document, window.start, line + 1), cost(document, fresh.start, line + 1)
    assert held > int(prefix * LEAST_SHARE) or held >= wanted or window.start == 0
