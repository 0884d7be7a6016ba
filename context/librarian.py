"""Follows what lies on disk, and has the dossiers of the open documents ready before they are asked for.

Two worker threads of its own: one makes dossiers, the other reads history; files are parsed in the index's
child process. The event loop only asks (``notice``, ``dossier``), and never waits.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from context.document import Document
from context.dossier import Dossier, make_dossier
from context.facts import Facts
from context.folder import Folder
from context.workspace import Snapshot

if TYPE_CHECKING:
    from context.index import Index
    from context.trees import Trees
    from context.watch import Batch, Watch

logger = logging.getLogger(__name__)

_MOVED_LINES = 20  # from where a dossier was made: other names are near then
_EDITED = 40  # changes of the document since: the names near may be others
_REST_S = 1.0  # between two dossiers of one document, however fast somebody jumps about


@dataclass(frozen=True, slots=True)
class _Wish:
    snapshot: Snapshot
    document: Document
    line: int


class Librarian:
    """Owns the index, the history, the watch and the dossiers of one server.

    ``cache`` is the directory for what is kept across starts; ``path_of`` gives the file of a uri, None where
    it is none. ``on_dossier`` is called on a worker thread with each new dossier, before it is given out (the
    place to tokenise it); ``on_progress`` with files done and files in all while indexing.
    """

    def __init__(
        self,
        cache: Path,
        *,
        path_of: Callable[[str], Path | None],
        budget_tokens: Callable[[], int],
        disabled: Callable[[], Collection[str]] = tuple,
        on_dossier: Callable[[Dossier], None] | None = None,
        on_progress: Callable[[int, int], None] | None = None,
        watching: bool = True,
    ) -> None:
        self._cache, self._path_of, self._budget, self._disabled = cache, path_of, budget_tokens, disabled
        self._on_dossier, self._on_progress, self._watching = on_dossier, on_progress, watching
        self._folders: dict[Path, Folder] = {}
        self._watch: Watch | None = None
        self._trees: Trees | None = None
        self._dossiers: dict[str, Dossier] = {}
        self._made_at: dict[str, float] = {}
        self._wishes: dict[str, _Wish] = {}
        self._serial = 0
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._closed = False
        self._stopping = threading.Event()
        self._context = copy_context()  # the client's: its environment, its log
        self._making = ThreadPoolExecutor(1, "dossiers")
        self._reading = ThreadPoolExecutor(1, "history")
        self._submit(self._reading, self._warm_up)

    # -- what the event loop asks; none of it waits -------------------------------------------------------

    def set_folders(self, roots: Iterable[Path]) -> None:
        """Follow these workspace folders, and no others."""
        wanted = set(roots)
        for root in [root for root in self._folders if root not in wanted]:
            folder = self._folders.pop(root)
            self._making.submit(folder.close)
        for root in wanted - set(self._folders):
            self._folders[root] = folder = Folder(
                root,
                self._cache,
                read_later=partial(self._submit, self._reading),
                learned=self._learned,
                stopping=self._stopping,
            )
            self._submit(self._making, self._open_index, folder)
            self._submit(self._reading, folder.read_history)
        if self._watching:
            self._submit(self._making, self._watch_all, tuple(self._folders))

    def place_of(self, uri: str) -> tuple[Path, str] | None:
        """The workspace folder that holds a document, the innermost one, and the file's path in it."""
        path = self._path_of(uri)
        if path is None:
            return None
        holding = [root for root in self._folders if path.is_relative_to(root)]
        if not holding:
            return None
        root = max(holding, key=lambda root: len(root.parts))
        return root, path.relative_to(root).as_posix()

    def dossier(self, uri: str) -> Dossier | None:
        """The latest dossier of a document."""
        return self._dossiers.get(uri)

    @property
    def trees(self) -> Trees:
        """The syntax trees of open documents."""
        from context.trees import Trees

        with self._lock:
            if self._trees is None:
                self._trees = Trees()
            return self._trees

    def facts(self, uri: str, snapshot: Snapshot) -> Facts:
        """What is known around a document. Its answers read caches and files: not for the event loop."""
        return self._facts(self._folder_of(uri), snapshot)

    def notice(self, snapshot: Snapshot, document: Document, line: int) -> None:
        """The cursor is, or was, at ``line`` of ``document``: make a dossier where the last one is stale."""
        if self._closed or not self._is_stale(document, line):
            return
        with self._lock:
            waiting = document.uri in self._wishes
            self._wishes[document.uri] = _Wish(snapshot, document, line)
        if not waiting:
            self._submit(self._making, self._make, document.uri)

    def forget(self, uri: str) -> None:
        """A document was closed."""
        with self._lock:
            self._dossiers.pop(uri, None)
            self._wishes.pop(uri, None)
        if self._trees is not None:
            self._trees.forget(uri)

    def changed_on_disk(self, root: Path, paths: Collection[str], *, head_moved: bool = False) -> None:
        """Files were created, modified or deleted outside the editor, or saved by it."""
        folder = self._folders.get(root)
        if folder is None or self._closed:
            return
        if paths and folder.index is not None:
            self._submit(self._making, folder.index.update, tuple(paths))
        if paths or head_moved:
            self._submit(self._reading, folder.read_history)

    def is_ready(self, uri: str) -> bool:
        """Whether the folder is indexed, its history read, and the document's dossier made from both."""
        folder, dossier = self._folder_of(uri), self._dossiers.get(uri)
        if dossier is None:
            return False
        if folder is None:
            return True
        return folder.is_read and dossier.facts == folder.key

    def wait_ready(self, snapshot: Snapshot, document: Document, line: int, within_s: float) -> bool:
        """Wait, on the caller's own thread, until ``is_ready``; False where it took longer."""
        until = time.monotonic() + within_s
        while not self._closed and time.monotonic() < until and not self.is_ready(document.uri):
            self.notice(snapshot, document, line)
            with self._changed:
                self._changed.wait(0.1)
        return self.is_ready(document.uri)

    def state(self) -> dict[str, object]:
        """What a client may show: off, indexing or ready; files done and in all; seconds taken."""
        states = [folder.index.state for folder in self._folders.values() if folder.index is not None]
        if not states:
            return {"state": "off", "done": 0, "total": 0, "seconds": 0.0}
        return {
            "state": "ready" if all(state.ready for state in states) else "indexing",
            "done": sum(state.done for state in states),
            "total": sum(state.total for state in states),
            "seconds": round(max(state.seconds for state in states), 2),
        }

    def notes(self) -> list[str]:
        """Sentences about what is missing: no repository, a shallow clone, an index that cannot be made."""
        folders = list(self._folders.values())
        problems = [f.index.state.problem for f in folders if f.index is not None and f.index.state.problem]
        return problems + [note for folder in folders if folder.history for note in folder.history.notes]

    def close(self) -> None:
        """Stop the threads and the children. Idempotent; waits for the piece of work under way."""
        if self._closed:
            return
        self._closed = True
        self._stopping.set()
        with self._changed:
            self._changed.notify_all()
        self._making.shutdown(wait=True, cancel_futures=True)
        self._reading.shutdown(wait=True, cancel_futures=True)
        if self._watch is not None:  # which may have been made just now, on one of these threads
            self._watch.close()
        for folder in self._folders.values():
            folder.close()

    # -- on the worker threads ----------------------------------------------------------------------------

    def _submit(self, pool: ThreadPoolExecutor, work: Callable[..., None], *arguments: object) -> None:
        if self._closed:
            return

        def report(done: Future[None]) -> None:
            if not done.cancelled() and (error := done.exception()) is not None:
                logger.error("context in the background failed", exc_info=error)

        done = pool.submit(self._context.copy().run, work, *arguments)
        done.add_done_callback(partial(self._context.copy().run, report))

    def _warm_up(self) -> None:
        """Load what the first secret would load, a third of a second, before a request needs it."""
        from context.privacy import redact

        redact("password = 'x1y2z3'")

    def _open_index(self, folder: Folder) -> None:
        def on_progress(index: Index) -> None:
            if self._on_progress is not None:
                self._on_progress(index.state.done, index.state.total)
            if index.state.ready:
                self._submit(self._making, folder.learn_index)

        folder.open_index(on_progress)

    def _learned(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _watch_all(self, roots: tuple[Path, ...]) -> None:
        from context.watch import Watch

        if self._watch is not None:
            self._watch.close()
        self._watch = Watch(roots, self._on_batch) if roots else None

    def _on_batch(self, batch: Batch) -> None:
        paths = batch.created | batch.modified | batch.deleted
        folder = self._folders.get(batch.root)
        if batch.overflow and folder is not None and folder.index is not None:
            self._submit(self._making, folder.index.rescan)
            self._submit(self._reading, folder.read_history)
            return
        self.changed_on_disk(batch.root, paths, head_moved=batch.head_moved)

    def _folder_of(self, uri: str) -> Folder | None:
        place = self.place_of(uri)
        return self._folders.get(place[0]) if place is not None else None

    def _is_stale(self, document: Document, line: int) -> bool:
        last = self._dossiers.get(document.uri)
        if last is None or last.facts != _key(self._folder_of(document.uri)):
            return True
        if abs(last.line - line) <= _MOVED_LINES and document.version - last.version < _EDITED:
            return False
        return time.monotonic() - self._made_at.get(document.uri, 0.0) >= _REST_S

    def _make(self, uri: str) -> None:
        with self._lock:
            wish = self._wishes.pop(uri, None)
            self._serial += 1
            serial = self._serial
        if wish is None:
            return
        folder = self._folder_of(uri)
        key, complete = _key(folder), folder is None or folder.is_read
        facts = self._facts(folder, wish.snapshot)
        dossier = make_dossier(
            wish.snapshot,
            wish.document,
            wish.line,
            facts,
            budget_tokens=self._budget(),
            serial=serial,
            facts_key=key,
            complete=complete,
            disabled=self._disabled(),
        )
        if self._on_dossier is not None:
            self._on_dossier(dossier)
        with self._changed:
            self._dossiers[uri] = dossier
            self._made_at[uri] = time.monotonic()
            self._changed.notify_all()

    def _facts(self, folder: Folder | None, snapshot: Snapshot) -> Facts:
        outline_of = self.trees.outline_of
        if folder is None:
            return Facts(outline_of=outline_of)

        def inside(documents: Iterable[Document]) -> dict[str, Document]:
            places = ((self.place_of(document.uri), document) for document in documents)
            return {place[1]: document for place, document in places if place and place[0] == folder.root}

        return folder.facts(inside(snapshot.documents.values()), list(inside(snapshot.closed)), outline_of)


def _key(folder: Folder | None) -> str:
    return folder.key if folder is not None else ""
