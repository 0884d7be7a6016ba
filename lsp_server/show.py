"""Ghost text in a terminal: the code as an editor shows it, the suggestion dimmed in its place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from lsp_server.place import Place
from lsp_server.trim import Shown

_AROUND = 4  # lines above and below
_MARKS = ("▏", "▕")  # around ghost text where there are no colours


class Terminal:
    """Prints for people; plain where piped, nothing but errors where ``quiet``."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._console = Console(quiet=quiet, highlight=False)

    def say(self, text: str, style: str = "") -> None:
        """One line."""
        self._console.print(text, style=style, markup=False, soft_wrap=True)

    def say_cost(self, account: dict[str, Any]) -> None:
        """What a suggestion cost, from its account."""
        self.say(
            f"  {account['total_ms']:.0f} ms · {account['prompt_tokens']} prompt tokens, "
            f"{account['cached_tokens']} from cache · {account['generated_tokens']} generated",
            "dim",
        )

    def show(self, place: Place, shown: Shown) -> None:
        """The lines around the cursor with the suggestion in place."""
        line = place.position.line
        for number in range(max(0, line - _AROUND), line):
            self._line(number, Text(place.document.line(number)))
        first, *rest = shown.text.replace("\r\n", "\n").split("\n")
        after = place.tail[shown.replaced :]
        self._line(line, Text(place.head).append_text(self._ghost(first)).append("" if rest else after))
        for offset, text in enumerate(rest, start=1):
            last = offset == len(rest)
            self._line(None, self._ghost(text).append(after if last else ""))
        for number in range(line + 1, min(len(place.document.lines), line + 1 + _AROUND)):
            self._line(number, Text(place.document.line(number)))

    @contextmanager
    def progress(self) -> Iterator[Callable[[str, float | None], None]]:
        """A progress line while a model is obtained and loaded; piped, one line per step."""
        if not self._console.is_terminal:
            said: set[str] = set()

            def plain(what: str, share: float | None) -> None:
                if what not in said:
                    said.add(what)
                    self.say(f"{what} …")

            yield plain
            return
        columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self._console, transient=True) as bar:
            task = bar.add_task("starting", total=None)

            def report(what: str, share: float | None) -> None:
                bar.update(task, description=what, completed=share or 0, total=None if share is None else 1)

            yield report

    def _line(self, number: int | None, text: Text) -> None:
        gutter = Text(f"{number + 1:5d} │ " if number is not None else "      │ ", style="blue")
        self._console.print(gutter.append_text(text), soft_wrap=True)

    def _ghost(self, text: str) -> Text:
        if self._console.is_terminal:
            return Text(text, style="dim italic")
        return Text(f"{_MARKS[0]}{text}{_MARKS[1]}") if text else Text()
