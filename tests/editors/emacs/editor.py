"""A real Emacs in a terminal, as its user sees it: keys go in, what stands on the screen comes out.

It runs with a HOME of its own for all that it keeps, and ends with all that it started. What cannot be seen
is asked through emacsclient. Knows nothing of what the tests expect.
"""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from tests.editors import terminal
from tests.editors.terminal import Terminal, clean_environment
from tests.editors.vscode.code_server import MODEL, ROOT, SERVER, link_models

Found = TypeVar("Found")

LISP = ROOT / "editors" / "emacs"
PYTHON = SERVER.with_name("python")
SOON_S = 20  # what needs no model
ANSWERS_WITHIN_S = 60  # a prompt of a new file on two busy cores

# what an Emacs is started with in any case: Debian's packages, and a way to ask it
BEGIN = """
(setq native-comp-deferred-compilation nil native-comp-async-report-warnings-errors nil)
(setq inhibit-startup-screen t make-backup-files nil auto-save-default nil create-lockfiles nil)
(require 'package)
(package-activate-all)
(require 'server)
(setq server-socket-dir (expand-file-name "~") server-name "socket")
(server-start)
"""

# docs/editors/emacs.md, with eglot
EGLOT = f"""
(add-to-list 'load-path "{LISP}")
(require 'codeflow)
(add-hook 'python-mode-hook #'eglot-ensure)
"""
REAL = f"""(setq codeflow-settings '(:model (:name "{MODEL}")))\n"""
# on a busy machine an answer may not be cut by time: here it is known what comes
SCRIPTED = f"""
(setq codeflow-command '("{PYTHON}" "-m" "tests.scripted_server")
      codeflow-settings '(:completion (:deadlineMs 10000)))
"""

# all ghost text, as it is drawn, from the first place to the last, with what is drawn again behind it
GHOST = """
(mapconcat (lambda (overlay) (or (overlay-get overlay 'after-string) (overlay-get overlay 'display)))
           (sort (copy-sequence codeflow-draw--overlays)
                 (lambda (one other) (< (overlay-start one) (overlay-start other))))
           "")
"""


@dataclass(frozen=True)
class Editor:
    """One Emacs that runs, with ``folder`` as its working directory. ``home`` holds all that it keeps."""

    terminal: Terminal
    folder: Path
    home: Path

    def lisp(self, form: str) -> Any:
        """The value of a form in the buffer that is looked at, by way of JSON."""
        wrapped = (
            "(base64-encode-string (encode-coding-string (json-encode (with-current-buffer "
            f"(window-buffer (selected-window)) {form})) 'utf-8) t)"
        )
        command = ["emacsclient", "--socket-name", str(self.home / "socket"), "--eval", wrapped]
        done = subprocess.run(command, env=self.terminal.env, capture_output=True, text=True, timeout=60)
        if done.returncode:
            raise AssertionError(f"{form}: {done.stderr}{done.stdout}")
        return json.loads(base64.b64decode(done.stdout.strip().strip('"')))

    # -- waiting

    def until(self, what: Callable[[], Found], reason: str, within_s: float = SOON_S) -> Found:
        """What ``what`` gives as soon as it gives something; ``reason`` says what is waited for."""
        return terminal.until(what, reason, within_s, self.evidence)

    def ready(self, within_s: float = 120) -> None:
        """A server is attached to the buffer, and its model is open."""
        self.until(lambda: self.lighter() == " CodeFlow", "a model is open", within_s)

    # -- keys and buffers

    def open(self, name: str, marked: str) -> None:
        """Visit a new file of the folder, with point at ``|`` in its text; the server is ready then."""
        before, _, after = marked.partition("|")
        (self.folder / name).write_text(before + after)
        self.press("C-x", "C-f", "C-a", "C-k")
        self.terminal.type(str(self.folder / name))
        self.press("Enter")
        self.until(lambda: self.lisp("(buffer-name)") == name, f"{name} is visited")
        self.ready()
        self.lisp(f"(progn (goto-char {len(before) + 1}) (set-window-point nil (point)) 1)")

    def press(self, *keys: str) -> None:
        """Keys by tmux's names; they may be dealt with a little later."""
        self.terminal.press(*keys)

    def type(self, text: str, between_s: float = 0.0) -> None:
        """Key by key."""
        self.terminal.type(text, between_s)

    def run(self, command: str) -> None:
        """M-x."""
        self.press("M-x")
        self.type(command)
        self.press("Enter")

    def text(self) -> str:
        """All of the buffer that is looked at."""
        return self.lisp("(buffer-substring-no-properties (point-min) (point-max))")

    def line(self) -> str:
        """The line of point."""
        return self.lisp("(buffer-substring-no-properties (line-beginning-position) (line-end-position))")

    # -- what is shown

    def ghost_text(self) -> str:
        """What is drawn in the buffer that is looked at."""
        return self.lisp(GHOST)

    def wait_for_ghost_text(self, within_s: float = ANSWERS_WITHIN_S) -> str:
        """The ghost text once there is some."""
        return self.until(self.ghost_text, "ghost text", within_s)

    def screen(self) -> list[str]:
        """The screen's lines above the mode line and the echo area, the menu bar left out."""
        return self.terminal.screen()[1:-2]

    def lighter(self) -> str:
        """What the mode line says of CodeFlow; empty where its mode is off."""
        return self.lisp('(if (bound-and-true-p codeflow-mode) (codeflow-show-lighter) "")')

    def messages(self) -> str:
        """All messages so far."""
        return self.lisp('(with-current-buffer "*Messages*" (buffer-string))')

    def evidence(self) -> str:
        """The screen and the messages, for a failure."""
        events = self.lisp(
            "(mapconcat (lambda (one) (with-current-buffer one (buffer-substring "
            "(max (point-min) (- (point-max) 3000)) (point-max)))) (seq-filter (lambda (one) "
            '(string-match-p "EGLOT.*\\\\(stderr\\\\|events\\\\)\\\\|codeflow::stderr" (buffer-name one))) '
            '(buffer-list)) "\\n--\\n")'
        )
        return "\n".join([*self.terminal.screen(), "-- messages", self.messages(), "-- log", events])


@contextmanager
def running(
    folder: Path, home: Path, init: str = REAL + EGLOT, env: Mapping[str, str] | None = None
) -> Iterator[Editor]:
    """An Emacs without configuration but ``init``, in ``folder``."""
    home.mkdir(parents=True, exist_ok=True)
    home.chmod(0o700)  # else Emacs serves no emacsclient
    script = home / "start.el"
    script.write_text(";;; -*- lexical-binding: t -*-\n" + BEGIN + init)
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
    command = ["emacs", "--no-window-system", "--no-init-file", "--no-site-file", "--load", str(script)]
    with terminal.running(command, folder, home, own) as (shown, _):
        editor = Editor(shown, folder, home)
        terminal.until(
            (home / "socket").exists, "Emacs has started", SOON_S, lambda: "\n".join(shown.screen())
        )
        yield editor
        editor.lisp("(progn (run-with-timer 0.1 nil (lambda () (kill-emacs))) 1)")
