"""What a change is called, on three levels: golden pairs of files, and the places that labels are given."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from context.codeflow.change import Change
from context.codeflow.granularity import FileChange, Label, Level, findings

GOLDEN = Path(__file__).parent / "golden" / "codeflow_labels.toml"
CASES = tomllib.loads(GOLDEN.read_text(encoding="utf-8"))["case"]


def files_of(case: dict[str, Any]) -> list[FileChange]:
    return [
        FileChange(file["path"], file.get("old_path", file["path"]), file.get("before"), file.get("after"))
        for file in case["file"]
    ]


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_change_has_these_labels_and_no_others(case: dict[str, Any]) -> None:
    found = findings(files_of(case))
    assert sorted({finding.label.value for finding in found}) == sorted(case["labels"]), found


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_file_that_did_not_change_has_no_labels(case: dict[str, Any]) -> None:
    for file in files_of(case):
        for text in (file.before, file.after):
            if text is not None:
                assert findings([FileChange(file.path, file.path, text, text)]) == ()


def test_every_label_has_a_level_and_there_are_three_of_them() -> None:
    assert {label.level for label in Label} == set(Level)


def test_the_detail_says_what_was_replaced_by_what() -> None:
    case = next(case for case in CASES if case["name"].startswith("python: another library"))
    details = {finding.label: finding.detail for finding in findings(files_of(case))}
    assert details[Label.API_REPLACED] == "requests.get -> httpx.get"
    assert details[Label.IMPORT_REPLACED] == "requests -> httpx"


def test_a_label_belongs_to_the_edit_it_is_about() -> None:
    before = "def a(x):\n    return f(x)\n\n\n# one\n# two\n# three\n\n\ndef b(y):\n    return y\n"
    after = before.replace("f(x)", "g(x)").replace("def b(y)", "def b(y, z)")
    change = Change([FileChange("m.py", "m.py", before, after)])
    first, second = change.edits(change.pairs[0])
    assert (first.symbol, second.symbol) == ("a", "b")
    assert "function.api_replaced" in first.labels
    assert "function.parameter_added" not in first.labels
    assert "function.parameter_added" in second.labels
    assert "function.api_replaced" not in second.labels


lines = st.lists(
    st.sampled_from(
        [
            "def f(a):",
            "    return a",
            "class A:",
            "    x = 1",
            "import os",
            "",
            "# c",
            "if x:",
            "f(",
            ")",
            "é = 1",
        ]
    ),
    max_size=14,
)


@settings(max_examples=60, deadline=None)
@given(lines, lines)
def test_replacing_the_lines_of_every_edit_makes_the_change(old: list[str], new: list[str]) -> None:
    before, after = "\n".join(old), "\n".join(new)
    change = Change([FileChange("m.py", "m.py", before, after)])
    text = before.split("\n")
    for edit in reversed(change.edits(change.pairs[0])):
        assert "\n".join(text[edit.a0 : edit.a1]) == edit.before.removesuffix("\n") or edit.a1 == len(text)
        text[edit.a0 : edit.a1] = after.split("\n")[edit.b0 : edit.b1]
    assert "\n".join(text) == after


def test_a_function_between_two_alike_is_an_insertion_of_that_function() -> None:
    """Equal lines around it would also allow an insertion that begins in the middle of the one above."""
    one = "def one(a):\n    x = a\n    return x\n\n\n"
    two = "def two(a):\n    y = a\n    return x\n\n\n"
    end = "def end(a):\n    return x\n"
    change = Change([FileChange("m.py", "m.py", one + end, one + two + end)])
    (edit,) = change.edits(change.pairs[0])
    assert edit.labels == ("function.added",)
    assert edit.after == "\n\n" + two + end
