"""lsp-mode: CodeFlow and jedi-language-server on the same file; ghost text is drawn as with eglot."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.editors.emacs.conftest import Run
from tests.editors.emacs.editor import LISP, SCRIPTED, Editor
from tests.editors.nvim import install
from tests.editors.places import PLACES

pytestmark = [pytest.mark.editors, pytest.mark.timeout(400)]

LSP = """
(add-to-list 'load-path "{lisp}")
(require 'codeflow)
(require 'lsp-mode)
(setq lsp-auto-guess-root t lsp-enabled-clients '(jedi codeflow) lsp-enable-snippet nil
      lsp-headerline-breadcrumb-enable nil lsp-enable-file-watchers nil lsp-response-timeout 60)
(lsp-register-client
 (make-lsp-client :new-connection (lsp-stdio-connection '("{jedi}"))
                  :activation-fn (lambda (_ mode) (eq mode 'python-mode))
                  :server-id 'jedi))
(add-hook 'python-mode-hook #'lsp)
"""

# 20 questions to each of two servers, all at once: what kinds of answers came to whom
TOGETHER = """
(let ((pending 40) (found (list 0 0 0)))
  (dotimes (_ 20)
    (lsp-request-async "textDocument/hover"
                       (list :textDocument (list :uri (lsp--buffer-uri)) :position '(:line 0 :character 8))
                       (lambda (hover) (setq pending (1- pending))
                         (when (and hover (gethash "contents" hover))
                           (setf (nth 0 found) (1+ (nth 0 found)))))
                       :mode 'detached :error-handler (lambda (_) (setq pending (1- pending))))
    (codeflow-client-request
     (codeflow-client) "textDocument/inlineCompletion"
     (append (codeflow-client-place-params (codeflow-client)) '(:context (:triggerKind 2)))
     (lambda (answer) (setq pending (1- pending))
       (if (or (null answer) (vectorp answer) (plist-member answer :items))
           (setf (nth 1 found) (1+ (nth 1 found)))))
     (lambda (_) (setq pending (1- pending)) (setf (nth 2 found) (1+ (nth 2 found))))))
  (with-timeout (30) (while (> pending 0) (accept-process-output nil 0.05)))
  found)
"""


@pytest.fixture
def editor(run: Run, tmp_path: Path) -> Editor:
    """An Emacs with both servers."""
    if lacking := install.missing():
        pytest.skip(lacking)
    jedi = tmp_path / "jedi"
    jedi.write_text(
        f'#!/bin/sh\nPYTHONPATH="{install.jedi()}" exec "{install.jedi()}/bin/jedi-language-server" "$@"\n'
    )
    jedi.chmod(0o755)
    return run(SCRIPTED + LSP.format(lisp=LISP, jedi=jedi))


def test_beside_another_language_server(editor: Editor) -> None:
    """jedi's menu and our ghost text, its hover and our answer, its diagnostics once; all places right."""
    editor.open("a.py", "import os\n\nprint|)\n")
    assert editor.lisp("(length (lsp-workspaces))") == 2
    editor.type("(")
    editor.until(editor.ghost_text, "ghost text")
    assert editor.ghost_text() == "'hello'"
    editor.type("os.")
    editor.until(lambda: editor.line() == "print(os.)", "the keys are there")
    names = editor.until(
        lambda: editor.lisp("(mapcar #'substring-no-properties (bound-and-true-p company-candidates))"),
        "jedi's menu, by company, which lsp-mode switches on",
        60,
    )
    assert "path" in names
    assert not any("hello" in name for name in names)
    assert editor.ghost_text() == ""
    editor.press("C-g")
    editor.until(lambda: not editor.lisp("(and company-candidates t)"), "the menu is closed")
    editor.press("BSpace", "BSpace", "BSpace")
    editor.until(editor.ghost_text, "ghost text again")
    editor.press("Tab")
    editor.until(lambda: editor.line() == "print('hello')", "it is accepted")
    hovers, answers, failures = editor.lisp(TOGETHER)
    assert hovers == 20
    assert answers + failures == 20  # a newer request stops an older one
    assert answers > 0
    editor.lisp('(progn (erase-buffer) (insert "def broken(:\\n    pass\\n") 1)')
    find = (
        '(let (found) (maphash (lambda (_ all) (seq-doseq (one all) (push (vector (gethash "line" (gethash '
        '"start" (gethash "range" one))) (gethash "message" one)) found))) (lsp-diagnostics)) found)'
    )
    found = editor.until(lambda: editor.lisp(find), "jedi's diagnostics", 60)
    assert len(found) == len({tuple(one) for one in found})
    for number, (marked, expected) in enumerate(PLACES.values()):
        before, _, after = marked.partition("|")
        editor.open(f"place{number}.py", f"{before[:-1]}|{after}")
        editor.type(before[-1])
        editor.until(editor.ghost_text, "ghost text")
        editor.press("Tab")
        editor.until(lambda marked=marked: editor.text() != marked.replace("|", ""), "it is accepted")
        if expected is not None:
            assert editor.text() == expected


def test_a_code_action_is_applied_and_undone(editor: Editor) -> None:
    """Extract a variable, by lsp-mode's own menu of code actions."""
    text = "def area(radius):\n    return 3 * radius * radius\n"
    editor.open("actions.py", text.replace("3 *", "|3 *"))
    editor.lisp("(progn (set-mark (line-end-position)) (activate-mark) 1)")
    editor.run("lsp-execute-code-action")
    editor.until(lambda: any("Select code action" in line for line in editor.terminal.screen()), "the menu")
    editor.type("Extract variable")
    time.sleep(0.5)
    editor.press("Tab", "Enter")
    editor.until(lambda: editor.text() != text, "the variable is extracted")
    assert len(editor.text().splitlines()) == 3
    editor.lisp("(progn (deactivate-mark) 1)")  # undo would keep to the region
    editor.press("C-_")
    editor.until(lambda: editor.text() == text, "undone")
