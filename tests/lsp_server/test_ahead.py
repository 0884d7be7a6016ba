"""What is asked while nobody waits: in which order, when it stops, and when it is not allowed."""

from __future__ import annotations

import asyncio
from collections import namedtuple
from typing import Any

import psutil
import pytest

from lsp_server.ahead import Ahead, Power
from lsp_server.settings import EngineSettings, Settings
from lsp_server.trim import Shown

Battery = namedtuple("Battery", "power_plugged")


class Place:
    """In place of an Ask."""

    def __init__(self, name: str, ahead: str = "always") -> None:
        self.name, self.settings = name, Settings(engine=EngineSettings(ahead=ahead))

    def accepted(self, shown: Shown) -> Place:
        return Place(f"{self.name} + {shown.text}")


class Asked(list[str]):
    """Answers what it is told to after a moment, and remembers what it was asked."""

    def __init__(self, *answers: Shown | None) -> None:
        super().__init__()
        self.answers = [*answers]

    async def __call__(self, ask: Any) -> Shown | None:
        await asyncio.sleep(0.02)
        self.append(ask.name)
        return self.answers.pop(0) if self.answers else None


def begin(ahead: Ahead, place: Place, shown: Shown | None, *, better: bool) -> None:
    anything: Any = place
    ahead.begin(anything, shown, better=better)


async def test_first_the_better_answer_then_what_comes_after_it():
    asked = Asked(Shown("better"))
    begin(Ahead(asked), Place("here"), Shown("shown"), better=True)
    await asyncio.sleep(0.2)
    assert asked == ["here", "here + better"]


async def test_an_answer_that_could_not_be_better_is_not_asked_again():
    asked = Asked()
    begin(Ahead(asked), Place("here"), Shown("shown"), better=False)
    await asyncio.sleep(0.1)
    assert asked == ["here + shown"]


async def test_a_question_stops_it():
    asked = Asked()
    ahead = Ahead(asked)
    begin(ahead, Place("here"), Shown("shown"), better=True)
    ahead.stop()
    await asyncio.sleep(0.1)
    assert asked == []


async def test_a_failure_is_logged_and_nothing_else(caplog: pytest.LogCaptureFixture):
    async def fail(_: Any) -> Shown | None:
        raise ValueError("no")

    ahead = Ahead(fail)
    begin(ahead, Place("here"), Shown("shown"), better=False)
    await asyncio.sleep(0.05)
    assert "working ahead failed" in caplog.text


@pytest.mark.parametrize(
    ("setting", "battery", "allowed"),
    [
        ("always", Battery(False), True),
        ("never", None, False),
        ("plugged in", None, True),  # a machine without a battery
        ("plugged in", Battery(True), True),
        ("plugged in", Battery(False), False),
    ],
)
def test_the_battery_is_spared_where_the_setting_says_so(
    monkeypatch: pytest.MonkeyPatch, setting: str, battery: Any, allowed: bool
):
    monkeypatch.setattr(psutil, "sensors_battery", lambda: battery, raising=False)
    assert Power().allows(Settings(engine=EngineSettings(ahead=setting))) is allowed
