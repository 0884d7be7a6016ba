"""The files as a package: they compile without a warning, and their documentation is as Emacs wants it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.editors.emacs.editor import LISP
from tests.editors.vscode.code_server import ROOT

pytestmark = pytest.mark.editors

FILES = sorted(LISP.glob("*.el"))
BATCH = ["emacs", "--batch", "--no-init-file", "--eval", "(progn (require 'package) (package-activate-all))"]


def batch(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """An Emacs that does this and ends."""
    return subprocess.run(
        [*BATCH, "--directory", str(folder), *arguments], capture_output=True, text=True, check=False
    )


@pytest.fixture
def copy(emacs: None, tmp_path: Path) -> Path:
    """The files where what is made of them harms nobody."""
    return Path(shutil.copytree(LISP, tmp_path / "emacs"))


def test_they_compile_without_a_warning(copy: Path) -> None:
    """With eglot and lsp-mode there, every warning is an error."""
    done = batch(
        copy,
        "--eval",
        "(setq byte-compile-error-on-warn t)",
        "--funcall",
        "batch-byte-compile",
        *(str(copy / file.name) for file in FILES),
    )
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr


def test_checkdoc_has_nothing_to_say(copy: Path) -> None:
    """Documentation strings, comments and messages are as checkdoc wants them."""
    forms = [part for file in FILES for part in ("--eval", f'(checkdoc-file "{copy / file.name}")')]
    done = batch(copy, "--eval", "(require 'checkdoc)", *forms)
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stderr.splitlines() if "Warning" in line or ".el:" in line] == []


def test_it_is_a_package(copy: Path) -> None:
    """package.el reads its headers: name, version, what it needs."""
    form = (
        f'(with-temp-buffer (insert-file-contents "{copy / "codeflow.el"}") (let ((found '
        '(package-buffer-info))) (princ (format "%s %s %s" (package-desc-name found) '
        "(package-version-join (package-desc-version found)) (package-desc-reqs found)))))"
    )
    done = batch(copy, "--eval", form)
    version = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.M)
    assert version
    assert done.stdout == f"codeflow {version[1]} ((emacs (28 1)))", done.stderr
