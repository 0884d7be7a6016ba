"""Trainings side by side: the same text, the same work."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from engine.training import compare
from engine.training.architectures import flops_per_token, new_model
from engine.training.curve import drawn
from tests.training.tiny_data import recipe


def run(folder: Path, *rows: tuple[int, float, float]) -> Path:
    folder.mkdir()
    lines = [
        {"step": n, "loss": 9, "tokens": tokens, "flops": flops, "seconds": n, "valid_per_byte": loss}
        for n, (tokens, flops, loss) in enumerate(rows, 1)
    ]
    (folder / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return folder


def test_losses_are_compared_where_all_have_been(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    loop = run(tmp_path / "loop", (100, 20e15, 1.0), (200, 40e15, 0.8))
    plain = run(tmp_path / "standard", (100, 10e15, 1.2), (300, 30e15, 1.0))
    assert compare.main([str(loop), str(plain), "--pictures", str(tmp_path / "pictures")]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["loop"]["at_equal_tokens"], found["standard"]["at_equal_tokens"]) == pytest.approx(
        (0.8, 1.1)
    )
    assert (found["loop"]["at_equal_flops"], found["standard"]["at_equal_flops"]) == pytest.approx((0.9, 1.0))
    for name in ("by-tokens.svg", "by-flops.svg"):
        root = ElementTree.fromstring((tmp_path / "pictures" / name).read_text())  # noqa: S314 - our own
        text = " ".join(root.itertext())
        assert "loop" in text and "standard" in text
    (tmp_path / "new").mkdir()
    assert compare.main([str(loop), str(tmp_path / "new")]) == 1
    assert "new: no validation" in capsys.readouterr().err


def test_two_loops_are_about_twice_the_work() -> None:
    work = {}
    for name in ("loop", "standard"):
        model = new_model(name, recipe().shape(name), vocabulary=100, context=64, seed=1)
        work[name] = flops_per_token(model, 64)
    head = 6 * 100 * 32
    assert work["loop"] - head == 2 * (work["standard"] - head)


@pytest.mark.parametrize(
    "curves",
    [
        {},
        {"one": [(1.0, 2.0)]},
        {"flat": [(0.0, 3.0), (5.0, 3.0)]},
        {"<odd>": [(0.0, float("nan")), (1.0, 1.0)]},
    ],
)
def test_a_picture_is_drawn_of_whatever_there_is(curves: dict[str, list[tuple[float, float]]]) -> None:
    picture = drawn("Loss & more", "step", curves)
    root = ElementTree.fromstring(picture)  # noqa: S314 - our own
    lines = [one.get("points", "") for one in root.iter() if one.get("stroke-width")]
    assert len(lines) == sum(1 for points in curves.values() if points)
    assert not any("nan" in line or "inf" in line for line in lines)
