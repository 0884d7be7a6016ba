"""What the measurements of context are made of is what they say it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks import crossfile, hunks, needle, replayed, tracing
from tests.benchmarks.cases import Typed, scored
from tests.benchmarks.context_gain import sign_test
from tests.benchmarks.infilling import SHARED

needs_data = pytest.mark.skipif(not (SHARED / "data").is_dir(), reason="the evaluation data is not here")


def test_every_needle_lies_in_one_file_only(tmp_path: Path) -> None:
    """300 modules and the files that use them; only the hidden one tells what is expected."""
    roots = needle.write(tmp_path)
    for one in needle.needles():
        files = [path for path in roots[one.language].rglob("*") if path.is_file()]
        holding = [path for path in files if one.telling in path.read_text("utf-8")]
        assert len(files) == needle.haystack.FILES + sum(n.language == one.language for n in needle.needles())
        assert holding == [roots[one.language] / one.hidden]
        assert one.text.count(needle.CURSOR) == 1


@needs_data
def test_rows_of_other_files_never_hold_the_file_itself(tmp_path: Path) -> None:
    """The hole stands at the cursor, and no closed file is the open one."""
    for case in crossfile.cases_of("cceval25_java", tmp_path)[:5]:
        (document,) = case.opened
        line, character = case.cursor
        rest = document.text.split("\n")[line][character:]
        assert case.truth not in rest
        closed = {path.relative_to(case.root).as_posix() for path in case.root.rglob("*") if path.is_file()}
        assert closed > {document.path}


@needs_data
def test_typed_keys_and_whole_hunks_both_end_in_the_commit() -> None:
    """Every fifth commit, typed key by key and hunk by hunk, comes out as the trace says."""
    edits = [edit for rows in replayed.traces().values() for row in rows[::5] for edit in row["edits"]]
    for edit in edits:
        if len(edit["before"]) < 12_000:  # typing is quadratic here
            by_key, by_hunk = edit["before"], edit["before"]
            for key in tracing.keys_of(edit):
                by_key = _changed(by_key, key)
            for hunk in edit["hunks"]:
                start = (hunk["b0"], 0)
                gone = (hunk["b0"] + hunk["a1"] - hunk["a0"], 0)
                by_hunk = _changed(by_hunk, Typed(start, gone, hunk["new"]))
            assert by_key.rstrip("\n") == replayed.after(edit).rstrip("\n")
            assert by_hunk == replayed.after(edit)


@needs_data
def test_the_chosen_hunks_are_enough_and_their_lines_new() -> None:
    """At least 60 to report, and no truth stands among the lines that its hunk replaces."""
    chosen = [one for rows in replayed.traces().values() for one in hunks.choose(rows)]
    reported = [row for row, _, _ in chosen if hunks.part_of(row["task_id"]) == "reporting"]
    assert len(reported) >= 60
    for row, edit, hunk in chosen:
        found = row["edits"][edit]["hunks"][hunk]
        number = hunks.target(found)
        assert number is not None
        line = replayed.lines_of(found["new"])[number]
        assert hunks.is_worth_it(line) and line.strip() not in found["old"]


@needs_data
def test_an_answer_is_judged_by_as_many_lines_as_the_truth_has() -> None:
    """What a suggestion goes on to say below does not count."""
    assert scored("total += price\n    return total", "total += price") == (True, 1.0)
    assert not scored("total = price", "total += price")[0]


def test_the_sign_test_is_exact() -> None:
    """Five to nothing happens by chance once in sixteen times."""
    assert sign_test(5, 0) == pytest.approx(1 / 16)
    assert sign_test(3, 3) == 1.0
    assert sign_test(0, 0) == 1.0


def _changed(text: str, change: Typed | tracing.Key) -> str:
    lines = replayed.lines_of(text)

    def offset(at: tuple[int, int]) -> int:
        return sum(map(len, lines[: at[0]])) + at[1]

    return text[: offset(change.start)] + change.text + text[offset(change.end) :]
