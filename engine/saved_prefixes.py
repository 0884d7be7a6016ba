"""Evaluated prompts on disk, so that a restarted server need not evaluate them again: a bounded directory.

Token ids and a state go in as they are, and come out the same or not at all. Knows no backend: which states
may be loaded is said by an ``identity``, and those of another one are never given out. Token ids are the
user's code in other letters: directory and files are the owner's alone, and where that cannot be had nothing
is written. Nothing here raises: a disk that is full, read-only or damaged costs the saved prompts only, and a
line in the log.

Several processes share a directory. A file gets its name when it is whole, and any of them may vanish.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from engine.catalog.store import cache_dir
from engine.prefix_file import Damaged, Head, State, read_head, read_whole, write_file

LIMIT_BYTES = 1_000_000_000  # of 4,096 tokens: 20 prompts of the 0.5B (12 KB a token), 8 of the 1.5B (28 KB)
DEAD_AFTER_S = 3_600  # a half-written file of that age belongs to a process that died; writing takes a second
_SUFFIX = ".prefix"
_PART = ".part"
_OURS = re.compile(rf"[0-9a-f]{{32}}{re.escape(_SUFFIX)}")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SavedPrefix:
    """A saved prompt: its tokens, and where the state after them lies."""

    tokens: tuple[int, ...]
    label: str
    path: Path
    size_bytes: int  # of the file
    used: float  # seconds since the epoch


@dataclass(frozen=True, slots=True)
class Usage:
    """How many saved prompts there are, whatever their identity, and what they take on disk."""

    prompts: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    size_bytes: int
    modified: float


def prefixes_dir() -> Path:
    """Where saved prompts lie. It need not exist yet."""
    return cache_dir() / "prefixes"


def usage(directory: Path) -> Usage:
    """What lies there; half-written files count by their size only. Raises OSError."""
    files = list(_files(directory))
    return Usage(sum(file.path.suffix == _SUFFIX for file in files), sum(file.size_bytes for file in files))


def clear(directory: Path) -> int:
    """Remove all saved prompts, half-written ones too; the bytes freed. What cannot be removed stays.

    Raises OSError where the directory cannot be read.
    """
    return sum(file.size_bytes for file in list(_files(directory)) if _unlink(file.path))


class SavedPrefixes:
    """The saved prompts of one ``identity`` in ``directory``, which holds at most ``limit_bytes`` of all.

    May be used by several threads: writing takes long, and need not hold up who reads.
    """

    def __init__(self, directory: Path, identity: str, limit_bytes: int = LIMIT_BYTES) -> None:
        self._directory = directory
        self._identity = identity
        self._limit_bytes = limit_bytes
        self._entries: dict[Path, SavedPrefix] = {}
        self._lock = threading.Lock()  # of _entries; never held while a disk is asked
        self._complaint = ""
        self._ahead: tuple[SavedPrefix, Future[bytes | None]] | None = None
        self.refresh()

    @property
    def entries(self) -> tuple[SavedPrefix, ...]:
        """What may be read, the last used first."""
        with self._lock:
            return tuple(sorted(self._entries.values(), key=lambda entry: entry.used, reverse=True))

    def refresh(self) -> None:
        """Look what lies there now; reads heads only, a few milliseconds for dozens of files."""
        found: dict[Path, SavedPrefix] = {}
        with self._lock:
            before = dict(self._entries)
        try:
            self._prepare()
            self._prune()
            for file in _files(self._directory):
                if file.path.suffix == _SUFFIX and (entry := self._look(file)):
                    found[file.path] = entry
        except OSError as error:
            self._complain("read", error)
        with self._lock:
            written = {path: entry for path, entry in self._entries.items() if before.get(path) != entry}
            self._entries = found | written  # the latter by another thread meanwhile

    def read_ahead(self) -> None:
        """Read the prompt that was used last, on another thread: it is asked for first once a model is open.

        It is held until one is read or written.
        """
        for newest in self.entries[:1]:
            thread = ThreadPoolExecutor(1, "codeflow-saved-prompt")
            self._ahead = newest, thread.submit(self._read, newest)
            thread.shutdown(wait=False)

    def read(self, entry: SavedPrefix) -> bytes | None:
        """The state of ``entry``, proven; None where it is gone, damaged or by now another's.

        It is no entry any more then, and a damaged file is removed.
        """
        ahead, self._ahead = self._ahead, None
        if ahead is not None and (ahead[0].path, ahead[0].tokens) == (entry.path, entry.tokens):
            return ahead[1].result()
        return self._read(entry)

    def _read(self, entry: SavedPrefix) -> bytes | None:
        try:
            found = read_whole(entry.path)
            if found and (found[0].identity, found[0].tokens) == (self._identity, entry.tokens):
                return found[1]
            logger.info("The saved prompt %s is another one by now.", entry.path.name)
        except FileNotFoundError:
            logger.info("The saved prompt %s is gone.", entry.path.name)
        except Damaged as error:
            self._discard(entry.path, error)
        except OSError as error:
            self._complain("read", error)
        with self._lock:
            now = self._entries.get(entry.path)
            if now is not None and now.tokens == entry.tokens:  # not what a thread has just written
                del self._entries[entry.path]
        return None

    @property
    def limit_bytes(self) -> int:
        """The most that all of them may take."""
        return self._limit_bytes

    def write(self, tokens: Sequence[int], state: State, label: str = "") -> bool:
        """Save a state; whether it lies there now. What was unused longest makes room for it.

        A label (any text; best a hash) has one entry: the newest replaces the older one. Without a label the
        entries without one whose tokens are the beginning of these are replaced.
        """
        self._ahead = None
        head = Head(self._identity, label, tuple(tokens), memoryview(state).nbytes)
        path = self._directory / f"{head.key}{_SUFFIX}"
        size = head.file_bytes
        if size > self._limit_bytes:
            logger.info("A prompt of %d tokens is not saved: %d bytes are too many.", len(head.tokens), size)
            return False
        try:
            self._prepare()
            if not self._is_saved(path, head):
                self._put(path, head, state)
            with self._lock:
                self._entries[path] = SavedPrefix(head.tokens, label, path, size, time.time())
            self._remove_beginnings(head)
            self._prune(keep=path)
        except OSError as error:
            self._complain("written", error)
            return False
        self._complaint = ""
        return True

    def touch(self, entry: SavedPrefix) -> None:
        """Note that ``entry`` was of use: others are removed before it."""
        try:
            os.utime(entry.path)
        except FileNotFoundError:
            self._forget(entry.path)
            return
        except OSError as error:  # a disk that is read-only: the order is kept in memory at least
            self._complain("written", error)
        with self._lock:
            if entry.path in self._entries:
                self._entries[entry.path] = replace(self._entries[entry.path], used=time.time())

    def _prepare(self) -> None:
        """Make the directory the owner's alone. Raises OSError, also where it cannot be made so."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if os.name != "posix":
            return  # a user's cache directory is the user's alone by inheritance
        with contextlib.suppress(OSError):  # a read-only disk, where it may be private already
            self._directory.chmod(0o700)
        if self._directory.stat().st_mode & 0o077:
            raise PermissionError(0, "other users may read the directory, and that cannot be changed")

    def _look(self, file: _File) -> SavedPrefix | None:
        """The entry a file is; None where it is none for this identity. Removes a damaged file."""
        try:
            head = read_head(file.path)
        except Damaged as error:
            self._discard(file.path, error)
            return None
        except FileNotFoundError:  # between the listing and now
            return None
        except OSError as error:
            self._complain("read", error)
            return None
        if head is None or head.identity != self._identity:
            return None
        return SavedPrefix(head.tokens, head.label, file.path, file.size_bytes, file.modified)

    def _is_saved(self, path: Path, head: Head) -> bool:
        """Whether that very prompt lies there; it is marked as used then."""
        try:
            if read_head(path) != head:
                return False
            os.utime(path)
        except (Damaged, OSError):
            return False
        return True

    def _put(self, path: Path, head: Head, state: State) -> None:
        """Write a file under another name first, so that nobody ever sees half of one. Raises OSError."""
        handle, name = tempfile.mkstemp(dir=self._directory, suffix=_PART)  # 0600 from the beginning
        part = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                write_file(file, head, state)
            part.replace(path)  # no fsync: what a power cut spoils, the digest tells
        except BaseException:
            _unlink(part)
            raise

    def _remove_beginnings(self, head: Head) -> None:
        """Remove what the new, unlabelled entry makes superfluous."""
        if head.label:
            return  # the older one of its label had the same file name
        for entry in self.entries:
            shorter = len(entry.tokens) < len(head.tokens)
            if not entry.label and shorter and head.tokens[: len(entry.tokens)] == entry.tokens:
                _unlink(entry.path)
                self._forget(entry.path)

    def _prune(self, keep: Path | None = None) -> None:
        """Remove what dead writers left, then what was unused longest, down to the limit. Raises OSError."""
        files, now = sorted(_files(self._directory), key=lambda file: file.modified), time.time()
        whole = [file for file in files if file.path.suffix == _SUFFIX]
        for file in files:
            if file.path.suffix == _PART and now - file.modified > DEAD_AFTER_S:
                _unlink(file.path)
        total = sum(file.size_bytes for file in whole)
        for file in whole:
            if total <= self._limit_bytes:
                break
            if file.path != keep and _unlink(file.path):
                self._forget(file.path)
                total -= file.size_bytes

    def _forget(self, path: Path) -> None:
        with self._lock:
            self._entries.pop(path, None)

    def _discard(self, path: Path, error: Damaged) -> None:
        logger.warning("The saved prompt %s %s; it is removed.", path.name, error)
        _unlink(path)

    def _complain(self, done: str, error: OSError) -> None:
        """Once for each trouble: a full disk stays full for a while."""
        text = f"Saved prompts in {self._directory} cannot be {done}: {error.strerror or error}."
        if text != self._complaint:
            logger.warning("%s", text)
        self._complaint = text


def _files(directory: Path) -> Iterator[_File]:
    """Every file there that is ours, by its name; none where there is no directory. Raises OSError."""
    try:
        listing = os.scandir(directory)
    except FileNotFoundError:
        return
    with listing:
        for found in listing:
            if not (_OURS.fullmatch(found.name) or found.name.endswith(_PART)):
                continue
            with contextlib.suppress(FileNotFoundError):  # another process was quicker
                if found.is_file(follow_symlinks=False):
                    status = found.stat(follow_symlinks=False)
                    yield _File(Path(found.path), status.st_size, status.st_mtime)


def _unlink(path: Path) -> bool:
    """Whether it is gone."""
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return False  # Windows keeps what another process has open
    return True
