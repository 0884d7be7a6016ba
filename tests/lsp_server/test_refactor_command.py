"""``codeflow-lsp refactor`` and ``edit``: lists, diffs, written files, exit codes, and what is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from context.document import Document
from lsp_server.cli import main
from lsp_server.edit_plan import plan_from_text
from lsp_server.file_change import NamedFile, Unusable, write

TEXT = "import os\r\n\r\n\r\ndef f(a, b):\r\n    if a > b:\r\n        return b * (a + 1)\r\n    return 0"
EXTRACT = ["--range", "6.21:6.26", "--action", "extract-variable"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    path = tmp_path / "é m.py"
    path.write_bytes(TEXT.encode())
    return path


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main([*arguments])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_what_is_offered_is_listed(file: Path, capsys: pytest.CaptureFixture[str]):
    """One a line, with the name to ask for, where the output is piped."""
    code, out, _ = run(capsys, "refactor", str(file), "--range", "6.21:6.26")
    assert code == 0 and "extract-variable\tExtract variable" in out


def test_a_diff_is_printed_and_nothing_written(file: Path, capsys: pytest.CaptureFixture[str]):
    code, out, err = run(capsys, "refactor", str(file), *EXTRACT, "--name", "next_a")
    assert code == 0 and "+        next_a = a + 1\r\n" in out and "parses" in err
    assert file.read_bytes() == TEXT.encode()


def test_applied_line_ends_and_mode_stay(file: Path, capsys: pytest.CaptureFixture[str]):
    """Only the edit's own bytes differ; a link is followed, an executable stays one."""
    file.chmod(0o755)
    link = file.with_name("link.py")
    link.symlink_to(file)
    code, _, err = run(capsys, "refactor", str(link), *EXTRACT, "--apply")
    text = file.read_bytes().decode()
    assert code == 0 and "written" in err and link.is_symlink()
    assert text.count("\r\n") == text.count("\n") == TEXT.count("\n") + 1 and not text.endswith("\n")
    assert os.access(file, os.X_OK) and [one.name for one in file.parent.glob(".*.py.*")] == []


def test_json_says_all(file: Path, capsys: pytest.CaptureFixture[str]):
    code, out, _ = run(capsys, "refactor", str(file), *EXTRACT, "--json")
    found = json.loads(out)
    assert code == 0 and found["applies"] and not found["applied"] and found["diff"].startswith("diff --git")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--range", "99", "--action", "x"], 2, "behind its end"),
        (["--range", "a:b", "--action", "x"], 2, "is no range"),
        (["--range", "6.21:6.26", "--action", "nonsense"], 2, "extract-variable"),
        (["--range", "2"], 1, "Nothing is offered"),
        ([*EXTRACT, "--name", "not a name"], 1, "name"),
        ([*EXTRACT, "--name", "a"], 1, "a"),
    ],
)
def test_what_cannot_be_done_is_said(
    file: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, said: str
):
    """A sentence and an exit code; the file is as it was."""
    found, out, err = run(capsys, "refactor", str(file), *arguments)
    assert (found, out) == (code, "") and said in err and err.startswith("codeflow-lsp: ")
    assert file.read_bytes() == TEXT.encode()


@pytest.mark.parametrize("data", [b"\xff\xfe", None])
def test_files_that_are_no_text(tmp_path: Path, capsys: pytest.CaptureFixture[str], data: bytes | None):
    path = tmp_path / "x.py"
    if data is not None:
        path.write_bytes(data)
    code, _, err = run(capsys, "refactor", str(path), "--range", "1")
    assert code == 2 and "x.py" in err


def test_a_file_changed_meanwhile_is_not_written(file: Path):
    """What somebody wrote since the file was read stays."""
    named = NamedFile.read(file)
    plan = plan_from_text(named.document, TEXT + "\r\n", "a line end", [named.root])
    file.write_text("news")
    with pytest.raises(Unusable, match="changed meanwhile"):
        write(plan)
    assert file.read_text() == "news"


def test_places_are_lines_and_columns_of_code_points(file: Path):
    """Both count from 1; an end line is meant as a whole, a place is not."""
    named = NamedFile(file, file.parent, Document.of("", "", "", 0, "a😀b\n  cd\n"))
    assert named.selection("1.3") == ((0, 2), (0, 2))
    assert named.selection("2") == ((1, 2), (1, 2))
    assert named.selection("1:2") == ((0, 0), (1, 4))
    assert named.selection("2.3:1.2") == ((0, 1), (1, 2))


@pytest.mark.model
def test_an_instruction_is_done_by_the_model(file: Path, capsys: pytest.CaptureFixture[str]):
    """The diff stays within the lines that were named."""
    code, out, err = run(
        capsys, "edit", str(file), "--range", "4:7", "--instruction", "Rename f to larger",
        "--model", "qwen2.5-coder-0.5b",
    )  # fmt: skip
    assert code in (0, 1) and "codeflow-lsp:" not in err
    assert "def larger(a, b):\r\n" in out and "-import" not in out


def test_the_tests_that_mention_a_file_have_a_word(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """A change that breaks them is not written; one that does not says that they pass."""
    (tmp_path / "calc.py").write_text("def double(a):\n    b = 2 * a\n    return b\n")
    head = "import inspect\nimport calc\n\n\n"
    test = f"{head}def test_it():\n    assert 'b = ' in inspect.getsource(calc.double)\n"
    (tmp_path / "test_calc.py").write_text(test)
    for command in (["init", "-q"], ["add", "."]):
        subprocess.run(["git", "-C", str(tmp_path), *command], check=True)
    inline = ["refactor", str(tmp_path / "calc.py"), "--range", "2", "--action", "inline-variable", "--apply"]
    tests = ["--test", f"{sys.executable} -m pytest -q -p no:cacheprovider {{tests}}"]
    code, _, err = run(capsys, *inline, *tests)
    assert code == 1 and "failing test" in err and "b = 2" in (tmp_path / "calc.py").read_text()
    (tmp_path / "test_calc.py").write_text(test.replace("'b = '", "'2 * a'"))
    code, _, err = run(capsys, *inline, *tests)
    assert code == 0 and "tests pass" in err and "return 2 * a" in (tmp_path / "calc.py").read_text()
    code, _, err = run(capsys, "refactor", str(tmp_path / "calc.py"), "--range", "2.12:2.17",
                       "--action", "extract-variable", "--test", "no-such-program {tests}")  # fmt: skip
    assert code == 2 and "no-such-program" in err
