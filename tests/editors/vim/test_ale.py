"""ALE: with jedi-language-server beside the plugin, and with CodeFlow as one of its own servers."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from tests.editors.nvim import install
from tests.editors.vim.conftest import Run
from tests.editors.vim.editor import PLUGGED, PYTHON, SCRIPTED, Editor
from tests.editors.vscode.code_server import ROOT

pytestmark = [pytest.mark.editors, pytest.mark.timeout(400)]

PAGE = (ROOT / "docs" / "editors" / "vim.md").read_text()
ALE_SNIPPET = next(code for code in re.findall(r"```vim\n(.*?)```", PAGE, re.S) if "ale_linters" in code)


@pytest.fixture
def jedi(tmp_path: Path) -> Path:
    """A program that is jedi-language-server, with packages of its own."""
    if lacking := install.missing():
        pytest.skip(lacking)
    jedi = tmp_path / "jedi-language-server"
    jedi.write_text(
        f'#!/bin/sh\nPYTHONPATH="{install.jedi()}" exec "{install.jedi()}/bin/jedi-language-server" "$@"\n'
    )
    jedi.chmod(0o755)
    return jedi


def menu(editor: Editor) -> list[str]:
    """The words of the completion menu, once it is there."""
    editor.until(lambda: editor.expr("pumvisible()"), "the menu", 60)
    return [one["word"] for one in editor.expr("complete_info(['items'])")["items"]]


def test_beside_the_plugin(run: Run, jedi: Path) -> None:
    """jedi's menu by ALE and our ghost text in turn, and jedi's diagnostics once."""
    editor = run(
        SCRIPTED
        + "let g:ale_completion_enabled = 1\nlet g:ale_linters = #{python: ['jedils']}\n"
        + f"let g:ale_python_jedils_executable = '{jedi}'\npackadd! ale\n"
        + PLUGGED
    )
    editor.insert("a.py", "import os\n\nprint|)\n")
    editor.type("(")
    editor.until(editor.ghost_text, "ghost text")
    editor.type("os.")
    words = menu(editor)
    assert "chdir" in words
    assert not any("hello" in word for word in words)
    assert editor.ghost_text() == ""
    editor.press("C-e", "BSpace", "BSpace", "BSpace")
    editor.until(editor.ghost_text, "ghost text after the menu")
    editor.press("Escape")
    editor.ex("call setline(1, ['def broken(:', '    pass'])")
    found = editor.until(lambda: editor.expr("ale#engine#GetLoclist(bufnr())"), "jedi's diagnostics", 60)
    assert len(found) == len({(one["lnum"], one["text"]) for one in found})


def test_as_a_server_of_ales(run: Run, jedi: Path) -> None:
    """The page's snippet: our suggestion in ALE's menu, and a code action, made and undone."""
    scripted = ALE_SNIPPET.replace("'codeflow-lsp'", f"'{PYTHON}'").replace(
        "--stdio", "-m tests.scripted_server"
    )
    editor = run(f"let g:ale_python_jedils_executable = '{jedi}'\n{scripted}\nfiletype plugin indent on\n")
    (editor.folder / "a.py").write_text("import os\n\ny = pr\n")
    editor.ex("edit a.py")
    editor.ex("call cursor(3, 5)")
    ready = "len(filter(values(ale#lsp#GetConnections()), {_, one -> one.initialized}))"
    editor.until(lambda: editor.expr(ready) == 2, "both servers", 60)
    time.sleep(2)  # the script is loaded, and nothing tells ALE
    editor.press("A")
    editor.type("e")
    assert "prefix + 1" in menu(editor)
    editor.press("C-e")
    editor.press("Escape")
    text = "def area(radius):\n    return 3 * radius * radius\n"
    editor.ex("call setline(1, ['def area(radius):', '    return 3 * radius * radius'])")
    editor.ex("call deletebufline('', 3, '$')")
    editor.until(lambda: editor.text() == text, "another text")
    editor.ex("call cursor(2, 12)")
    editor.type("v$h:ALECodeAction")
    editor.press("Enter")
    editor.until(lambda: any("empty cancels" in line for line in editor.terminal.screen()), "ALE's menu", 60)
    rows = "\n".join(editor.terminal.screen())
    wanted = re.search(r"^(\d+)\) Extract.*variable", rows, re.M)
    assert wanted, rows
    editor.type(wanted[1])
    editor.press("Enter")
    editor.until(lambda: editor.text() != text, "the variable is extracted")
    assert len(editor.text().splitlines()) == 3
    time.sleep(2)  # ALE asks once more where the other server has answered later
    if any("empty cancels" in line for line in editor.terminal.screen()):
        editor.press("Enter")
    editor.type("u")
    editor.until(lambda: editor.text() == text, "undone")
