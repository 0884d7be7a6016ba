"""What a model wrote is run apart: right answers pass, what reaches outside does not run at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.training.exercises import exercises
from engine.training.sandbox import is_harmless, passes

ESCAPES = [
    "import os\n",
    "from os import path\n",
    "def f():\n    return ().__class__\n",
    "def f():\n    return (n for n in ()).gi_frame.f_back.f_globals\n",
    "def f(x):\n    return '{0.__class__}'.format(x)\n",
    "x = __builtins__\n",
    "def f(:\n",
    "async def f():\n    pass\n",
]
FAILING = [
    "def f():\n    return open('/etc/passwd').read()\n",  # no such name there
    "def f():\n    return eval('1')\n",
    "while True:\n    pass\n",
    "x = [0] * (1 << 40)\n",
    "def f():\n    return 2\n",
    "def f():\n    return f()\n",
]
CHECK = "assert f() == 1"


def test_a_right_answer_passes() -> None:
    assert passes("def f():\n    return sum(sorted([1, 0]))\n", CHECK)


@pytest.mark.parametrize("code", ESCAPES)
def test_what_reaches_outside_is_not_run(code: str) -> None:
    assert not is_harmless(code) and not passes(code, "")


@pytest.mark.parametrize("code", FAILING)
def test_what_fails_loops_or_swells_does_not_pass(code: str) -> None:
    assert is_harmless(code) and not passes(code, CHECK)


@pytest.mark.parametrize("call", ["open('x', 'w')", "print(1)", "exec('1')", "type(1)", "getattr(1, 'real')"])
def test_nothing_but_harmless_builtins_is_there(call: str, tmp_path: Path) -> None:
    assert not passes(f"def f():\n    {call}\n    return 1\n", CHECK)
    assert passes("def f():\n    return 1\n", CHECK)


def test_every_exercise_is_solved_by_its_answer_and_not_by_what_was_there() -> None:
    made = list(exercises(seed=5, count=24))
    assert len({one.kind for one in made}) == 8 and len({one.before for one in made}) > 20
    for one in made:
        assert passes(one.after, one.check), one
        assert not passes(one.before, one.check), one


def test_exercises_are_the_same_ones_every_time_and_none_twice() -> None:
    made = list(exercises(seed=1, count=800))
    assert made == list(exercises(seed=1, count=800)) != list(exercises(seed=2, count=800))
    assert len({(one.instruction, one.before) for one in made}) == 800
