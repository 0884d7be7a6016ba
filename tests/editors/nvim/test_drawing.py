"""Ghost text is what accepting it makes of the text: on the screen, whole, by word and by line."""

from __future__ import annotations

import time

import pytest

from tests.editors.nvim.editor import Editor

pytestmark = pytest.mark.editors

# a text with the cursor's mark, and what the scripted model makes of it
PLACES = {
    "at the end of a line": ("x = |\n", "x = 1\n"),
    "before a bracket that the editor closed": ("print(|)\n", "print('hello')\n"),
    "before more of the line": ("print(|)  # said\n", None),
    "behind characters of four bytes": ("é = '😀'; 😀 = |\n", "é = '😀'; 😀 = 'é'\n"),
    "on several lines": ("def f(|\n\n\nlast = 1\n", "def f(a, b):\n    return a + b\n\n\nlast = 1\n"),
    "on several lines, before a bracket": ("def f(|)\n", None),
    "with a tab": ("if a:\n\tb = 1\nfor one in |\n", "if a:\n\tb = 1\nfor one in all:\n\tprint(one)\n"),
}


WORD = "<Plug>(codeflow-accept-word)"


def rows(editor: Editor) -> list[str]:
    """What stands on the screen above the status line."""
    return [row for row in editor.screen()[:-2] if row not in ("", "~")]


@pytest.mark.parametrize("place", PLACES)
def test_what_is_drawn_is_what_comes(scripted: Editor, place: str) -> None:
    """The screen shows the same before and after Tab, and the text is what the model said."""
    marked, expected = PLACES[place]
    scripted.insert("a.py", marked)
    shown = scripted.until(scripted.ghost_text, "ghost text") and rows(scripted)
    scripted.press("<Tab>")
    assert rows(scripted) == shown
    assert scripted.text() != marked.replace("|", "")
    if expected is not None:
        assert scripted.text() == expected
    scripted.press("<Esc>u")
    assert scripted.text() == marked.replace("|", "")


@pytest.mark.parametrize("how", ["accept-word", "accept-line"])
@pytest.mark.parametrize("place", PLACES)
def test_in_pieces_it_comes_to_the_same(scripted: Editor, place: str, how: str) -> None:
    """Word by word or line by line: on the way the screen stays as it is, and the end is what Tab makes."""
    marked, _ = PLACES[place]
    scripted.insert("a.py", marked)
    scripted.until(scripted.ghost_text, "ghost text")
    shown, texts = rows(scripted), [scripted.text()]
    while scripted.lua("return require('codeflow.ghost').current() ~= nil"):
        scripted.accept(how)
        texts.append(scripted.text())
        assert texts[-1] != texts[-2]
        assert rows(scripted) == shown
    scripted.press("<Esc>")
    scripted.insert("b.py", marked)
    scripted.until(scripted.ghost_text, "ghost text")
    scripted.press("<Tab>")
    assert scripted.text() == texts[-1]


def test_acceptance_is_counted(scripted: Editor) -> None:
    """The server's statistics have what was accepted whole, bit by bit, and in part."""

    def counts() -> dict[str, int]:
        answer = scripted.lua(
            "local client = vim.lsp.get_clients({ name = 'codeflow' })[1] "
            "return client:request_sync('codeflow/stats', vim.empty_dict(), 5000, 0).result.session"
        )
        return {name: answer[name] for name in ("shown", "accepted", "partly_accepted")}

    before = counts()
    for number, keys in enumerate(("<Tab>", WORD * 3, WORD)):
        scripted.insert(f"{number}.py", "print(|)\n")
        scripted.until(scripted.ghost_text, "ghost text")
        scripted.press(keys)
        scripted.press("<Esc>")
    after = counts()
    assert {name: after[name] - before[name] for name in after} == {
        "shown": 3,
        "accepted": 2,
        "partly_accepted": 1,
    }


def test_typing_along_keeps_it(scripted: Editor) -> None:
    """What is typed as it was suggested is taken off at once; another key takes all of it away at once."""
    scripted.insert("a.py", "print(|)\n")
    scripted.until(scripted.ghost_text, "ghost text")
    assert scripted.ghost_text() == "'hello'"
    scripted.press("'h")
    assert scripted.ghost_text() == "ello'"
    scripted.press("a")
    assert scripted.ghost_text() == ""


def test_it_leaves_with_insert_mode(scripted: Editor) -> None:
    """Nothing is drawn outside of insert mode, also where the answer comes only then."""
    for rest_s in (0.0, 0.08, 0.1, 0.2):
        scripted.insert("a.py", "print(|)\n")
        time.sleep(rest_s)
        scripted.press("<Esc>")
        time.sleep(0.3)
        assert scripted.ghost_text() == ""


def test_sent_away_it_comes_back_with_the_next_key(scripted: Editor) -> None:
    """Dismissed, it stays away until the text changes."""
    scripted.insert("a.py", "print|\n")
    scripted.press("(")
    scripted.until(scripted.ghost_text, "ghost text")
    scripted.accept("dismiss")
    assert scripted.ghost_text() == ""
    scripted.press("<Left><Right>")
    time.sleep(0.5)
    assert scripted.ghost_text() == ""
    scripted.press("<BS>(")
    scripted.until(scripted.ghost_text, "ghost text after another key")


def test_tab_is_what_it_was_where_there_is_none(scripted: Editor) -> None:
    """A tab, a global mapping, one of the buffer's made before: each as without us."""
    scripted.insert("a.py", "|\n")
    scripted.nvim.command("setlocal noexpandtab")
    scripted.press("<Tab>x")
    assert scripted.line() == "\tx"
    scripted.nvim.command("inoremap <expr> <Tab> 'from ' . 'expr'")
    scripted.press("<Tab>")
    assert scripted.line() == "\txfrom expr"
    scripted.nvim.command("imap <Tab> <Tab>!")
    scripted.press("<Tab>")
    assert scripted.line() == "\txfrom expr\t!"
    scripted.lua("vim.keymap.set('i', '<Tab>', function() vim.api.nvim_put({ 'lua' }, 'c', false, true) end)")
    scripted.press("<Tab>")
    assert scripted.line() == "\txfrom expr\t!lua"
    scripted.nvim.command("iunmap <Tab>")


def test_the_menu_comes_first(scripted: Editor) -> None:
    """While Neovim's own menu is open there is no ghost text; once it is closed there is again."""
    scripted.insert("a.py", "prefix = premise = 1\nprint(|)\n")
    scripted.until(scripted.ghost_text, "ghost text")
    scripted.nvim.command("set completeopt=menuone,noselect")
    scripted.press("pre<C-n>")
    scripted.until(lambda: scripted.nvim.funcs.pumvisible(), "the menu")
    time.sleep(0.5)
    assert scripted.ghost_text() == ""
    scripted.press("<C-e><BS><BS><BS>")
    scripted.until(scripted.ghost_text, "ghost text without the menu")


@pytest.mark.parametrize("options", ["menuone", "menuone,noinsert"])
def test_it_goes_on_from_the_entry_that_is_selected(scripted: Editor, options: str) -> None:
    """An entry is selected, inserted already or not: what follows it is shown, and Tab takes both."""
    scripted.insert("a.py", "prefix = 1\ny = |\n")
    scripted.nvim.command(f"set completeopt={options}")
    scripted.press("pre<C-n>")
    scripted.until(lambda: scripted.nvim.funcs.pumvisible() and scripted.ghost_text(), "both")
    assert scripted.ghost_text() == "fix + 1"[0 if "noinsert" in options else 3 :]
    scripted.press("<Tab>")
    assert scripted.line() == "y = prefix + 1"
    assert not scripted.nvim.funcs.pumvisible()


def test_several_are_gone_through(scripted: Editor) -> None:
    """The next one is another than what was shown; they are numbered, and Tab takes the one that is seen."""
    scripted.insert("a.py", "print(|)\n")
    first = scripted.until(scripted.ghost_text, "ghost text")
    scripted.accept("next")
    scripted.until(lambda: scripted.ghost_text().endswith(" 2/3"), "another")
    second = scripted.ghost_text()
    scripted.accept("prev")
    assert scripted.ghost_text() == f"{first} 1/3"
    scripted.accept("prev")
    scripted.accept("prev")
    assert scripted.ghost_text() == second
    scripted.press("<Tab>")
    assert scripted.line() == f"print({second.removesuffix(' 2/3')})"
