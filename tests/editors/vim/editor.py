"""A real Vim in a terminal, as its user sees it: keys go in, what stands on the screen comes out.

It runs with a HOME of its own for all that it keeps, and ends with all that it started. What cannot be seen
is asked over a channel that Vim itself opens. Knows nothing of what the tests expect.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from tests.editors import terminal
from tests.editors.terminal import Terminal, clean_environment
from tests.editors.vscode.code_server import MODEL, ROOT, SERVER, link_models

Found = TypeVar("Found")

PLUGIN = ROOT / "editors" / "vim"
PYTHON = SERVER.with_name("python")
SOON_S = 20  # what needs no model
ANSWERS_WITHIN_S = 60  # a prompt of a new file on two busy cores

# what a Vim is started with in any case: Debian's defaults, and a way to ask it
BEGIN = """
source $VIMRUNTIME/defaults.vim
set noswapfile nobackup viminfo= shortmess+=I encoding=utf-8 ttimeoutlen=10 scrolloff=0
autocmd VimEnter * let g:asked = ch_open('127.0.0.1:{port}', #{{mode: 'json', waittime: 5000}})
"""

# docs/editors/vim.md
PLUGGED = f"set runtimepath^={PLUGIN}\nfiletype plugin indent on\n"
REAL = f"let g:codeflow_settings = #{{model: #{{name: '{MODEL}'}}}}\n"
# on a busy machine an answer may not be cut by time: here it is known what comes
SCRIPTED = f"""
let g:codeflow_command = ['{PYTHON}', '-m', 'tests.scripted_server']
let g:codeflow_settings = #{{completion: #{{deadlineMs: 10000}}}}
"""

# what is left of the suggestion that is drawn: this Vim does not tell texts of properties, its screen does
GHOST = (
    "prop_list(1, #{end_lnum: -1, types: ['codeflow_ghost']}) == [] ? '' "
    ": get(codeflow#ghost#Current(), 'text', 'stale')"
)


@dataclass
class Editor:
    """One Vim that runs, with ``folder`` as its working directory. ``home`` holds all that it keeps."""

    terminal: Terminal
    folder: Path
    home: Path
    channel: socket.socket
    _asked: int = 0
    _left: bytes = field(default=b"", repr=False)

    def expr(self, text: str) -> Any:
        """The value of an expression in Vim."""
        self._asked += 1
        self._send(["expr", text, -self._asked])
        while True:
            number, value = self._receive()
            if number == -self._asked:
                if value == "ERROR":
                    raise AssertionError(f"Vim cannot say what this is: {text}\n{self.evidence()}")
                return value

    def ex(self, command: str) -> None:
        """An Ex command."""
        self._send(["ex", command])

    def _send(self, message: list[Any]) -> None:
        self.channel.sendall(json.dumps(message).encode() + b"\n")

    def _receive(self) -> list[Any]:
        while True:
            try:
                text = self._left.decode()
                value, end = json.JSONDecoder().raw_decode(text.lstrip())
                self._left = text.lstrip()[end:].encode()
                return value
            except ValueError:
                self._left += self.channel.recv(1 << 16)

    # -- waiting

    def until(self, what: Callable[[], Found], reason: str, within_s: float = SOON_S) -> Found:
        """What ``what`` gives as soon as it gives something; ``reason`` says what is waited for."""
        return terminal.until(what, reason, within_s, self.evidence)

    def ready(self, within_s: float = 120) -> None:
        """The server's model is open."""
        self.until(lambda: self.expr("codeflow#Status()") == "CodeFlow", "a model is open", within_s)

    # -- keys and buffers

    def clean(self) -> None:
        """Normal mode, one window, no buffer: as if it had just been started."""
        self.press("Escape", "Escape")
        self.until(lambda: self.expr("mode()") == "n", "normal mode")
        self.ex("silent! only!")
        self.ex("silent! %bwipeout!")
        self.ex("messages clear")

    def open(self, name: str, marked: str) -> None:
        """Edit a new file of the folder, with the cursor at ``|`` in its text; the server is ready then."""
        before, _, after = marked.partition("|")
        (self.folder / name).write_text(before + after)
        self.ex(f"edit! {name}")
        byte = len(before.rsplit("\n", 1)[-1].encode())
        self.ex(f"call cursor({before.count(chr(10)) + 1}, {byte + 1})")
        self.ready()

    def insert(self, name: str, marked: str) -> None:
        """The same, in insert mode."""
        self.open(name, marked)
        after = marked.partition("|")[2]
        self.press("A" if not after or after.startswith("\n") else "i")
        self.until(lambda: self.expr("mode()") == "i", "insert mode")

    def press(self, *keys: str) -> None:
        """Keys by tmux's names; they may be dealt with a little later."""
        self.terminal.press(*keys)

    def type(self, text: str, between_s: float = 0.0) -> None:
        """Key by key."""
        self.terminal.type(text, between_s)

    def text(self) -> str:
        """The current buffer, with an end of line after each."""
        return "".join(f"{line}\n" for line in self.expr("getline(1, '$')"))

    def line(self) -> str:
        """The cursor's line."""
        return self.expr("getline('.')")

    # -- what is shown

    def ghost_text(self) -> str:
        """What is drawn; empty where nothing is."""
        return self.expr(GHOST)

    def wait_for_ghost_text(self, within_s: float = ANSWERS_WITHIN_S) -> str:
        """The ghost text once there is some."""
        return self.until(self.ghost_text, "ghost text", within_s)

    def screen(self) -> list[str]:
        """The screen's lines of text above the last."""
        return [line for line in self.terminal.screen()[:-1] if line not in ("", "~")]

    def messages(self) -> str:
        """All messages so far."""
        return self.expr("execute('messages')")

    def evidence(self) -> str:
        """The screen and the messages, for a failure."""
        return "\n".join([*self.terminal.screen(), "-- messages", self.messages()])


@contextmanager
def running(
    folder: Path, home: Path, init: str = REAL + PLUGGED, env: Mapping[str, str] | None = None
) -> Iterator[Editor]:
    """A Vim without configuration but ``init``, in ``folder``."""
    home.mkdir(parents=True, exist_ok=True)
    link_models(home / "codeflow" / "models")
    own = clean_environment(
        home,
        {
            "CODEFLOW_HOME": str(home / "codeflow"),
            "PATH": f"{SERVER.parent}:/usr/local/bin:/usr/bin:/bin",
            "PYTHONPATH": str(ROOT),  # for the scripted server
            **(env or {}),
        },
    )
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(SOON_S)
        script = home / "vimrc"
        script.write_text(BEGIN.format(port=listening.getsockname()[1]) + init)
        with terminal.running(["vim", "-u", str(script), "-U", "NONE"], folder, home, own) as (shown, _):
            channel, _ = listening.accept()
            with channel:
                channel.settimeout(SOON_S)
                editor = Editor(shown, folder, home, channel)
                yield editor
                editor.press("Escape", "Escape")
                editor.ex("qall!")
