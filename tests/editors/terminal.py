"""A terminal that nobody looks at: keys go in, what stands on the screen comes out.

tmux is the terminal, with a server of its own for each. Knows nothing of the editor in it. Every wait has a
reason and a limit; where it runs out, the reason and the screen are the error.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import psutil

Found = TypeVar("Found")

WIDTH, HEIGHT = 120, 40
LOOK_AGAIN_S = 0.05
ENDS_WITHIN_S = 10


def clean_environment(home: Path, more: Mapping[str, str]) -> dict[str, str]:
    """The environment of an editor that keeps all in ``home``, with nothing of this test run's."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("XDG_", "PYTEST", "TMUX", "VIM", "NVIM", "EMACS"))
    }
    return {**kept, "HOME": str(home), "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", **more}


@dataclass(frozen=True)
class Terminal:
    """A terminal with one program in it."""

    socket: Path
    env: Mapping[str, str]

    def _tmux(self, *arguments: str) -> str:
        command = ["tmux", "-u", "-S", str(self.socket), *arguments]
        return subprocess.run(command, env=self.env, check=True, capture_output=True, text=True).stdout

    def press(self, *keys: str) -> None:
        """Keys by tmux's names, such as ``Tab``, ``C-c`` and ``Enter``."""
        self._tmux("send-keys", *keys)

    def type(self, text: str, between_s: float = 0.0) -> None:
        """Key by key, at least ``between_s`` apart; as a whole where that is 0."""
        if not between_s:
            self._literally(text)
            return
        due = time.monotonic()
        for key in text:
            time.sleep(max(0.0, due - time.monotonic()))
            due = max(due, time.monotonic() - between_s) + between_s
            if key == "\n":
                self.press("Enter")
            else:
                self._literally(key)

    def _literally(self, text: str) -> None:
        ending = "\\;" if text.endswith(";") else ""  # at the end of an argument it would end tmux's command
        self._tmux("send-keys", "-l", "--", text.removesuffix(";" if ending else "") + ending)

    def screen(self) -> list[str]:
        """The screen's lines, blanks at their ends left out."""
        return [line.rstrip() for line in self._tmux("capture-pane", "-p").split("\n")[:HEIGHT]]

    def cursor(self) -> tuple[int, int]:
        """Row and column of the cursor on the screen, from 0."""
        row, column = self._tmux("display-message", "-p", "#{cursor_y} #{cursor_x}").split()
        return int(row), int(column)


def until(what: Callable[[], Found], reason: str, within_s: float, evidence: Callable[[], str]) -> Found:
    """What ``what`` gives as soon as it gives something; ``reason`` says what is waited for."""
    end = time.monotonic() + within_s
    while True:
        if found := what():
            return found
        if time.monotonic() > end:
            raise AssertionError(f"Not within {within_s} s: {reason}.\n{evidence()}")
        time.sleep(LOOK_AGAIN_S)


def missing() -> str | None:
    """What is lacking, as a sentence."""
    return None if shutil.which("tmux") else "tmux is not there; `apt-get install tmux` installs it."


@contextmanager
def running(
    command: Sequence[str], folder: Path, home: Path, env: Mapping[str, str]
) -> Iterator[tuple[Terminal, psutil.Process]]:
    """A program in a terminal, and its process; both end with all that they started."""
    home.mkdir(parents=True, exist_ok=True)
    terminal = Terminal(home / "tmux", env)
    options = ["-f", "/dev/null", "new-session", "-d", "-x", str(WIDTH), "-y", str(HEIGHT), "-c", str(folder)]
    terminal._tmux(*options, *command)
    terminal._tmux("set-option", "-s", "escape-time", "0")
    process = psutil.Process(int(terminal._tmux("display-message", "-p", "#{pane_pid}")))
    server = psutil.Process(int(terminal._tmux("display-message", "-p", "#{pid}")))
    try:
        yield terminal, process
    finally:
        below = [*process.children(recursive=True), process] if process.is_running() else []
        subprocess.run(["tmux", "-S", str(terminal.socket), "kill-server"], env=env, check=False)
        _, left = psutil.wait_procs([*below, server], timeout=ENDS_WITHIN_S)
        for one in left:
            one.kill()
