"""Sources to a folder of training data (``shards`` describes it), in steps.

Each step is gone past when it was finished before: clean texts of every package (``collect``), the
tokenizer, the shards, and last of all index.json. The same sources, options and seed give the same bytes.
Memory holds a few thousand encoded documents and what ``collect`` remembers. With evaluation files no
text of theirs gets in; where one of them cannot be read, nothing is built.
"""

from __future__ import annotations

import json
import random
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from rich.progress import Progress

from engine.training.data.collect import Account, Room, collect, kept_of, read_kept
from engine.training.data.documents import Document
from engine.training.data.encoding import encoded
from engine.training.data.evaluation import WINDOW, Evaluation, common_runs
from engine.training.data.flows import Export, read_export
from engine.training.data.licences import is_permissive
from engine.training.data.shards import Encoded, SplitWriter, write_index
from engine.training.data.sources import Package, packages_of
from engine.training.data.tokenizer import MARKERS, PAD, CodeTokenizer, train
from engine.training.data.units import (
    Recipe,
    Unit,
    documents_of_unit,
    shuffled,
    units_of_export,
    units_of_files,
    valid_packages,
)

VOCABULARY = 16_384
TOKENIZER_BYTES = 40_000_000  # of texts that the tokenizer is trained on, drawn evenly; more changes little
MIXED = 4096  # documents that are shuffled among each other before they are written
PLAIN = Recipe()
HELD_BYTES = 2_000_000  # of texts-valid.jsonl
SPLITS = ("train", "valid")
MOST_TOKENS = 1 << 16  # ids are written in 16 bits
NEEDED = tuple(marker for marker in MARKERS if marker != PAD)


class BuildError(Exception):
    """Nothing can be built; the message is a sentence for the user."""


def build(
    out: Path,
    sources: Sequence[Path],
    *,
    recipe: Recipe = PLAIN,
    megabytes: float = 0,
    evaluation: Sequence[Path] = (),
    vocabulary: int = VOCABULARY,
    tokenizer: Path | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Build ``out`` and give back what its index.json says, without the lists of documents.

    ``megabytes`` of text at most are kept of packages, the sources in their order, 0 for all there is;
    ``tokenizer``: a folder with one that is taken as it is. Raises BuildError, SourceError, FlowsError or
    EvaluationError.
    """
    progress = progress or Progress(disable=True)
    if (out / "index.json").exists():
        raise BuildError(f"{out} is finished; build into another folder, or remove it first.")
    compared = Evaluation(list(evaluation))
    exports = [read_export(file) for file in sources if file.name.endswith(".jsonl")]
    refused = [export for export in exports if not is_permissive(export.licence)]
    exports = [export for export in exports if is_permissive(export.licence)]
    folders = [path for path in sources if not path.name.endswith(".jsonl")]
    packages: list[Package] = []
    for path in folders:
        found = list(packages_of(path))
        random.Random(f"{recipe.seed} packages").shuffle(found)
        packages += found
    work = out / "work"
    work.mkdir(parents=True, exist_ok=True)
    _same_options(
        work,
        {
            "sources": list(map(str, folders)),
            "megabytes": megabytes,
            "seed": recipe.seed,
            "evaluation": compared.files,
        },
    )

    task = progress.add_task("collecting", total=len(packages))
    files: list[tuple[Path, Account]] = []
    say = lambda name: progress.update(task, description=f"collecting {name}")  # noqa: E731
    for collected in collect(packages, work, compared, Room(megabytes), say):
        files.append(collected)
        progress.advance(task)
    progress.update(task, description="collecting")
    if not any(account.size for _, account in files) and not exports:
        raise BuildError("None of the sources has a text that may be learned from.")

    codes = _tokenizer(out, files, vocabulary, tokenizer, progress)
    common, units, dropped = _units(files, exports, compared, recipe, progress)
    splits = _shards(out, units, recipe, codes, progress)
    _held_texts(out, units)
    codes.token_bytes.tofile(out / "token_bytes.bin")
    said = {
        "recipe": {**asdict(recipe), "megabytes": megabytes},
        "evaluation": {
            "files": compared.files,
            "letters": WINDOW,
            "runs": len(compared),
            "common": len(common),
        },
        "sources": _sources(files, exports, refused, dropped),
        "dropped": _all_dropped(files, dropped),
    }
    write_index(out, codes.size, codes.ids, splits, **said)
    brief = {
        split: {key: entry[key] for key in ("tokens", "bytes", "documents")}
        for split, entry in splits.items()
    }
    return {"vocabulary_size": codes.size, "splits": brief, **said}


def _tokenizer(
    out: Path, files: list[tuple[Path, Account]], size: int, given: Path | None, progress: Progress
) -> CodeTokenizer:
    if given is not None:
        for name in ("tokenizer.json", "tokenizer_config.json"):
            shutil.copyfile(given / name, out / name)
    if not (out / "tokenizer_config.json").is_file():
        task = progress.add_task("training the tokenizer", total=1)
        share = TOKENIZER_BYTES / max(1, sum(account.size for _, account in files))

        def texts() -> Iterator[str]:
            for file, account in files:
                for _, kept in read_kept(file):
                    if random.Random(f"{account.name} {kept.path}").random() < share:
                        yield kept.text

        train(texts(), out, size)
        progress.advance(task)
    codes = CodeTokenizer(out)
    if lacking := [marker for marker in NEEDED if marker not in codes.marker_ids]:
        raise BuildError(
            f"The tokenizer in {given or out} has no {' and no '.join(lacking)}. Of a model without them, "
            "`python -m engine.training.fill_in begin` makes one that has."
        )
    if codes.size > MOST_TOKENS:
        raise BuildError(
            f"The tokenizer in {given or out} has {codes.size:,} tokens; at most "
            f"{MOST_TOKENS:,} can be written."
        )
    return codes


def _units(
    files: list[tuple[Path, Account]],
    exports: list[Export],
    compared: Evaluation,
    recipe: Recipe,
    progress: Progress,
) -> tuple[frozenset[int], list[Unit], dict[str, int]]:
    """All units, shuffled; what is common to everybody; how much each source lost to the evaluation."""
    packages_of_run: dict[int, set[str]] = {}
    for file, account in files:
        for _, kept in read_kept(file):
            for run in kept.shared:
                packages_of_run.setdefault(run, set()).add(account.name)
    common = common_runs(packages_of_run)
    held = valid_packages([account for _, account in files], recipe.seed)
    units, dropped = units_of_files(files, common, held)
    task = progress.add_task("reading commits", total=len(exports))
    for export in exports:
        found, lost = units_of_export(export, compared, common)
        units += found
        dropped[f"{export.repository} (commits)"] = lost
        progress.advance(task)
    return common, shuffled(units, recipe), dropped


def _shards(
    out: Path, units: list[Unit], recipe: Recipe, codes: CodeTokenizer, progress: Progress
) -> dict[str, Any]:
    splits: dict[str, Any] = {}
    for split in SPLITS:
        mine = [unit for unit in units if unit.split == split]
        task, writer = progress.add_task(f"writing {split}", total=len(mine)), SplitWriter(out, split)
        with ExitStack() as stack:
            pairs = stack.enter_context((out / f"pairs-{split}.jsonl").open("w", encoding="utf-8"))
            documents = _documents(mine, recipe, pairs, progress, task)
            for document in _mixed(encoded(documents, codes), recipe.seed):
                writer.add(document)
        splits[split] = writer.close()
    return splits


def _held_texts(out: Path, units: list[Unit]) -> None:
    """Whole files that were held back, for models with another tokenizer to be measured by."""
    size = 0
    with (out / "texts-valid.jsonl").open("w", encoding="utf-8") as lines:
        for unit in units:
            if unit.split != "valid" or unit.date or size > HELD_BYTES:
                continue
            with unit.file.open("rb") as texts:
                for place in unit.places:
                    texts.seek(place)
                    kept = kept_of(texts.readline())
                    size += len(kept.text)
                    found = {"package": unit.package, "path": kept.path, "text": kept.text}
                    lines.write(json.dumps(found, ensure_ascii=False) + "\n")


def _documents(
    units: list[Unit], recipe: Recipe, pairs: IO[str], progress: Progress, task: Any
) -> Iterator[Document]:
    for unit in units:
        documents, found = documents_of_unit(unit, recipe)
        for pair in found:
            pairs.write(json.dumps(pair.as_json(), ensure_ascii=False) + "\n")
        yield from documents
        progress.advance(task)


def _mixed(documents: Iterator[Encoded], seed: int) -> Iterator[Encoded]:
    """The same documents, those of one unit no longer in a row."""
    draw, waiting = random.Random(f"{seed} mixed"), list[Encoded]()
    for document in documents:
        waiting.append(document)
        if len(waiting) > MIXED:
            place = draw.randrange(len(waiting))
            waiting[place], waiting[-1] = waiting[-1], waiting[place]
            yield waiting.pop()
    draw.shuffle(waiting)
    yield from waiting


def _same_options(work: Path, options: dict[str, Any]) -> None:
    """A build goes on only as it was begun."""
    file = work / "options.json"
    if file.exists() and json.loads(file.read_text("utf-8")) != options:
        raise BuildError(
            f"{work.parent} was begun with other options ({file}); remove it, or give the same ones."
        )
    file.write_text(json.dumps(options, indent=1) + "\n", encoding="utf-8")


def _sources(
    files: list[tuple[Path, Account]], exports: list[Export], refused: list[Export], dropped: dict[str, int]
) -> list[dict[str, Any]]:
    found = [asdict(account) | {"like the evaluation": dropped.get(account.name, 0)} for _, account in files]
    for export in (*exports, *refused):
        lost = dropped.get(f"{export.repository} (commits)", 0)
        found.append(
            {"name": f"{export.repository} (commits)", "version": "", "licence": export.licence,
             "licence_said_in": "the export's header", "commits": 0 if export in refused else export.count,
             "like the evaluation": lost}
        )  # fmt: skip
    return found


def _all_dropped(files: list[tuple[Path, Account]], dropped: dict[str, int]) -> dict[str, int]:
    total = Counter[str]()
    for _, account in files:
        total.update(account.dropped)
    total["like the evaluation"] = sum(dropped.values())
    return dict(sorted(total.items()))
