"""An edit plan to the same plan with what the project's tests say of it.

Tests are a workspace's code: they are run only where the user has named the command and trusts the folder,
and only when asked, in a copy that is thrown away (``context.verify.worktree_tests``).
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path, PurePosixPath

from context.privacy import read_text
from context.verify import joined
from context.verify.worktree_tests import TestsNotRun, compare_tests, touching_tests
from lsp_server.edit_plan import EditPlan

_LARGEST = 500  # test files that are looked through for what they mention


def tested(plan: EditPlan, root: Path, paths: Iterable[str], command: str, *, trusted: bool) -> EditPlan:
    """The plan with the tests' word among its checks. ``paths``: the folder's files. Raises TestsNotRun."""
    texts = {document.path: text for document, text in plan.texts_after()} | dict(plan.created)
    files = [path for path in paths if "test" in PurePosixPath(path).name.lower()][:_LARGEST]
    read = ((path, texts.get(path) or read_text(root, path) or "") for path in files)
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise TestsNotRun(f"{command!r} is no command: {error}.") from error
    tests = touching_tests(texts, read)
    found = compare_tests(root, texts, words, trusted=trusted, tests=tests)
    return replace(plan, checks=joined((plan.checks, found)))
