"""A Neovim in a process of its own, for a test that drives other editors as well.

    python -m tests.editors.nvim.typist NEOVIM FOLDER HOME CODEFLOW_HOME

Says "ready" once a model is open. For each line of standard input, a file's name, it types a function there key
by key and prints, as a JSON list, how many milliseconds each key's ghost text took; keys without any are left
out. Ends with its standard input.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from tests.editors.nvim.editor import Editor, running

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
LOOK_S = 0.005


def milliseconds(editor: Editor, name: str) -> list[float]:
    """Of each key that ghost text follows."""
    editor.insert(name, BEFORE.format(name=name) + "|\n")
    took = []
    for key in TYPED:
        editor.press("<CR>" if key == "\n" else key)
        began = time.perf_counter()
        while not (shown := editor.ghost_text()) and time.perf_counter() < began + WAITED_S:
            time.sleep(LOOK_S)
        if shown:
            took.append(round((time.perf_counter() - began) * 1e3, 1))
        time.sleep(0.1)
    editor.press("<Esc>")
    return took


def main(neovim: str, folder: str, home: str, codeflow_home: str) -> None:
    """See above."""
    with running(Path(neovim), Path(folder), Path(home), env={"CODEFLOW_HOME": codeflow_home}) as editor:
        editor.insert("first.py", "total = |\n")
        print("ready", flush=True)  # noqa: T201
        for line in sys.stdin:
            print(json.dumps(milliseconds(editor, line.strip())), flush=True)  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
