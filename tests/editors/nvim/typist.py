"""A Neovim in a process of its own, for a test that drives other editors as well.

    python -m tests.editors.nvim.typist NEOVIM FOLDER PLACE HOME CODEFLOW_HOME

Says "ready" once a model is open. For each line of standard input, a file's name, it types a function there,
key by key, and prints how many keys were followed by ghost text. Ends with its standard input.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from tests.editors.nvim.editor import LOOK_AGAIN_S, Editor, running

BEFORE = '''"""What {name} knows of a shop."""


def total(prices):
    """The sum of all prices."""
    result = 0
    for price in prices:
        result += price
    return result


def mean(prices):
    """The mean of all prices."""
    '''
TYPED = "result = total(prices)\nreturn result / len(prices)"
WAITED_S = 1.5


def keys_with_ghost_text(editor: Editor, name: str) -> int:
    """How many of a function's keys are followed by some."""
    editor.insert(name, BEFORE.format(name=name) + "|\n")
    found = 0
    for key in TYPED:
        editor.press("<CR>" if key == "\n" else key)
        until = time.monotonic() + WAITED_S
        while not editor.ghost_text() and time.monotonic() < until:
            time.sleep(LOOK_AGAIN_S)
        found += bool(editor.ghost_text())
    editor.press("<Esc>")
    return found


def main(neovim: str, folder: str, place: str, home: str, codeflow_home: str) -> None:
    """See above. ``place`` is for what Neovim's driver keeps, ``home`` is the user's."""
    user = {"HOME": home, "CODEFLOW_HOME": codeflow_home}
    with running(Path(neovim), Path(folder), Path(place), env=user) as editor:
        editor.insert("first.py", "total = |\n")
        print("ready", flush=True)
        for line in sys.stdin:
            print(keys_with_ghost_text(editor, line.strip()), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
