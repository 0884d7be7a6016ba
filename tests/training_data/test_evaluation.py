"""The check that keeps the evaluation's texts out."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.training.data.evaluation import STRIDE, WINDOW, Evaluation, EvaluationError, common_runs
from tests.training_data.packed import module

TEXT = module("evaluated", 3)
IMPORTS = "import os\nfrom typing import Any\n"
FLAT = "".join(TEXT.replace(IMPORTS, "").lower().split())


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    """One file with one row that holds a text deep inside."""
    folder = tmp_path_factory.mktemp("evaluation")
    with gzip.open(folder / "rows.jsonl.gz", "wt", encoding="utf-8") as lines:
        lines.write(json.dumps({"task_id": "x/1", "files": [{"lines": TEXT.split("\n")}]}) + "\n")
    return Evaluation([folder])


@settings(deadline=None)  # other work beside
@given(st.data())
def test_a_run_of_53_letters_is_found_wherever_it_stands(evaluation: Evaluation, data: st.DataObject) -> None:
    """In any place of the evaluation, in any place of a text, whatever blanks and capitals it has."""
    length = WINDOW + STRIDE - 1
    start = data.draw(st.integers(0, len(FLAT) - length))
    run = FLAT[start : start + length]
    spaced = "".join(letter.upper() + data.draw(st.sampled_from(["", " ", "\n\t"])) for letter in run)
    around = data.draw(st.text("qxyz", max_size=80))
    assert evaluation.shared(around + spaced + around)


@settings(deadline=None)  # other work beside
@given(st.text("abcdefghijklmnopqrstuvwxyz():= \n", max_size=2000))
def test_other_texts_share_nothing(evaluation: Evaluation, text: str) -> None:
    """Letters by chance are no part of the evaluation."""
    assert not evaluation.shared(text)


def test_a_run_of_few_letters_says_nothing(tmp_path: Path) -> None:
    """Rulers and zeros stand everywhere."""
    (tmp_path / "rows.jsonl").write_text(json.dumps({"text": "-" * 200 + "0, " * 200}) + "\n")
    assert not Evaluation([tmp_path]).shared("-" * 300 + "0, " * 300)


def test_imports_and_comments_say_nothing(tmp_path: Path) -> None:
    """Unrelated projects import the same names and stand under the same licences; the code below counts."""
    head = (
        "# Licensed to the public under the terms of a licence that is found in many files\n"
        "from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence\n"
        "from typing import (\n    TYPE_CHECKING,\n    Annotated,\n    ClassVar,\n    ParamSpec,\n"
        "    TypeVar,\n)\n"
    )
    (tmp_path / "rows.jsonl").write_text(json.dumps({"prompt": head + TEXT}) + "\n")
    found = Evaluation([tmp_path])
    assert not found.shared(head + module("another"))
    assert found.shared(TEXT)


def test_what_many_packages_share_is_common(evaluation: Evaluation) -> None:
    """Nine packages that have the same run are forgiven, eight are not."""
    run = min(evaluation.shared(TEXT))
    names = [f"package{n}" for n in range(9)]
    assert common_runs({run: set(names)}) == {run}
    assert common_runs({run: set(names[:8])}) == frozenset()


@pytest.mark.parametrize("name", ["nothing", "broken.jsonl", "torn.jsonl.gz", "empty.jsonl", "rows.parquet"])
def test_a_check_that_could_not_look_fails(tmp_path: Path, name: str) -> None:
    """A folder without files, or with one that cannot be read or says nothing, is an error with its name."""
    if name != "nothing":
        content = {"empty.jsonl": b'{"n": 1}\n', "torn.jsonl.gz": gzip.compress(b'{"a": "b"}\n' * 99)[:-9]}
        (tmp_path / name).write_bytes(content.get(name, b"{"))
    with pytest.raises(EvaluationError, match=name if name != "nothing" else "no evaluation file"):
        Evaluation([tmp_path])
