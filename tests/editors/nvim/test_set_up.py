"""The way in: the page's own snippets in an empty init.lua, the manual, what is said of what is missing."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.editors.nvim import install
from tests.editors.nvim.conftest import Run
from tests.editors.nvim.editor import ANSWERS_WITHIN_S, RUNTIME, SCRIPTED, Editor
from tests.editors.vscode.code_server import MODEL, ROOT

pytestmark = [pytest.mark.editors, pytest.mark.timeout(400)]

# 20 questions to each of two servers, all at once: what kinds of answers came to whom
TOGETHER = """
local methods = { jedi = 'textDocument/hover', codeflow = 'textDocument/inlineCompletion' }
local found, pending = {}, 40
for round = 1, 20 do
    for name, method in pairs(methods) do
        local params = vim.lsp.util.make_position_params(0, 'utf-8')
        if name == 'jedi' then params.position = { line = 0, character = 8 } end
        params.context = { triggerKind = 2 }
        local client = vim.lsp.get_clients({ name = name })[1]
        client:request(method, params, function(error, result)
            pending = pending - 1
            local kind = error and 'error' or result and result.contents and 'hover' or 'items'
            found[name .. ' ' .. kind] = (found[name .. ' ' .. kind] or 0) + 1
        end, 0)
    end
end
vim.wait(30000, function() return pending == 0 end, 20)
return found
"""
COMPLETES = """
local client = vim.lsp.get_clients({ name = ... })[1]
local params = vim.lsp.util.make_position_params(0, client.offset_encoding)
local answer = client:request_sync('textDocument/completion', params, 30000, 0)
return answer and answer.result and true or false
"""
PAGE = (ROOT / "docs" / "editors" / "neovim.md").read_text()
SNIPPETS = re.findall(r"^( *)```lua\n(.*?)^ *```", PAGE, re.M | re.S)

JEDI = f"""
vim.lsp.config('jedi', {{
  cmd = {{ '{install.jedi() / "bin" / "jedi-language-server"}' }},
  cmd_env = {{ PYTHONPATH = '{install.jedi()}' }},
  filetypes = {{ 'python' }},
}})
vim.lsp.enable('jedi')
"""


def page_init() -> str:
    """All Lua of the page, as somebody would paste it, with the clone's real path."""
    return "".join(code for _, code in SNIPPETS).replace("~/src/codeflow/editors/nvim", str(RUNTIME))


def menu_of(*servers: str) -> str:
    """Neovim's own completion from these, in one menu."""
    return f"""
vim.api.nvim_create_autocmd('LspAttach', {{ callback = function(event)
  local client = vim.lsp.get_client_by_id(event.data.client_id)
  if not vim.list_contains({{ {", ".join(map(repr, servers))} }}, client.name) then return end
  vim.lsp.completion.enable(true, client.id, event.buf, {{ autotrigger = true }})
end }})
"""


def test_the_pages_snippets_work(run: Run, small_model: Path) -> None:
    """Pasted into an empty init.lua, they give ghost text, the keys they map, and a clean health check."""
    del small_model
    assert MODEL in page_init()
    editor = run(page_init())
    editor.insert("area.py", 'def area(radius):\n    """Of a circle."""\n    return |\n')
    shown = editor.wait_for_ghost_text(ANSWERS_WITHIN_S)
    word = re.match(r"\s*(\w+|[^\w\s]+)", shown)
    assert word
    editor.press("<M-Right>")
    assert editor.line() == "    return " + word[0]
    editor.press("<C-]>")
    assert editor.ghost_text() == ""
    editor.press("<Esc>")
    editor.nvim.command("checkhealth codeflow")
    assert "ERROR" not in editor.text()
    assert "WARNING" not in editor.text()
    assert editor.messages().strip() == "Running healthchecks..."


def test_a_missing_server_is_named_with_what_mends_it(run: Run) -> None:
    """Neovim starts as ever, and the health check says what to do."""
    init = f"vim.opt.runtimepath:append('{RUNTIME}') vim.lsp.config('codeflow', {{ cmd = {{ 'not-here' }} }})"
    editor = run(init)
    editor.nvim.command("checkhealth codeflow")
    assert "not-here is not found" in editor.text()
    assert "make setup" in editor.text()


def test_the_manual_is_found(run: Run, tmp_path: Path) -> None:
    """:helptags takes the manual, and each mapping and word of the command has a place in it."""
    copy = shutil.copytree(RUNTIME, tmp_path / "nvim")
    editor = run(SCRIPTED.replace(str(RUNTIME), str(copy)))
    editor.nvim.command(f"helptags {copy / 'doc'}")
    editor.nvim.command("help <Plug>(codeflow-accept)")
    manual = editor.text()
    names = editor.lua("return vim.tbl_keys(require('codeflow.command').COMMANDS)")
    assert all(re.search(rf"^:Codeflow {name}\b", manual, re.M) for name in names)
    mapped = {one["lhs"] for one in editor.nvim.api.get_keymap("i") if "codeflow" in one["lhs"]}
    assert len(mapped) == 7
    assert all(f"*{name}*" in manual for name in mapped)


def test_no_keys_where_none_are_wanted(run: Run) -> None:
    """With g:codeflow_no_default_maps Tab is a tab even beside ghost text."""
    editor = run("vim.g.codeflow_no_default_maps = true\n" + SCRIPTED)
    editor.insert("a.py", "print(|)\n")
    editor.until(editor.ghost_text, "ghost text")
    editor.press("<Tab>")
    assert "hello" not in editor.line()
    maps = [*editor.nvim.api.buf_get_keymap(0, "n"), *editor.nvim.api.buf_get_keymap(0, "i")]
    assert [one["lhs"] for one in maps if "CodeFlow" in one.get("desc", "")] == []


def test_neovims_own_ghost_text_can_be_had(run: Run, version: str) -> None:
    """'native': drawn by 0.12 itself, accepted by our Tab; before that version the option means ours."""
    editor = run("vim.g.codeflow = { ghost_text = 'native' }\n" + SCRIPTED)
    editor.insert("a.py", "x = |\n")
    editor.until(editor.ghost_text, "ghost text")
    own = editor.lua(
        "return #vim.api.nvim_buf_get_extmarks(0, vim.api.nvim_create_namespace('codeflow.ghost'), 0, -1, {})"
    )
    assert bool(own) is (version == "0.11.4")
    editor.press("<Tab>")
    editor.until(lambda: editor.line() == "x = 1", "it is accepted")


def test_restarted_it_goes_on(run: Run) -> None:
    """:Codeflow restart ends the server and starts another that serves as before; toggle ends it all."""
    editor = run()
    editor.insert("a.py", "print(|)\n")
    editor.until(editor.ghost_text, "ghost text")
    editor.press("<Esc>")
    ask = "local one = vim.lsp.get_clients({ name = 'codeflow' })[1] return one and one.id or 0"
    before = editor.lua(ask)
    editor.nvim.command("Codeflow restart")
    editor.until(lambda: editor.lua(ask) not in (0, before), "another server")
    editor.ready()
    editor.press("a")
    editor.until(editor.ghost_text, "ghost text of the new server")
    editor.press("<Esc>")
    editor.nvim.command("Codeflow toggle")
    assert editor.status() == "CodeFlow off"
    assert "ghost text is off" in editor.messages()


def test_beside_another_language_server(run: Run) -> None:
    """jedi on the same file: its menu and our ghost text, its hover and our answer, its diagnostics once."""
    editor = run(SCRIPTED + JEDI + menu_of("jedi"))
    editor.insert("a.py", "import os\n\nprint(|)\n")
    editor.until(lambda: editor.lua("return #vim.lsp.get_clients({ bufnr = 0 })") == 2, "both servers")
    editor.until(editor.ghost_text, "ghost text")
    editor.nvim.command("set completeopt=menuone,noselect,popup")
    editor.press("os.")
    editor.until(lambda: editor.nvim.funcs.pumvisible(), "jedi's menu", 60)
    words = [one["word"] for one in editor.nvim.funcs.complete_info(["items"])["items"]]
    assert "path" in words
    assert not any("hello" in word for word in words)
    assert editor.ghost_text() == ""
    editor.press("<C-e><BS><BS><BS>")
    editor.until(editor.ghost_text, "ghost text after the menu")
    together = editor.lua(TOGETHER)
    assert together == {"jedi hover": 20, "codeflow items": 20}
    editor.press("<Esc>")
    editor.nvim.current.buffer[:] = ["def broken(:", "    pass"]
    found = editor.until(lambda: editor.lua("return vim.diagnostic.get(0)"), "jedi's diagnostics", 60)
    assert len(found) == len({(one["lnum"], one["message"]) for one in found})
    assert {one["source"] for one in found} == {"compile"} or all(
        "jedi" in str(one["source"]) for one in found
    )
    errors = [line for line in editor.server_log().splitlines() if "[ERROR]" in line]
    assert [line for line in errors if "codeflow" in line or "scripted" in line] == []


def test_one_menu_of_two_servers(run: Run) -> None:
    """jedi's names and our suggestion, in an order of Neovim's; each is put in as it stands there."""
    always = (
        "vim.lsp.config('codeflow', { settings = { codeflow = { completion = { menu = 'always' } } } })\n"
    )
    editor = run(SCRIPTED + always + JEDI + menu_of("jedi", "codeflow"))
    editor.insert("a.py", "prefix = 1\n|\n")
    editor.until(lambda: editor.lua("return #vim.lsp.get_clients({ bufnr = 0 })") == 2, "both servers")
    editor.nvim.command("set completeopt=menuone,noselect")
    editor.press("<Esc>ccy = pre")
    editor.until(lambda: editor.lua(COMPLETES, "jedi"), "jedi has read Python's own names", 120)
    for choice, expected in (("prefix", "y = prefix"), ("prefix + 1", "y = prefix + 1")):
        editor.press("<Esc>ccy = pre")
        editor.lua("vim.lsp.completion.get()")
        editor.until(lambda: len(words(editor)) == 2, "an entry of each", 60)
        assert sorted(words(editor)) == ["prefix", "prefix + 1"]
        editor.press("<Down>" * (words(editor).index(choice) + 1) + "<C-y>")
        editor.until(lambda expected=expected: editor.line() == expected, "the entry")


def words(editor: Editor) -> list[str]:
    """The menu's entries."""
    return [one["word"] for one in editor.nvim.funcs.complete_info(["items"])["items"]]
