"""`codeflow-lsp cache`: what is kept of evaluated prompts, shown and removed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from engine import saved_prefixes
from engine.saved_prefixes import LIMIT_BYTES, SavedPrefixes, usage
from lsp_server.cli import main


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where saved prompts lie: two of them, of different models."""
    monkeypatch.setenv("CODEFLOW_HOME", str(tmp_path))
    for identity in ("one", "two"):
        assert SavedPrefixes(tmp_path / "prefixes", identity).write([1, 2, 3], bytes(1_000_000))
    return tmp_path / "prefixes"


def test_it_shows_where_how_many_and_how_much(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"directory\t{directory}",
        "saved prompts\t2",
        "size\t2.0 MB",
        "limit\t1.0 GB",
    ]
    assert main(["cache", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "directory": str(directory),
        "prompts": 2,
        "size_bytes": usage(directory).size_bytes,
        "limit_bytes": LIMIT_BYTES,
    }


def test_on_a_terminal_it_is_drawn(
    directory: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert main(["cache"]) == 0
    out = capsys.readouterr().out
    assert str(directory) in out and "2.0 MB" in out and "\t" not in out


def test_clear_removes_all_and_says_how_much(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache", "clear"]) == 0
    assert capsys.readouterr().out == "Removed 2 saved prompts; 2.0 MB are free again.\n"
    assert list(directory.iterdir()) == []
    assert main(["cache", "clear"]) == 0
    assert capsys.readouterr().out == "There were no saved prompts.\n"


@pytest.mark.parametrize("arguments", [["cache", "clear", "--json"], ["cache", "--json", "clear"]])
def test_clear_as_json(directory: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    size_bytes = usage(directory).size_bytes
    assert main(arguments) == 0
    expected = {"directory": str(directory), "removed": 2, "freed_bytes": size_bytes}
    assert json.loads(capsys.readouterr().out) == expected
    assert usage(directory).prompts == 0


def test_a_server_that_has_them_open_goes_on(directory: Path) -> None:
    saved = SavedPrefixes(directory, "one")
    assert main(["cache", "clear"]) == 0
    assert [saved.read(entry) for entry in saved.entries] == [None]
    assert saved.write([1], b"state") and len(saved.entries) == 1


def test_what_cannot_be_removed_is_a_sentence(
    directory: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Windows, where a server reads one just now."""

    def in_use(*_: object, **__: object) -> None:
        raise PermissionError(13, "The process cannot access the file")

    monkeypatch.setattr(Path, "unlink", in_use)
    assert main(["cache", "clear"]) == 1
    said = capsys.readouterr()
    assert said.out == "Removed 0 saved prompts; 0 bytes are free again.\n"
    assert f"2.0 MB are still in {directory}" in said.err and "try again" in said.err


@pytest.mark.parametrize("arguments", [["cache"], ["cache", "clear"]])
def test_a_directory_that_cannot_be_read_is_a_sentence(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
) -> None:
    monkeypatch.setattr(saved_prefixes, "prefixes_dir", lambda: tmp_path / "file")
    (tmp_path / "file").write_text("in the way")
    assert main(arguments) == 1
    said = capsys.readouterr()
    assert said.out == "" and str(tmp_path / "file") in said.err and "cannot be read" in said.err


def test_nothing_is_made_by_looking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODEFLOW_HOME", str(tmp_path / "home"))
    assert main(["cache"]) == 0
    assert not (tmp_path / "home").exists()


def test_it_loads_no_model_library() -> None:
    heavy = {"torch", "llama_cpp", "numpy", "pygls", "huggingface_hub"}
    code = (
        f"import sys; from lsp_server.cli import main; main(['cache']); print({heavy!r} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "set()"
