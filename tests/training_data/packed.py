"""Packages to build from, made in a folder as their indexes would serve them."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from pathlib import Path

MIT = "Classifier: License :: OSI Approved :: MIT License\n"


def module(name: str, functions: int = 6) -> str:
    """A Python module of its own: no two names give lines that are alike."""
    head = f'"""What {name} is for, in a sentence."""\n\nimport os\nfrom typing import Any\n\n'
    parts = [f"{head}LIMIT_{name.upper()} = {len(name)}\n"]
    for n in range(functions):
        parts.append(
            f"\n\nclass {name.title()}{n}:\n"
            f'    """Holds {name} number {n}."""\n\n'
            f"    def {name}_{n}(self, {name}_value: int) -> Any:\n"
            f"        {name}_path_{n} = os.path.join({name!r}, str({name}_value))\n"
            f"        if {name}_value > LIMIT_{name.upper()}:\n"
            f"            return {name}_path_{n}.upper()\n"
            f"        return [{name}_path_{n}, {name}_value + {n}]\n"
        )
    return "".join(parts)


def wheel(folder: Path, name: str, files: dict[str, str], metadata: str = MIT) -> Path:
    """A wheel."""
    file = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
        archive.writestr(
            f"{name}-1.0.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{metadata}"
        )
    return file


def tar(folder: Path, file_name: str, top: str, files: dict[str, str]) -> Path:
    """An sdist, or an npm package with ``top`` "package"."""
    file = folder / file_name
    with tarfile.open(file, "w:gz") as archive:
        for path, text in files.items():
            entry = tarfile.TarInfo(f"{top}/{path}")
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return file


def npm(folder: Path, name: str, files: dict[str, str], licence: str = "MIT") -> Path:
    """An npm package."""
    described = json.dumps({"name": name, "version": "2.0.0", "license": licence})
    return tar(folder, f"{name}-2.0.0.tgz", "package", {"package.json": described, **files})


def export(folder: Path, commits: list[dict[str, object]], licence: str = "MIT") -> Path:
    """What `codeflow-lsp flow export` writes."""
    file = folder / "flows.jsonl"
    header = {"format": "codeflow/1", "repo": "demo", "head": "0" * 40, "from": 0, "to": 1,
              "commits": len(commits), "licence": {"file": "LICENSE", "spdx": licence}}  # fmt: skip
    file.write_text("".join(json.dumps(line) + "\n" for line in (header, *commits)), encoding="utf-8")
    return file


def commit(
    before: str, after: str, a: tuple[int, int], b: tuple[int, int], **more: object
) -> dict[str, object]:
    """A commit of one file with one edit: lines a of before became lines b of after."""
    lines = before.split("\n")[slice(*a)], after.split("\n")[slice(*b)]
    edit = {"symbol": "", "a0": a[0], "a1": a[1], "b0": b[0], "b1": b[1], "labels": [],
            "before": "\n".join(lines[0]) + "\n", "after": "\n".join(lines[1]) + "\n"}  # fmt: skip
    file = {"path": "demo/area.py", "old_path": "demo/area.py", "language": "python", "before": before,
            "after": after, "labels": [], "edits": [edit]}  # fmt: skip
    return {"repo": "demo", "sha": "a" * 40, "parent": "b" * 40, "date": 1_700_000_000,
            "message": "", "subject": "Give the area a unit", "fate": "kept", "labels": [],
            "files": [file], **more}  # fmt: skip
