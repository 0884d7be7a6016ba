"""A model file on its way in: always a prefix of the final file, hashed as it grows.

Because it is a prefix whatever source it came from, its length is all that is needed to resume, from any
source. It looks enough like a binary file for a download library to write to; going back in it cuts it.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engine.catalog.store import GGUF_MAGIC, READ_BYTES, record_proof
from engine.errors import EngineError, ModelCorrupt, ModelError, NotEnoughDisk


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a pull is, in bytes of the final file; ``total_bytes`` is 0 where it is not known yet.

    ``what`` is the step, and ``name`` what is pulled.
    """

    done_bytes: int
    total_bytes: int
    what: str
    name: str = ""


Report = Callable[[Progress], None]


class PullCancelled(EngineError):
    """The pull was cancelled; what had arrived is kept for the next one."""


class SourceFailed(ModelError):
    """One source did not deliver; the next one may. What has arrived is a good prefix."""


class Partial:
    """The growing file. Not for two writers at once: whoever makes one holds the model's lock."""

    def __init__(
        self,
        path: Path,
        total_bytes: int,
        report: Report,
        cancelled: threading.Event | None = None,
        *,
        magic: bytes = GGUF_MAGIC,
    ) -> None:
        self.path = path
        self.total_bytes = total_bytes  # 0: not known
        self.what = "checking what has arrived before"
        self._report = report
        self._cancelled = cancelled
        self._magic = magic  # how the file has to begin
        self._hash = hashlib.sha256()
        self.length = 0  # bytes, all of them hashed
        path.touch()
        self._file = path.open("r+b")
        try:
            self._hash_prefix()
        except BaseException:
            self._file.close()
            raise

    # What a download library asks of a file

    def write(self, data: bytes) -> int:
        """Append. Raises PullCancelled, ModelCorrupt (no GGUF, too long) or NotEnoughDisk."""
        self.check_cancelled()
        if self.length < len(self._magic):
            self._require_magic(self._begin() + bytes(data[:16]))
        if self.total_bytes and self.length + len(data) > self.total_bytes:
            raise ModelCorrupt(f"it sent more than the {self.total_bytes:,} bytes the file should have")
        try:
            self._file.write(data)
        except OSError as error:
            raise self._disk_error(error) from error
        self._hash.update(data)
        self.length += len(data)
        self.report(self.length)
        return len(data)

    def tell(self) -> int:
        """The length, in bytes."""
        return self.length

    def seek(self, position: int) -> int:
        """Go back to ``position``, in bytes, forgetting what came after it."""
        if position < self.length:
            self.cut(position)
        return self.length

    def truncate(self) -> int:
        """The length, in bytes: seek has cut already."""
        return self.length

    # What a pull asks of it

    def cut(self, length: int) -> None:
        """Keep the first ``length`` bytes only."""
        self._file.truncate(length)
        self._hash_prefix()

    def report(self, done_bytes: int) -> None:
        """Tell the user, in bytes of the final file."""
        done = min(done_bytes, self.total_bytes) if self.total_bytes else done_bytes
        self._report(Progress(done, self.total_bytes, self.what))

    def check_cancelled(self) -> None:
        """Raises PullCancelled where the user has asked for it."""
        if self._cancelled is not None and self._cancelled.is_set():
            raise PullCancelled("The download was cancelled; the next one goes on from here.")

    def require_room(self, scratch_bytes: int = 0) -> None:
        """Raises NotEnoughDisk where the rest of the file, and ``scratch_bytes`` beside it, do not fit."""
        needed = max(self.total_bytes - self.length, 0) + scratch_bytes
        free = shutil.disk_usage(self.path.parent).free
        if needed > free:
            raise NotEnoughDisk(
                f"Not enough disk space in {self.path.parent}: {needed / 1e6:,.0f} MB are needed and "
                f"{free / 1e6:,.0f} MB are free. Free some, or set CODEFLOW_HOME to a folder on another disk."
            )

    def finish(self, target: Path, sha256: str) -> None:
        """Become ``target``, in one step, where the content has that hash. Raises ModelCorrupt otherwise.

        An empty hash is for files of which none is published.
        """
        if self.total_bytes and self.length < self.total_bytes:
            raise SourceFailed(f"it stopped after {self.length:,} of {self.total_bytes:,} bytes")
        digest = self._hash.hexdigest()
        if sha256 and digest != sha256.lower():
            raise ModelCorrupt(f"its file is not the published one (SHA-256 {digest}, expected {sha256})")
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise self._disk_error(error) from error
        self._file.close()
        self.path.replace(target)
        record_proof(target, digest)

    def close(self) -> None:
        """Stop writing; an empty file is removed, a begun one kept for the next time."""
        try:
            self._file.close()
        except OSError as error:  # the buffer's last bytes did not fit: what is on disk is still a prefix
            raise self._disk_error(error) from error
        if self.path.exists() and self.path.stat().st_size == 0:
            self.path.unlink()

    def discard(self) -> None:
        """Leave nothing behind."""
        with contextlib.suppress(OSError):  # a last flush to a full disk: the file goes anyway
            self._file.close()
        self.path.unlink(missing_ok=True)

    def _begin(self) -> bytes:
        self._file.seek(0)
        begin = self._file.read(len(self._magic))
        self._file.seek(0, os.SEEK_END)
        return begin

    def _require_magic(self, begin: bytes) -> None:
        length = len(self._magic)
        if begin[:length] != self._magic[: len(begin)]:
            raise ModelCorrupt(f"it sent something that is not a GGUF model (it begins with {begin!r})")

    def _hash_prefix(self) -> None:
        self._hash = hashlib.sha256()
        self.length = 0
        self._file.seek(0)
        while chunk := self._file.read(READ_BYTES):
            self.check_cancelled()
            self._hash.update(chunk)
            self.length += len(chunk)
            self.report(self.length)

    def _disk_error(self, error: OSError) -> ModelError:
        if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)):  # Windows has no EDQUOT
            return NotEnoughDisk(f"The disk of {self.path.parent} filled up during the download.")
        return ModelError(f"{self.path} cannot be written: {error.strerror or error}.")
