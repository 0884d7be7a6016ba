"""Model files on this machine: where they lie, and which of them may be opened.

A file is proven once, by its hash, and the proof is kept beside it together with the file's size and time
of change; as long as those stay the same it need not be read through again (a second per 500 MB).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path

import platformdirs

from engine.catalog.entries import ModelEntry, load_catalog
from engine.errors import ModelCorrupt

GGUF_MAGIC = b"GGUF"
READ_BYTES = 1 << 20  # large enough that hashing, not the system call, is the cost


def cache_dir() -> Path:
    """Where CodeFlow keeps what it can get again: CODEFLOW_HOME, or else the user's cache directory."""
    home = os.environ.get("CODEFLOW_HOME")
    return Path(home).expanduser() if home else Path(platformdirs.user_cache_dir("codeflow"))


def models_dir() -> Path:
    """Where downloaded models lie. It need not exist yet."""
    return cache_dir() / "models"


def local_path(entry: ModelEntry) -> Path | None:
    """The downloaded file of ``entry`` where it is present in its right size; says nothing of its hash.

    A model without a pinned size counts as present only where a pull has proven it by the user's hash.
    """
    if not entry.file:
        return None
    path = models_dir() / entry.file
    try:
        size = path.stat().st_size
    except OSError:
        return None
    present = size == entry.size_bytes if entry.size_bytes else _proven_hash(path) is not None
    return path if present else None


def trusted_path(entry: ModelEntry) -> Path | None:
    """The downloaded file of ``entry``, proven by its hash; None where there is none.

    Reads the whole file the first time. Raises ModelCorrupt where the file is not what it should be.
    """
    path = local_path(entry)
    if path is None:
        there = models_dir() / entry.file
        if entry.size_bytes and entry.sha256 and there.is_file():
            verify(there, entry.sha256, entry.size_bytes)  # says in what way its size is wrong
        return None
    proven = _proven_hash(path)
    if proven is not None and (not entry.sha256 or proven == entry.sha256):
        return path
    if not entry.sha256:
        return None
    verify(path, entry.sha256, entry.size_bytes)
    record_proof(path, entry.sha256)
    return path


def verify(path: Path, sha256: str, size: int | None) -> None:
    """Check that ``path`` is a GGUF file of ``size`` bytes (where known) with that SHA-256, in hex.

    Raises ModelCorrupt with what is wrong.
    """
    require_gguf(path)
    length = path.stat().st_size
    again = "Downloading it again replaces it."
    if size and length < size:
        raise ModelCorrupt(f"{path} is truncated: {length:,} of {size:,} bytes are there. {again}")
    if size and length > size:
        raise ModelCorrupt(f"{path} has {length:,} bytes where {size:,} are expected. {again}")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != sha256.lower():
        raise ModelCorrupt(
            f"{path} is not the published file: its SHA-256 is {digest}, expected was {sha256}. {again}"
        )


def require_gguf(path: Path) -> None:
    """Raises ModelCorrupt where ``path`` cannot be read or does not begin as a GGUF file does."""
    try:
        with path.open("rb") as file:
            begin = file.read(len(GGUF_MAGIC))
    except OSError as error:
        raise ModelCorrupt(f"{path} cannot be read: {error.strerror or error}.") from error
    if begin != GGUF_MAGIC:
        raise ModelCorrupt(f"{path} is not a GGUF model: it begins with {begin!r} instead of {GGUF_MAGIC!r}.")


def record_proof(path: Path, sha256: str) -> None:
    """Note beside ``path`` that its content has that hash. Does nothing where the disk may not be written."""
    status = path.stat()
    try:
        _proof(path).write_text(f"{sha256.lower()} {status.st_size} {status.st_mtime_ns}\n", encoding="ascii")
    except OSError:
        return  # a shared, read-only cache: the file is hashed at every start instead


def forget_proofs() -> bool:
    """Have every catalogued file hashed again before it is opened; False where nothing was proven."""
    forgotten = False
    for proof in (_proof(models_dir() / entry.file) for entry in load_catalog() if entry.sha256):
        with contextlib.suppress(OSError):
            proof.unlink()
            forgotten = True
    return forgotten


def _proof(path: Path) -> Path:
    return path.with_name(path.name + ".verified")


def _proven_hash(path: Path) -> str | None:
    try:
        sha256, size, modified = _proof(path).read_text(encoding="ascii").split()
        status = path.stat()
    except (OSError, ValueError):
        return None
    unchanged = (size, modified) == (str(status.st_size), str(status.st_mtime_ns))
    return sha256 if unchanged else None
