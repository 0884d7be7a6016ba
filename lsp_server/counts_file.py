"""The counts of all sessions since a date: one small file in the cache folder, the owner's alone.

Several servers add to it; each holds a lock while it reads, adds and puts a new file in the old one's place.
A damaged file is begun anew with a line in the log, and a disk that cannot be written costs the counts only.
"""

from __future__ import annotations

import json
import logging
import os
import tempfile
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from lsp_server.counts import Counts

_LOCK_S = 1.0  # reading and writing take a millisecond; whoever holds it longer is stuck

logger = logging.getLogger(__name__)


class Kept(NamedTuple):
    """What was counted, and since when (ISO 8601, UTC)."""

    counts: Counts
    since: str


def now() -> str:
    """This second, as ``since`` is written."""
    return datetime.now(UTC).isoformat(timespec="seconds")


class CountsFile:
    """The file, which need not exist yet; in the cache folder where no path is given. Safe to use from
    several threads and processes."""

    def __init__(self, path: Path | None = None) -> None:
        self._given = path

    @cached_property
    def path(self) -> Path:
        """Where it lies."""
        from engine.catalog import cache_dir

        return self._given or cache_dir() / "statistics.json"

    def read(self) -> Kept | None:
        """What is kept; None where nothing is, or nothing that can be read."""
        try:
            raw = json.loads(self.path.read_text(encoding="utf-8"))
            since = datetime.fromisoformat(raw["since"]).isoformat(timespec="seconds")
            return Kept(Counts.from_stored(raw), since)
        except FileNotFoundError:
            return None
        except OSError as error:
            logger.warning("the statistics in %s cannot be read: %s", self.path, error.strerror or error)
        except (ValueError, KeyError, TypeError, RecursionError):  # undecodable bytes are a ValueError too
            logger.warning("the statistics in %s are damaged; counting begins anew", self.path)
        return None

    def add(self, counts: Counts, *, since: str, last_known: str | None) -> str | None:
        """Add what was counted since ``since``; the file's own date, or None where it cannot be written.

        Where the file's date is no longer ``last_known``, somebody has cleared it meanwhile: what was counted
        before is not brought back.
        """
        from filelock import FileLock, Timeout

        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(self.path.with_suffix(".lock"), timeout=_LOCK_S, mode=0o600):
                kept = self.read() or Kept(Counts(), since)
                if last_known is None or kept.since == last_known:
                    kept.counts.add(counts)
                    self._write(kept)
                return kept.since
        except Timeout:
            return None
        except OSError as error:
            logger.info("the statistics in %s cannot be written: %s", self.path, error.strerror or error)
            return None

    def clear(self) -> str | None:
        """Begin anew; the new date, or None where nothing was kept. Raises OSError."""
        from filelock import FileLock, Timeout

        if not self.path.exists():
            return None
        try:
            with FileLock(self.path.with_suffix(".lock"), timeout=_LOCK_S, mode=0o600):
                kept = Kept(Counts(), now())
                self._write(kept)
                return kept.since
        except Timeout:
            raise OSError(f"{self.path.with_suffix('.lock')} is held by another process") from None

    def _write(self, kept: Kept) -> None:
        handle, name = tempfile.mkstemp(prefix=self.path.stem, suffix=".part", dir=self.path.parent)  # 0600
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump({"since": kept.since, **kept.counts.stored()}, file)
            Path(name).replace(self.path)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise
