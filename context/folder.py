"""What is known of one workspace folder: its index, its history, its past changes, and what is made of them.

Everything that reads is called on a worker thread of the librarian; fields are replaced there, not changed,
so that the event loop may look at any time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from context.document import Document
from context.facts import Facts, Layout

if TYPE_CHECKING:
    from context.codeflow import FlowBook
    from context.history.values import FunctionChange, History
    from context.index import Index
    from context.outline import Outline, Symbol

_FUNCTIONS_KEPT = 200  # functions whose history is remembered
_MAP_LINES = (400, 100, 25)  # the project's map for large, middling and small budgets

_Function = tuple[str, str, str]  # HEAD, path, qualified name


class Folder:
    """One workspace folder.

    ``cache`` is the directory for what is kept across starts; ``read_later`` runs work on the thread that
    reads history; ``learned`` is called whenever more is known than before.
    """

    def __init__(
        self,
        root: Path,
        cache: Path,
        *,
        read_later: Callable[..., None],
        learned: Callable[[], None],
        stopping: threading.Event,
    ) -> None:
        self.root, self._cache = root, cache
        self._read_later, self._on_learned, self._stopping = read_later, learned, stopping
        self.index: Index | None = None
        self.history: History | None = None
        self._layout = Layout(())
        self._history_key: str | None = None
        self._flows: FlowBook | None = None
        self._serial = 0  # counts what was learned
        self._maps: tuple[str, ...] = ()
        self._maps_key: str | None = None  # of the history they were made at
        self._functions: dict[_Function, tuple[FunctionChange, ...]] = {}
        self._reading: set[_Function] = set()  # functions whose history is being read

    @property
    def key(self) -> str:
        """What the facts are: changes with everything that is learned."""
        return f"{self.root}:{self._serial}"

    @property
    def is_read(self) -> bool:
        """Whether the folder is indexed and its history read."""
        indexed = self.index is not None and self.index.state.ready
        return indexed and self._history_key is not None and not self._reading

    def open_index(self, on_progress: Callable[[Index], None]) -> None:
        """Open what an earlier start has left, and have it brought up to date."""
        from context.index import Index

        index = Index.open(self.root, self._cache)
        self._layout = Layout(index.paths())
        self.index = index
        index.start(lambda _done, _total: on_progress(index))

    def learn_index(self) -> None:
        """The index knows more than before."""
        if self.index is not None:
            paths = self.index.paths()
            if paths is not self._layout.names:
                self._layout = Layout(paths)
        self._learned()

    def read_history(self) -> None:
        """Read branch, commits and past changes, where HEAD or git's index has moved."""
        from context.codeflow import FlowBook, is_fresh, load_flows, refresh
        from context.history.place import state_of
        from context.history.read import read_history
        from context.privacy import Ignore

        key = state_of(self.root)
        if key and key != self._history_key and (flows := load_flows(self.root, self._cache)):
            self._flows = FlowBook.of(flows)
        if key or self._history_key is None:
            self.history = read_history(self.root, ignored=Ignore.of(self.root).ignores)
            self._learned()
        if key and not self._stopping.is_set() and not is_fresh(self.root, self._cache):
            self._flows = FlowBook.of(refresh(self.root, self._cache, cancelled=self._stopping))
            self._learned()
        self._history_key = key

    def facts(
        self,
        opened: Mapping[str, Document],
        closed: Sequence[str],
        outline_of: Callable[[Document], Outline] | None,
    ) -> Facts:
        """All of it for one dossier, beside the documents of the editor (by path)."""
        return Facts(
            root=self.root,
            index=self.index,
            history=self.history,
            flows=self._flows,
            layout=self._layout,
            opened=opened,
            closed=closed,
            outline_of=outline_of,
            maps=self._maps_around(tuple(opened)),
            function_changes=self._function_changes,
        )

    def close(self) -> None:
        """Stop the index's child process."""
        if self.index is not None:
            self.index.close()

    def _maps_around(self, focus: tuple[str, ...]) -> tuple[str, ...]:
        """The project's map around the files that were open when it was made.

        It stands at the head of every prompt, so it stays as it is until HEAD moves: another one would have
        all that follows evaluated again.
        """
        if self.index is None or not self.index.state.ready:
            return self._maps
        if self._maps_key is None or self._maps_key != self._history_key:
            from context.project_map import project_map

            self._maps = tuple(project_map(self.index, focus=focus, most_lines=lines) for lines in _MAP_LINES)
            self._maps_key = self._history_key
        return self._maps

    def _function_changes(self, document: Document, around: Symbol) -> tuple[FunctionChange, ...]:
        """What is known of a function's history; what is not is read, for the next dossier."""
        key = (self._history_key or "", document.path, f"{around.parent}.{around.name}")
        if key not in self._functions and key not in self._reading and self._history_key:
            self._reading.add(key)
            self._read_later(self._read_function, key, document, around)
        return self._functions.get(key, ())

    def _read_function(self, key: _Function, document: Document, around: Symbol) -> None:
        from context.history.lines import function_history

        try:
            found = function_history(
                self.root, document.path, around.line, around.end_line, text_now=document.text
            )
        finally:
            self._reading.discard(key)
        while len(self._functions) >= _FUNCTIONS_KEPT:
            self._functions.pop(next(iter(self._functions)))
        self._functions[key] = found
        if found:
            self._learned()

    def _learned(self) -> None:
        self._serial += 1
        self._on_learned()
