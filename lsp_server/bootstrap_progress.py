"""How far a set-up is, from what pip prints: for people on the screen, or as JSON lines for a program.

Knows the standard library and nothing of what is set up. One JSON object a line: `{"phase", "done", "total",
"message"}`, `total` null where it is not known; the last is `{"program"}`, or `{"error", "log"}`.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import queue
import re
import shutil
import sys
import threading
import time
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

TOLD_EVERY_S = 1.0  # a JSON line at the latest, so that its reader's clock moves


def parse_progress(line: str) -> tuple[int, int] | None:
    """Find (done, total) in ninja's "[12/345] Building ..." or in make's "[ 12%] Building ..."."""
    found = re.match(r"\s*\[ *(\d+)(?:%|/(\d+))\] ", line)
    return (int(found[1]), int(found[2] or 100)) if found else None


def duration(seconds: float) -> str:
    """Say a time as people do: 8 s, 1 min 20 s."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def to_go(done: int, total: int, elapsed_s: float) -> str:
    """Guess the time left, no finer than a guess can be; empty while it is too early to tell."""
    if elapsed_s < 10 or done * 20 < total:
        return ""
    left_s = elapsed_s * (total - done) / done
    if left_s >= 90:
        return f", about {round(left_s / 60)} min to go"
    return f", about {duration(round(left_s, -1))} to go" if left_s >= 10 else ", a few seconds to go"


def lines_of(output: Iterable[str]) -> Iterator[str]:
    """Yield the lines as they come, and an empty string after each second of silence."""
    arrived: queue.Queue[str | None] = queue.Queue()
    everything = itertools.chain(output, [None])
    threading.Thread(target=lambda: [*map(arrived.put, everything)], daemon=True).start()
    line: str | None = ""
    while line is not None:
        yield line
        line = ""
        with contextlib.suppress(queue.Empty):
            line = arrived.get(timeout=1)


class Progress:
    """One phase on the screen: a line that rewrites itself on a terminal, one line per tenth when piped."""

    def __init__(self, title: str, out: IO[str]) -> None:
        self.title, self.out, self.started = title, out, time.monotonic()
        self.live = out.isatty() and os.environ.get("TERM") != "dumb"
        self.done, self.total, self.step = 0, 0, ""
        self.begin()

    def line(self, elapsed_s: float) -> str:
        """Return the line as it stands."""
        if not self.total:
            return f"{self.title} ({duration(elapsed_s)} so far) {self.step}"
        times = f"{duration(elapsed_s)} so far{to_go(self.done, self.total, elapsed_s)}"
        return f"{self.title} {self.done}/{self.total} ({times})"

    def take(self, pip_line: str) -> None:
        """Take in a line of pip's output, or an empty one when a second passed without any."""
        counted, tenths = parse_progress(pip_line), 10 * self.done // max(self.total, 1)
        if counted and counted[0] >= self.done:
            self.done, self.total = counted
        elif step := re.match(r"\s*((?:Collecting|Building|Preparing|Installing) [^(<>=;:]+)", pip_line):
            self.step = step[1].strip()
        text, tenths_now = self.line(time.monotonic() - self.started), 10 * self.done // max(self.total, 1)
        self.tell(text, tenths_now if tenths_now > tenths else None)

    def begin(self) -> None:
        """Say that it has begun."""
        if not self.live:
            print(f"{self.title} ...", file=self.out, flush=True)

    def tell(self, text: str, tenth: int | None) -> None:
        """Say how far it is; ``tenth`` where a further one is done."""
        if self.live:
            self.show(text)
        elif tenth is not None:
            print(f"{10 * tenth:4}%  {text}", file=self.out, flush=True)

    def show(self, text: str, end: str = "") -> None:
        """Rewrite the line on the terminal; spaces wipe the rest, since not every console knows escapes."""
        width = shutil.get_terminal_size().columns - 1  # the last column would wrap
        print("\r" + text[:width].ljust(width), end=end, file=self.out, flush=True)

    def finish(self, word: str) -> None:
        """Leave a last line with the time it took."""
        text = f"{self.title}: {word} ({duration(time.monotonic() - self.started)})"
        self.show(text, end="\n") if self.live else print(text, file=self.out, flush=True)


class JsonProgress(Progress):
    """The same for a program."""

    def begin(self) -> None:
        """See ``Progress``."""
        self.told = (0, 0, "")
        self.told_at = self.started
        self._print(self.title)

    def tell(self, text: str, tenth: int | None) -> None:
        """See ``Progress``."""
        del tenth
        state, now = (self.done, self.total, self.step), time.monotonic()
        if state != self.told or now - self.told_at >= TOLD_EVERY_S:
            self.told, self.told_at = state, now
            self._print(text.strip())

    def finish(self, word: str) -> None:
        """See ``Progress``."""
        self._print(f"{self.title}: {word} ({duration(time.monotonic() - self.started)})")

    def _print(self, message: str) -> None:
        told = {"phase": self.title, "done": self.done, "total": self.total or None, "message": message}
        print(json.dumps(told), file=self.out, flush=True)


class Reporter:
    """To whom the set-up talks, in which of the two ways."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json

    def phase(self, title: str) -> Progress:
        """Begin a phase."""
        return JsonProgress(title, sys.stdout) if self.as_json else Progress(title, sys.stdout)

    def say(self, sentence: str) -> None:
        """Something for people alone."""
        if not self.as_json:
            print(sentence, flush=True)

    def end(self, program: Path) -> None:
        """It is set up."""
        if self.as_json:
            print(json.dumps({"program": str(program)}), flush=True)

    def fail(self, sentence: str, details: str, log: Path) -> None:
        """It is not; ``details`` are for people who read a terminal."""
        if self.as_json:
            there = str(log) if log.is_file() else None
            print(json.dumps({"error": sentence, "log": there}), flush=True)
        else:
            print(f"{details}{sentence}", file=sys.stderr)
