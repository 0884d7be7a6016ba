"""Instruct and think, on a small real model: answers are learned, right ones are found and learned, too."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from engine.chat import read_chat_template
from engine.request import Sampling
from engine.training import instruct, think
from engine.training.answers import GREEDY, drawn_answers, opened
from engine.training.tasks import read_tasks, write_tasks
from lsp_server.past_questions import exercise_tasks
from tests.engine.loop.checkpoints import saying
from tests.training.test_trainer import trained
from tests.training.tiny_data import SHAPE, recipe, texts, write_data

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
    shape = SHAPE | {"hidden_size": 64, "heads": 4, "intermediate_size": 128}
    stage = [{"context": 64, "sequences": 8, "steps": 60}]
    trained("loop", recipe(model=shape, stage=stage, learning_rate=5e-3), data, folder / "out")
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


def test_a_model_learns_to_answer_and_then_from_its_own_right_answers(
    base: Path, tasks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both say honestly what became better, on tasks that were held back."""
    told = ["--model", str(base), "--tasks", str(tasks), "--device", "cpu"]
    out, further = tmp_path / "instruct", tmp_path / "think"
    learn = ["--minutes", "0.7", "--passes", "12", "--learning-rate", "4e-3", "--out", str(out)]
    assert instruct.main([*told, *learn]) == 0
    found = json.loads(capsys.readouterr().out)
    answers = found["answers_nats_per_byte"]
    assert answers["after"] < answers["before"] / 3 and found["examples"] > 50
    assert read_chat_template(out).render([{"role": "user", "content": "x"}])
    told = ["--model", str(out), "--tasks", str(tasks), "--device", "cpu", "--held-back", "8"]
    assert think.main([*told, "--answers", "3", "--minutes", "0.2", "--out", str(further)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["held_back"] == 8 and found["rounds"][0]["kept"] > 0
    assert 0 <= found["solved"]["before"] <= 8 and found["solved"]["after"] >= 4
    assert (further / "model.safetensors").is_file()


def test_what_is_missing_is_a_sentence(
    base: Path, tasks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = ["--model", str(base), "--out", str(tmp_path / "out")]
    assert instruct.main([*told, "--tasks", str(tmp_path / "none")]) == 1
    assert instruct.main(told) == 1
    assert think.main([*told, "--tasks", str(tasks), "--held-back", "9999"]) == 1
    said = capsys.readouterr().err.splitlines()
    assert ["cannot be read" in said[0], "no examples" in said[1], "are needed" in said[2]] == [True] * 3
