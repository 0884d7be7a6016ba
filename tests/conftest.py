"""Real models for the tests that want them; Triton's interpreter where there is no GPU."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.catalog import ResolvedModel, resolve
from engine.errors import ModelUnavailable

if not Path("/dev/nvidiactl").exists():
    os.environ.setdefault("TRITON_INTERPRET", "1")  # Triton looks at it once, when it is first imported


@pytest.fixture(scope="session")
def small_model() -> Path:
    """The 0.5B, obtained where it is missing; without any source the test is skipped, except in CI."""
    try:
        found: ResolvedModel = resolve("qwen2.5-coder-0.5b")
    except ModelUnavailable as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
    if found.notice:
        if os.environ.get("CI"):
            raise ModelUnavailable(found.notice)
        pytest.skip(found.notice)
    return found.path
