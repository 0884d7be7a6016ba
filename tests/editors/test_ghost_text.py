"""Ghost text in VS Code, with its default settings and the real 0.5B."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from tests.editors.vscode.window import ANSWERS_WITHIN_S, Window
from tests.editors.vscode.workspaces import PRICES, REPORTS, TOTALS, line_of, write

pytestmark = [pytest.mark.editors, pytest.mark.model, pytest.mark.timeout(600)]

DOCSTRING = '    """The sum of all prices."""'
PYTHON = ("typed", "word", "escape", "candidates", "along", "statistics")
# what is shown does not hang on how busy the machine is; test_trouble.py has CodeFlow's own defaults
PATIENT = {"codeflow.completion.deadlineMs": 0, "codeflow.completion.timeoutMs": 60_000}


@pytest.fixture(scope="module")
def shared(
    vscode: Callable[..., AbstractContextManager[Window]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Window]:
    """One window for all; each test has a file of its own."""
    files = {f"{name}.py": PRICES for name in PYTHON} | {"lines.py": REPORTS, "totals.ts": TOTALS}
    with vscode(write(tmp_path_factory.mktemp("shop"), files), PATIENT) as window:
        window.ready()
        yield window


@pytest.fixture
def shop(shared: Window) -> Window:
    """The window, with nothing left open by the test before."""
    shared.press("Escape", "Escape", "Escape")
    return shared


def in_total(shop: Window, name: str, typed: str) -> str:
    """Type in the body of `total`; the ghost text."""
    line = line_of(PRICES, DOCSTRING)
    shop.open(name, line, len(DOCSTRING) + 1)
    shop.press("Enter")
    shop.type(typed)
    return shop.wait_for_ghost_text()


def body(text: str) -> str:
    """What was written below the docstring."""
    return text.splitlines()[line_of(PRICES, DOCSTRING)]


def test_typing_python_shows_ghost_text_and_tab_accepts_it(shop: Window):
    """The bracket that VS Code closed is there once, and nothing else of the file is touched."""
    in_total(shop, "typed.py", "return sum(")
    seen = shop.displayed("return sum(")
    shop.press("Tab")
    shop.until(lambda: not shop.ghost_text(), "the suggestion is accepted")
    text = shop.text("typed.py")
    assert body(text) == seen == "    return sum(prices)"
    assert text == PRICES.replace(DOCSTRING, f"{DOCSTRING}\n    return sum(prices)")


def test_typing_typescript_shows_ghost_text_and_tab_accepts_it(shop: Window):
    line = line_of(TOTALS, "smallestCat")
    shop.open("totals.ts", line, len(TOTALS.splitlines()[line - 1]) + 1)
    shop.press("Enter")
    shop.type("return Math.min(")
    shop.wait_for_ghost_text()
    seen = shop.displayed("return Math.min(")
    shop.press("Tab")
    shop.until(lambda: not shop.ghost_text(), "the suggestion is accepted")
    text = shop.text("totals.ts")
    assert text.splitlines()[line] == seen
    assert seen.strip() == "return Math.min(...cats);"  # indented once TypeScript is known
    assert text.splitlines()[:line] == TOTALS.splitlines()[:line]
    assert text.splitlines()[line + 1 :] == TOTALS.splitlines()[line:]


def test_typing_along_keeps_the_suggestion(shop: Window):
    """A letter of it that is typed leaves the rest standing, the same text as before."""
    ghost = in_total(shop, "along.py", "return ")
    shop.type(ghost[0])
    shop.until(lambda: shop.ghost_text() == ghost[1:], f"the rest of {ghost!r}")
    shop.press("Tab")  # a line left half written would be a recent edit, and the model might repeat it
    shop.until(lambda: not shop.ghost_text(), "the suggestion is accepted")


def test_a_word_is_accepted_and_the_rest_stays(shop: Window):
    """Ctrl+Right, as VS Code has it."""
    ghost = in_total(shop, "word.py", "return ")
    whole = f"    return {ghost}"
    shop.press("Control+ArrowRight")
    rest = shop.until(lambda: _other(shop.ghost_text(), ghost), "the rest of " + ghost)
    assert rest and ghost.endswith(rest)
    assert body(shop.text("word.py")) == whole.removesuffix(rest)


def test_escape_is_quiet_until_the_next_edit(shop: Window):
    """Nothing comes back by itself, where VS Code would ask again; another text brings suggestions back."""
    ghost = in_total(shop, "escape.py", "return ")
    assert not ghost.startswith("len")
    shop.press("Escape")
    shop.until(lambda: not shop.ghost_text(), "the suggestion is gone")
    shop.press("ArrowLeft", "ArrowRight")
    shop.rest(3)
    assert shop.ghost_text() == ""
    shop.type("len(")
    assert shop.wait_for_ghost_text()
    shop.press("Escape")
    assert body(shop.text("escape.py")) == "    return len()"


def test_candidates_are_cycled(shop: Window):
    """Alt+] asks for more and shows the next, Alt+[ the one before."""
    first = in_total(shop, "candidates.py", "return ")
    shop.press("Alt+]")
    second = shop.until(lambda: _other(shop.ghost_text(), first), "another candidate", 2 * ANSWERS_WITHIN_S)
    shop.press("Alt+[")
    shop.until(lambda: shop.ghost_text() == first, f"{first!r} again")
    shop.press("Alt+]")
    shop.until(lambda: shop.ghost_text() == second, f"{second!r} again")
    shop.press("Tab")
    shop.until(lambda: not shop.ghost_text(), "the suggestion is accepted")
    assert body(shop.text("candidates.py")) == f"    return {second}"


def test_several_lines_are_shown_and_accepted(shop: Window):
    """A loop with its body, as deep as it belongs."""
    lines = REPORTS.splitlines()
    shop.open("lines.py", len(lines), len(lines[-1]) + 1)
    shop.press("Enter")
    shop.type('print("birds")')
    shop.press("Enter")
    ghost = shop.until(lambda: _several(shop.ghost_text()), "several lines", 2 * ANSWERS_WITHIN_S)
    shop.press("Tab")
    shop.until(lambda: not shop.ghost_text(), "the suggestion is accepted")
    text = shop.text("lines.py")
    first, *further = ghost.splitlines()
    expected = [*lines, '    print("birds")', f"    {first}", *further]
    assert text.splitlines()[: len(expected)] == expected
    ast.parse(text)


def test_the_views_tell_what_was_shown_and_kept(shop: Window):
    """Why a suggestion stood there; that it was accepted, and half a minute later that it is still there."""
    in_total(shop, "statistics.py", "return sum(")
    shop.press("Tab")
    shop.until(lambda: not shop.ghost_text(), "the suggestion is accepted")
    shop.run_command("CodeFlow: Why This Suggestion")
    shop.until(lambda: any("▰" in row for row in shop.rows("Why This Suggestion")), "pieces, their shares")
    shop.until(lambda: _figure(shop, "Accepted") not in ("", "0 · 0 %"), "an acceptance that is counted")
    shop.until(lambda: _figure(shop, "Kept").endswith("%"), "what was kept", 60)


def _other(text: str, than: str) -> str:
    return text if text != than else ""


def _several(text: str) -> str:
    return text if "\n" in text else ""


def _figure(shop: Window, name: str) -> str:
    """The session's figure in the view "Statistics"."""
    return next((row.removeprefix(name) for row in shop.rows("Statistics") if row.startswith(name)), "")
