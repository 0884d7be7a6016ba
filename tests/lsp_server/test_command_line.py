"""The command line refuses what it would otherwise ignore."""

from __future__ import annotations

import pytest

from lsp_server.cli import main


@pytest.mark.parametrize("backend", ["auto", "llama", "loop", "remote"])
def test_backend_is_for_serving(backend: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A command would run another backend than was asked for, so it says how to ask."""
    with pytest.raises(SystemExit) as ended:
        main(["--backend", backend, "models", "list"])
    said = capsys.readouterr()
    assert ended.value.code == 2
    assert "own --model" in said.err
    assert not said.out
