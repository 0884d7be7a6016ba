"""Which folders of a workspace are watched, and how watchdog is asked to.

Knows what the system can do, and nothing of what becomes of the events.
"""

from __future__ import annotations

import errno
import os
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from context.privacy.ignore import Ignore
from context.privacy.kinds import is_skipped_directory

if TYPE_CHECKING:
    from watchdog.events import FileSystemEvent
    from watchdog.observers.api import BaseObserver

MOST_WATCHES = 24  # folders watched apart from each other, a thread each (see ``plan``)
RESCAN_EVERY_S = 60.0  # where watching is impossible: a second of a child process at low priority


def handler(on_event: Callable[[FileSystemEvent], None]) -> Any:
    """What watchdog calls with every event."""
    from watchdog.events import FileSystemEventHandler

    class Handler(FileSystemEventHandler):
        def on_any_event(self, event: FileSystemEvent) -> None:
            on_event(event)

    return Handler()


def wanted_events() -> list[Any]:
    """The events that are asked of the system: of a written file only the end, where the system tells it."""
    from watchdog import events

    written = events.FileClosedEvent if sys.platform == "linux" else events.FileModifiedEvent
    return [
        written,
        events.FileCreatedEvent,
        events.FileDeletedEvent,
        events.FileMovedEvent,
        events.DirCreatedEvent,
        events.DirDeletedEvent,
        events.DirMovedEvent,
    ]


def plan(root: Path, ignore: Ignore, gits: Iterable[Path]) -> dict[Path, bool]:
    """Which folders to watch, and whether with all that is below them.

    Linux watches folder by folder, so there the root is watched alone, and each of its folders apart, without
    those that are ignored (node_modules, .venv) and without git's objects. Elsewhere one watch covers all.
    """
    wanted = {root: True}
    if sys.platform == "linux":
        with os.scandir(root) as entries:
            tops = [
                entry.name
                for entry in entries
                if entry.is_dir(follow_symlinks=False)
                and not is_skipped_directory(entry.name)
                and not (Path(entry.path) / "pyvenv.cfg").exists()
                and not ignore.ignores(entry.name, is_directory=True)
            ]
        if len(tops) <= MOST_WATCHES:
            wanted = {root: False} | {root / name: True for name in tops}
    for git in gits:
        if wanted[root] and git.is_relative_to(root):
            continue
        wanted[git] = False
        for refs in (git / "refs", git / "reftable"):
            if refs.is_dir():
                wanted[refs] = True
    return wanted


def probe(observer: BaseObserver, on_events: Any) -> None:
    """OSError where the system's limit is reached: deep in a folder watchdog passes over it in silence."""
    with tempfile.TemporaryDirectory() as directory:
        observer.unschedule(observer.schedule(on_events, directory))


def why(root: Path, error: OSError) -> str:
    """What a user can do where a folder cannot be watched."""
    reason, advice = str(error), "Files that the editor saves itself are seen at once in any case."
    if error.errno == errno.ENOSPC:
        reason = "the system's limit of watched folders is reached"
        advice = "To lift it: sudo sysctl fs.inotify.max_user_watches=1048576"
    elif error.errno == errno.EMFILE:
        reason = "too many programs of this user watch files"
        advice = "To lift the limit: sudo sysctl fs.inotify.max_user_instances=1024"
    return (
        f"Changes made outside the editor below {root} are looked for every {RESCAN_EVERY_S:.0f} s"
        f" instead of being watched: {reason}. {advice}"
    )
