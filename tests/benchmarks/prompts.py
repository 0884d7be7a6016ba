"""The cases of ``context_gain``, ``needle`` and ``uses`` as prompts in a file, to be answered where a GPU is.

    python -m tests.benchmarks.prompts write FOLDER [--budget N ...] [--sources] [--only cceval|hunks|needles]
                                                    [--part tuning|reporting] [--limit N] [--code FOLDER ...]
    python -m tests.benchmarks.gpu_answers FOLDER --model FILE.gguf     (there; torch and transformers)
    python -m tests.benchmarks.prompts score FOLDER

What takes hours on two processor cores (every source left out alone, several budgets, larger models) takes
minutes there. The prompts are those the server makes; the answers are greedy and without the second look, so
figures from here compare with each other, not with the server's.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lsprotocol import types

from context import Query, Workspace, assemble
from context.document import Document, Edit, Position
from context.librarian import Librarian
from context.tokenised import TokenisedItems
from context.workspace import Edited, Opened
from engine.catalog import cache_dir, resolve
from engine.llama.model import LlamaModel
from lsp_server.from_lsp import file_of, opened_document
from lsp_server.model_session import any_tokenizer
from lsp_server.place import Place
from lsp_server.trim import trim
from tests.benchmarks import needle, uses
from tests.benchmarks.cases import PARTS, Answer, Case, scored
from tests.benchmarks.cases import Opened as OpenedCase
from tests.benchmarks.context_gain import BUDGET, WITH, WITHOUT, chosen, rows_of_gain
from tests.benchmarks.waiting import NO_CONTEXT, SOURCES, own_cache

READY_WITHIN_S = 120.0
MOST_OF_A_FOLDER = 60  # places of each kind


def write(
    folder: Path,
    *,
    model: str,
    only: str = "",
    part: str = "all",
    budgets: Sequence[int] = (BUDGET,),
    sources: bool = False,
    limit: int = 0,
    code: Sequence[Path] = (),
) -> None:
    """Write ``cases.jsonl``, ``plan.jsonl`` (which prompt answers which configuration of which case),
    ``prompts.jsonl`` (every prompt once) and ``vocabulary.json``. With folders of ``code`` the cases are
    those of ``uses``, at most ``limit`` of each folder and kind."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocabulary.json").write_text(json.dumps(vocabulary(model)), encoding="utf-8")
    written: set[str] = set()
    with (
        own_cache(),
        tempfile.TemporaryDirectory(prefix="codeflow-cases-", ignore_cleanup_errors=True) as into,
        (folder / "cases.jsonl").open("w", encoding="utf-8") as cases_file,
        (folder / "plan.jsonl").open("w", encoding="utf-8") as plan_file,
        (folder / "prompts.jsonl").open("w", encoding="utf-8") as prompts_file,
    ):
        root = Path(into).resolve()
        if code:
            cases = [
                case for one in code for far in (False, True) for case in uses.cases_of(one, limit, far=far)
            ]
        else:
            cases = _needles(root) if only == "needles" else chosen(root, only, part, limit)
        for number, case in enumerate(cases, 1):
            document, found = prompts_of(case, model, budgets, SOURCES if sources else ())
            place = {"text": document.text, "language": document.language, "cursor": case.cursor}
            about = {"key": case.key, "group": case.group, "part": case.part, "truth": case.truth}
            cases_file.write(json.dumps(about | place) + "\n")
            for row, tokens, begin_with in found:
                name = hashlib.sha256(f"{tokens} {begin_with!r}".encode()).hexdigest()[:16]
                plan_file.write(json.dumps({"key": case.key, "prompt": name, **row}) + "\n")
                if name not in written:
                    written.add(name)
                    prompt = {"prompt": name, "tokens": tokens, "begin_with": begin_with.hex()}
                    prompts_file.write(json.dumps(prompt, separators=(",", ":")) + "\n")
            print(f"{number} of {len(cases)}: {case.key}", file=sys.stderr)


def vocabulary(model: str) -> dict[str, Any]:
    """A model's tokens as bytes (in hex), and which of them end an answer."""
    tokenizer = LlamaModel(resolve(model, allow_pull=False).path, vocabulary_only=True)
    try:
        pieces = [bytes(piece).hex() for piece in tokenizer.pieces]
        return {"pieces": pieces, "stop": sorted(tokenizer.stop_tokens)}
    finally:
        tokenizer.close()


def prompts_of(
    case: Case, model: str, budgets: Sequence[int], sources: Sequence[str]
) -> tuple[Document, list[tuple[dict[str, Any], list[int], bytes]]]:
    """The document as it is at the cursor, and of every budget and configuration its account, ids and what
    the answer has to begin with."""
    _, encode, form = any_tokenizer(model)
    workspace, uri = Workspace(), ""
    for opened in case.opened:
        uri = _replay(workspace, case.root, opened)
    snapshot, at = workspace.snapshot(), Position(*case.cursor)
    document = snapshot.documents[uri]
    budget = [0]
    librarian = Librarian(
        cache_dir() / "workspaces",
        path_of=file_of,
        budget_tokens=lambda: budget[0],
        watching=False,
    )
    found = []
    try:
        librarian.set_folders([case.root])
        for budget[0] in budgets:
            librarian.forget(uri)
            if not librarian.wait_ready(snapshot, document, at.line, READY_WITHIN_S):
                raise RuntimeError(f"{case.key}: no context within {READY_WITHIN_S:.0f} s")
            tokenised = TokenisedItems(encode, form)
            left_out = {WITH: (), WITHOUT: NO_CONTEXT, **{f"without {name}": (name,) for name in sources}}
            for configuration, disabled in left_out.items():
                assembled = assemble(
                    snapshot,
                    Query(uri, at),
                    form=form,
                    encode=encode,
                    tokenised=tokenised,
                    budget_tokens=budget[0],
                    repository=case.root.name,
                    dossier=librarian.dossier(uri),
                    disabled=disabled,
                )
                if assembled is None:
                    raise RuntimeError(f"{case.key} stands in a secret")
                prompt = assembled.prompt
                pieces = [(piece.source, piece.path, piece.tokens) for piece in prompt.pieces]
                row = {"budget": budget[0], "configuration": configuration, "pieces": pieces}
                found.append((row, list(prompt.tokens), prompt.begin_with))
    finally:
        librarian.close()
    return document, found


def _replay(workspace: Workspace, root: Path, opened: OpenedCase) -> str:
    uri = (root / opened.path).as_uri()
    item = types.TextDocumentItem(uri, opened.language, 1, opened.text)
    workspace.apply(Opened(opened_document(item, [root.as_uri()])))
    for version, change in enumerate(opened.typed, 2):
        edit = Edit(change.text, Position(*change.start), Position(*change.end))
        workspace.apply(Edited(uri, version, (edit,)))
    return uri


def _needles(into: Path) -> list[Case]:
    roots = needle.write(into)
    found = []
    for one in needle.needles():
        before, _, after = one.text.partition(needle.CURSOR)
        cursor = before.count("\n"), len(before) - before.rfind("\n") - 1
        opened = (OpenedCase(one.path, one.language, before + after),)
        found.append(Case(one.name, "needles", PARTS[1], roots[one.language], opened, cursor, one.expected))
    return found


def score(folder: Path) -> list[dict[str, Any]]:
    """A row for each budget and group, as ``context_gain`` gives them, of the cases that were answered in all
    configurations; needles are right where the answer begins as it should."""
    cases = {row["key"]: row for row in _lines(folder / "cases.jsonl")}
    said = {row["prompt"]: row["text"] for row in _lines(folder / "answers.jsonl")}
    by_budget: dict[int, dict[tuple[str, str], Answer]] = {}
    asked: dict[int, dict[str, None]] = {}  # the configurations of each budget, in order
    for row in _lines(folder / "plan.jsonl"):
        asked.setdefault(row["budget"], {})[row["configuration"]] = None
        if row["prompt"] in said:
            answer = _answer(cases[row["key"]], said[row["prompt"]], row["pieces"])
            by_budget.setdefault(row["budget"], {})[row["configuration"], row["key"]] = answer
    rows = []
    for budget, answers in by_budget.items():
        there = [
            _case(row) for row in cases.values() if all((one, row["key"]) in answers for one in asked[budget])
        ]
        sources = [name for name in SOURCES if f"without {name}" in asked[budget]]
        rows += rows_of_gain(folder.name, budget, there, answers, sources)
    return rows


def _answer(case: dict[str, Any], said: str, pieces: Sequence[tuple[str, str, int]]) -> Answer:
    """What would be shown of ``said``, and whether it is right."""
    document = Document.of("", case["key"], case["language"], 1, case["text"])
    shown = trim(Place(document, Position(*case["cursor"])), said)
    text = shown.text if shown else ""
    exact, similarity = scored(text, case["truth"])
    if case["group"] == "needles":
        exact = text.startswith(case["truth"])
    account = {"pieces": pieces, "prompt_tokens": sum(tokens for *_, tokens in pieces)}
    return Answer(text, exact, similarity, 0.0, account)


def _case(row: dict[str, Any]) -> Case:
    return Case(row["key"], row["group"], row["part"], Path(), (), tuple(row["cursor"]), row["truth"])


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)


def main() -> None:
    """Write prompts, or score what was answered."""
    from tests.benchmarks.reporting import report

    parser = argparse.ArgumentParser(prog="prompts")
    parser.add_argument("what", choices=["write", "score"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="qwen2.5-coder-0.5b", help="whose tokenizer")
    parser.add_argument("--only", default="", choices=["", "cceval", "hunks", "needles"])
    parser.add_argument("--part", default="all", choices=["all", *PARTS])
    parser.add_argument("--budget", type=int, action="append")
    parser.add_argument("--limit", type=int, default=0)
    parser.add_argument("--code", type=Path, action="append", default=[], help="a folder of code")
    parser.add_argument("--sources", action="store_true", help="leave each source out alone, too")
    options = parser.parse_args()
    if options.what == "score":
        report({"context_gain": score(options.folder)}, f"gain-{options.folder.name}")
        return
    write(
        options.folder,
        model=options.model,
        only=options.only,
        part=options.part,
        budgets=options.budget or (BUDGET,),
        sources=options.sources,
        limit=options.limit or (MOST_OF_A_FOLDER if options.code else 0),
        code=[path.resolve() for path in options.code],
    )


if __name__ == "__main__":
    main()
