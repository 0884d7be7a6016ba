"""`codeflow-lsp flow export`: real repositories in, lines of JSON out, sentences for what goes wrong."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from context.codeflow import export as exporting
from context.codeflow.export import Selection, export
from context.codeflow.licence import spdx_of
from lsp_server.cli import main
from tests.context.git_repository import Repository

MIT = "MIT License\n\nPermission is hereby granted, free of charge, to ... the above copyright notice\n"
SECRET = "AKIA" + "IOSFODNN7EXAMPLQ"  # in two parts so that no scanner takes this file for a leak


def function(number: int) -> str:
    return f"def price(item):\n    rate = {number}\n    return item.net * rate\n"


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """Ten commits in a line."""
    made = Repository(tmp_path / "shop")
    made.commit("Number 0", {"price.py": function(0), "LICENSE": MIT})
    for number in range(1, 10):
        made.commit(f"Number {number}", {"price.py": function(number)})
    return made


def read(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    header, *commits = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
    return header, commits


def test_the_file_has_a_header_and_one_commit_a_line(repository: Repository, tmp_path: Path) -> None:
    out = tmp_path / "flow.jsonl"
    assert main(["flow", "export", "--repo", str(repository.root), "--out", str(out), "--all"]) == 0
    header, commits = read(out)
    assert header == {
        "format": "codeflow/1",
        "repo": "shop",
        "head": repository.git("rev-parse", "HEAD"),
        "from": 0.0,
        "to": 1.0,
        "commits": 10,
        "licence": {"file": "LICENSE", "spdx": "MIT"},
    }
    assert [commit["subject"] for commit in commits] == [f"Number {n}" for n in range(1, 10)]
    last = commits[-1]
    assert last["sha"] == header["head"]
    assert last["parent"] == commits[-2]["sha"]
    assert (last["repo"], last["message"], last["fate"]) == ("shop", "Number 9", "kept")
    assert last["labels"] == ["function.body_changed"]
    assert last["files"] == [
        {
            "path": "price.py",
            "old_path": "price.py",
            "language": "python",
            "before": function(8),
            "after": function(9),
            "labels": ["function.body_changed"],
            "edits": [
                {
                    "symbol": "price",
                    "a0": 0,
                    "a1": 4,
                    "b0": 0,
                    "b1": 4,
                    "before": function(8),
                    "after": function(9),
                    "labels": ["function.body_changed"],
                }
            ],
        }
    ]


def test_the_middle_of_the_projects_life_is_the_default(repository: Repository, tmp_path: Path) -> None:
    out = tmp_path / "flow.jsonl"
    assert main(["flow", "export", "--repo", str(repository.root), "--out", str(out)]) == 0
    header, commits = read(out)
    assert (header["from"], header["to"]) == (0.4, 0.8)
    assert [commit["subject"] for commit in commits] == [f"Number {n}" for n in (4, 5, 6, 7)]


def test_a_branch_counts_where_it_was_merged(tmp_path: Path) -> None:
    made = Repository(tmp_path / "r")
    made.commit("Number 0", {"a.py": "A = 0\n"})
    made.git("checkout", "-q", "-b", "side")
    made.commit("Side", {"side.py": "S = 1\n"})
    made.git("checkout", "-q", "main")
    for number in range(1, 8):
        made.commit(f"Number {number}", {"a.py": f"A = {number}\n"})
    made.git("merge", "-q", "--no-ff", "-m", "Merge", "side")
    subjects = [json.loads(line.text).get("subject") for line in export(made.root, Selection(0.0, 0.8))]
    assert "Side" not in subjects
    subjects = [json.loads(line.text).get("subject") for line in export(made.root, Selection(0.8, 1.0))]
    assert subjects == [None, "Number 7", "Side"]


def test_edits_made_from_the_last_to_the_first_turn_before_into_after(tmp_path: Path) -> None:
    made = Repository(tmp_path / "r")
    text = "".join(f"def f{n}(a):\n    return a + {n}\n\n\n" for n in range(12))
    made.commit("Begin", {"a.py": text})
    made.commit(
        "Much", {"a.py": text.replace("a + 3", "a").replace("def f5(a)", "def f5(a, b)") + "X = 1\r\n"}
    )
    made.commit("End without a line end", {"a.py": text.removesuffix("\n\n\n")})
    for line in list(export(made.root, Selection(0.0, 1.0)))[1:]:
        for file in json.loads(line.text)["files"]:
            lines = file["before"].split("\n")
            after = file["after"].split("\n")
            for edit in reversed(file["edits"]):
                lines[edit["a0"] : edit["a1"]] = after[edit["b0"] : edit["b1"]]
            assert "\n".join(lines) == file["after"]


def test_later_commits_decide_the_fate_even_behind_the_last_one_exported(tmp_path: Path) -> None:
    made = Repository(tmp_path / "r")
    made.commit("Number 0", {"a.py": "A = 0\n"})
    sha = made.commit("Number 1", {"a.py": "A = 1\n"})
    made.commit("Number 2", {"a.py": "A = 2\n"})
    made.commit(f"Sorry\n\nThis reverts commit {sha}.", {"b.py": "B = 1\n"})
    lines = [json.loads(line.text) for line in export(made.root, Selection(0.25, 0.5))]
    assert [(line["subject"], line["fate"]) for line in lines[1:]] == [("Number 1", "reverted")]


def test_no_secret_is_exported(repository: Repository, tmp_path: Path) -> None:
    repository.commit(f"Use {SECRET}", {"key.py": f'KEY = "{SECRET}"\n', ".env": "PASSWORD=hunter2hunter2\n"})
    out = tmp_path / "flow.jsonl"
    assert main(["flow", "export", "--repo", str(repository.root), "--out", str(out), "--all"]) == 0
    text = out.read_text(encoding="utf-8")
    assert "key.py" in text
    assert SECRET not in text
    assert "hunter2" not in text
    assert ".env" not in text


def test_a_limit_and_a_summary_as_json(
    repository: Repository, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "flow.jsonl"
    arguments = [
        "flow",
        "export",
        "--repo",
        str(repository.root),
        "--out",
        str(out),
        "--all",
        "--limit",
        "3",
        "--json",
    ]
    assert main(arguments) == 0
    assert json.loads(capsys.readouterr().out) == {"out": str(out), "commits": 3, "bytes": out.stat().st_size}
    assert len(read(out)[1]) == 3


def test_standard_output_holds_lines_and_nothing_else(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["flow", "export", "--repo", str(repository.root), "--out", "-"]) == 0
    said = capsys.readouterr()
    assert all(isinstance(json.loads(line), dict) for line in said.out.splitlines())
    assert "commits read" in said.err


@pytest.mark.parametrize(
    ("folder", "out", "more", "sentence"),
    [
        ("nowhere", "flow.jsonl", [], "There is no folder"),
        ("plain", "flow.jsonl", [], "is not in a git repository"),
        ("unborn", "flow.jsonl", [], "has no commit yet"),
        ("shop", "missing/flow.jsonl", [], "cannot be written"),
        ("shop", "flow.jsonl", ["--from", "0.9", "--to", "0.1"], "has to begin before it ends"),
    ],
)
def test_what_goes_wrong_is_a_sentence(
    repository: Repository,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    folder: str,
    out: str,
    more: list[str],
    sentence: str,
) -> None:
    (tmp_path / "plain").mkdir()
    Repository(tmp_path / "unborn")
    arguments = ["flow", "export", "--repo", str(tmp_path / folder), "--out", str(tmp_path / out), *more]
    assert main(arguments) == 1
    said = capsys.readouterr().err
    assert sentence in said
    assert said.rstrip().endswith(".")
    assert not (tmp_path / "flow.jsonl").exists()
    assert not (tmp_path / "flow.jsonl.part").exists()


def test_a_failed_export_leaves_the_older_file_as_it_was(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "flow.jsonl"
    out.write_text("old\n", encoding="utf-8")

    def fail(*_: object) -> None:
        raise exporting.ExportError("The disk is on fire.")

    monkeypatch.setattr(exporting, "_record", fail)
    assert main(["flow", "export", "--repo", str(repository.root), "--out", str(out)]) == 1
    assert out.read_text(encoding="utf-8") == "old\n"
    assert not (tmp_path / "flow.jsonl.part").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent another way there")
def test_ctrl_c_leaves_a_part_of_whole_lines(tmp_path: Path) -> None:
    made = Repository(tmp_path / "r")
    stream = [
        "commit refs/heads/main\ncommitter A <a@b> 1700000000 +0000\ndata 5\nBegin\n"
        "M 644 inline a.py\ndata 6\nA = 0\n"
    ]
    for number in range(600):
        text = "".join(f"def f{n}(a):\n    return a + {n * number}\n" for n in range(60))
        stream.append(
            f"commit refs/heads/main\ncommitter A <a@b> {1_700_000_001 + number} +0000\ndata 4\nNext\n"
            f"M 644 inline a.py\ndata {len(text)}\n{text}"
        )
    made.git("fast-import", "--quiet", stdin="\n".join(stream).encode())
    out = tmp_path / "flow.jsonl"
    part = tmp_path / "flow.jsonl.part"
    command = [
        sys.executable,
        "-m",
        "lsp_server.cli",
        "flow",
        "export",
        "--repo",
        str(made.root),
        "--out",
        str(out),
        "--all",
    ]
    root = Path(__file__).resolve().parents[2]
    process = subprocess.Popen(command, cwd=root, stderr=subprocess.PIPE, text=True, env=os.environ)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (part.exists() and part.stat().st_size > 100_000):
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert not out.exists()
    header, commits = read(part)
    assert header["format"] == "codeflow/1"
    assert 0 < len(commits) < 600
    assert f"holds {len(commits)} commits" in said


@pytest.mark.parametrize(
    ("text", "spdx"),
    [
        ("SPDX-License-Identifier: MIT OR Apache-2.0\n", "MIT OR Apache-2.0"),
        ("                 Apache License\n           Version 2.0, January 2004\n", "Apache-2.0"),
        (MIT, "MIT"),
        ("GNU AFFERO GENERAL PUBLIC LICENSE\nVersion 3", "AGPL-3.0"),
        ("Redistribution and use in source and binary forms, ... Neither the name of", "BSD-3-Clause"),
        ("All rights reserved.", ""),
    ],
)
def test_a_licence_is_known_by_its_phrases(text: str, spdx: str) -> None:
    assert spdx_of(text) == spdx
