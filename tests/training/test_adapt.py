"""`codeflow-lsp adapt`: a real history, a small real model, an adapter that the server then uses."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from context import Position, Query, Workspace
from context.document import Document
from context.workspace import Opened
from engine.catalog import ResolvedModel
from lsp_server import adapting
from lsp_server.adapting import Figures, helps
from lsp_server.ask import Ask
from lsp_server.cli import main
from lsp_server.installed_adapters import adapter_for, install, installed_adapters, name_of
from lsp_server.loop_session import open_loop_session
from lsp_server.settings import CompletionSettings, EngineSettings, Settings
from tests.context.git_repository import Repository
from tests.training.test_trainer import trained
from tests.training.tiny_data import function, texts, thorough, write_data

COMMITS = 60
HABIT = "    item.net = rate\n"  # what this repository's people put into every function


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama of 100,000 weights that has seen such functions, without the habit."""
    folder = tmp_path_factory.mktemp("model")
    data = write_data(folder / "data", texts(60), texts(4, 1000), filled=True)
    trained("standard", thorough(120), data, folder / "out")
    return folder / "out" / "model"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Commits each of which gives one file the habit."""
    made = Repository(tmp_path_factory.mktemp("history") / "shop")
    stream = _commit("First", {f"price_{n}.py": function(n) for n in range(COMMITS)})
    for n in range(COMMITS):
        head, _, rest = function(n).partition("\n")
        stream += _commit("Record who asks for prices", {f"price_{n}.py": f"{head}\n{HABIT}{rest}"})
    made.git("fast-import", "--quiet", stdin=stream.encode())
    return made.root


def _commit(message: str, files: dict[str, str]) -> str:
    """As git's fast-import reads it; many commits in one process."""
    changes = (f"M 644 inline {path}\ndata {len(text)}\n{text}\n" for path, text in files.items())
    who = "Test <test@example.org> 1700000000 +0000"
    return f"commit refs/heads/main\ncommitter {who}\ndata {len(message)}\n{message}\n{''.join(changes)}\n"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CODEFLOW_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def adapted(
    shop: Path, model: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    """What the command says; so small a model takes larger steps."""
    monkeypatch.setattr(adapting, "_RATE", 2e-2)
    monkeypatch.setattr(adapting, "_PASSES", 20)
    status = main(["adapt", "--repo", str(shop), "--model", str(model), "--minutes", "1", "--json"])
    said = capsys.readouterr()
    assert status == 0, said.err
    return json.loads(said.out)


def test_an_adapter_learns_the_habit_is_installed_and_serves(
    shop: Path,
    model: Path,
    home: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It completes the newest changes, which it has not seen; only in this folder; only with this model."""
    found = adapted(shop, model, capsys, monkeypatch)
    assert found["helps"] and found["learned"] >= 40 and found["held_back"] >= 10
    assert found["after"]["nats_per_byte"] < found["before"]["nats_per_byte"] / 2
    assert found["before"]["exact"] == 0 and found["after"]["exact"] >= found["held_back"] - 2
    assert Path(found["installed"]).parent == home / "adapters"
    settings = Settings(
        engine=EngineSettings(saved_mb=0), completion=CompletionSettings(timeout_ms=60_000, deadline_ms=0)
    )
    session = open_loop_session(settings, ResolvedModel(model), lambda *_: None)
    try:
        text = function(75).replace("\n", "\n    \n", 1)
        adapters = {}
        for folder in (shop, shop.parent):
            workspace, uri = Workspace(), (folder / "new.py").as_uri()
            workspace.apply(Opened(Document.of(uri, "new.py", "python", 1, text)))
            ask = Ask(workspace.snapshot(), Query(uri, Position(1, 4)), session, settings)
            assembled = ask.assemble(None, None)
            assert assembled is not None
            request = ask.request(
                assembled.prompt, candidates=1, answer_by=None, whole=True, background=False
            )
            answer = session.engine.submit(request).result.result(60).candidates[0].text
            adapters[folder] = (request.adapter, answer.startswith("item.net = rate"))
        assert adapters == {shop: (name_of(shop, model), True), shop.parent: ("", False)}
    finally:
        session.engine.close()


def test_what_does_not_help_is_not_installed(
    shop: Path,
    model: Path,
    home: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Here, because it has no time to learn."""
    monkeypatch.setattr(adapting, "_RATE", 0.0)
    assert main(["adapt", "--repo", str(shop), "--model", str(model), "--minutes", "1"]) == 0
    said = capsys.readouterr().out
    assert "does not help, so nothing was installed" in said and not (home / "adapters").exists()


@pytest.mark.parametrize(
    ("before", "after", "better"),
    [
        (Figures(1.0, 5), Figures(0.98, 5), True),
        (Figures(1.0, 5), Figures(0.5, 4), False),
        (Figures(1.0, 5), Figures(0.995, 9), False),
    ],
)
def test_it_helps_if_both_figures_say_so(before: Figures, after: Figures, better: bool) -> None:
    assert helps(before, after) is better


def test_too_short_a_history_is_a_sentence(
    model: Path, tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = Repository(tmp_path / "new")
    made.commit("First", {"price.py": function(1)})
    made.commit("Second", {"price.py": function(2)})
    assert main(["adapt", "--repo", str(made.root), "--model", str(model)]) == 1
    assert "changes to learn from" in capsys.readouterr().err
    assert main(["adapt", "--repo", str(tmp_path), "--model", str(model)]) == 1
    assert "git repository" in capsys.readouterr().err


@pytest.mark.parametrize("words", [[], ["--model", "qwen2.5-coder-1.5b.gguf"]])
def test_a_model_that_is_not_there_is_a_sentence(
    words: list[str], shop: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["adapt", "--repo", str(shop), *words]) == 1
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_ctrl_c_leaves_nothing(shop: Path, model: Path, home: Path, tmp_path: Path) -> None:
    """While it learns."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "lsp_server.cli", "adapt", "--repo", str(shop), "--model", str(model)],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(scratch), "CODEFLOW_HOME": str(home)},
        cwd=Path(__file__).parents[2],
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("learning"):
            break
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130 and "nothing was installed" in said
    assert not list(scratch.iterdir()) and not (home / "adapters").exists()


def test_an_adapter_is_its_workspace_s_and_its_model_s(home: Path, tmp_path: Path) -> None:
    """A model that was trained again has none; a nearer folder's comes before a farther one's."""
    folders = [tmp_path / "a", tmp_path / "a" / "b"]
    model = tmp_path / "model"
    for folder in (*folders, model):
        folder.mkdir()
    (model / "config.json").write_text("{}")
    for folder in folders:
        staged = tmp_path / "staged"
        staged.mkdir(exist_ok=True)
        (staged / "adapter_config.json").write_text(folder.name)
        to = install(staged, folder, model, {})
        assert (to / "adapter_config.json").read_text() == folder.name
    installed = tuple(installed_adapters(model))
    assert {one.workspace for one in installed} == set(folders)
    for file, wanted, folder in (
        (folders[1] / "x.py", "", folders[1]),
        (folders[0] / "x.py", "", folders[0]),
    ):
        assert adapter_for(file, installed, wanted) == name_of(folder, model)
    assert adapter_for(tmp_path / "x.py", installed, "") == ""
    assert adapter_for(folders[0] / "x.py", installed, "none") == ""
    assert adapter_for(folders[0] / "x.py", installed, "team") == "team"
    (model / "config.json").write_text("{ }")
    assert installed_adapters(model) == []
