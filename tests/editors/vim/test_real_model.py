"""What a user of Vim sees with the plugin and the 0.5B: ghost text, refactorings, edits in words."""

from __future__ import annotations

import time

import pytest

from tests.editors.vim.editor import ANSWERS_WITHIN_S, Editor

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
TYPED = '''def load(path):
    with open(path) as file:
        return json.load(file)


def merge(one, other):
    """Both; the other's keys win: "é", "😀"."""
    merged = dict(one)
    merged.update(other)
    return merged
'''


def test_ghost_text_is_drawn_and_accepted(real: Editor) -> None:
    """Behind the cursor, and Tab puts just that there; u takes it back."""
    before = 'import math\n\n\ndef area(radius):\n    """The area of a circle."""\n    return '
    real.insert("area.py", before + "|\n")
    shown = real.wait_for_ghost_text()
    assert real.terminal.screen()[5].startswith("    return " + shown.split("\n")[0])
    real.press("Tab")
    real.until(lambda: real.text() == before + shown + "\n", "it is accepted")
    real.press("Escape", "u")
    real.until(lambda: real.text() == before + "\n", "undone")


def test_by_word_and_by_line(real: Editor) -> None:
    """The pieces are the suggestion's own, and what is left stays drawn."""
    before = "def area(radius):\n    return "
    real.insert("pieces.py", before + "|\n")
    shown = real.wait_for_ghost_text()
    assert real.expr("codeflow#AcceptWord()")
    first = real.text().removeprefix(before).removesuffix("\n")
    assert shown.startswith(first) and 0 < len(first) <= len(shown)
    real.expr("codeflow#AcceptLine()")
    assert real.text() == before + shown.split("\n")[0] + "\n"


def test_behind_characters_of_four_bytes(real: Editor) -> None:
    """Positions are bytes here (utf-8): the text comes to stand at the cursor, before the closed bracket."""
    before = 'def greet(name):\n    print("😀 é", '
    real.insert("greet.py", before + "|)\n")
    shown = real.wait_for_ghost_text()
    real.press("Tab")
    real.until(lambda: real.text() == f"{before}{shown.removesuffix(')')})\n", "it is accepted")


def test_a_burst_of_keys(real: Editor) -> None:
    """At 30 ms a key none is lost, and nothing is drawn that does not go on from what stands there."""
    real.insert("typed.py", "import json\n\n\n|\n")
    real.ex("setlocal noautoindent indentexpr= formatoptions=")
    assert len(TYPED) > 150
    fits = "prop_list(1, #{end_lnum: -1, types: ['codeflow_ghost']}) == [] || codeflow#ghost#Current() != {}"
    for start in range(0, len(TYPED), 4):
        real.type(TYPED[start : start + 4], between_s=0.03)
        assert real.expr(fits)
    real.until(lambda: real.text() == "import json\n\n\n" + TYPED + "\n", "all keys have arrived")
    real.press("Escape")
    time.sleep(0.5)
    assert real.ghost_text() == ""


def test_a_code_action_is_applied_and_undone(real: Editor) -> None:
    """Extract a variable, by the plugin's menu of code actions."""
    real.open("area.py", AREA.replace("math.pi * radius", "|math.pi * radius"))
    real.type("v$h:Codeflow actions")
    real.press("Enter")
    real.until(lambda: real.expr("popup_list()"), "the menu")
    titles = real.expr("getbufline(winbufnr(popup_list()[0]), 1, '$')")
    wanted = [number for number, title in enumerate(titles) if "variable" in title and "review" not in title]
    assert wanted, titles
    real.type("j" * wanted[0])
    real.press("Enter")
    real.until(lambda: real.text() != AREA, "the variable is extracted")
    assert len(real.text().splitlines()) == len(AREA.splitlines()) + 1
    real.type("u")
    real.until(lambda: real.text() == AREA, "undone")


def test_an_edit_in_words_is_shown_first(real: Editor) -> None:
    """q leaves the text as it is; Enter makes it what the diff below says, and u takes that back."""
    for decision in ("q", "Enter"):
        real.clean()
        real.open("total.py", "|" + TOTAL)
        real.ex("1,5Codeflow edit use the built-in sum")
        real.until(
            lambda: real.expr("&filetype") == "diff" and "\n@@" in real.text(),
            "the diff",
            3 * ANSWERS_WITHIN_S,
        )
        diff = real.text().splitlines()
        removed = [line[1:] for line in diff if line.startswith("-") and not line.startswith("---")]
        added = [line[1:] for line in diff if line.startswith("+") and not line.startswith("+++")]
        assert added
        real.press(decision)
        real.until(lambda: real.expr("&filetype") == "python", "back")
        if decision == "q":
            assert real.text() == TOTAL
            continue
        lines = real.text().splitlines()
        assert all(line in lines for line in added)
        assert len(lines) == len(TOTAL.splitlines()) - len(removed) + len(added)
        real.type("u")
        real.until(lambda: real.text() == TOTAL, "undone")


def test_an_edit_that_is_being_written_can_be_left(real: Editor) -> None:
    """q while the model writes: the window goes, the text stays, and nothing is said or done later."""
    real.open("total.py", "|" + TOTAL)
    real.ex("1,5Codeflow edit use the built-in sum")
    real.until(lambda: "being written" in real.text(), "the window")
    real.type("q")
    real.until(lambda: real.text() == TOTAL, "back")
    time.sleep(3)
    assert real.expr("winnr('$')") == 1
    assert real.text() == TOTAL


def test_the_account_and_the_statistics_are_shown(real: Editor) -> None:
    """:Codeflow why and :Codeflow stats, each as a text that q closes."""
    real.insert("area.py", "def area(radius):\n    return |\n")
    real.wait_for_ghost_text()
    real.press("Escape")
    for command, holds in (("why", "prefix"), ("stats", "shown")):
        real.ex(f"Codeflow {command}")
        real.until(lambda holds=holds: holds in real.text(), command)
        real.type("q")
        real.until(lambda: real.expr("bufname()").endswith("area.py"), "closed")
