"""Two texts to hunks: exact, small, bounded."""

from time import perf_counter

from hypothesis import given
from hypothesis import strategies as st

from context.history.diff import MOST_LINES, hunks_between, is_binary, lines_of, text_of

LINES = st.lists(st.sampled_from(["a\n", "b\n", "}\n", "\n", "x = 1\n"]), max_size=30).map("".join)
TEXTS = st.one_of(LINES, LINES.map(lambda text: text + "end without a line end"), st.text(max_size=40))


@given(before=TEXTS, after=TEXTS)
def test_putting_back_what_was_before_each_hunk_gives_the_old_text(before: str, after: str) -> None:
    lines = lines_of(after)
    for hunk in reversed(hunks_between(before, after, 1 << 20)):
        end = hunk.line + len(lines_of(hunk.after))
        assert "".join(lines[hunk.line : end]) == hunk.after
        lines[hunk.line : end] = lines_of(hunk.before)
    assert "".join(lines) == before


@given(text=TEXTS)
def test_equal_texts_have_no_hunks_and_lines_make_up_the_text(text: str) -> None:
    assert hunks_between(text, text, 1 << 20) == ()
    assert "".join(lines_of(text)) == text


@given(before=TEXTS, after=TEXTS, most=st.integers(0, 50))
def test_hunks_hold_no_more_characters_than_allowed(before: str, after: str, most: int) -> None:
    hunks = hunks_between(before, after, most)
    assert sum(len(hunk.before) + len(hunk.after) for hunk in hunks) <= most


def test_only_changed_lines_are_in_a_hunk() -> None:
    (hunk,) = hunks_between("a\nb\nc\n", "a\nB\nc\n", 100)
    assert (hunk.line, hunk.before, hunk.after) == (1, "b\n", "B\n")


def test_a_line_separator_of_unicode_is_no_line_end() -> None:
    assert lines_of("a\u2028b\x0cc\n") == ["a\u2028b\x0cc\n"]


def test_line_ends_of_windows_are_no_difference() -> None:
    assert hunks_between(text_of(b"a\r\nb\r\n"), text_of(b"a\nb\n"), 100) == ()


def test_a_nul_near_the_beginning_means_binary() -> None:
    assert is_binary(b"ab\0c")
    assert not is_binary(b"a" * 9000 + b"\0")


def test_texts_that_differ_throughout_are_compared_in_bounded_time() -> None:
    old = "".join(f"{number % 97}\n" for number in range(MOST_LINES))
    new = "".join(f"{number % 89}\n" for number in range(MOST_LINES))
    began = perf_counter()
    hunks_between(old, new, 1 << 20)
    assert perf_counter() - began < 5
    (hunk,) = hunks_between("".join(f"old {n}\n" for n in range(50_000)), "new\n" * 50_000, 1 << 10)
    assert hunk.line == 0
