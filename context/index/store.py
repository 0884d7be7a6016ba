"""The index on disk: one SQLite file per workspace folder. Knows rows, neither files nor syntax.

Written by the child process alone (one writer at a time, see ``worker``), read by the server. What a text
says is stored under its hash: a file that moved, or a branch that came back, is not parsed again.
Names are kept as 64-bit hashes: a tenth of the room, and the outlines hold the names themselves.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import zlib
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path

SCHEMA_VERSION = 1  # of the tables below; another number on disk means that the file is made anew
FILE_NAME = "index.sqlite3"
MOST_SPARE_BYTES = 64 << 20  # outlines no file has any more: some branches' worth of a 10,000-file workspace

_BUSY_S = 30  # another editor's child writes its transaction; far longer than any of them takes
_KEPT_WAL_BYTES = 16 << 20  # a write-ahead log is cut to this after a large transaction
_ZLIB_LEVEL = 1  # twice as fast as the default, a tenth larger

_SCHEMA = """
CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE files(
    id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, size INTEGER NOT NULL, modified_ns INTEGER NOT NULL,
    language TEXT NOT NULL, outline BLOB, rank REAL NOT NULL DEFAULT 0
);
CREATE INDEX files_outline ON files(outline);
CREATE TABLE outlines(
    id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, bytes INTEGER NOT NULL,
    defined BLOB NOT NULL, used BLOB NOT NULL, imports BLOB NOT NULL, json BLOB NOT NULL
);
CREATE TABLE definitions(name INTEGER NOT NULL, file INTEGER NOT NULL, PRIMARY KEY(name, file)) WITHOUT ROWID;
CREATE INDEX definitions_file ON definitions(file);
CREATE TABLE names(name INTEGER PRIMARY KEY, files INTEGER NOT NULL);
CREATE TABLE edges(
    source INTEGER NOT NULL, target INTEGER NOT NULL, weight REAL NOT NULL, PRIMARY KEY(source, target)
) WITHOUT ROWID;
CREATE INDEX edges_target ON edges(target);
"""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Defined:
    """A name that a text defines; ``flags`` as in ``context.index.graph``."""

    name: str
    flags: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What is stored of one text: its outline as JSON, and what the graph needs of it."""

    json: str
    defined: tuple[Defined, ...] = ()
    used: tuple[tuple[str, int], ...] = ()
    imports: str = "[]"


@dataclass(frozen=True, slots=True)
class GraphRow:
    """One file as the graph sees it. Names are keys (``name_key``)."""

    file: int
    path: str
    language: str
    defined: array[int]
    flags: bytes
    used: array[int]
    counts: array[int]
    imports: bytes


def directory_of(cache: Path, root: Path) -> Path:
    """Where the index of the workspace folder ``root`` lies: one directory per real path."""
    real = os.path.normcase(root.resolve())
    return cache / blake2b(real.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


@lru_cache(maxsize=1 << 16)
def name_key(name: str) -> int:
    """A name as a signed 64-bit number: among a million names two share one once in 30 million workspaces."""
    digest = blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def content_key(language: str, text: str) -> bytes:
    """What the outline of a text is stored under: the same text in another language reads differently."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16, key=language.encode()[:64]).digest()


def version() -> int:
    """What has to stand in the file for its rows to be understood."""
    from context.outline import OUTLINE_VERSION

    return SCHEMA_VERSION * 10_000 + OUTLINE_VERSION


class Store:
    """The writer's side. Not thread-safe; ``sqlite3.DatabaseError`` where the file is damaged after all."""

    def __init__(self, connection: sqlite3.Connection, anew: bool) -> None:
        self._connection = connection
        self.anew = anew  # nothing in it yet

    @classmethod
    def open(cls, directory: Path) -> Store:
        """Open or make the file. A damaged one, or one of another version, is made anew, which is logged."""
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        directory.chmod(0o700)  # whatever made it: signatures of private code lie here
        path = directory / FILE_NAME
        try:
            return cls._open(path)
        except sqlite3.OperationalError:
            raise  # a full or locked disk is no damage
        except sqlite3.DatabaseError as error:
            _log.warning("The index %s is damaged (%s) and is made anew.", path, error)
            discard(directory)
            return cls._open(path)

    @classmethod
    def _open(cls, path: Path) -> Store:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))  # SQLite gives its other files the same mode
        connection = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")  # a power cut may cost a batch, never the file
            connection.execute(f"PRAGMA journal_size_limit = {_KEPT_WAL_BYTES}")
            connection.execute("PRAGMA cache_size = -8192")  # KiB
            found = connection.execute("PRAGMA user_version").fetchone()[0]
            if found != version():
                if found:
                    _log.info("The index %s is of another version (%d) and is made anew.", path, found)
                _make(connection)
            connection.execute("SELECT count(*) FROM files").fetchone()
        except BaseException:
            connection.close()
            raise
        return cls(connection, anew=found != version())

    def close(self) -> None:
        """Close the file; what was not committed is lost."""
        self._connection.close()

    def begin(self) -> None:
        """Begin a transaction: everything up to ``commit`` is seen by readers at once or not at all."""
        self._connection.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """End the transaction."""
        self._connection.execute("COMMIT")

    def rollback(self) -> None:
        """Give the transaction up, where there is one."""
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def meta(self, key: str) -> str:
        """A remembered fact of the index as a whole, "" where there is none."""
        row = self._connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return row[0] if row else ""

    def set_meta(self, key: str, value: str) -> None:
        """Remember a fact of the index as a whole."""
        self._connection.execute("INSERT OR REPLACE INTO meta VALUES(?, ?)", (key, value))

    def stamps(self) -> dict[str, tuple[int, int]]:
        """Size in bytes and time of the last change in nanoseconds of every known path."""
        rows = self._connection.execute("SELECT path, size, modified_ns FROM files")
        return {path: (size, modified_ns) for path, size, modified_ns in rows}

    def paths(self) -> list[str]:
        """Every path that may be read, sorted."""
        rows = self._connection.execute("SELECT path FROM files WHERE language != '' ORDER BY path")
        return [row[0] for row in rows]

    def known_below(self, path: str) -> list[str]:
        """The known files that are ``path`` or lie below it."""
        rows = self._connection.execute(
            "SELECT path FROM files WHERE path = ? OR (path > ? AND path < ?)", (path, path + "/", path + "0")
        )
        return [row[0] for row in rows]

    def has(self, key: bytes) -> bool:
        """Whether the facts of this text are known."""
        return self._connection.execute("SELECT 1 FROM outlines WHERE key = ?", (key,)).fetchone() is not None

    def add(self, key: bytes, facts: Facts) -> None:
        """Store the facts of a text; nothing happens where they are known."""
        defined = {name_key(each.name): each.flags for each in facts.defined}
        names = array("q", defined)
        used = array("q", (name_key(name) for name, _ in facts.used))
        counts = array("H", (min(count, 0xFFFF) for _, count in facts.used))
        json = zlib.compress(facts.json.encode("utf-8", "surrogatepass"), _ZLIB_LEVEL)
        imports = zlib.compress(facts.imports.encode("utf-8", "surrogatepass"), _ZLIB_LEVEL)
        self._connection.execute(
            "INSERT OR IGNORE INTO outlines(key, bytes, defined, used, imports, json)"
            " VALUES(?, ?, ?, ?, ?, ?)",
            (
                key,
                len(json) + 10 * len(used) + 9 * len(names) + len(imports),
                names.tobytes() + bytes(defined.values()),
                used.tobytes() + counts.tobytes(),
                imports,
                json,
            ),
        )

    def put(self, path: str, *, size: int, modified_ns: int, language: str, key: bytes | None) -> None:
        """A file is there and has the text stored under ``key``; None where there is no outline of it.

        ``language`` is "" for a file that may not be read; such a file is remembered, but is nobody's path.
        """
        (file,) = self._connection.execute(
            "INSERT INTO files(path, size, modified_ns, language, outline) VALUES(?, ?, ?, ?, ?)"
            " ON CONFLICT(path) DO UPDATE SET size = excluded.size, modified_ns = excluded.modified_ns,"
            " language = excluded.language, outline = excluded.outline RETURNING id",
            (path, size, modified_ns, language, key),
        ).fetchone()
        self._connection.execute("DELETE FROM definitions WHERE file = ?", (file,))
        if key is None:
            return
        row = self._connection.execute("SELECT defined FROM outlines WHERE key = ?", (key,)).fetchone()
        names, _ = _split(row[0], 9)
        self._connection.executemany(
            "INSERT OR IGNORE INTO definitions VALUES(?, ?)", ((name, file) for name in names)
        )

    def forget(self, paths: Iterable[str]) -> None:
        """Files are gone. Their texts' facts stay for a while: they may come back."""
        for path in paths:
            row = self._connection.execute("SELECT id FROM files WHERE path = ?", (path,)).fetchone()
            if row is not None:
                self._connection.execute("DELETE FROM definitions WHERE file = ?", row)
                self._connection.execute("DELETE FROM edges WHERE source = ?", row)
                self._connection.execute("DELETE FROM edges WHERE target = ?", row)
                self._connection.execute("DELETE FROM files WHERE id = ?", row)

    def prune(self, most_bytes: int = MOST_SPARE_BYTES) -> int:
        """Drop facts that belong to no file, the oldest first, until ``most_bytes`` of them are left."""
        spare = self._connection.execute(
            "SELECT id, bytes FROM outlines WHERE key NOT IN"
            " (SELECT outline FROM files WHERE outline IS NOT NULL) ORDER BY id DESC"
        ).fetchall()
        dropped, kept = [], 0
        for number, size in spare:
            kept += size
            if kept > most_bytes:
                dropped.append((number,))
        self._connection.executemany("DELETE FROM outlines WHERE id = ?", dropped)
        return len(dropped)

    def graph_rows(self) -> Iterator[GraphRow]:
        """Every readable file with what the graph needs, in the order of paths, one at a time."""
        for file, path, language, defined, used, imports in self._connection.execute(
            "SELECT files.id, path, language, defined, used, imports FROM files"
            " LEFT JOIN outlines ON outlines.key = files.outline WHERE language != '' ORDER BY path"
        ):
            names, flags = _split(defined or b"", 9)
            uses, rest = _split(used or b"", 10)
            counts = array("H")
            counts.frombytes(rest)
            plain = zlib.decompress(imports) if imports else b"[]"
            yield GraphRow(file, path, language, names, flags, uses, counts, plain)

    def replace_graph(
        self,
        *,
        names: Iterable[tuple[int, int]],
        edges: Iterable[tuple[int, int, float]],
        ranks: Iterable[tuple[float, int]],
    ) -> None:
        """Replace what was derived from all files.

        Rows are (name, files using it), (source, target, weight) and (rank, file).
        """
        self._connection.execute("DELETE FROM names")
        self._connection.executemany("INSERT INTO names VALUES(?, ?)", names)
        self._connection.execute("DELETE FROM edges")
        self._connection.executemany("INSERT INTO edges VALUES(?, ?, ?)", edges)
        self._connection.executemany("UPDATE files SET rank = ?1 WHERE id = ?2 AND rank != ?1", ranks)


def discard(directory: Path) -> None:
    """Remove a damaged file with its companions. OSError where another process keeps it open (Windows)."""
    for name in (FILE_NAME, FILE_NAME + "-wal", FILE_NAME + "-shm"):
        (directory / name).unlink(missing_ok=True)


def _make(connection: sqlite3.Connection) -> None:
    """The tables, empty, whatever was there before; in place, for readers may have the file open."""
    connection.execute("BEGIN IMMEDIATE")
    for (table,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
        if not table.startswith("sqlite_"):
            connection.execute(f'DROP TABLE "{table.replace(chr(34), chr(34) * 2)}"')
    for statement in _SCHEMA.split(";"):
        if statement.strip():
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {version()}")
    connection.execute("COMMIT")


def _split(blob: bytes, width: int) -> tuple[array[int], bytes]:
    """The 64-bit numbers a blob begins with, and its rest; ``width`` bytes belong to each number."""
    numbers = array("q")
    length = len(blob) // width * 8
    numbers.frombytes(blob[:length])
    return numbers, blob[length:]
