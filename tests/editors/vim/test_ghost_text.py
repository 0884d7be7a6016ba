"""Ghost text in Vim is what accepting it makes of the text: on the screen, whole, by word and by line."""

from __future__ import annotations

import time

import pytest

from tests.editors.places import PLACES
from tests.editors.vim.editor import Editor

pytestmark = pytest.mark.editors

RESTED_S = 0.6  # longer than any answer of the scripted model takes
# what Vim cannot hide is struck out and drawn again: there the screen is not what accepting makes of it
STRUCK_OUT = "on several lines, before a bracket"


@pytest.mark.parametrize("place", PLACES)
def test_what_is_drawn_is_what_comes(scripted: Editor, place: str) -> None:
    """The screen is the same before and after Tab, and the text is what the model said; u takes it back."""
    marked, expected = PLACES[place]
    before = marked.replace("|", "")
    scripted.insert("a.py", marked)
    scripted.until(scripted.ghost_text, "ghost text")
    shown, cursor = scripted.screen(), scripted.terminal.cursor()
    assert cursor[0] == marked.partition("|")[0].count("\n"), "the cursor stands before ghost text"
    scripted.press("Tab")
    scripted.until(lambda: scripted.text() != before, "it is accepted")
    if place != STRUCK_OUT:
        scripted.until(lambda: scripted.screen() == shown, "the screen is as it was")
    if expected is not None:
        assert scripted.text() == expected
    scripted.press("Escape", "u")
    scripted.until(lambda: scripted.text() == before, "undone at once")


@pytest.mark.parametrize("how", ["AcceptWord", "AcceptLine"])
@pytest.mark.parametrize("place", PLACES)
def test_in_pieces_it_comes_to_the_same(scripted: Editor, place: str, how: str) -> None:
    """Word by word or line by line: on the way the screen stays as it is, and the end is what Tab makes."""
    marked, _ = PLACES[place]
    scripted.insert("a.py", marked)
    scripted.until(scripted.ghost_text, "ghost text")
    shown, texts = scripted.screen(), [scripted.text()]
    while scripted.expr(f"codeflow#{how}()"):
        texts.append(scripted.text())
        assert texts[-1] != texts[-2]
        if place != STRUCK_OUT:
            scripted.until(lambda: scripted.screen() == shown, "the screen is as it was")
    scripted.clean()
    scripted.insert("b.py", marked)
    scripted.until(scripted.ghost_text, "ghost text")
    scripted.press("Tab")
    scripted.until(lambda: scripted.text() == texts[-1], "the same at once")


def test_what_is_drawn_again_is_struck_out(scripted: Editor) -> None:
    """Several lines before a bracket: that is marked where it stands, and drawn where it will be."""
    scripted.insert("a.py", "def f(|)\n")
    text = scripted.until(scripted.ghost_text, "ghost text")
    moved = scripted.expr("prop_list(1, #{types: ['codeflow_moved']})[0]")
    assert scripted.line()[moved["col"] - 1 :][: moved["length"]] == ")"
    first, last = text.split("\n")
    assert scripted.screen() == [f"def f({first})", last]


def test_acceptance_is_counted(scripted: Editor) -> None:
    """The server's statistics have what was accepted whole, bit by bit, and in part."""

    def counts() -> list[int]:
        scripted.ex("unlet! g:counted")
        scripted.ex("call codeflow#server#Request('codeflow/stats', {}, {r -> execute('let g:counted = r')})")
        session = scripted.until(lambda: scripted.expr("get(g:, 'counted', {})"), "statistics")["session"]
        return [session[name] for name in ("shown", "accepted", "partly_accepted")]

    scripted.open("before.py", "|\n")
    before = counts()
    for number, calls in enumerate((["Accept"], ["AcceptWord"] * 3, ["AcceptWord"])):
        scripted.insert(f"counted{number}.py", "print(|)\n")
        scripted.until(scripted.ghost_text, "ghost text")
        for call in calls:
            scripted.expr(f"codeflow#{call}()")
        scripted.press("Escape")
        scripted.until(lambda: scripted.expr("mode()") == "n", "normal mode")
    assert [now - then for now, then in zip(counts(), before, strict=True)] == [3, 2, 1]


def test_typing_along_keeps_it(scripted: Editor) -> None:
    """What is typed as it was suggested is taken off at once; another key takes all of it away at once."""
    scripted.insert("a.py", "print(|)\n")
    scripted.until(scripted.ghost_text, "ghost text")
    assert scripted.ghost_text() == "'hello')"
    scripted.type("'h")
    scripted.until(lambda: scripted.ghost_text() == "ello')", "the rest of it")
    scripted.type("a")
    scripted.until(lambda: scripted.line().startswith("print('ha"), "the key is there")
    assert scripted.ghost_text() == ""


def test_it_leaves_with_insert_mode(scripted: Editor) -> None:
    """Nothing is drawn outside of insert mode, also where the answer comes only then."""
    for number, rest_s in enumerate((0.0, 0.08, 0.1, 0.2)):
        scripted.insert(f"left{number}.py", "print(|)\n")
        time.sleep(rest_s)
        scripted.press("Escape")
        time.sleep(RESTED_S)
        assert scripted.ghost_text() == ""


def test_sent_away_it_comes_back_with_the_next_key(scripted: Editor) -> None:
    """Dismissed, it stays away until the text changes."""
    scripted.insert("a.py", "print|\n")
    scripted.type("(")
    scripted.until(scripted.ghost_text, "ghost text")
    scripted.expr("codeflow#Dismiss()")
    assert scripted.ghost_text() == ""
    scripted.press("Left", "Right")
    time.sleep(RESTED_S)
    assert scripted.ghost_text() == ""
    scripted.press("BSpace")
    scripted.type("(")
    scripted.until(scripted.ghost_text, "ghost text after another key")


def test_tab_is_what_it_was_where_there_is_none(scripted: Editor) -> None:
    """A tab, a global mapping, one that begins with its own key: each as without us."""
    scripted.insert("a.py", "|\n")
    scripted.ex("setlocal noexpandtab")
    scripted.press("Tab")
    scripted.type("x")
    scripted.until(lambda: scripted.line() == "\tx", "a tab")
    scripted.ex("inoremap <expr> <Tab> 'from ' . 'expr'")
    scripted.press("Tab")
    scripted.until(lambda: scripted.line() == "\txfrom expr", "an expression")
    scripted.ex("imap <Tab> <Tab>!")
    scripted.press("Tab")
    scripted.until(lambda: scripted.line() == "\txfrom expr\t!", "its own key first")
    scripted.ex("inoremap <Tab> <C-v>u00e9")
    scripted.press("Tab")
    scripted.until(lambda: scripted.line() == "\txfrom expr\t!é", "special keys")
    scripted.ex("iunmap <Tab>")


def test_the_menu_comes_first(scripted: Editor) -> None:
    """While Vim's own menu is open there is no ghost text; once it is closed there is again."""
    scripted.insert("a.py", "prefix = premise = 1\nprint(|)\n")
    scripted.until(scripted.ghost_text, "ghost text")
    scripted.ex("set completeopt=menuone,noselect")
    scripted.type("pre")
    scripted.press("C-n")
    scripted.until(lambda: scripted.expr("pumvisible()"), "the menu")
    time.sleep(RESTED_S)
    assert scripted.ghost_text() == ""
    scripted.press("C-e", "BSpace", "BSpace", "BSpace")
    scripted.until(scripted.ghost_text, "ghost text without the menu")


def test_several_are_gone_through(scripted: Editor) -> None:
    """The next one is another than what was shown; they are numbered, and Tab takes the one that is seen."""
    scripted.insert("a.py", "print(|)\n")
    first = scripted.until(scripted.ghost_text, "ghost text")
    scripted.ex("call codeflow#Next()")
    scripted.until(lambda: scripted.screen()[0].endswith(" 2/3"), "another")
    second = scripted.ghost_text()
    assert scripted.screen()[0] == f"print({second} 2/3"
    scripted.ex("call codeflow#Prev()")
    scripted.until(lambda: scripted.screen()[0] == f"print({first} 1/3", "the first again")
    scripted.ex("call codeflow#Next()")
    scripted.until(lambda: scripted.ghost_text() == second, "the second again")
    scripted.press("Tab")
    scripted.until(lambda: scripted.line() == f"print({second}", "it is accepted")


def test_restarted_it_goes_on(scripted: Editor) -> None:
    """:Codeflow restart ends the server and starts another that serves as before; toggle ends it all."""
    scripted.insert("a.py", "print(|)\n")
    scripted.until(scripted.ghost_text, "ghost text")
    scripted.press("Escape")
    scripted.ex("Codeflow restart")
    scripted.until(lambda: scripted.expr("codeflow#Status()") == "CodeFlow …", "another server")
    scripted.ready()
    scripted.press("a")
    scripted.until(scripted.ghost_text, "ghost text of the new server")
    scripted.press("Escape")
    scripted.ex("Codeflow toggle")
    assert scripted.expr("codeflow#Status()") == "CodeFlow off"
    scripted.ex("Codeflow toggle")


def test_the_server_has_the_text(scripted: Editor) -> None:
    """After all kinds of changes the server has lines as long as the buffer's, also behind an emoji."""
    scripted.open("a.py", "|a\nbb\nccc\n# é😀\n")
    known = (
        "call codeflow#server#Request('codeflow/explain', #{uri: codeflow#documents#UriOf(bufnr()), "
        "position: #{line: line('$'), character: 0}}, {r -> execute('let g:explained = r')})"
    )
    for keys in (
        "2Gdd",
        "u",
        "yyP",
        "Gofour",
        "ggdd",
        ":2,3m0\r",
        "Gdd",
        "ggOx = '😀'",
        ":%s/c/dd/g\r",
        "ggdG",
        "ione",
    ):
        scripted.type(keys.replace("\r", ""))
        scripted.press(*(["Enter"] if "\r" in keys else []), "Escape")
        scripted.ex("call codeflow#documents#Flush(bufnr())")
        scripted.ex("unlet! g:explained")
        scripted.ex(known)
        pieces = scripted.until(lambda: scripted.expr("get(g:, 'explained', {})"), "what it knows")["pieces"]
        told = sum(one["tokens"] for one in pieces if one["source"] == "prefix")
        assert told == len(scripted.text().encode()), (keys, scripted.text(), pieces)
