"""Function-level refactorings of Python at random selections in real files: do they keep what they promise?

python -m tests.benchmarks.refactorings_functions [--count N] [--seed N]

The files are those of the standard library and of what is installed here. Half of the selections are a few
statements or an expression, half the head of a function. Every offer that is not disabled is performed; the
result must compile and its least edits undo to the same bytes; a function that was extracted and is inlined
again leaves the same program, unless a variable had to be renamed. Refusals after an offer are counted.
"""

from __future__ import annotations

import argparse
import random
import re
import time
from collections import Counter
from dataclasses import dataclass, field

from context.document import Document
from context.refactor import Offer, Refused, Selection
from context.refactor.python import ACTIONS
from context.refactor.python.walking import parts_of, walk
from context.refactor.source_tree import SourceTree
from tests.benchmarks.reporting import report
from tests.refactoring import dump, outcome, python_files, require_compiles, undone

TRIED = (
    "extract-function",
    "extract-method",
    "inline-function",
    "move-method-to-function",
    "move-function-to-method",
    "introduce-parameter-object",
)
_EACH = 4  # selections of a file


@dataclass
class Tally:
    """What came of it; ``broken``: sentences about promises that were not kept, which must be none."""

    selections: int = 0
    done: Counter[str] = field(default_factory=Counter)
    disabled: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    same: int = 0
    renamed: int = 0
    not_inlined: int = 0
    find_ms: list[float] = field(default_factory=list)


def run(count: int, seed: int, most_letters: int = 100_000) -> Tally:
    """``count`` performed extractions, and what is offered on as many heads of functions."""
    chosen, tally = random.Random(seed), Tally()
    for document in python_files(seed):
        tree = SourceTree.of(document) if len(document.text) <= most_letters else None
        if tree is None:
            continue
        for _ in range(_EACH):
            if tally.done["extract-function"] + tally.done["extract-method"] >= count:
                return tally
            tally.selections += 1
            for selection in (_statements(tree, chosen), _head(tree, chosen)):
                for action in TRIED if selection is not None else ():
                    assert selection is not None
                    _try(tally, tree, selection, action)
    return tally


def _statements(tree: SourceTree, chosen: random.Random) -> Selection | None:
    """A few statements of a block, or a node in one of them."""
    blocks = [node for node in walk(tree.root) if node.type == "block"]
    if not blocks:
        return None
    statements = parts_of(chosen.choice(blocks))
    if chosen.random() < 0.4:
        return tree.span(chosen.choice([node for node in walk(chosen.choice(statements)) if node.is_named]))
    first = chosen.randrange(len(statements))
    last = min(first + chosen.randrange(3), len(statements) - 1)
    return Selection(tree.span(statements[first]).start, tree.span(statements[last]).end)


def _head(tree: SourceTree, chosen: random.Random) -> Selection | None:
    """A cursor in a function's name."""
    names = [
        node.child_by_field_name("name") for node in walk(tree.root) if node.type == "function_definition"
    ]
    found = [name for name in names if name is not None]
    at = tree.span(chosen.choice(found)).start if found else None
    return Selection(at, at) if at is not None else None


def _try(tally: Tally, tree: SourceTree, selection: Selection, action: str) -> None:
    start = time.perf_counter()
    offer = ACTIONS[action].find(tree, selection)
    tally.find_ms.append((time.perf_counter() - start) * 1000)
    if offer is None:
        return
    if offer.disabled:
        tally.disabled[action] += 1
        return
    document = tree.document
    try:
        ((_, text),) = ACTIONS[action].perform(document, offer, "").texts
    except Refused:
        tally.refused[action] += 1
        return
    tally.done[action] += 1
    where = f"{action} at line {selection.start.line + 1} of {document.uri}"
    try:
        require_compiles(text)
    except (SyntaxError, ValueError):
        tally.broken.append(f"{where}: does not compile")
        return
    if undone(document, text) != document.text:
        tally.broken.append(f"{where}: is not undone")
    if action.startswith("extract"):
        _put_back(tally, document, text, offer, where)


def _put_back(tally: Tally, document: Document, text: str, offer: Offer, where: str) -> None:
    marked = text.replace("«", "").replace("»", "").replace(f"def {offer.name}(", f"def «»{offer.name}(", 1)
    back = outcome(marked, "inline-function")
    if "\n" not in back:
        tally.not_inlined += 1
    elif dump(back) == dump(document.text.replace("«", "").replace("»", "")):
        tally.same += 1
    elif set(re.findall(r"\w+_2\b", back)) - set(re.findall(r"\w+", text)):
        tally.renamed += 1
    else:
        tally.broken.append(f"{where}: inlining it gives another program")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    found = run(asked.count, asked.seed)
    times = sorted(found.find_ms)
    by_action = [
        {
            "action": action,
            "done": found.done[action],
            "refused": found.refused[action],
            "disabled": found.disabled[action],
        }
        for action in TRIED
    ]
    kept = {
        "selections": 2 * found.selections,
        "same after inlining": found.same,
        "with renamed variables": found.renamed,
        "inlining refused": found.not_inlined,
        "broken": found.broken,
        "find ms, p50": round(times[len(times) // 2], 2),
        "find ms, p95": round(times[int(0.95 * len(times))], 1),
    }
    report({"refactorings_functions": by_action, "promises": [kept]}, "refactorings_functions")
