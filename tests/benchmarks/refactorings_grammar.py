"""Exact refactorings at random selections in real JavaScript, TypeScript and Go files.

python -m tests.benchmarks.refactorings_grammar [--count N] [--seed N] [FOLDER ...]

The files are those of installed packages (Node's own, and Go's standard library where it is installed) and of
the folders that are named. Every offer is performed. What is wrong: a result with a new error in its tree, an
extraction that inlining does not undo, token for token but for parentheses. Refusals are counted.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from context.document import Document, split_lines
from context.language import language_of_path
from context.refactor import Offer, Refused, Rewrite, Selection
from context.refactor.grammar import ACTIONS
from context.refactor.grammar.editing import error_count
from context.refactor.source_tree import SourceTree
from tests.benchmarks.reporting import report

if TYPE_CHECKING:
    from tree_sitter import Node

LANGUAGES = ("javascript", "typescript", "typescriptreact", "go")
_MOST_BYTES = 200_000
_NEW_NAME = "renamedHere"
_LAYOUT = ("(", ")", ";", "comment")


@dataclass
class Outcome:
    """What became of the selections in one language."""

    selections: int = 0
    offers: Counter[str] = field(default_factory=Counter)
    disabled: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)
    undone: int = 0
    not_undone: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    find_ms: list[float] = field(default_factory=list)
    perform_ms: list[float] = field(default_factory=list)


def installed() -> list[Path]:
    """Folders of this machine that hold sources of others."""
    wheels = [Path(entry) for entry in sys.path if entry.endswith("site-packages")]
    return [*wheels, *Path("/usr/share").glob("go-*/src"), *Path("/usr/lib").glob("go-*/src")]


def sources(folders: list[Path], language: str) -> list[Path]:
    """Files of one language, minified and generated ones left out."""
    extensions = {
        "javascript": "*.js",
        "typescript": "*.ts",
        "typescriptreact": "*.tsx",
        "go": "*.go",
    }
    found = sorted(
        path for folder in folders for path in folder.rglob(extensions[language]) if path.is_file()
    )
    return [path for path in found if not path.name.endswith((".d.ts", ".min.js")) and _is_readable(path)]


def _is_readable(path: Path) -> bool:
    size = path.stat().st_size
    if not 500 < size < _MOST_BYTES:
        return False
    text = path.read_bytes()
    return size / (text.count(b"\n") + 1) < 100


def run(count: int, seed: int, folders: list[Path] | None = None) -> list[dict[str, Any]]:
    """``count`` random selections in each language that there are files of; a row each."""
    rows = []
    for language in LANGUAGES:
        files = sources(folders or installed(), language)
        if files:
            rows.append(_row(language, len(files), measure(files, count, seed)))
    return rows


def measure(files: list[Path], count: int, seed: int) -> Outcome:
    """Selections at random nodes of random files; half of them cursors on names."""
    chance, outcome = random.Random(seed), Outcome()
    while outcome.selections < count:
        path = chance.choice(files)
        document = _document(path)
        tree = SourceTree.of(document)
        if tree is None:
            continue
        nodes = _nodes(tree.root)
        for _ in range(min(10, count - outcome.selections)):
            node = chance.choice(nodes)
            span = tree.span(node)
            if chance.random() < 0.5:
                span = Selection(span.start, span.start)
            outcome.selections += 1
            _try_all(outcome, tree, span, path)
    return outcome


def _document(path: Path) -> Document:
    text = path.read_bytes().decode("utf-8", "replace")
    return Document.of(path.as_uri(), path.name, language_of_path(path.name).name, 1, text)


def _nodes(root: Node) -> list[Node]:
    found, waiting = [], [root]
    while waiting:
        node = waiting.pop()
        if node.is_named and node.type != "comment":
            found.append(node)
        waiting.extend(node.children)
    return found


def _try_all(outcome: Outcome, tree: SourceTree, span: Selection, path: Path) -> None:
    for action, (find, _) in ACTIONS.items():
        began = time.perf_counter()
        offer = find(tree, span)
        outcome.find_ms.append((time.perf_counter() - began) * 1000)
        if offer is None:
            continue
        if offer.disabled:
            outcome.disabled[action] += 1
            continue
        outcome.offers[action] += 1
        rewrite = _performed(outcome, tree, offer, path)
        if rewrite is not None and action == "extract-variable":
            _undo(outcome, tree, rewrite, offer, path)


def _performed(outcome: Outcome, tree: SourceTree, offer: Offer, path: Path) -> Rewrite | None:
    where = f"{offer.action} {path} {offer.selection}"
    began = time.perf_counter()
    try:
        name = _NEW_NAME if offer.action == "rename" else ""
        rewrite = ACTIONS[offer.action].perform(tree.document, offer, name)
    except Refused as no:
        outcome.refused[f"{offer.action}: {no}"] += 1
        return None
    outcome.perform_ms.append((time.perf_counter() - began) * 1000)
    outcome.done[offer.action] += 1
    after = SourceTree.of(_changed(rewrite))
    if after is None or error_count(after) > error_count(tree):
        outcome.wrong.append(f"does not parse: {where}")
    if rewrite.texts[0][1] == tree.document.text:
        outcome.wrong.append(f"changes nothing: {where}")
    return rewrite


def _changed(rewrite: Rewrite) -> Document:
    (document, text), *_ = rewrite.texts
    return replace(document, lines=split_lines(text))


def _undo(outcome: Outcome, tree: SourceTree, rewrite: Rewrite, offer: Offer, path: Path) -> None:
    changed, at = _changed(rewrite), rewrite.name_at
    after = SourceTree.of(changed)
    if after is None or at is None:
        outcome.wrong.append(f"no name: {path} {offer.selection}")
        return
    action = ACTIONS["inline-variable"]
    inline = action.find(after, Selection(at, at))
    if inline is None or inline.disabled:
        outcome.not_undone[inline.disabled if inline else "not offered"] += 1
        return
    try:
        back = _changed(action.perform(changed, inline, ""))
    except Refused as no:
        outcome.not_undone[str(no)] += 1
        return
    undone = SourceTree.of(back)
    if undone is None or _differ(tokens(undone), tokens(tree)):
        outcome.wrong.append(f"inlined, it is another: {path} {offer.selection}")
        return
    outcome.undone += 1


def _differ(undone: list[str], original: list[str]) -> bool:
    """Whether more differs than a block and its ``return``, which an arrow function or an if now has."""
    if undone == original:
        return False
    block = Counter(undone) - Counter(original)
    is_block = block in (Counter("{}"), Counter(["{", "}", "return"]))
    rest = [[token for token in side if token not in ("{", "}", "return")] for side in (undone, original)]
    return not is_block or rest[0] != rest[1]


def tokens(tree: SourceTree) -> list[str]:
    """The text of a tree's leaves, without parentheses, semicolons and comments."""
    found, waiting = [], [tree.root]
    while waiting:
        node = waiting.pop()
        if not node.child_count and node.type not in _LAYOUT and (text := tree.text(node).strip()):
            found.append(text)
        waiting.extend(reversed(node.children))
    return found


def _row(language: str, files: int, outcome: Outcome) -> dict[str, Any]:
    return {
        "language": language,
        "files": files,
        "selections": outcome.selections,
        "offered": dict(outcome.offers),
        "disabled": dict(outcome.disabled),
        "done": dict(outcome.done),
        "refused": dict(outcome.refused),
        "wrong": len(outcome.wrong),
        "first_wrong": outcome.wrong[:5],
        "extracted_and_back": outcome.undone,
        "not_back": dict(outcome.not_undone),
        "find_p95_ms": _p95(outcome.find_ms),
        "perform_p95_ms": _p95(outcome.perform_ms),
    }


def _p95(times: list[float]) -> float:
    return round(sorted(times)[int(len(times) * 0.95)], 2) if times else 0.0


def main() -> None:
    """From the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    rows = run(asked.count, asked.seed, [*installed(), *asked.folders])
    report({"exact refactorings by grammar": rows}, "refactorings_grammar")


if __name__ == "__main__":
    main()
