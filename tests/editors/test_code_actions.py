"""Refactorings in VS Code: offered by Ctrl+., applied, looked at first, undone; and edits in words."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from tests.editors.vscode.window import ANSWERS_WITHIN_S, Window
from tests.editors.vscode.workspaces import PRICES, line_of, write

pytestmark = [pytest.mark.editors, pytest.mark.model, pytest.mark.timeout(600)]

INVERT = "Invert 'if'"
CONDITION = "    if not prices:"
INVERTED = """def check(prices):
    if prices:
        print(len(prices) + 1)
    else:
        raise ValueError("no prices")
"""
JOIN = """LAST = "last"


def join(names, mark):
    text = mark
    return text.join(names)
"""


@pytest.fixture(scope="module")
def shared(
    vscode: Callable[..., AbstractContextManager[Window]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Window]:
    """One window for all; each test has a file of its own."""
    files = dict.fromkeys(("applied.py", "preview.py"), PRICES) | {"join.py": JOIN, "nothing.py": JOIN}
    settings = {"codeflow.refactor.preview": "always"}  # by default only for what the model writes
    with vscode(write(tmp_path_factory.mktemp("shop"), files), settings) as window:
        window.ready()
        yield window


@pytest.fixture
def shop(shared: Window) -> Window:
    """The window, with nothing left open by the test before."""
    shared.press("Escape", "Escape", "Escape")
    if shared.preview():
        shared.press_in_preview("Discard")
    return shared


def at_condition(shop: Window, name: str) -> list[str]:
    """Put the cursor on the `if`; what Ctrl+. offers."""
    shop.open(name, line_of(PRICES, CONDITION), 6)
    return shop.code_actions()


def test_a_refactoring_is_applied_and_undone(shop: Window):
    """The file is exactly the other way round; Ctrl+Z makes it what it was, at one stroke."""
    assert INVERT in at_condition(shop, "applied.py")
    shop.choose_action(INVERT)
    shop.until(lambda: shop.displayed("    if prices:"), "the condition is inverted")
    assert shop.text("applied.py").endswith(f"\n\n{INVERTED}")
    shop.press("Control+z")
    shop.until(lambda: shop.displayed(CONDITION), "it is undone")
    assert shop.text("applied.py") == PRICES


def test_a_preview_changes_nothing_before_it_is_applied(shop: Window):
    """Preview… opens the Refactor Preview; what is ticked there, Apply does."""
    at_condition(shop, "preview.py")
    shop.choose_action(f"{INVERT} (preview…)")
    rows = shop.until(shop.preview, "the Refactor Preview")
    assert rows[0] == "preview.py" and any("prices:" in row for row in rows), rows
    assert (shop.folder / "preview.py").read_text() == PRICES
    shop.tick("preview.py")
    shop.press_in_preview("Apply")
    shop.until(lambda: not shop.preview(), "the preview is closed")
    shop.open("preview.py")
    assert shop.text("preview.py").endswith(f"\n\n{INVERTED}")


def instruct(shop: Window, name: str) -> None:
    """Ask for a docstring in words, with the cursor in the function."""
    shop.open(name, line_of(JOIN, "text = mark"), 5)
    shop.run_command("CodeFlow: Edit by Instruction…")
    shop.until(lambda: "Edit by Instruction" in shop.question(), "the input box")
    shop.type("Write a docstring for join.", delay_ms=20)
    shop.press("Enter")
    shop.until(shop.preview, "the Refactor Preview", 2 * ANSWERS_WITHIN_S)


def test_an_edit_in_words_is_looked_at_and_applied(shop: Window):
    """The model writes a docstring, and nothing outside of the function is touched."""
    instruct(shop, "join.py")
    assert (shop.folder / "join.py").read_text() == JOIN
    shop.tick("join.py")
    shop.press_in_preview("Apply")
    shop.until(lambda: not shop.preview(), "the preview is closed")
    shop.open("join.py")
    text = shop.text("join.py")
    assert text.startswith(JOIN[: JOIN.index("    text = mark")])
    _, function = ast.parse(text).body
    assert isinstance(function, ast.FunctionDef) and ast.get_docstring(function)


def test_an_edit_in_words_that_is_discarded_leaves_the_file_alone(shop: Window):
    instruct(shop, "nothing.py")
    shop.press_in_preview("Discard")
    shop.until(lambda: not shop.preview(), "the preview is closed")
    shop.open("nothing.py")
    assert shop.text("nothing.py") == JOIN
    assert not shop.page.locator(".tab.dirty").count()
