"""What people read where no model answers, and what their editor offers to do about it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine import errors
from engine.catalog import PullCancelled
from lsp_server.model_problem import problem_of
from lsp_server.settings import ModelSettings, Settings

OBTAIN, SETTINGS = "codeflow.model.obtain", "codeflow.settings.open"
NAME = ("Open Settings", SETTINGS, "codeflow.model.name")


@pytest.mark.parametrize(
    ("error", "name", "fix"),
    [
        (errors.ModelCorrupt("damaged"), "smollm2-135m", ("Download Again", OBTAIN)),
        (errors.ModelCorrupt("damaged"), "/home/ada/own.gguf", NAME),
        (errors.ModelUnavailable("gone"), "auto", ("Try Again", OBTAIN)),
        (errors.ModelUnavailable("gone"), "hf:someone/loop", ("Try Again", OBTAIN)),
        (errors.ModelUnavailable("no source"), "iquest-coder-v1-7b", NAME),
        (errors.NotEnoughDisk("full"), "qwen2.5-coder-0.5b", ("Try Again", OBTAIN)),
        (errors.UnknownModel("no such"), "qwen", NAME),
        (PullCancelled("cancelled"), "auto", ("Resume Download", OBTAIN)),
        (errors.BackendError("loop"), "auto", ("Open Settings", SETTINGS, "codeflow.engine")),
        (errors.RemoteError("refused"), "auto", ("Open Settings", SETTINGS, "codeflow.remote.url")),
    ],
)  # fmt: skip
def test_each_problem_has_the_fix_that_can_mend_it(error: Exception, name: str, fix: tuple[str, ...]):
    problem = problem_of(error, Settings(model=ModelSettings(name=name)))
    assert problem.fix is not None and problem.sentence == str(error)
    assert (problem.fix.title, problem.fix.command, *problem.fix.arguments) == fix


def test_a_model_that_may_not_be_downloaded_unasked_says_so():
    settings = Settings()
    settings = replace(settings, model=replace(settings.model, download=False))
    problem = problem_of(errors.ModelUnavailable("It is not here."), settings)
    assert problem.sentence.startswith("It is not here. ") and "`codeflow.model.download`" in problem.sentence
    assert problem.fix is not None and problem.fix.title == "Download Model"


def test_what_nobody_foresaw_has_no_fix():
    assert problem_of(RuntimeError("?"), Settings()).fix is None
