"""A workspace of 10,000 files, copied from what is installed with this Python: its library and its packages.

Whole packages are taken, in an order that only their names decide, so that imports find their files. It is a
git repository with one commit of everything and some small ones after it.
"""

from __future__ import annotations

import hashlib
import random
import shutil
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.replayed import git

_SUFFIXES = ".py .pyi .js .mjs .ts .tsx .c .h .cc .cpp .hpp .go .rs .java .rb .php .lua .sh .md"
COMMITS = 40  # small ones, after the large one
SWITCHED = 5_000  # files that differ on the branch ``other``


def make(root: Path, files: int = 10_000) -> int:
    """Fill ``root``; how many files there are, fewer than asked for where the machine has no more."""
    chosen: list[Path] = []
    for source, relative in _installed():
        if len(chosen) == files:
            break
        target = root / relative
        if target.exists():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        chosen.append(target)
    git(root, "init", "--quiet", "--initial-branch=main")
    _commit(root, "Everything", 0)
    chance = random.Random(files)
    python = [path for path in chosen if path.suffix == ".py"]
    for number in range(1, COMMITS + 1):
        some = chance.sample(python, min(len(python), chance.randrange(1, 5)))
        for path in some:
            _append(path, f"\nADDED_{number} = {chance.randrange(1_000)}\n")
        _commit(root, f"Count what {some[0].stem} adds", number)
    return len(chosen)


def make_branch(root: Path) -> int:
    """Add a branch ``other`` on which many files differ, and go back; how many files differ."""
    git(root, "checkout", "--quiet", "-b", "other")
    changed = sorted(path for path in root.rglob("*.py") if path.is_file())[:SWITCHED]
    for path in changed:
        _append(path, "\nON_THE_OTHER_BRANCH = True\n")
    _commit(root, "Mark every module", COMMITS + 1)
    git(root, "checkout", "--quiet", "main")
    return len(changed)


def _installed() -> Iterator[tuple[Path, Path]]:
    """Installed files and where they go in the workspace, package by package."""
    suffixes = frozenset(_SUFFIXES.split())
    places = {Path(sysconfig.get_path("stdlib")): "lib", Path(sysconfig.get_path("purelib")): "packages"}
    places[Path(sys.base_prefix, *Path(sysconfig.get_path("purelib")).relative_to(sys.prefix).parts)] = (
        "shared"
    )
    tops = [
        (top, place, name)
        for place, name in places.items()
        if place.is_dir()
        for top in place.iterdir()
        if top.name not in ("site-packages", "__pycache__", "config") and not top.name.endswith("-info")
    ]
    tops.sort(key=lambda one: hashlib.sha256(f"{one[2]}/{one[0].name}".encode()).digest())
    for top, place, name in tops:
        found = sorted(top.rglob("*")) if top.is_dir() else [top]
        for path in found:
            if path.suffix in suffixes and path.is_file() and not path.is_symlink():
                yield path, Path(name, *path.relative_to(place).parts)


def _append(path: Path, text: str) -> None:
    with path.open("ab") as file:
        file.write(text.encode())


def _commit(root: Path, subject: str, hour: int) -> None:
    date = f"2026-01-{1 + hour // 24:02}T{hour % 24:02}:00:00+00:00"
    git(root, "add", "--all", "--force", date=date)
    git(root, "commit", "--quiet", "--no-verify", "-m", subject, date=date)
