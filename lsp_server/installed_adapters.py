"""Adapters that `codeflow-lsp adapt` made: one a workspace and model, in the cache directory.

From a workspace and a model to the folder, and back. An adapter counts only for the model's files as they
were when it was made. Knows no tensors.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FACTS = "codeflow-adapter.json"  # in the folder, beside PEFT's two files
NONE = "none"  # as `completion.adapter`: not even the folder's own
_MOST = 8  # adapters of one model that are loaded beside it, those made last
_DIGEST = 12  # letters of a hash that tell folders of one name apart


@dataclass(frozen=True, slots=True)
class InstalledAdapter:
    """``name``: by which the engine knows it; ``workspace``: the folder whose history it learned."""

    name: str
    folder: Path
    workspace: Path


def name_of(workspace: Path, model: Path) -> str:
    """The adapter's name: the folder's, and what tells it from others of that name."""
    digest = hashlib.sha256(f"{workspace}\0{model}".encode("utf-8", "replace")).hexdigest()
    return f"{workspace.name or 'workspace'}-{digest[:_DIGEST]}"


def folder_of_adapter(workspace: Path, model: Path) -> Path:
    """Where it lies, or would."""
    return _adapters_dir() / name_of(workspace, model)


def install(staged: Path, workspace: Path, model: Path, facts: dict[str, Any]) -> Path:
    """Put a finished adapter in its place, whole or not at all; an earlier one is replaced."""
    to = folder_of_adapter(workspace, model)
    told = {"workspace": str(workspace), "model": str(model), "model_files": model_files(model), **facts}
    (staged / FACTS).write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    to.parent.mkdir(parents=True, exist_ok=True)
    part, old = to.with_name(f".{to.name}.part"), to.with_name(f".{to.name}.old")
    for left in (part, old):
        shutil.rmtree(left, ignore_errors=True)
    shutil.copytree(staged, part)
    if to.exists():
        to.rename(old)
    part.rename(to)
    shutil.rmtree(old, ignore_errors=True)
    return to


def installed_adapters(model: Path) -> list[InstalledAdapter]:
    """Those made for this model as it is now, the newest first."""
    found: list[tuple[float, InstalledAdapter]] = []
    for facts in _adapters_dir().glob(f"[!.]*/{FACTS}"):
        try:
            told = json.loads(facts.read_text(encoding="utf-8"))
            made = facts.stat().st_mtime
            if told["model"] == str(model) and told["model_files"] == model_files(model):
                adapter = InstalledAdapter(facts.parent.name, facts.parent, Path(told["workspace"]))
                found.append((made, adapter))
        except (OSError, ValueError, KeyError, TypeError):
            continue  # not one of ours, or being replaced
    return [adapter for _, adapter in sorted(found, key=lambda one: -one[0])[:_MOST]]


def adapter_for(file: Path | None, installed: tuple[InstalledAdapter, ...], wanted: str) -> str:
    """The adapter's name for a file; ``wanted`` is `completion.adapter`, which comes first."""
    if wanted:
        return "" if wanted == NONE else wanted
    if file is None:
        return ""
    near = [one for one in installed if file.is_relative_to(one.workspace)]
    return max(near, key=lambda one: len(one.workspace.parts)).name if near else ""


def model_files(model: Path) -> list[list[Any]]:
    """What tells a checkpoint from another one in the same folder: its files' names, sizes and times."""
    files = sorted([*model.glob("*.safetensors"), model / "config.json", model / "tokenizer.json"])
    return [[one.name, one.stat().st_size, one.stat().st_mtime_ns] for one in files if one.is_file()]


def _adapters_dir() -> Path:
    from engine.catalog import cache_dir

    return cache_dir() / "adapters"
