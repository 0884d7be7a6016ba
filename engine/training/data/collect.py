"""Sources to clean texts on disk: a file of JSON lines for each package, and what was dropped of it.

The first line of a file is the account, every other one a text that was kept, with the runs it shares
with the evaluation files. A package's file is there whole or not at all, so that a build that was stopped
goes on with the next package. Knows no tokens; memory holds one text, and what ``duplicates``
remembers.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from engine.training.data.duplicates import Duplicates
from engine.training.data.evaluation import Evaluation
from engine.training.data.licences import foreign_header, is_permissive
from engine.training.data.quality import reason_against
from engine.training.data.secrets import has_secret
from engine.training.data.sources import Package, SourceFile
from engine.training.data.structure import Structure

PYTHON_SHARE = 0.75  # of --megabytes; the rest is JavaScript and TypeScript
MOST_OF_ONE = 0.1  # of its languages' share may come from one package


class Kept(NamedTuple):
    """A text that was kept. ``shared``: see ``evaluation``."""

    path: str
    language: str
    text: str
    shared: frozenset[int]


@dataclass(slots=True)
class Account:
    """What became of a package's files, for index.json: counts by reason, bytes by language."""

    name: str
    version: str
    licence: str
    licence_said_in: str
    files: int = 0
    bytes: dict[str, int] = field(default_factory=dict)
    dropped: dict[str, int] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes kept."""
        return sum(self.bytes.values())


class Room:
    """How many bytes may still be kept, of each family of languages, and of one package."""

    def __init__(self, megabytes: float) -> None:
        most = megabytes * 1e6 or float("inf")
        self._left = {True: most * PYTHON_SHARE, False: most * (1 - PYTHON_SHARE)}
        self._most_of_one = {python: left * MOST_OF_ONE for python, left in self._left.items()}

    def reason_against(self, account: Account, language: str) -> str:
        """Why no more is taken, if so."""
        python = language == "python"
        if self._left[python] <= 0:
            return "enough"
        if account.bytes.get(language, 0) > self._most_of_one[python]:
            return "enough of one package"
        return ""

    def take(self, language: str, size: int) -> None:
        """So many bytes were kept."""
        self._left[language == "python"] -= size


def collect(
    packages: list[Package],
    folder: Path,
    evaluation: Evaluation,
    room: Room,
    tell: Callable[[str], None],
) -> Iterator[tuple[Path, Account]]:
    """Each package's file and account; those that are there are only read, to remember their texts."""
    seen = Duplicates()
    for number, package in enumerate(packages):
        tell(package.name)
        file = folder / f"{number:04}-{re.sub(r'[^A-Za-z0-9._-]', '_', package.name)}.jsonl"
        if file.is_file():
            account = read_account(file)
            for _, kept in read_kept(file):
                seen.reason_against(kept.text)
                room.take(kept.language, len(kept.text.encode()))
        else:
            account = _collect(package, file, evaluation, room, seen)
        yield file, account


def read_account(file: Path) -> Account:
    """The first line of a package's file."""
    with file.open("rb") as lines:
        return Account(**json.loads(lines.readline()))


def read_kept(file: Path) -> Iterator[tuple[int, Kept]]:
    """The texts of a package's file, each with the place of its line in bytes."""
    with file.open("rb") as lines:
        at = len(lines.readline())
        for line in lines:
            yield at, kept_of(line)
            at += len(line)


def kept_of(line: bytes) -> Kept:
    """A line of a package's file."""
    path, language, text, shared = json.loads(line)
    return Kept(path, language, text, frozenset(shared))


def _collect(package: Package, file: Path, evaluation: Evaluation, room: Room, seen: Duplicates) -> Account:
    account = Account(package.name, package.version, *package.said)
    dropped: Counter[str] = Counter()
    part = file.with_suffix(".part")
    with part.open("w+b") as lines:
        if is_permissive(package.said.licence):
            for source in package.files():
                text, reason = _judged(source, room, account, seen)
                if reason:
                    dropped[reason] += 1
                    continue
                size = len(text.encode())
                room.take(source.language, size)
                account.files += 1
                account.bytes[source.language] = account.bytes.get(source.language, 0) + size
                lines.write(_json([source.path, source.language, text, sorted(evaluation.shared(text))]))
        else:
            dropped["package without a permissive licence"] = 1
        account.dropped = dict(sorted(dropped.items()))
        lines.seek(0)
        with file.with_suffix(".whole").open("wb") as whole:
            whole.write(_json(asdict(account)))
            while piece := lines.read(1 << 20):
                whole.write(piece)
    part.unlink()
    file.with_suffix(".whole").replace(file)
    return account


def _judged(source: SourceFile, room: Room, account: Account, seen: Duplicates) -> tuple[str, str]:
    """The text, and why it is dropped; the dearest questions come last."""
    if reason := room.reason_against(account, source.language):
        return "", reason
    try:
        text = source.data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError:
        return "", "no UTF-8"
    if reason := reason_against(source.path, text):
        return "", reason
    if foreign_header(text):
        return "", "file under another licence"
    if has_secret(text):
        return "", "secret"
    if Structure(text.encode(), source.language).is_broken:
        return "", "does not parse"
    return text, seen.reason_against(text)


def _json(value: Any) -> bytes:
    return (
        json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass") + b"\n"
    )
