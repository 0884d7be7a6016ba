"""What a user sees with the 0.5B and default settings: ghost text, refactorings, edits in words."""

from __future__ import annotations

import time

import pytest

from tests.editors.nvim.editor import ANSWERS_WITHIN_S, SOON_S, Editor

pytestmark = [pytest.mark.editors, pytest.mark.timeout(400)]

AREA = (
    'import math\n\n\ndef area(radius):\n    """The area of a circle."""\n    return math.pi * radius ** 2\n'
)
TYPED = '''def load(path):
    with open(path) as file:
        return json.load(file)


def save(path, value):
    with open(path, "w") as file:
        json.dump(value, file, indent=2)


def merge(one, other):
    """Both; the other's keys win: "é", "😀"."""
    merged = dict(one)
    merged.update(other)
    return merged
'''


TOTAL = """def total(prices):
    result = 0
    for price in prices:
        result += price
    return result
"""


def test_ghost_text_is_drawn_and_accepted(real: Editor) -> None:
    """Behind the cursor, and Tab puts just that there."""
    before = 'import math\n\n\ndef area(radius):\n    """The area of a circle."""\n    return '
    real.insert("area.py", before + "|\n")
    shown = real.wait_for_ghost_text()
    assert real.screen()[5].startswith("    return " + shown.split("\n")[0])
    real.press("<Tab>")
    assert real.text() == before + shown + "\n"
    real.press("<Esc>u")
    assert real.text() == before + "\n"


def test_behind_characters_of_four_bytes(real: Editor) -> None:
    """Positions are bytes here (utf-8): the text comes to stand at the cursor, before the closed bracket."""
    before = 'def greet(name):\n    print("😀 é", '
    real.insert("greet.py", before + "|)\n")
    shown = real.wait_for_ghost_text()
    real.press("<Tab>")
    assert real.text() == f"{before}{shown})\n"


def test_three_hundred_keys(real: Editor) -> None:
    """At 30 ms a key none is lost, and nothing is drawn that does not go on from what stands there."""
    real.insert("typed.py", "import json\n\n\n|\n")
    real.nvim.command("setlocal noautoindent indentexpr=")
    assert len(TYPED) > 300
    for key in TYPED:
        real.type(key, between_s=0.03)
        assert real.lua(
            "local shown = ... return shown == '' or require('codeflow.ghost').current() ~= nil",
            real.ghost_text(),
        )
    assert real.text() == "import json\n\n\n" + TYPED + "\n"
    real.press("<Esc>")
    time.sleep(0.5)
    assert real.ghost_text() == ""


def test_a_code_action_is_applied_and_undone(real: Editor) -> None:
    """Extract a variable, by Neovim's own menu of code actions."""
    real.open("area.py", AREA.replace("math.pi * radius", "|math.pi * radius"))
    real.lua(
        "vim.ui.select = function(items, _, done) for number, one in ipairs(items) do "
        "if one.action.title:find('[Ee]xtract') and one.action.title:find('variable') then "
        "return done(one, number) end end done(nil) end"
    )
    real.press("v$h")
    real.lua("vim.lsp.buf.code_action()")
    real.until(lambda: real.text() != AREA, "the variable is extracted")
    real.press("<Esc>")
    assert "math.pi * radius ** 2" in real.text()
    assert len(real.text().splitlines()) == len(AREA.splitlines()) + 1
    real.press("u")
    assert real.text() == AREA


def test_an_edit_in_words_is_shown_first(real: Editor) -> None:
    """q leaves the text as it is; Enter makes it what the diff below says, and u takes that back."""
    for decision in ("q", "<CR>"):
        real.clean()
        real.open("total.py", "|" + TOTAL)
        real.nvim.command("1,5Codeflow edit use the built-in sum")
        real.until(
            lambda: (
                real.nvim.current.buffer.options["filetype"] == "diff"
                and any(line.startswith("@@") for line in real.nvim.current.buffer[:])
            ),
            "the diff",
            2 * ANSWERS_WITHIN_S,
        )
        diff = real.nvim.current.buffer[:]
        removed = [line[1:] for line in diff if line.startswith("-") and not line.startswith("---")]
        added = [line[1:] for line in diff if line.startswith("+") and not line.startswith("+++")]
        assert added
        real.press(decision)
        if decision == "q":
            assert real.text() == TOTAL
            continue
        lines = real.text().splitlines()
        assert all(line in lines for line in added)
        assert len(lines) == len(TOTAL.splitlines()) - len(removed) + len(added)
        real.press("u")
        assert real.text() == TOTAL


def test_an_edit_that_is_being_written_can_be_left(real: Editor) -> None:
    """q while the model writes: the window goes, the text stays, and nothing is said or done later."""
    real.open("total.py", "|" + TOTAL)
    real.nvim.command("1,5Codeflow edit use the built-in sum")
    real.until(lambda: "being written" in real.text(), "the window", SOON_S)
    real.press("q")
    assert real.text() == TOTAL
    time.sleep(3)
    assert len(real.nvim.windows) == 1
    assert real.text() == TOTAL
    assert real.messages().strip() == ""


def test_the_account_and_the_statistics_are_shown(real: Editor) -> None:
    """:Codeflow why and :Codeflow stats, each as a text that q closes."""
    real.insert("area.py", "def area(radius):\n    return |\n")
    real.wait_for_ghost_text()
    real.press("<Esc>")
    for command, holds in (("why", "prefix"), ("stats", "shown")):
        real.nvim.command(f"Codeflow {command}")
        real.until(lambda holds=holds: holds in real.text(), command)
        real.press("q")
        assert real.nvim.current.buffer.name.endswith("area.py")


def test_health_is_clean(real: Editor) -> None:
    """:checkhealth codeflow has neither an error nor a warning, and says what is used and why."""
    real.open("area.py", "|" + AREA)
    real.nvim.command("checkhealth codeflow")
    report = real.text()
    assert "ERROR" not in report
    assert "WARNING" not in report
    for said in ("codeflow-lsp 0.", "the first on the PATH", "qwen2.5-coder-0.5b", "utf-8", "Tab accepts"):
        assert said in report


def test_nothing_is_logged(real: Editor) -> None:
    """After all that, Neovim's log of its language servers holds no line of ours."""
    lines = real.server_log().splitlines()
    assert [line for line in lines if "[START]" not in line] == []
