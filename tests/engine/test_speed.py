"""What is kept of a model's measured speed, and the choice of a model that rests on it."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from engine import choice
from engine.catalog import ModelEntry, ResolvedModel, find_entry
from engine.speed import Speed, SpeedBook


def test_a_measurement_is_kept_for_one_machine_and_version(tmp_path: Path) -> None:
    SpeedBook(tmp_path / "speeds.json", "1").put("model", Speed(100.0, 10.0))
    assert SpeedBook(tmp_path / "speeds.json", "1").get("model") == Speed(100.0, 10.0)
    assert SpeedBook(tmp_path / "speeds.json", "2").get("model") is None


def test_a_damaged_book_counts_as_empty(tmp_path: Path) -> None:
    (tmp_path / "speeds.json").write_text("{not json")
    book = SpeedBook(tmp_path / "speeds.json", "1")
    assert book.get("model") is None
    book.put("model", Speed(1.0, 1.0))
    assert book.get("model") == Speed(1.0, 1.0)


def test_a_measurement_beside_other_work_is_repeated_when_it_is_quiet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, book = ResolvedModel(tmp_path / "own.gguf"), SpeedBook(tmp_path / "speeds.json", "1")
    book.put(str(model.path), Speed(50.0, 5.0), provisional=True)
    monkeypatch.setattr(psutil, "getloadavg", lambda: (3.0, 3.0, 3.0))
    assert choice.speed_of(model, book) == Speed(50.0, 5.0)
    monkeypatch.setattr(psutil, "getloadavg", lambda: (0.0, 0.0, 0.0))
    with pytest.raises(Exception, match=r"own\.gguf"):  # it goes to measure, and there is no such file
        choice.speed_of(model, book)


@pytest.mark.parametrize(
    ("small", "large", "chosen"),
    [
        (Speed(230.0, 48.0), Speed(120.0, 28.0), "qwen2.5-coder-1.5b"),  # 0.76 s
        (Speed(150.0, 18.0), None, "qwen2.5-coder-0.5b"),  # the larger is not even fetched
        (Speed(230.0, 48.0), Speed(60.0, 14.0), "qwen2.5-coder-0.5b"),  # it broke its promise
        (Speed(20.0, 2.0), None, "qwen2.5-coder-0.5b"),  # too slow, but the smallest there is
    ],
)
def test_auto_takes_the_largest_that_is_quick_enough(
    small: Speed,
    large: Speed | None,
    chosen: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    measured = {"qwen2.5-coder-0.5b": small, "qwen2.5-coder-1.5b": large}

    def resolve(name: str, **_: object) -> ResolvedModel:
        assert measured[name] is not None
        return ResolvedModel(tmp_path / name, find_entry(name))

    def speed_of(model: ResolvedModel, _: SpeedBook) -> Speed:
        assert isinstance(model.entry, ModelEntry)
        speed = measured[model.entry.name]
        assert speed is not None
        return speed

    monkeypatch.setattr(choice, "resolve", resolve)
    monkeypatch.setattr(choice, "speed_of", speed_of)
    monkeypatch.setattr(choice, "speed_book", lambda: SpeedBook(tmp_path / "speeds.json", "1"))
    found = choice.choose_model(allow_pull=True, report=lambda _: None)
    assert found.model.entry is not None and found.model.entry.name == chosen
    assert chosen in found.reason and " s here" in found.reason
