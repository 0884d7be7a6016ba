"""What the user wrote in `model.name`, as a file that may be opened.

A path of the user's own needs no hash: it is theirs. A name is looked up, downloaded where that is
allowed, and where no source answers a smaller model takes its place, with a sentence that says so.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

from engine.catalog.checkpoint import checkpoint_folder, is_checkpoint_name, is_complete, pull_checkpoint
from engine.catalog.download import NoSourceAnswered, pull, remedy
from engine.catalog.entries import ModelEntry, find_entry, load_catalog
from engine.catalog.partial import Progress, Report
from engine.catalog.store import require_gguf, trusted_path
from engine.errors import ModelCorrupt, ModelUnavailable, UnknownModel


@dataclass(frozen=True, slots=True)
class ResolvedModel:
    """A model on this machine. ``entry`` is None for a path of the user's own.

    ``notice`` is a sentence for the user where it is another model than the one asked for. ``path`` is a
    GGUF file, or for the loop engine a folder of safetensors.
    """

    path: Path
    entry: ModelEntry | None = None
    notice: str | None = None

    @property
    def engine(self) -> str:
        """Which engine opens it: "llama" or "loop"."""
        return "loop" if self.path.is_dir() else "llama"


class _NotHere(ModelUnavailable):
    """It is not on this machine, and might not be downloaded; ``reason`` is the part that says so."""

    def __init__(self, entry: ModelEntry, damage: str) -> None:
        self.reason = (
            f"{entry.name} is damaged: {damage}" if damage else f"{entry.name} is not on this machine."
        )
        super().__init__(f"{self.reason} {remedy(entry)}")


def _silent(progress: Progress) -> None:
    del progress


def resolve(
    name_or_path: str,
    *,
    allow_pull: bool = True,
    allow_smaller: bool = True,
    report: Report = _silent,
    cancelled: threading.Event | None = None,
) -> ResolvedModel:
    """The model of that name, or the file at that path (~ is the home directory). A name wins over a file.

    ``allow_smaller``: whether the next smaller model may take the place of one that no source delivers.
    Raises UnknownModel, ModelCorrupt, NotEnoughDisk, PullCancelled, or ModelUnavailable, which names every
    source tried and why it failed.
    """
    if is_checkpoint_name(name_or_path):
        return ResolvedModel(_checkpoint(name_or_path, allow_pull, report, cancelled))
    if _is_path(name_or_path):
        return ResolvedModel(_own_file(Path(name_or_path).expanduser()))
    chosen = find_entry(name_or_path)
    if not (chosen.pullable and allow_smaller):  # what only the user can bring is not replaced unasked
        return ResolvedModel(_obtain(chosen, allow_pull, report, cancelled), chosen)
    failures: list[str] = []
    candidates = (chosen, *_smaller(chosen))
    for entry in candidates:
        try:
            path = _obtain(entry, allow_pull, report, cancelled)
        except (NoSourceAnswered, _NotHere) as error:
            if len(candidates) == 1:
                raise
            failures += _reasons(entry, error)
        else:
            return ResolvedModel(path, entry, _notice(chosen, entry, failures))
    raise ModelUnavailable(f"No model is available. {' '.join(failures)} {remedy(chosen)}")


def _reasons(entry: ModelEntry, error: NoSourceAnswered | _NotHere) -> list[str]:
    if isinstance(error, _NotHere):
        return [error.reason]
    return [f"{entry.name}: {failure}" for failure in error.failures]


def _obtain(entry: ModelEntry, allow_pull: bool, report: Report, cancelled: threading.Event | None) -> Path:
    damage = ""
    try:
        if path := trusted_path(entry):
            return path
    except ModelCorrupt as error:
        damage = str(error)
    if entry.sources and not allow_pull:
        raise _NotHere(entry, damage)
    try:
        return pull(entry, report=report, cancelled=cancelled)
    except NoSourceAnswered as error:
        if damage:
            raise NoSourceAnswered(entry, (damage, *error.failures)) from None
        raise


def _checkpoint(text: str, allow_pull: bool, report: Report, cancelled: threading.Event | None) -> Path:
    folder = checkpoint_folder(text)
    if is_complete(folder):
        return folder
    if not allow_pull:
        raise ModelUnavailable(f"{text} is not on this machine. Run `codeflow-lsp models pull {text}`.")
    return pull_checkpoint(text, report=report, cancelled=cancelled)


def _smaller(chosen: ModelEntry) -> list[ModelEntry]:
    """What may take the place of ``chosen``, largest first."""
    smaller = [e for e in load_catalog() if e.automatic and e.parameters < chosen.parameters]
    return sorted(smaller, key=lambda entry: entry.parameters, reverse=True)


def _notice(chosen: ModelEntry, used: ModelEntry, failures: list[str]) -> str | None:
    if used == chosen:
        return None
    return f"{used.name} is used in place of {chosen.name}. {' '.join(failures)} {remedy(chosen)}"


def _is_path(text: str) -> bool:
    if any(text.strip().lower() == entry.name for entry in load_catalog()):
        return False
    written_as_path = text.startswith("~") or any(sign in text for sign in "/\\")
    return written_as_path or text.lower().endswith(".gguf") or Path(text).exists()


def _own_file(path: Path) -> Path:
    if path.is_dir():
        if (path / "config.json").is_file() and any(path.glob("*.safetensors")):
            return path.resolve()
        raise ModelCorrupt(f"{path} is a folder: give the path of the GGUF file in it.")
    if not path.exists():
        raise UnknownModel(f"There is no file {path}: correct the path, or give a name of the catalog.")
    require_gguf(path)
    return path.resolve()
