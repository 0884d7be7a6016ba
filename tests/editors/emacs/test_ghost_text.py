"""Ghost text in Emacs is what accepting it makes of the text: on the screen, whole, by word and by line."""

from __future__ import annotations

import time
from itertools import count

import pytest

from tests.editors.emacs.editor import Editor
from tests.editors.places import PLACES

pytestmark = pytest.mark.editors

NAMES = (f"place{number}.py" for number in count())  # a buffer of its own for each
RESTED_S = 0.6  # longer than any answer of the scripted model takes


def ask(editor: Editor, name: str, marked: str) -> str:
    """Ghost text at the mark of a new file, as a key that was typed there brings it."""
    before, _, after = marked.partition("|")
    editor.open(name, f"{before[:-1]}|{after}")
    editor.type(before[-1])
    return editor.until(editor.ghost_text, "ghost text")


@pytest.mark.parametrize("place", PLACES)
def test_what_is_drawn_is_what_comes(scripted: Editor, place: str) -> None:
    """The screen is the same before and after Tab, the text is what the model said; undo takes it back."""
    marked, expected = PLACES[place]
    ask(scripted, next(NAMES), marked)
    shown, cursor = scripted.screen(), scripted.terminal.cursor()
    assert scripted.terminal.cursor() == cursor
    row = marked.partition("|")[0].count("\n") + 1
    assert cursor[0] == row, "the cursor stands before ghost text"
    scripted.press("Tab")
    before = marked.replace("|", "")
    scripted.until(lambda: scripted.text() != before, "it is accepted")
    scripted.until(lambda: scripted.screen() == shown, "the screen is as it was")
    if expected is not None:
        assert scripted.text() == expected
    scripted.press("C-_")
    scripted.until(lambda: scripted.text() == before, "undone at once")


@pytest.mark.parametrize("how", ["codeflow-accept-word", "codeflow-accept-line"])
@pytest.mark.parametrize("place", PLACES)
def test_in_pieces_it_comes_to_the_same(scripted: Editor, place: str, how: str) -> None:
    """Word by word or line by line: on the way the screen stays as it is, and the end is what Tab makes."""
    marked, _ = PLACES[place]
    ask(scripted, next(NAMES), marked)
    shown, texts = scripted.screen(), [scripted.text()]
    while scripted.lisp("codeflow-ghost-shown"):
        scripted.lisp(f"(progn (call-interactively '{how}) (redisplay t) 1)")
        texts.append(scripted.text())
        assert texts[-1] != texts[-2]
        scripted.until(lambda: scripted.screen() == shown, "the screen is as it was")
    ask(scripted, next(NAMES), marked)
    scripted.press("Tab")
    scripted.until(lambda: scripted.text() == texts[-1], "the same at once")


def test_acceptance_is_counted(scripted: Editor) -> None:
    """The server's statistics have what was accepted whole, bit by bit, and in part."""
    ask_counts = (
        "(let ((session (plist-get (jsonrpc-request (codeflow-client) :codeflow/stats (make-hash-table)) "
        ":session))) (list (plist-get session :shown) (plist-get session :accepted) "
        "(plist-get session :partly_accepted)))"
    )
    scripted.open("before.py", "|\n")
    before = scripted.lisp(ask_counts)
    word = "(progn (codeflow-accept-word) 1)"
    for number, forms in enumerate((["(progn (codeflow-accept) 1)"], [word] * 3, [word])):
        ask(scripted, f"counted{number}.py", "print(|)\n")
        for form in forms:
            scripted.lisp(form)
        scripted.press("Escape", "Escape", "Escape")
    after = scripted.lisp(ask_counts)
    assert [now - then for now, then in zip(after, before, strict=True)] == [3, 2, 1]


def test_typing_along_keeps_it(scripted: Editor) -> None:
    """What is typed as it was suggested is taken off at once; another key takes all of it away at once."""
    assert ask(scripted, "along.py", "print(|)\n") == "'hello'"
    scripted.type("'h")
    scripted.until(lambda: scripted.ghost_text() == "ello'", "the rest of it")
    scripted.type("a")
    scripted.until(lambda: scripted.line().startswith("print('ha"), "the key is there")
    assert scripted.ghost_text() == ""


def test_tab_is_what_it_was_where_there_is_none(scripted: Editor) -> None:
    """Tab indents; C-g quits; both are ours only beside ghost text."""
    scripted.open("tab.py", "if a:\n|x\n")
    scripted.press("Tab")
    scripted.until(lambda: scripted.line() == "    x", "Tab indents")
    ask(scripted, "tab2.py", "x = |\n")
    assert scripted.lisp('(symbol-name (key-binding (kbd "TAB")))') == "codeflow-accept"
    scripted.press("C-g")
    scripted.until(lambda: scripted.ghost_text() == "", "dismissed")
    assert scripted.lisp('(symbol-name (key-binding (kbd "TAB")))') == "indent-for-tab-command"
    assert scripted.lisp('(symbol-name (key-binding (kbd "C-g")))') == "keyboard-quit"
    assert scripted.line() == "x = "


def test_moving_takes_it_away_and_brings_none(scripted: Editor) -> None:
    """An arrow key: ghost text leaves, and none comes where nobody types; the same after undo."""
    ask(scripted, "moved.py", "print(|)\n")
    scripted.press("Left")
    scripted.until(lambda: scripted.ghost_text() == "", "gone")
    scripted.press("Right")
    time.sleep(RESTED_S)
    assert scripted.ghost_text() == ""
    scripted.press("C-_")
    scripted.until(lambda: scripted.line() == "print)", "undone")
    time.sleep(RESTED_S)
    assert scripted.ghost_text() == ""


def test_another_window_takes_it_away(scripted: Editor) -> None:
    """Drawn in one window only, and gone with it."""
    ask(scripted, "one.py", "print(|)\n")
    scripted.press("C-x", "2")
    time.sleep(RESTED_S)
    assert sum("hello" in line for line in scripted.screen()) <= 1
    scripted.press("C-x", "o")
    time.sleep(RESTED_S)
    assert not any("hello" in line for line in scripted.screen())
    scripted.press("C-x", "1")


def test_several_are_gone_through(scripted: Editor) -> None:
    """The next one is another than what was shown; they are numbered, and Tab takes the one that is seen."""
    first = ask(scripted, "several.py", "print(|)\n")
    scripted.run("codeflow-next")
    scripted.until(lambda: scripted.ghost_text().endswith(" 2/3"), "another")
    second = scripted.ghost_text()
    scripted.run("codeflow-previous")
    scripted.until(lambda: scripted.ghost_text() == f"{first} 1/3", "the first again")
    scripted.run("codeflow-next")
    scripted.until(lambda: scripted.ghost_text() == second, "the second again")
    scripted.press("Tab")
    scripted.until(lambda: scripted.line() == f"print({second.removesuffix(' 2/3')})", "it is accepted")


def test_companys_menu_comes_first(scripted: Editor) -> None:
    """While company's menu is open there is no ghost text, and Tab is company's; closed, there is again."""
    ask(scripted, "menu.py", "prefix = premise = 1\nprint(|)\n")
    scripted.lisp("(progn (require 'company) (company-mode 1) (setq company-idle-delay nil) 1)")
    scripted.type("pre")
    scripted.run("company-dabbrev-code")
    scripted.until(lambda: scripted.lisp("(and company-candidates t)"), "the menu")
    time.sleep(RESTED_S)
    assert scripted.ghost_text() == ""
    assert scripted.lisp('(symbol-name (key-binding (kbd "TAB")))') == "company-complete-common"
    scripted.press("C-g")
    scripted.press("BSpace", "BSpace", "BSpace")
    scripted.until(scripted.ghost_text, "ghost text without the menu")


def test_restarted_it_goes_on(scripted: Editor) -> None:
    """M-x codeflow-restart ends the server and starts another that serves as before."""
    ask(scripted, "restarted.py", "print(|)\n")
    before = scripted.lisp("(process-id (jsonrpc--process (codeflow-client)))")
    scripted.run("codeflow-restart")
    scripted.until(
        lambda: (
            scripted.lisp("(if (codeflow-client) (process-id (jsonrpc--process (codeflow-client))) 0)")
            not in (0, before)
        ),
        "another server",
    )
    scripted.ready()
    ask(scripted, "restarted2.py", "print(|)\n")
