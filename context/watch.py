"""What happens to files outside the editor, in batches: a save is one, and so is a switch of 5,000 files.

It turns the events of ``watchdog`` into sets of paths and knows neither texts nor indexes. Ignored paths and
the insides of ``.git`` are left out, links are not followed. Where the system cannot watch (too many folders,
an odd file system), it says so and asks for a rescan now and then.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from context.privacy.ignore import Ignore
from context.privacy.kinds import is_skipped_directory
from context.watch_plan import RESCAN_EVERY_S, handler, plan, probe, wanted_events, why

if TYPE_CHECKING:
    from watchdog.events import FileSystemEvent
    from watchdog.observers.api import BaseObserver, ObservedWatch

QUIET_S = 0.3  # after the last event: an editor's save is several of them, a few milliseconds apart
LONGEST_S = 2.0  # from the first event: a build that never rests is told of, too
LONGEST_GIT_S = 30.0  # git holds its index.lock while it switches branches; a crashed git leaves it behind
MOST_PATHS = 2_000  # more are a rescan, which looks at 10,000 files in a second and misses nothing
MOST_EVENTS = (
    8_000  # half of what Linux queues by default (16,384): beyond it, it drops events without a word
)
HEAD_FILES = frozenset(
    {"HEAD", "index", "packed-refs"}
)  # of a git directory; refs/ and reftable/ beside them
RULE_FILES = frozenset({".gitignore", ".codeflowignore"})

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Batch:
    """What happened below one root. Paths are POSIX, relative to it.

    A path is in one set only, by what is there now: replaced files are modified, files that came and went are
    in none. A deleted path may have been a folder: all below it is gone. ``head_moved``: git's HEAD, a ref or
    the index was written. ``overflow``: more happened than can be told, look at everything; the sets are
    empty then.
    """

    root: Path
    created: frozenset[str] = frozenset()
    modified: frozenset[str] = frozenset()
    deleted: frozenset[str] = frozenset()
    head_moved: bool = False
    overflow: bool = False


class Watch:
    """Watches folders until it is closed.

    ``on_batch`` is called on a thread of the watch, for one batch after the other; what it raises is logged.
    Making one walks the folders and takes some 100 ms for 10,000 files: not for an event loop.
    """

    def __init__(self, roots: Iterable[Path], on_batch: Callable[[Batch], None]) -> None:
        self._on_batch = on_batch
        self._changed = threading.Condition()
        self._closed = False
        self._folders = [_Folder(root, self._changed) for root in roots]
        self._thread = threading.Thread(target=self._run, name="codeflow-watch", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop watching; no batch comes afterwards. Waits for one under way, unless called from it."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for folder in self._folders:
            folder.close()
        if self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                if self._closed:
                    return
                now = time.monotonic()
                due = {folder: folder.due(now) for folder in self._folders}
                next_due = min(due.values(), default=float("inf"))
                if next_due > now:
                    self._changed.wait(None if next_due == float("inf") else next_due - now)
                    continue
            for folder in self._folders:
                if due[folder] <= now:
                    self._tell(folder.take())

    def _tell(self, batch: Batch | None) -> None:
        if batch is None or self._closed:
            return
        try:
            self._on_batch(batch)
        except Exception:
            _log.exception("Changes below %s could not be taken in.", batch.root)


@dataclass
class _Pending:
    """What happened since the last batch."""

    first: float = float("inf")
    last: float = 0.0
    git_since: float = float("inf")  # since when git is waited for
    git_locked: bool = False  # git has taken its index.lock, and its release has not been heard of
    events: int = 0
    created_first: dict[str, bool] = field(default_factory=dict)  # path -> whether its first event made it
    head_moved: bool = False
    overflow: bool = False
    replan: bool = False
    gone: set[Path] = field(default_factory=set)  # folders at the top whose watches lead nowhere now


class _Folder:
    """One root: its observer, and what has gathered since the last batch."""

    def __init__(self, root: Path, changed: threading.Condition) -> None:
        from context.history.place import find

        self._root = root
        self._real = Path(os.path.realpath(root))
        self._changed = changed
        self._pending = _Pending()
        self._ignore = Ignore.of(self._real)
        place = find(self._real)
        self._git = () if place is None else tuple(dict.fromkeys((place.git_dir, place.common_dir)))
        self._rescan_at = float("inf")
        self._watches: dict[Path, ObservedWatch] = {}
        self._alone = False  # the root is watched without what is below it
        self._observer: BaseObserver | None = None
        self._observe()

    def close(self) -> None:
        """Stop the observer and wait for its threads."""
        if self._observer is not None and self._observer.is_alive():
            self._observer.stop()
            self._observer.join()

    def due(self, now: float) -> float:
        """When the next batch should be taken, by the monotonic clock. The condition is held."""
        pending = self._pending
        if pending.first == float("inf"):
            return self._rescan_at
        due = min(pending.last + QUIET_S, pending.first + LONGEST_S)
        busy = pending.git_locked or self._git_is_busy()
        if due <= now < pending.git_since + LONGEST_GIT_S and busy:
            pending.git_since = min(pending.git_since, now)
            pending.first = pending.last = now  # what git just did is still on its way here
            return now + QUIET_S
        return due

    def take(self) -> Batch | None:
        """The batch that is due; None where nothing is left of it."""
        with self._changed:
            pending, self._pending = self._pending, _Pending()
        if pending.replan:
            self._ignore = Ignore.of(self._real)
            try:
                self._replan(pending.gone)
            except OSError as error:
                self._give_up(error)
            pending.overflow = True  # what is in a new folder came before its watch
        if self._rescan_at <= time.monotonic():
            self._rescan_at = time.monotonic() + RESCAN_EVERY_S
            pending.overflow = pending.head_moved = True
        if pending.overflow or pending.events > MOST_EVENTS or len(pending.created_first) > MOST_PATHS:
            return Batch(self._root, head_moved=pending.head_moved, overflow=True)
        created, modified, deleted = set(), set(), set()
        for path, new in pending.created_first.items():
            if os.path.lexists(self._real / path):
                (created if new else modified).add(path)
            elif not new:
                deleted.add(path)
        if not (created or modified or deleted or pending.head_moved):
            return None
        return Batch(
            self._root, frozenset(created), frozenset(modified), frozenset(deleted), pending.head_moved
        )

    def on_event(self, event: FileSystemEvent) -> None:
        """An event of the observer, on its thread."""
        source, target = os.fsdecode(event.src_path), os.fsdecode(event.dest_path or "")
        with self._changed:
            self._pending.events += 1
            if event.event_type == "moved":
                self._note(source, event.is_directory, "deleted")
                self._note(target, event.is_directory, "created")
            else:
                self._note(source, event.is_directory, event.event_type)

    def _note(self, name: str, is_directory: bool, kind: str) -> None:
        """Remember what happened to one path, if it matters. The condition is held."""
        for git in self._git:
            if name.startswith(f"{git}{os.sep}"):
                inside = name[len(str(git)) + 1 :].replace(os.sep, "/")
                if inside == "index.lock" and git in self._git[:1]:
                    self._pending.git_locked = kind != "deleted"  # events lag behind a git that is done
                if not is_directory and _moves_head(inside):
                    self._pending.head_moved = True
                    self._touch()
                return
        if name == str(self._real) and kind == "deleted":
            self._pending.overflow = True
            self._touch()
        if not name.startswith(f"{self._real}{os.sep}"):
            return
        path = name[len(str(self._real)) + 1 :].replace(os.sep, "/")
        if self._is_out(path, is_directory):
            return
        if is_directory and "/" not in path and self._alone:
            self._pending.replan = True
            if kind == "deleted":
                self._pending.gone.add(self._real / path)
            self._touch()
        if is_directory and kind != "deleted":
            return  # what is in a new folder has events of its own
        if path.rpartition("/")[2] in RULE_FILES:
            self._pending.replan = True  # what is ignored now may not be what was ignored before
        if len(self._pending.created_first) <= MOST_PATHS:
            self._pending.created_first.setdefault(path, kind == "created")
        self._touch()

    def _is_out(self, path: str, is_directory: bool) -> bool:
        """Whether nobody wants to hear of a path."""
        folders = path.split("/") if is_directory else path.split("/")[:-1]
        return any(is_skipped_directory(name) for name in folders) or self._ignore.ignores(path, is_directory)

    def _touch(self) -> None:
        now = time.monotonic()
        self._pending.last = now
        if self._pending.first == float("inf"):
            self._pending.first = now
        self._changed.notify_all()

    def _git_is_busy(self) -> bool:
        return any((git / "index.lock").exists() for git in self._git[:1])

    def _observe(self) -> None:
        """Start watching; where the system cannot, say so and look again now and then."""
        from watchdog.observers import Observer

        try:
            self._observer = Observer()
            self._observer.start()
            self._replan(set())
        except OSError as error:
            self._give_up(error)

    def _replan(self, gone: set[Path]) -> None:
        """Bring the watches in line with what is there now. OSError where the system cannot watch."""
        if self._observer is None:
            return
        on_events, wanted = handler(self.on_event), wanted_events()
        folders = plan(self._real, self._ignore, self._git)
        for directory in [each for each in self._watches if each in gone or each not in folders]:
            self._observer.unschedule(self._watches.pop(directory))
        for directory, recursive in folders.items():
            if directory not in self._watches:
                self._watches[directory] = self._observer.schedule(
                    on_events, str(directory), recursive=recursive, event_filter=wanted
                )
        self._alone = not folders[self._real]
        probe(self._observer, on_events)

    def _give_up(self, error: OSError) -> None:
        _log.warning("%s", why(self._root, error))
        self._rescan_at = time.monotonic() + RESCAN_EVERY_S
        self.close()
        self._observer = None


def _moves_head(inside: str) -> bool:
    """Whether a file of a git directory says where HEAD is. Lock files become the real ones afterwards."""
    return inside in HEAD_FILES or (
        inside.startswith(("refs/", "reftable/")) and not inside.endswith(".lock")
    )
