"""Instruct and think, on a small real model: answers are learned, right ones are found and learned, too."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from engine.chat import read_chat_template
from engine.loop.config import read_config
from engine.request import Sampling
from engine.training import instruct, think
from engine.training.answers import GREEDY, drawn_answers, opened
from engine.training.tasks import Task, read_tasks, write_tasks
from lsp_server.past_questions import exercise_tasks
from tests.engine.loop.checkpoints import saying
from tests.training.test_trainer import trained
from tests.training.tiny_data import texts, thorough, write_data

KIND = "order"  # the one kind of exercise that so small a model can learn in seconds


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Exercises of one kind."""
    file = tmp_path_factory.mktemp("tasks") / "tasks.jsonl"
    write_tasks(file, [task for task in exercise_tasks(1, 480) if task.kind == KIND])
    return file


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory, tasks: Path) -> Path:
    """A small model that has read the exercises' answers as text."""
    folder = tmp_path_factory.mktemp("base")
    answers = [task.answer for task in read_tasks(tasks)] * 2
    data = write_data(folder / "data", [*texts(10), *answers], texts(4, 1000))
    trained("loop", thorough(60), data, folder / "out")
    return folder / "out" / "model"


def test_answers_end_at_their_mark_and_those_that_do_not_are_left_out(tmp_path: Path) -> None:
    folder = saying(tmp_path, " a + b;").folder
    backend = opened(folder, answers=3, context=256, device="cpu")
    ids, random = backend.tokenizer.encode("x ="), np.random.default_rng(0)
    for mark, wanted in ((";", [" a + b;"] * 3), ("!", [])):
        found = drawn_answers(
            backend, ids, 3, mark=mark, most_tokens=20, sampling=Sampling(temperature=0.1), random=random
        )
        assert found == wanted
    assert drawn_answers(
        backend, ids, 1, mark=" b", most_tokens=20, sampling=GREEDY, random=random
    ) == [" a + b"]  # fmt: skip
    backend.close()


def test_a_model_learns_to_answer(
    base: Path, tasks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Tasks that were held back cost less; what came out answers by the same template."""
    told = ["--model", str(base), "--tasks", str(tasks), "--device", "cpu", "--out", str(tmp_path / "out")]
    assert instruct.main([*told, "--minutes", "0.3", "--passes", "6", "--learning-rate", "4e-3"]) == 0
    found = json.loads(capsys.readouterr().out)
    answers = found["answers_nats_per_byte"]
    assert answers["after"] < answers["before"] * 0.8 and found["examples"] > 50 and found["steps"] > 2
    config = read_config(tmp_path / "out")
    assert config.loops == 2 and config.stop_tokens
    assert read_chat_template(tmp_path / "out").render([{"role": "user", "content": "x"}])


def test_right_answers_are_found_and_learned_and_wrong_ones_are_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Here of a model that always says the same: it solves every second task, before and after."""
    folder = saying(tmp_path / "model", "x = 7;").folder
    tasks = [
        Task("s", f"Number {n}", "", "x = 7;", ";", f"assert x == {7 + n % 2}", ("even", "odd")[n % 2])
        for n in range(12)
    ]
    write_tasks(tmp_path / "tasks.jsonl", tasks)
    write_tasks(tmp_path / "seen.jsonl", tasks[:1])
    told = ["--model", str(folder), "--tasks", str(tmp_path / "tasks.jsonl"), "--device", "cpu"]
    told += ["--held-back", "4", "--seen", str(tmp_path / "seen.jsonl"), "--answers", "3"]
    assert think.main([*told, "--temperature", "0.1", "--out", str(tmp_path / "out")]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["rounds"] == [{"drawn": 24, "kept": 4, "steps": 1}]
    assert found["kinds"] == {
        name: {"tasks": 2, "before": n, "after": n} for name, n in (("odd", 0), ("even", 2))
    }
    assert found["solved"] == {"before": 2, "after": 2}
    assert (tmp_path / "out" / "model.safetensors").is_file()
    write_tasks(tmp_path / "tasks.jsonl", tasks[1::2])
    told[told.index("--held-back") + 1] = "2"
    assert think.main([*told, "--out", str(tmp_path / "other")]) == 1
    assert "None of 12 drawn answers" in capsys.readouterr().err and not (tmp_path / "other").exists()


def test_what_is_missing_is_a_sentence(
    base: Path, tasks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = ["--model", str(base), "--out", str(tmp_path / "out")]
    assert instruct.main([*told, "--tasks", str(tmp_path / "none")]) == 1
    assert instruct.main(told) == 1
    assert think.main([*told, "--tasks", str(tasks), "--held-back", "9999"]) == 1
    said = capsys.readouterr().err.splitlines()
    assert ["cannot be read" in said[0], "no examples" in said[1], "are needed" in said[2]] == [True] * 3
