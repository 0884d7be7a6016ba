"""Reading a workspace folder into the store: walk, compare, parse what changed, derive the graph.

Runs in the child process (``worker``). Every text comes through ``context.privacy``, and what is kept of it
(signatures, first lines of documentation) is redacted before it is stored.
"""

from __future__ import annotations

import json
import os
import stat
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from context.imports import PathSet, resolve
from context.index.graph import defined, graph_of
from context.index.store import Facts, GraphRow, Store, content_key
from context.language import Language, language_of_path
from context.outline import Import, Outline, outline, to_json
from context.privacy import FileEntry, Ignore, may_be_prompted, read_text, redact, walk
from context.privacy.kinds import is_skipped_directory, left_out_by_name
from context.privacy.reading import MOST_BYTES

CHUNK = 25  # files read at a time: a transaction of some 20 ms, and what a killed child has to do again
VISIBLE_EVERY = 500  # files of a first scan that readers see before the next; later scans appear at once
HELPED_FROM = 200  # files to be read that are worth a second process: some 2 s of work, and 0.5 s to start it
SHORTEST_NAME = 3  # characters; i, x and id are in every file

_NO_FACTS = Facts("")


class Help(Protocol):
    """A second process that reads files (``context.index.helper``)."""

    @property
    def idle(self) -> bool:
        """Whether it can be given something: it runs, and ``taken`` has its last answer."""
        ...

    def give(self, paths: Sequence[str]) -> None:
        """Have it read files, one chunk at a time."""
        ...

    def taken(self, wait: bool) -> dict[str, Read] | None:
        """What it read of the last chunk, by path; empty where it broke down; None while it is at it."""
        ...


@dataclass(frozen=True, slots=True)
class Read:
    """A file that was read: its language, "" where it may not be; its text's key, None without outline."""

    language: str
    key: bytes | None


@dataclass(frozen=True, slots=True)
class Job:
    """What the work needs of its surroundings."""

    root: Path
    store: Store
    report: Callable[[int, int], None]  # (done, total) files
    stopped: Callable[[], bool]  # whether to leave off; what is done stays done
    parsing: Callable[[str], None]  # called with each path before its text is parsed, "" when at rest
    helped: Callable[[], AbstractContextManager[Help]] | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """What a job changed. ``finished`` is False where it was stopped."""

    changed: int
    paths_changed: bool
    finished: bool = True


def scan(job: Job) -> Done:
    """Bring the whole store up to date."""
    known = job.store.stamps()
    found: dict[str, FileEntry] = {}
    for entry in walk(job.root, Ignore.of(job.root)):
        found[entry.path] = entry
        if job.stopped():
            return Done(0, paths_changed=False, finished=False)
    changed = [entry for entry in found.values() if known.get(entry.path) != (entry.size, entry.modified_ns)]
    done = _take_all(job, changed, known.keys() - found.keys(), known.keys())
    if done.finished:
        job.store.begin()
        job.store.prune()
        job.store.commit()
    return done


def update(job: Job, paths: Iterable[str]) -> Done:
    """Bring some paths up to date, all at once for readers. A path that is gone may have been a directory."""
    ignore = Ignore.of(job.root)
    known = job.store.stamps()
    entries: dict[str, FileEntry] = {}
    gone: set[str] = set()
    for path in set(paths):
        # a folder may be gone, or be there again with other files
        for each in {path, *job.store.known_below(path)}:
            entry = _entry(job.root, each, ignore)
            if entry is None:
                gone.add(each)
            else:
                entries[each] = entry
    return _take_all(job, [entries[path] for path in sorted(entries)], gone & known.keys(), known.keys())


def read(job: Job, path: str) -> tuple[Read, Facts | None]:
    """Read one file; with its facts where its text is new to the store."""
    language = language_of_path(path)
    if not language.grammar:
        return Read(language.name, None), None
    job.parsing(path)
    text = read_text(job.root, path)
    key, facts = None, None
    if text is not None:
        key = content_key(language.name, text)
        if not job.store.has(key):
            facts = facts_of(language, text)
    return Read(language.name if text is not None else "", key), facts


def read_chunk(job: Job, paths: Sequence[str]) -> dict[str, Read]:
    """Read some files, and store the facts of texts that are new, in one short transaction."""
    rows = {path: read(job, path) for path in paths}
    job.parsing("")
    new = [(each.key, facts) for each, facts in rows.values() if each.key is not None and facts is not None]
    if new:
        job.store.begin()
        for key, facts in new:
            job.store.add(key, facts)
        job.store.commit()
    return {path: each for path, (each, _) in rows.items()}


def _take_all(job: Job, entries: Sequence[FileEntry], gone: Collection[str], known: Collection[str]) -> Done:
    """Read files and enter them, and forget those that are gone: in one transaction, but for a first scan."""
    visible_every = len(entries) if known else VISIBLE_EVERY
    waiting: list[tuple[FileEntry, Read]] = []
    count = 0
    job.report(0, len(entries))
    for chunk in _read_all(job, entries):
        waiting += chunk
        count += len(chunk)
        job.report(count, len(entries))
        if len(waiting) >= visible_every:
            _enter(job, waiting, ())
            waiting = []
    _enter(job, waiting, sorted(gone) if count == len(entries) else ())
    new = any(entry.path not in known for entry in entries)
    return Done(count + len(gone), paths_changed=bool(gone) or new, finished=count == len(entries))


def _enter(job: Job, rows: Iterable[tuple[FileEntry, Read]], gone: Iterable[str]) -> None:
    job.store.begin()
    for entry, each in rows:
        job.store.put(
            entry.path,
            size=entry.size,
            modified_ns=entry.modified_ns,
            language=each.language,
            key=each.key,
        )
    job.store.forget(gone)
    job.store.commit()


def _read_all(job: Job, entries: Sequence[FileEntry]) -> Iterator[list[tuple[FileEntry, Read]]]:
    """Read files chunk by chunk, with help where there are many; fewer where the job is stopped."""
    chunks = deque(entries[begin : begin + CHUNK] for begin in range(0, len(entries), CHUNK))
    helped = job.helped() if job.helped and len(entries) >= HELPED_FROM else nullcontext(None)
    with helped as help_:
        given: Sequence[FileEntry] = ()
        while (chunks or given) and not job.stopped():
            if help_ is not None and given:
                taken = help_.taken(wait=not chunks)
                if taken is not None:
                    # where it broke down, this process reads the chunk: it leaves word of what breaks it, too
                    yield _paired(given, taken or read_chunk(job, [entry.path for entry in given]))
                    given = ()
            if help_ is not None and help_.idle and chunks and not given:
                given = chunks.popleft()
                help_.give([entry.path for entry in given])
            if chunks:
                mine = chunks.popleft()
                yield _paired(mine, read_chunk(job, [entry.path for entry in mine]))


def _paired(entries: Iterable[FileEntry], read: dict[str, Read]) -> list[tuple[FileEntry, Read]]:
    return [(entry, read[entry.path]) for entry in entries]


def skip(job: Job, path: str) -> None:
    """A file brought the process down: until its text changes, nothing is known of it. Committed at once."""
    text = read_text(job.root, path)
    if text is not None:
        job.store.begin()
        job.store.add(content_key(language_of_path(path).name, text), _NO_FACTS)
        job.store.commit()


def derive(job: Job) -> float:
    """Derive names, edges and ranks from all files; the seconds it took."""
    began = time.monotonic()
    job.store.begin()
    paths = PathSet(job.store.paths())
    graph = graph_of(job.store.graph_rows, lambda row: _imported(row, paths))
    job.store.replace_graph(names=graph.shared_names(), edges=graph.edges(), ranks=graph.ranked())
    job.store.set_meta("graph", "1")
    job.store.commit()
    return time.monotonic() - began


def facts_of(language: Language, text: str) -> Facts:
    """What is stored of a text: its outline without secrets, and what the graph needs."""
    full = outline(language, text)
    kept = _redacted(full)
    names = dict.fromkeys(
        each.name for each in full.symbols if each.kind != "module" and len(each.name) >= SHORTEST_NAME
    )
    return Facts(
        json=to_json(kept),
        defined=tuple(defined(name) for name in names),
        used=tuple(full.references),
        imports=json.dumps([[each.module, list(each.names), each.line] for each in full.imports]),
    )


def _entry(root: Path, path: str, ignore: Ignore) -> FileEntry | None:
    """What ``walk`` would say of one path; None where it would leave it out."""
    *folders, name = path.split("/")
    if left_out_by_name(name) or not may_be_prompted(path) or not name.isprintable() or ignore.ignores(path):
        return None
    if any(is_skipped_directory(folder) for folder in folders):
        return None
    try:
        status = os.lstat(root / path)
        if not stat.S_ISREG(status.st_mode) or status.st_size > MOST_BYTES:
            return None
        top = os.path.realpath(root)
        if os.path.realpath(root / path) != os.path.join(top, *folders, name):  # noqa: PTH118 - as in reading
            return None  # below a link: met under its own name
        if any((root / parent / "pyvenv.cfg").exists() for parent in Path(path).parents):
            return None
    except (OSError, ValueError):
        return None
    return FileEntry(path, status.st_size, status.st_mtime_ns)


def _redacted(full: Outline) -> Outline:
    """An outline whose signatures and documentation hold no secrets.

    One call for all of them: ``redact`` keeps lines, and each of these is one line.
    """
    lines = [full.doc, *(part for each in full.symbols for part in (each.signature, each.doc))]
    text = "\n".join(lines)
    clean = redact(text)
    if clean == text:
        return full
    doc, *parts = clean.split("\n")
    symbols = tuple(
        replace(each, signature=parts[2 * i], doc=parts[2 * i + 1]) for i, each in enumerate(full.symbols)
    )
    return replace(full, symbols=symbols, doc=doc)


def _imported(row: GraphRow, paths: PathSet) -> Sequence[str]:
    """The workspace files that a file imports."""
    found: list[str] = []
    for module, names, line in json.loads(row.imports):
        imported = Import(module, tuple(names), line)
        found += resolve(imported, importer=row.path, language=row.language, paths=paths)
    return found
