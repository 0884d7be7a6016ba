"""Training: it learns, goes on where it stopped, shares work, and ends in a checkpoint that is served."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import torch

from engine.errors import BackendError
from engine.training import train
from engine.training.architectures import ARCHITECTURES
from engine.training.loop_model import read_trainable
from engine.training.place import training_place
from engine.training.recipe import Recipe
from engine.training.trainer import CURVE, LOG, MODEL, STATE, Training, read_log
from engine.training.windows import Windows
from tests.engine.loop.checkpoints import opened
from tests.engine.loop.test_model import backend, chunks
from tests.training.tiny_data import SHAPE, recipe, texts, write_data

STAGES = ({"context": 32, "sequences": 4, "steps": 30},)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data(tmp_path_factory.mktemp("data"), texts(40), texts(4, 1000))


def trained(
    architecture: str, how: Recipe, data: Path, out: Path, *, minutes: float | None = None
) -> Training:
    out.mkdir(parents=True, exist_ok=True)
    with training_place(how.precision, "cpu", threads=None) as place:
        training = Training(architecture, how, data, out, place)
        training.run(minutes=minutes, report=lambda _: None)
    return training


def weights(training: Training) -> dict[str, torch.Tensor]:
    return {name: one.clone() for name, one in training.model.state_dict().items()}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_twenty_steps_are_ten_and_ten(architecture: str, data: Path, tmp_path: Path) -> None:
    """Bit for bit: weights, the optimiser's averages, losses, rates; across the border of two stages."""
    whole = trained(architecture, recipe(), data, tmp_path / "whole")
    parts, out = [], tmp_path / "parts"
    while not parts or parts[-1].step < 20:
        out.mkdir(exist_ok=True)
        with training_place("float32", "cpu", threads=None) as place:
            part = Training(architecture, recipe(), data, out, place)

            def stop(progress: Any, first: int = part.step) -> None:
                if progress.step >= first + 7:  # 7, 14, 20: neither a stage's border nor a validation
                    raise KeyboardInterrupt

            with suppress(KeyboardInterrupt):
                part.run(minutes=None, report=stop)
        parts.append(part)
    assert [part.step for part in parts] == [7, 14, 20]
    for name, one in weights(whole).items():
        assert torch.equal(one, weights(parts[-1])[name]), name
    rows = [
        [{key: row[key] for key in ("step", "loss", "rate", "norm")} for row in read_log(folder)]
        for folder in (tmp_path / "whole", out)
    ]
    assert rows[0] == rows[1] and len(rows[0]) == 20
    states = [torch.load(folder / STATE, weights_only=True) for folder in (tmp_path / "whole", out)]
    averages = [state["optimiser"]["state"][0]["exp_avg"] for state in states]
    assert torch.equal(*averages) and averages[0].abs().sum() > 0


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_it_learns(architecture: str, data: Path, tmp_path: Path) -> None:
    how = recipe(stage=STAGES, validate_every=15)
    training = trained(architecture, how, data, tmp_path)
    valid = [row["valid_per_byte"] for row in read_log(tmp_path) if "valid_per_byte" in row]
    assert len(valid) == 2 and valid[1] < valid[0] < read_log(tmp_path)[0]["loss"]
    per_token, per_byte = training.validation()
    assert per_byte == valid[-1] and 0 < per_byte < per_token


def test_loss_per_byte_divides_by_the_text_s_bytes(data: Path, tmp_path: Path) -> None:
    """Those of the targets, markers aside: a uniform guess costs the logarithm of the vocabulary a token."""
    with training_place("float32", "cpu", threads=None) as place:
        training = Training("standard", recipe(), data, tmp_path, place)
        with torch.no_grad():
            for weight in training.model.parameters():
                weight.zero_()
        per_token, per_byte = training.validation()
    windows = Windows(data, "valid")
    targets = windows.spread(4, 32).ids[:, 1:]
    vocabulary = windows.index["vocabulary_size"]
    assert per_token == pytest.approx(torch.tensor(float(vocabulary)).log().item(), rel=1e-5)
    text_bytes = windows.token_bytes[targets].sum().item()
    assert per_byte == pytest.approx(per_token * targets.numel() / text_bytes)


def test_a_slice_ends_in_time_and_leaves_a_picture(data: Path, tmp_path: Path) -> None:
    training = trained("loop", recipe(), data, tmp_path, minutes=0.0)
    assert training.step == 1
    trained("loop", recipe(), data, tmp_path, minutes=0.0)
    picture = ElementTree.fromstring((tmp_path / CURVE).read_text())  # noqa: S314 - our own
    assert len(read_log(tmp_path)) == 2
    assert any("training" in (one.text or "") for one in picture.iter())


def test_a_torn_log_and_a_torn_state_do_not_stop_it(data: Path, tmp_path: Path) -> None:
    """What was written behind the latest state is written again."""
    trained("loop", recipe(), data, tmp_path, minutes=0.0)
    with (tmp_path / LOG).open("a") as file:
        file.write(json.dumps({"step": 2, "loss": 9.0}) + '\n{"step": 3, "lo')
    (tmp_path / f"{STATE}.part").write_bytes(b"torn")
    trained("loop", recipe(), data, tmp_path, minutes=0.0)
    assert [row["step"] for row in read_log(tmp_path)] == [1, 2]
    assert read_log(tmp_path)[1]["loss"] != 9.0


def test_another_recipe_does_not_go_on_with_it(data: Path, tmp_path: Path) -> None:
    trained("loop", recipe(), data, tmp_path, minutes=0.0)
    with pytest.raises(BackendError, match="another architecture or recipe"):
        trained("loop", recipe(clip=0.5), data, tmp_path)
    with pytest.raises(BackendError, match="another architecture or recipe"):
        trained("standard", recipe(), data, tmp_path)


def test_a_loss_that_is_no_number_ends_it_and_is_not_saved(data: Path, tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="lower learning_rate"):
        trained("standard", recipe(learning_rate=1e30, clip=1e30, warmup=0.0), data, tmp_path)
    state = torch.load(tmp_path / STATE, weights_only=True)
    assert state["step"] == len(read_log(tmp_path))


def test_two_processes_do_what_one_does(data: Path, tmp_path: Path) -> None:
    """Through torchrun, with gradients averaged by torch."""
    file = tmp_path / "two.toml"
    file.write_text(_toml(), "utf-8")
    arguments = [
        "--arch",
        "loop",
        "--data",
        str(data),
        "--config",
        str(file),
        "--device",
        "cpu",
        "--threads",
        "1",
    ]
    assert train.main([*arguments, "--out", str(tmp_path / "one")]) == 0
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*command, "-m", "engine.training.train", *arguments, "--out", str(tmp_path / "two")],
        capture_output=True,
        text=True,
        timeout=150,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr
    losses = [[row["loss"] for row in read_log(tmp_path / name)] for name in ("one", "two")]
    assert len(losses[1]) == 4 and losses[1] == pytest.approx(losses[0], rel=1e-4)


def _toml() -> str:
    shape = "\n".join(f"{name} = {value}" for name, value in SHAPE.items())
    return (
        f'precision = "float32"\ncompile = false\n[model]\n{shape}\n[loop]\nwindow = 8\n'
        "[[stage]]\ncontext = 32\nsequences = 4\nsteps = 4\n"
    )


@pytest.mark.parametrize("architecture", ["loop", "standard"])
def test_what_comes_out_is_a_checkpoint_of_the_loop_engine(
    architecture: str, data: Path, tmp_path: Path
) -> None:
    """Its logits are those of what was trained, its weights rounded to bfloat16; answers have an end."""
    training = trained(architecture, recipe(), data, tmp_path)
    folder, ids = tmp_path / MODEL, list(range(60, 100))
    served = chunks(backend(opened(folder)), ids, [len(ids)])
    with torch.inference_mode():
        rounded, _ = read_trainable(folder)(torch.tensor([ids]))
        exact, _ = training.model(torch.tensor([ids]), None, None, None)
    assert abs(rounded[0].numpy() - served).max() < 1e-4
    assert (exact - rounded).abs().max() < 0.1
    config = opened(folder).config
    assert config.loops == (2 if architecture == "loop" else 1) and len(config.stop_tokens) == 4
    assert config.trained_context == 48


def test_the_command_says_what_came_out(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a.toml"
    file.write_text(_toml(), "utf-8")
    arguments = ["--arch", "loop", "--data", str(data), "--config", str(file), "--out", str(tmp_path / "out")]
    assert train.main([*arguments, "--steps", "2", "--device", "cpu", "--threads", "1"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["ended"] and found["step"] == 2 and found["valid_per_byte"] > 0
    assert Path(found["model"], "model.safetensors").is_file()
    assert train.main([*arguments[:-1], str(tmp_path / "other"), "--config", "none"]) == 1
    assert "recipes that come with CodeFlow" in capsys.readouterr().err
