"""Questions to the store, asked in the server's process: each a lookup or two, well below a millisecond.

Nearly nothing is held in memory. Each thread has a read-only connection of its own. A store that is missing,
damaged or of another version answers as an empty one.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import zlib
from collections.abc import Sequence
from functools import lru_cache
from math import log
from pathlib import Path
from typing import Any

from context.index.store import FILE_NAME, name_key, version
from context.outline import Outline, from_json

MOST_OUTLINES = 64  # remembered; some 50 KB each as values
MOST_ANSWERS = 8192  # remembered ranks and rarities; numbers
MOST_LINKED = 64  # files one file is linked with; a prompt holds fewer

_CACHE_KIB = 512  # SQLite's own, per thread

_log = logging.getLogger(__name__)


class Reader:
    """The reading side of one store. Thread-safe."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / FILE_NAME
        self._local = threading.local()
        self._lock = threading.Lock()
        self._connections: list[sqlite3.Connection] = []
        self._generation = 0
        self._closed = False
        self.outline = lru_cache(MOST_OUTLINES)(self._outline)
        self.rank = lru_cache(MOST_ANSWERS)(self._rank)
        self.use = lru_cache(MOST_ANSWERS)(self._use)
        self.defining = lru_cache(MOST_ANSWERS // 4)(self._defining)
        self.linked = lru_cache(MOST_ANSWERS // 16)(self._linked)
        self.top = lru_cache(4)(self._top)

    def forget(self) -> None:
        """The store changed: what was remembered may no longer be so."""
        for cached in (self.outline, self.rank, self.use, self.defining, self.linked, self.top):
            cached.cache_clear()

    def reopen(self) -> None:
        """The store was made anew: connections lead to the old one."""
        with self._lock:
            self._generation += 1
        self.forget()

    def close(self) -> None:
        """Close every connection; later questions are answered as from an empty store."""
        with self._lock:
            self._closed = True
            for connection in self._connections:
                connection.close()
            self._connections.clear()

    def paths(self) -> tuple[str, ...]:
        """Every readable path, sorted. Some milliseconds for 10,000: keep the answer."""
        return tuple(
            row[0] for row in self._rows("SELECT path FROM files WHERE language != '' ORDER BY path")
        )

    def complete(self) -> bool:
        """Whether the store has been filled once: ranks and links are there."""
        return bool(self._rows("SELECT 1 FROM meta WHERE key = 'graph'"))

    def count(self) -> int:
        """How many files there are."""
        return self._rows("SELECT count(*) FROM files WHERE language != ''")[0][0]

    def _outline(self, path: str) -> Outline | None:
        rows = self._rows(
            "SELECT json FROM files JOIN outlines ON outlines.key = files.outline WHERE path = ?", path
        )
        if not rows:
            return None
        text = zlib.decompress(rows[0][0]).decode("utf-8", "surrogatepass")
        return from_json(text) if text else None

    def _defining(self, name: str) -> tuple[str, ...]:
        rows = self._rows(
            "SELECT path FROM definitions JOIN files ON files.id = definitions.file WHERE name = ?"
            " ORDER BY rank DESC, path",
            name_key(name),
        )
        return tuple(row[0] for row in rows)

    def _use(self, name: str) -> tuple[int, int]:
        """In how many files a name is used (1 where nothing is known), and in how many defined."""
        rows = self._rows(
            "SELECT (SELECT files FROM names WHERE name = ?1),"
            " (SELECT count(*) FROM definitions WHERE name = ?1)",
            name_key(name),
        )
        users, definers = rows[0] if rows else (None, 0)
        return users or 1, definers

    def _rank(self, path: str) -> float:
        rows = self._rows("SELECT rank FROM files WHERE path = ?", path)
        return rows[0][0] if rows else 0.0

    def _linked(self, path: str) -> tuple[tuple[str, float], ...]:
        rows = self._rows(
            "SELECT path, sum(weight) AS total FROM ("
            " SELECT target AS file, weight FROM edges WHERE source = (SELECT id FROM files WHERE path = ?1)"
            " UNION ALL"
            " SELECT source, weight FROM edges WHERE target = (SELECT id FROM files WHERE path = ?1)"
            ") JOIN files ON files.id = file GROUP BY file ORDER BY total DESC, path LIMIT ?2",
            path,
            MOST_LINKED,
        )
        return tuple((row[0], row[1]) for row in rows)

    def _top(self, most: int) -> tuple[tuple[str, float], ...]:
        rows = self._rows(
            "SELECT path, rank FROM files WHERE outline IS NOT NULL ORDER BY rank DESC, path LIMIT ?", most
        )
        return tuple((row[0], row[1]) for row in rows)

    def _rows(self, question: str, *values: Any) -> Sequence[tuple[Any, ...]]:
        """The rows that answer a question; none where there is no store to ask."""
        try:
            connection = self._connection()
            return connection.execute(question, values).fetchall() if connection else ()
        except sqlite3.Error as error:
            # the child finds out by itself and makes the store anew
            _log.info("The index %s does not answer: %s.", self._path, error)
            self._local.connection = None
            return ()

    def _connection(self) -> sqlite3.Connection | None:
        """This thread's connection; None where there is no store of this version."""
        if getattr(self._local, "generation", -1) == self._generation and self._local.connection:
            return self._local.connection
        if self._closed or not self._path.exists():
            return None
        connection = sqlite3.connect(
            f"{self._path.absolute().as_uri()}?mode=ro", uri=True, timeout=1, check_same_thread=False
        )
        try:
            if connection.execute("PRAGMA user_version").fetchone()[0] != version():
                connection.close()
                return None
            connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            connection.execute("PRAGMA query_only = 1")
        except sqlite3.Error:
            connection.close()
            raise
        with self._lock:
            if self._closed:
                connection.close()
                return None
            self._connections.append(connection)
            self._local.connection, self._local.generation = connection, self._generation
        return connection


def rarity(users: int, files: int) -> float:
    """How much a name says: the logarithm of all files over those using it; 0 where every file does."""
    return max(0.0, log((files + 1) / (users + 1)))
