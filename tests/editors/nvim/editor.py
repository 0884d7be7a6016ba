"""A real Neovim, as its user sees it: keys go in, what stands on the screen and in the buffer comes out.

It runs with a folder of its own for all that it keeps, and ends with all that it started. Every wait has a
reason and a limit; where it runs out, the reason is the error. Knows nothing of what the tests expect.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pynvim

from tests.editors.vscode.code_server import MODEL, ROOT, SERVER, SOON_IDLE, link_models

Found = TypeVar("Found")

RUNTIME = ROOT / "editors" / "nvim"
PYTHON = SERVER.with_name("python")
SIZE = (120, 40)
SOON_S = 15  # what needs no model
ANSWERS_WITHIN_S = 60  # a prompt of a new file on two busy cores
LOOK_AGAIN_S = 0.05
BETWEEN_KEYS_S = 0.08  # 150 words a minute: a quick typist

# what docs/editors/neovim.md says, and which model: that is the test's business
INIT = f"""
vim.opt.runtimepath:append('{RUNTIME}')
vim.lsp.enable('codeflow')
vim.lsp.config('codeflow', {{ settings = {{ codeflow = {{ model = {{ name = '{MODEL}' }} }} }} }})
"""

# the same with a scripted model: quick, and what it answers is known
SCRIPTED = f"""
vim.opt.runtimepath:append('{RUNTIME}')
vim.lsp.enable('codeflow')
vim.lsp.config('codeflow', {{ cmd = {{ '{PYTHON}', '-m', 'tests.scripted_server' }}, cmd_cwd = '{ROOT}' }})
"""

# all ghost text, as it is drawn: what is inside a line, then the lines below
GHOST = """
local function text(chunks)
  return table.concat(vim.tbl_map(function(one) return one[1] end, chunks or {}))
end
local inside, below = {}, {}
for _, name in ipairs({ 'codeflow.ghost', 'nvim.lsp.inline_completion' }) do
  local space = vim.api.nvim_get_namespaces()[name]
  if space then
    for _, mark in ipairs(vim.api.nvim_buf_get_extmarks(0, space, 0, -1, { details = true })) do
      table.insert(inside, text(mark[4].virt_text))
      for _, line in ipairs(mark[4].virt_lines or {}) do table.insert(below, text(line)) end
    end
  end
end
if #inside == 0 and #below == 0 then return '' end
return table.concat(vim.list_extend({ table.concat(inside) }, below), '\\n')
"""


@dataclass
class Editor:
    """One Neovim that runs, with ``folder`` as its working directory. ``home`` holds all that it keeps."""

    nvim: pynvim.Nvim
    folder: Path
    home: Path

    # -- waiting

    def until(self, what: Callable[[], Found], reason: str, within_s: float = SOON_S) -> Found:
        """What ``what`` gives as soon as it gives something; ``reason`` says what is waited for."""
        end = time.monotonic() + within_s
        while True:
            if found := what():
                return found
            if time.monotonic() > end:
                raise AssertionError(f"Not within {within_s} s: {reason}.\n{self.evidence()}")
            time.sleep(LOOK_AGAIN_S)

    def ready(self, within_s: float = 120) -> str:
        """The server's status once a model is open, and the folder read."""
        return self.until(
            lambda: self.status() if self.status() == "CodeFlow" else "", "a model is open", within_s
        )

    # -- keys and buffers

    def clean(self) -> None:
        """Normal mode, one window, no buffer: as if it had just been started."""
        self.press("<C-\\><C-n>")
        self.nvim.command("silent! only! | silent! %bwipeout! | messages clear")

    def open(self, name: str, marked: str) -> None:
        """Edit a new file of the folder, with the cursor at ``|`` in its text; the server is ready then."""
        before, _, after = marked.partition("|")
        (self.folder / name).write_text(before + after)
        self.nvim.command(f"edit! {name}")
        row = before.count("\n") + 1
        self.nvim.current.window.cursor = (row, len(before.rsplit("\n", 1)[-1].encode()))
        self.ready()

    def insert(self, name: str, marked: str) -> None:
        """The same, in insert mode."""
        self.open(name, marked)
        after = marked.partition("|")[2]
        self.press("A" if not after or after.startswith("\n") else "i")

    def press(self, keys: str) -> None:
        """Keys in Neovim's notation, such as ``<Esc>``; returns once they are dealt with."""
        left = keys.encode()
        while left:
            left = left[self.nvim.input(left.decode()) :]
        self.nvim.eval("1")

    def type(self, text: str, between_s: float = BETWEEN_KEYS_S) -> None:
        """Key by key."""
        for key in text:
            self.press({"<": "<lt>", "\n": "<CR>"}.get(key, key))
            time.sleep(between_s)

    def text(self) -> str:
        """The current buffer, with an end of line after each."""
        return "".join(f"{line}\n" for line in self.nvim.current.buffer[:])

    def line(self) -> str:
        """The cursor's line."""
        return self.nvim.current.line

    def lua(self, code: str, *arguments: Any) -> Any:
        """What Lua code returns."""
        return self.nvim.exec_lua(code, *arguments)

    # -- what is shown

    def accept(self, how: str) -> None:
        """By one of the plug mappings, such as ``accept-word``."""
        self.press(f"<Plug>(codeflow-{how})")

    def ghost_text(self) -> str:
        """The virtual text at the cursor, line by line; empty where there is none."""
        return self.lua(GHOST)

    def wait_for_ghost_text(self, within_s: float = ANSWERS_WITHIN_S) -> str:
        """The ghost text once there is some."""
        return self.until(self.ghost_text, "ghost text", within_s)

    def screen(self) -> list[str]:
        """The screen's lines, blanks at their ends left out."""
        rows: Sequence[str] = self.lua(
            "vim.cmd.redraw() local rows = {} for row = 1, vim.o.lines do local line = '' "
            "for column = 1, vim.o.columns do line = line .. vim.fn.screenstring(row, column) end "
            "rows[row] = line:gsub('%s+$', '') end return rows"
        )
        return list(rows)

    def status(self) -> str:
        """What the status line's function says."""
        return self.lua("return require('codeflow').status()")

    def messages(self) -> str:
        """All messages so far."""
        return self.nvim.command_output("messages")

    def server_log(self) -> str:
        """Neovim's log of its language servers."""
        logs = [*self.home.rglob("lsp.log"), *self.home.rglob("nvim.log")]
        return "".join(log.read_text(errors="replace") for log in logs if log.name == "lsp.log")

    def evidence(self) -> str:
        """The screen, the messages and the log, for a failure."""
        return "\n".join([*self.screen(), "-- messages", self.messages(), "-- log", self.server_log()])


@contextmanager
def running(
    program: Path,
    folder: Path,
    home: Path,
    init: str = INIT,
    env: Mapping[str, str] | None = None,
) -> Iterator[Editor]:
    """A Neovim without configuration but ``init``, in ``folder``."""
    script = home / "init.lua"
    home.mkdir(parents=True, exist_ok=True)
    script.write_text(init)
    link_models(home / "codeflow" / "models")
    own = {
        **{
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("NVIM", "XDG_", "PYTEST"))
        },
        "HOME": str(home),
        "CODEFLOW_HOME": str(home / "codeflow"),
        **SOON_IDLE,
        "PATH": f"{SERVER.parent}{os.pathsep}{os.environ['PATH']}",
        **(env or {}),
    }
    socket = home / "socket"
    command = [str(program), "--clean", "-u", str(script), "--headless", "--listen", str(socket)]
    with (home / "nvim.txt").open("wb") as output:
        process = psutil.Popen(
            command, cwd=folder, env=own, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    below: list[psutil.Process] = []
    try:
        nvim = _attach(socket)
        try:
            nvim.ui_attach(*SIZE, rgb=True)
            yield Editor(nvim, folder, home)
            below = process.children(recursive=True)
            with suppress(OSError, EOFError):  # the answer never comes: that it ends is what is waited for
                nvim.command("qall!")
            psutil.wait_procs([process, *below], timeout=10)
        finally:
            nvim.close()
    finally:
        for one in [*below, process]:
            if one.is_running():
                one.kill()
        process.wait()


def _attach(socket: Path) -> pynvim.Nvim:
    end = time.monotonic() + SOON_S
    while True:
        try:
            return pynvim.attach("socket", path=str(socket))
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(LOOK_AGAIN_S)
