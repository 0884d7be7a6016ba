"""A checkpoint of Hugging Face, written ``hf:owner/name``, as a folder on this machine.

Takes safetensors, the tokenizer and the JSON beside them: never pickles, never code. Large files are proven
by the hash that the hub publishes of them; a download goes on where it stopped. What is complete is noted in
the folder, and not asked for again.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.catalog import hugging_face
from engine.catalog.entries import HuggingFaceSource
from engine.catalog.partial import Partial, Progress, Report, SourceFailed
from engine.catalog.store import models_dir
from engine.errors import ModelCorrupt, ModelError, ModelUnavailable, NotEnoughDisk, UnknownModel

PREFIX = "hf:"
NOTE = "codeflow-checkpoint.json"  # in the folder, once all of it is there: each file's size
_NAME = re.compile(r"[\w.-]+/[\w.-]+")
_WANTED = re.compile(
    r"[\w.-]+\.safetensors|model\.safetensors\.index\.json|(config|generation_config|quantize_config)\.json"
    r"|(tokenizer|tokenizer_config|special_tokens_map|added_tokens)\.json|tokenizer\.model|chat_template\.jinja"
    r"|adapter_config\.json"
)


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """One file of a repository; ``sha256`` is empty for small ones, of which the hub has another hash."""

    name: str
    size_bytes: int
    sha256: str


def is_checkpoint_name(text: str) -> bool:
    """Whether ``text`` means a repository of Hugging Face."""
    return text.strip().startswith(PREFIX)


def checkpoint_folder(text: str) -> Path:
    """Where the checkpoint ``hf:owner/name`` lies, or would. Raises UnknownModel where it is no such name."""
    repo = text.strip().removeprefix(PREFIX)
    if not _NAME.fullmatch(repo) or ".." in repo:
        raise UnknownModel(f"'{text}' should be {PREFIX}owner/name, as Hugging Face names its repositories.")
    return models_dir() / repo.replace("/", "--")


def is_complete(folder: Path) -> bool:
    """Whether all of a checkpoint has arrived, each file in its size."""
    try:
        sizes: Mapping[str, int] = json.loads((folder / NOTE).read_text(encoding="utf-8"))
        return all((folder / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError, AttributeError):
        return False


def pull_checkpoint(text: str, *, report: Report, cancelled: threading.Event | None = None) -> Path:
    """Download ``hf:owner/name``, or finish a download; its folder.

    Raises UnknownModel, ModelUnavailable, ModelCorrupt, NotEnoughDisk or PullCancelled.
    """
    folder, repo = checkpoint_folder(text), text.strip().removeprefix(PREFIX)
    if is_complete(folder):
        return folder
    try:
        files = hugging_face.list_files(repo)
        wanted = [file for file in files if _WANTED.fullmatch(file.name)]
        if not any(file.name.endswith(".safetensors") for file in wanted):
            raise ModelUnavailable(f"Hugging Face has no safetensors in {repo}: CodeFlow opens nothing else.")
        folder.mkdir(parents=True, exist_ok=True)
        _require_room(folder, wanted)
        done, total = 0, sum(file.size_bytes for file in wanted)
        for file in wanted:

            def tell(progress: Progress, done: int = done, name: str = file.name) -> None:
                report(Progress(done + progress.done_bytes, total, name, repo))

            _pull_file(repo, file, folder / file.name, tell, cancelled)
            done += file.size_bytes
    except SourceFailed as error:
        raise ModelUnavailable(
            f"{repo} could not be downloaded from Hugging Face: {error}. What has arrived is kept; or set "
            "`model.name` to a checkpoint's folder of your own."
        ) from None
    except OSError as error:
        raise ModelError(f"{folder} cannot be written: {error.strerror or error}.") from error
    sizes = {file.name: (folder / file.name).stat().st_size for file in wanted}
    (folder / NOTE).write_text(json.dumps(sizes, indent=1), encoding="utf-8")
    return folder


def _pull_file(
    repo: str, file: RemoteFile, target: Path, report: Report, cancelled: threading.Event | None
) -> None:
    if (
        target.is_file()
        and target.stat().st_size == file.size_bytes
        and target.with_suffix(target.suffix + ".verified").exists()
    ):
        return
    partial = Partial(
        target.with_name(target.name + ".partial"), file.size_bytes, report, cancelled, magic=b""
    )
    try:
        for attempt in ("resumed", "anew"):
            try:
                if not partial.length or partial.length < file.size_bytes:
                    hugging_face.fetch(HuggingFaceSource(repo, file.name), partial)
                partial.finish(target, file.sha256)
                return
            except ModelCorrupt:  # what had arrived before may have been another version
                partial.cut(0)
                if attempt == "anew":
                    raise
    except (ModelCorrupt, NotEnoughDisk) as error:
        partial.discard()
        if isinstance(error, ModelCorrupt):
            raise ModelCorrupt(f"{file.name} of {repo} was not downloaded right: {error}.") from None
        raise
    finally:
        partial.close()


def _require_room(folder: Path, wanted: list[RemoteFile]) -> None:
    import shutil

    there = sum(file.stat().st_size for file in folder.iterdir() if file.is_file())
    needed, free = sum(file.size_bytes for file in wanted) - there, shutil.disk_usage(folder).free
    if needed > free:
        raise NotEnoughDisk(
            f"Not enough disk space in {folder}: {needed / 1e9:,.1f} GB are needed and {free / 1e9:,.1f} GB "
            "are free. Free some, or set CODEFLOW_HOME to a folder on another disk."
        )
