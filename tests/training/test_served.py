"""From text to ghost text: data, training, and the language server with what came of it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from tests.lsp_client import editor
from tests.training.test_trainer import trained
from tests.training.tiny_data import texts, thorough, write_data

COMMAND = [sys.executable, "-m", "lsp_server.cli", "--stdio", "--backend", "loop"]
URI, TEXT = "file:///project/price.py", "def price_77(item):\n    rate = 77\n    return \n"
SETTINGS: dict[str, Any] = {"completion": {"deadlineMs": 0, "timeoutMs": 60_000}}


@pytest.mark.parametrize("architecture", ["loop", "standard"])
async def test_a_trained_model_completes_what_it_was_trained_on(architecture: str, tmp_path: Path) -> None:
    data = write_data(tmp_path / "data", texts(60), texts(4, 1000), filled=True)
    trained(architecture, thorough(150), data, tmp_path / "out")
    async with editor(model=str(tmp_path / "out" / "model"), settings=SETTINGS, command=COMMAND) as wire:
        status = await wire.ready()
        assert status.state == "ready", status.message
        wire.open(URI, TEXT)
        (item,) = await wire.complete(URI, 2, 11)
        assert str(item.insert_text) == "item.net * rate"
