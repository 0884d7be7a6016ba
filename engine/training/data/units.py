"""What is encoded in one go, and in which order: runs of files of a package, commits of a repository.

From the files of ``collect`` and from exports of commits to a shuffled list of places on disk, each with its
split; and from one such place to documents. Whole packages, and the newest commits of a repository, are held
back for validation, so that no file has a neighbour on the other side. Every draw depends on the seed and on
what is drawn for alone, never on what came before.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from engine.training.data.collect import Account, kept_of, read_kept
from engine.training.data.counterfactual import Pair, pairs_of
from engine.training.data.documents import Document, Source, plain, together, with_hole
from engine.training.data.edits import documents_of
from engine.training.data.evaluation import Evaluation
from engine.training.data.flows import Commit, Export, commit_of
from engine.training.data.shards import age_of
from engine.training.data.structure import Structure

RUN_BYTES = 24_000  # of the files of one unit
VALID_SHARE = 0.02  # of the bytes of packages; at least one package
MOST_OF_VALID = 0.5  # of that share may come from one package
VALID_COMMITS = 0.1  # of a repository's commits, the newest
REPOSITORY_SHARE = 0.3  # of units with several files that become one document
NEIGHBOURS_SHARE, MOST_NEIGHBOURS = 0.25, 3  # of holes that come with files above them; how many
DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Unit:
    """Lines of ``file`` at ``places`` (bytes). ``date``: of the repository's newest commit, for commits;
    ``turn``: how often the same lines were taken before, each time with holes in other places."""

    file: Path
    places: tuple[int, ...]
    split: str
    package: str
    date: int = 0
    turn: int = 0


@dataclass(frozen=True, slots=True)
class Recipe:
    """How documents are drawn. ``hole_share``: of the bytes of files, those in documents with a hole;
    ``suffix_first``: of these, the share whose suffix comes first (the published models know none);
    ``repeat``: packages that are taken several times, and how often."""

    seed: int = 1
    hole_share: float = 0.5
    suffix_first: float = 0.0
    repeat: Mapping[str, int] = field(default_factory=dict)


def valid_packages(accounts: Sequence[Account], seed: int) -> frozenset[str]:
    """The packages that are held back whole: by lot, none of them a large part of what is held back."""
    total = sum(account.size for account in accounts)
    order = sorted(accounts, key=lambda account: random.Random(f"{seed} held {account.name}").random())
    found, size = set[str](), 0
    for account in order:
        if size < VALID_SHARE * total and 0 < account.size <= max(MOST_OF_VALID * VALID_SHARE * total, 1):
            found.add(account.name)
            size += account.size
    if not found and len(accounts) > 1:  # few packages: the smallest
        found.add(min((account for account in accounts if account.size), key=lambda one: one.size).name)
    return frozenset(found)


def units_of_files(
    files: Sequence[tuple[Path, Account]], common: frozenset[int], held: frozenset[str]
) -> tuple[list[Unit], dict[str, int]]:
    """Runs of files that share nothing with the evaluation; how many were dropped, by package."""
    found: list[Unit] = []
    dropped: dict[str, int] = {}
    for file, account in files:
        split, run, size = "valid" if account.name in held else "train", list[int](), 0
        for place, kept in read_kept(file):
            if kept.shared - common:
                dropped[account.name] = dropped.get(account.name, 0) + 1
                continue
            if run and size + len(kept.text) > RUN_BYTES:
                found.append(Unit(file, tuple(run), split, account.name))
                run, size = [], 0
            run.append(place)
            size += len(kept.text)
        if run:
            found.append(Unit(file, tuple(run), split, account.name))
    return found, dropped


def units_of_export(export: Export, evaluation: Evaluation, common: frozenset[int]) -> tuple[list[Unit], int]:
    """The commits that share nothing with the evaluation; how many were dropped."""
    placed: list[tuple[int, int]] = []
    dropped = 0
    for place, commit in export.placed_commits():
        texts = [text for file in commit.files for text in (file.before, file.after)]
        if any(evaluation.shared(text) - common for text in texts):
            dropped += 1
        else:
            placed.append((place, commit.date))
    newest, border = max((date for _, date in placed), default=0), len(placed) * (1 - VALID_COMMITS)
    units = [
        Unit(export.file, (place,), "train" if number < border else "valid", export.repository, newest)
        for number, (place, _) in enumerate(placed)
    ]
    return units, dropped


def shuffled(units: list[Unit], recipe: Recipe) -> list[Unit]:
    """All units in an order of their own for each seed, those to be repeated as often as they are wanted."""
    found = list(units)
    for unit in units:
        times = recipe.repeat.get(unit.package, 1) if unit.split == "train" else 1
        found += [replace(unit, turn=turn) for turn in range(1, times)]
    random.Random(f"{recipe.seed} order").shuffle(found)
    return found


def documents_of_unit(unit: Unit, recipe: Recipe) -> tuple[list[Document], list[Pair]]:
    """The documents of a unit, and its counterfactual pairs."""
    draw = random.Random(f"{recipe.seed} {unit.package} {unit.file.name} {unit.places[0]} {unit.turn}")
    with unit.file.open("rb") as lines:
        read: list[bytes] = []
        for place in unit.places:
            lines.seek(place)
            read.append(lines.readline())
    if unit.date:
        commit = commit_of(json.loads(read[0]))
        return _of_commit(commit, unit, draw) if commit is not None else ([], [])
    sources: list[Source] = []
    for line in read:
        kept = kept_of(line)
        sources.append(Source(unit.package, kept.path, Structure(kept.text.encode(), kept.language)))
    return list(_of_files(sources, unit.package, recipe, draw)), []


def _of_commit(commit: Commit, unit: Unit, draw: random.Random) -> tuple[list[Document], list[Pair]]:
    age = age_of((unit.date - commit.date) / DAY_S)
    documents, pairs = list(documents_of(commit, unit.package, age, draw)), []
    for pair, judged in pairs_of(commit, draw):
        pairs.append(pair)
        documents += judged
    return documents, pairs


def _of_files(sources: list[Source], package: str, recipe: Recipe, draw: random.Random) -> Iterator[Document]:
    if len(sources) > 1 and draw.random() < REPOSITORY_SHARE:
        for run in together(sources):
            yield plain(package, run)
    else:
        for source in sources:
            yield plain(package, [source])
    for number, source in enumerate(sources):
        left = len(source.structure.source) * recipe.hole_share / max(1 - recipe.hole_share, 0.01)
        while left > 0:
            near = (
                sources[max(0, number - MOST_NEIGHBOURS) : number] if draw.random() < NEIGHBOURS_SHARE else ()
            )
            document = with_hole(source, draw, before=near, suffix_first=recipe.suffix_first)
            if document is None:
                break
            yield document
            left -= sum(len(part.data) for part in document.parts if not isinstance(part, str))
