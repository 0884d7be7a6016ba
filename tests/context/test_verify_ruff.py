"""ruff: which one is asked, by whose rules, and what it cannot be made to do."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from context.verify.ruff import RuffFailed, find_config, find_ruff, ruff_findings

TEXT = "import os\nvery_long_name = undefined_name\n"


def ruff() -> str:
    found = find_ruff(None)
    assert found, "the tests need ruff beside the interpreter"
    return found


def codes(root: Path | None, path: str = "pkg/a.py", text: str = TEXT) -> list[str]:
    return [finding.code for finding in ruff_findings(ruff(), path, text, root)]


CONFIGS = [
    # what, where the rules stand, the rules, what is found in pkg/a.py
    ("none", "", "", ["F401", "F821"]),
    ("ruff.toml", "ruff.toml", "line-length = 20\nlint.select = ['E']\n", ["F401", "E501", "F821"]),
    ("pyproject", "pyproject.toml", "[tool.ruff.lint]\nselect = ['INP']\n", ["INP001", "F401", "F821"]),
    ("pyproject of others", "pyproject.toml", "[tool.black]\n", ["F401", "F821"]),
    ("nearer", "pkg/ruff.toml", "lint.select = ['D100']\n", ["D100", "F401", "F821"]),
    (
        "for some files",
        "ruff.toml",
        "lint.select = ['F']\n[lint.per-file-ignores]\n'pkg/*' = ['F401']\n",
        ["F821"],
    ),
    (
        "fix",
        "ruff.toml",
        "lint.select = ['F']\nfix = true\nunsafe-fixes = true\nshow-fixes = true\n",
        ["F401", "F821"],
    ),
    ("cache", "ruff.toml", "lint.select = ['F']\ncache-dir = 'here'\n", ["F401", "F821"]),
    ("extend", "ruff.toml", "extend = '/etc/other.toml'\nlint.select = ['D']\n", ["F401", "F821"]),
    ("of a later ruff", "ruff.toml", "nonsense = 1\n", ["F401", "F821"]),
    ("required version", "ruff.toml", "required-version = '==0.0.1'\n", ["F401", "F821"]),
    ("no TOML", "ruff.toml", "[[[", ["F401", "F821"]),
    ("excluded", "ruff.toml", "exclude = ['pkg']\nforce-exclude = true\n", []),
    ("another output", "ruff.toml", "lint.select = ['F']\noutput-format = 'github'\n", ["F401", "F821"]),
]


@pytest.mark.parametrize(("where", "rules", "found"), [c[1:] for c in CONFIGS], ids=[c[0] for c in CONFIGS])
def test_the_projects_rules(tmp_path: Path, where: str, rules: str, found: list[str]) -> None:
    """Rules are honoured, names and imports always asked; nothing is written or fixed, no other file read."""
    (tmp_path / "pkg").mkdir()
    if where:
        (tmp_path / where).write_text(rules)
    assert sorted(codes(tmp_path)) == sorted(found)
    assert sorted(file.name for file in tmp_path.rglob("*")) == sorted({"pkg", Path(where).name} - {""})


def test_rules_outside_the_folder_are_not_read(tmp_path: Path) -> None:
    """Neither above the folder nor through a link out of it."""
    root = tmp_path / "work"
    root.mkdir()
    (tmp_path / "ruff.toml").write_text("lint.select = ['D']\n")
    assert find_config(root, "a.py") is None
    (root / "ruff.toml").symlink_to(tmp_path / "ruff.toml")
    assert find_config(root, "a.py") is None and codes(root, "a.py") == ["F401", "F821"]


def test_findings_are_sorted_into_kinds() -> None:
    """Undefined, unused, wrong, and a matter of taste."""
    text = "import os\nif 1 is 1:\n    print(x)\nif y == None:\n    pass\n\n\ndef f():\n    return 1\n"
    kinds = {finding.code: finding.kind for finding in ruff_findings(ruff(), "a.py", text, None)}
    assert kinds == {
        "F401": "unused import", "F632": "lint error", "F821": "undefined name", "E711": "lint warning",
    }  # fmt: skip


@pytest.mark.skipif(sys.platform == "win32", reason="a script is no program there")
def test_a_ruff_of_the_workspace_is_never_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not from PATH, not relative, not through a link; one elsewhere on PATH is found."""
    inside, outside = tmp_path / "work" / "bin", tmp_path / "tools"
    for folder in (inside, outside):
        folder.mkdir(parents=True)
        (folder / "ruff").write_text("#!/bin/sh\ntouch ran\n")
        (folder / "ruff").chmod(0o755)
    (tmp_path / "link").symlink_to(inside)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "nowhere" / "python"))
    for path in (inside, tmp_path / "link", "bin", "."):
        monkeypatch.setenv("PATH", str(path))
        monkeypatch.chdir(tmp_path / "work")
        assert find_ruff(tmp_path / "work") == ""
    monkeypatch.setenv("PATH", os.pathsep.join((str(inside), str(outside))))
    assert find_ruff(tmp_path / "work") == str(outside / "ruff")


@pytest.mark.skipif(sys.platform == "win32", reason="a script is no program there")
@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("exit 3", "ruff failed: 3"),
        ("echo no", "form"),
        ("echo '[{}]'", "form"),
        ("echo oh >&2; exit 2", "oh"),
    ],
)
def test_a_ruff_that_fails_is_a_sentence(tmp_path: Path, script: str, said: str) -> None:
    """Whatever the program does, the answer is findings or `RuffFailed`."""
    program = tmp_path / "ruff"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    with pytest.raises(RuffFailed, match=said):
        ruff_findings(str(program), "a.py", TEXT, None)
    with pytest.raises(RuffFailed, match="could not be started"):
        ruff_findings(str(tmp_path / "missing"), "a.py", TEXT, None)
