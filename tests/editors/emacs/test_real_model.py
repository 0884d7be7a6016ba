"""What a user of Emacs sees with eglot and the 0.5B: ghost text, refactorings, edits in words."""

from __future__ import annotations

import time

import pytest

from tests.editors.emacs.editor import ANSWERS_WITHIN_S, Editor

pytestmark = [pytest.mark.editors, pytest.mark.timeout(400)]

AREA = (
    'import math\n\n\ndef area(radius):\n    """The area of a circle."""\n    return math.pi * radius ** 2\n'
)
TOTAL = """def total(prices):
    result = 0
    for price in prices:
        result += price
    return result
"""
TYPED = """def load(path):
with open(path) as file:
return json.load(file)

def merge(one, other):
merged = dict(one)
merged.update(other)
return merged

def save(path, value):
with open(path, "w") as file:
json.dump(value, file, indent=2)
"""

# whatever is drawn at a redisplay or left by a key has to go on from what stands there
WATCH = """
(progn
  (defvar stale 0) (defvar looked 0)
  (setq stale 0 looked 0)
  (defun watch (&rest _)
    (when codeflow-draw--overlays
      (setq looked (1+ looked))
      (unless (and codeflow-ghost--chosen (codeflow-suggestion-rest codeflow-ghost--chosen))
        (setq stale (1+ stale)))))
  (add-hook 'post-command-hook #'watch 100 t)
  (add-hook 'pre-redisplay-functions #'watch nil t)
  1)
"""


def test_ghost_text_is_drawn_and_accepted(real: Editor) -> None:
    """Behind the cursor, and Tab puts just that there; undo takes it back."""
    before = 'import math\n\n\ndef area(radius):\n    """The area of a circle."""\n    return '
    real.open("area.py", before[:-1] + "|\n")
    real.type(" ")
    shown = real.wait_for_ghost_text()
    assert real.screen()[5].startswith("    return " + shown.split("\n")[0])
    real.press("Tab")
    real.until(lambda: real.text() == before + shown + "\n", "it is accepted")
    real.press("C-_")
    real.until(lambda: real.text() == before + "\n", "undone")


def test_by_word_and_by_line(real: Editor) -> None:
    """The pieces are the suggestion's own, and what is left stays drawn."""
    before = "def area(radius):\n    return"
    real.open("pieces.py", before + "|\n")
    real.type(" ")
    shown = real.wait_for_ghost_text()
    real.lisp("(progn (codeflow-accept-word) 1)")
    first = real.text().removeprefix(before + " ").removesuffix("\n")
    assert shown.startswith(first) and 0 < len(first) <= len(shown)
    real.lisp("(progn (ignore-errors (codeflow-accept-line)) 1)")
    assert real.text() == f"{before} {shown.split(chr(10))[0]}\n"


def test_behind_characters_of_four_bytes(real: Editor) -> None:
    """eglot counts in UTF-16 here: the text comes to stand at the cursor, before the closed bracket."""
    before = 'def greet(name):\n    print("😀 é",'
    real.open("greet.py", before + "|)\n")
    real.type(" ")
    shown = real.wait_for_ghost_text()
    real.press("Tab")
    real.until(lambda: real.text() == f"{before} {shown})\n", "it is accepted")


def test_a_burst_of_keys(real: Editor) -> None:
    """At 30 ms a key none is lost, and at no redisplay is anything drawn that does not fit."""
    real.open("typed.py", "import json\n\n\n|\n")
    real.lisp("(progn (electric-indent-local-mode -1) 1)")
    real.lisp(WATCH)
    assert len(TYPED) > 150
    real.type(TYPED, between_s=0.03)
    real.until(lambda: real.text() == "import json\n\n\n" + TYPED + "\n", "all keys have arrived")
    assert real.lisp("stale") == 0
    real.press("C-g", "C-a")
    time.sleep(0.5)
    assert real.ghost_text() == ""


def test_a_code_action_is_applied_and_undone(real: Editor) -> None:
    """Extract a variable, by eglot's own menu of code actions."""
    real.open("actions.py", AREA.replace("math.pi * radius", "|math.pi * radius"))
    real.lisp("(progn (set-mark (line-end-position)) (activate-mark) 1)")
    real.run("eglot-code-actions")
    real.until(lambda: any("Pick an action" in line for line in real.terminal.screen()), "the menu")
    title = real.lisp(
        "(with-current-buffer (window-buffer (minibuffer-window)) (seq-find (lambda (one) (and "
        '(string-match-p "variable" one) (not (string-match-p "preview" one)))) '
        "(mapcar #'car minibuffer-completion-table)))"
    )
    real.type(title)
    real.press("Enter")
    real.until(
        lambda: any("Proceed?" in line for line in real.terminal.screen()), "eglot asks", ANSWERS_WITHIN_S
    )
    real.type("y")
    real.until(lambda: real.text() not in ("", AREA), "the variable is extracted")
    real.until(lambda: real.lisp("(buffer-name)") == "actions.py", "the question is gone")
    assert "math.pi * radius ** 2" in real.text()
    assert len(real.text().splitlines()) == len(AREA.splitlines()) + 1
    real.lisp("(progn (deactivate-mark) 1)")  # undo would keep to the region
    real.press("C-_")
    real.until(lambda: real.text() == AREA, "undone")


def test_an_edit_in_words_is_shown_first(real: Editor) -> None:
    """q leaves the text as it is; RET makes it what the diff says, and undo takes that back."""
    for number, decision in enumerate(("q", "Enter")):
        real.open(f"total{number}.py", "|" + TOTAL)
        real.press("C-x", "h")
        real.run("codeflow-edit")
        real.type("use the built-in sum")
        real.press("Enter")
        real.until(
            lambda: real.lisp("major-mode") == "codeflow-edit-mode" and "\n@@" in real.text(),
            "the diff",
            3 * ANSWERS_WITHIN_S,
        )
        diff = real.text().splitlines()
        removed = [line[1:] for line in diff if line.startswith("-") and not line.startswith("---")]
        added = [line[1:] for line in diff if line.startswith("+") and not line.startswith("+++")]
        assert added
        real.press(decision)
        real.until(lambda number=number: real.lisp("(buffer-name)") == f"total{number}.py", "back")
        if decision == "q":
            assert real.text() == TOTAL
            continue
        lines = real.text().splitlines()
        assert all(line in lines for line in added)
        assert len(lines) == len(TOTAL.splitlines()) - len(removed) + len(added)
        real.press("C-_")
        real.until(lambda: real.text() == TOTAL, "undone")


def test_the_account_and_the_statistics_are_shown(real: Editor) -> None:
    """codeflow-why and codeflow-statistics, each as a text that q closes."""
    real.open("why.py", "def area(radius):\n    return|\n")
    real.type(" ")
    real.wait_for_ghost_text()
    real.press("C-g")
    for command, holds in (("codeflow-why", "prefix"), ("codeflow-statistics", "shown")):
        real.run(command)
        real.until(lambda holds=holds: holds in real.text(), command)
        real.press("q")
        real.until(lambda: real.lisp("(buffer-name)") == "why.py", "closed")
