"""Exact Python refactorings on random selections in real files: do they keep what they promise?

    python -m tests.benchmarks.refactorings [--selections N] [--seed N]

The files are those of the standard library and of what is installed here. Every offer that is not disabled is
done; the result must compile, its minimal edits must undo to the same bytes, and: a variable that was
extracted and is inlined again leaves the same program, a rename and the rename back the same text, two
inversions of an ``if`` the same program. Refusals after an offer are counted: they annoy.
"""

from __future__ import annotations

import argparse
import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from context.document import Document, split_lines
from context.refactor import Offer, Refused, Selection
from context.refactor.python import ACTIONS
from context.refactor.python.walking import kinds, walk
from context.refactor.source_tree import SourceTree
from tests.refactoring import dump, python_files, require_compiles, undone

if TYPE_CHECKING:
    from tree_sitter import Node

TRIED = (
    "extract-variable",
    "extract-constant",
    "inline-variable",
    "rename",
    "invert-if",
    "simplify-conditional",
    "early-return",
)
_EACH = 12  # selections of a file
_EXPRESSIONS = kinds(
    "binary_operator call attribute subscript comparison_operator boolean_operator string list tuple"
    " dictionary list_comprehension generator_expression conditional_expression not_operator unary_operator"
    " integer float parenthesized_expression lambda await interpolation concatenated_string expression_list"
    " yield set named_expression"
)
_NEW = "renamed_for_the_test"


@dataclass
class Tally:
    """What came of it; ``broken``: sentences about promises that were not kept, which must be none."""

    selections: int = 0
    offers: Counter[str] = field(default_factory=Counter)
    disabled: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    sentences: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    find_ms: list[float] = field(default_factory=list)
    round_trips: int = 0

    @property
    def refusals(self) -> float:
        """The share of offers that were refused when they were taken."""
        return sum(self.refused.values()) / max(1, sum(self.offers.values()))


def measure(selections: int, seed: int) -> Tally:
    """Try random selections: expressions, names and conditions."""
    tally, chosen = Tally(), random.Random(seed)
    for document in python_files(seed):
        tree = SourceTree.of(document)
        if tree is None or tree.root.has_error:
            continue
        for selection in _selections(tree, chosen):
            tally.selections += 1
            for action in TRIED:
                _try(tally, tree, selection, action)
            if tally.selections >= selections:
                return tally
    return tally


def _selections(tree: SourceTree, chosen: random.Random) -> Iterator[Selection]:
    nodes = list(walk(tree.root))
    groups = (
        [node for node in nodes if node.type in _EXPRESSIONS],
        [node for node in nodes if node.type == "identifier"],
        [node.children[0] for node in nodes if node.type == "if_statement"],
        [node for node in nodes if node.type == "assignment" and node.children[0].type == "identifier"],
    )
    weights = (5, 3, 2, 2)
    for _ in range(_EACH):
        group = chosen.choices(groups, weights)[0]
        if group:
            node: Node = chosen.choice(group)
            yield tree.span(node.children[0] if node.type == "assignment" else node)


def _try(tally: Tally, tree: SourceTree, selection: Selection, action: str) -> None:
    document, started = tree.document, time.perf_counter()
    offer = ACTIONS[action].find(tree, selection)
    tally.find_ms.append(1000 * (time.perf_counter() - started))
    if offer is None:
        return
    if offer.disabled:
        tally.disabled[action] += 1
        return
    tally.offers[action] += 1
    name = _NEW if action == "rename" else ""
    where = f"{action} in {document.uri}:{selection.start.line + 1}:{selection.start.column}"
    try:
        rewrite = ACTIONS[action].perform(document, offer, name)
    except Refused as refused:
        tally.refused[action] += 1
        tally.sentences[f"{action}: {refused}"] += 1
        return
    text = rewrite.texts[0][1]
    try:
        require_compiles(text)
        assert undone(document, text) == document.text, "undo gives other bytes"
        _again(tally, document, text, offer, rewrite.name_at)
    except (AssertionError, SyntaxError, Refused) as error:
        tally.broken.append(f"{where}: {error}")


def _again(tally: Tally, document: Document, text: str, offer: Offer, at: object) -> None:
    """The way back, where there is one."""
    after = replace(document, version=2, lines=split_lines(text))
    if offer.action in ("extract-variable", "extract-constant"):
        assert isinstance(at, tuple)
        there = Selection(at, at)  # type: ignore[arg-type]
        tree = SourceTree.of(after)
        back = ACTIONS["inline-variable"].find(tree, there) if tree is not None else None
        assert back is not None, "inlining is not offered"
        if "by their names" in back.disabled:
            return  # locals() and the like see the variable
        assert not back.disabled, f"inlining is disabled: {back.disabled}"
        tally.round_trips += 1
        inlined = ACTIONS["inline-variable"].perform(after, back, "").texts[0][1]
        assert dump(inlined) == dump(document.text), "extracted and inlined, it is another program"
    elif offer.action == "rename":
        back = replace(offer, selection=Selection(at, at))  # type: ignore[arg-type]
        old = offer.title.split("'")[1]
        if old.startswith("__"):
            return  # refused as a new name, since classes change it
        tally.round_trips += 1
        renamed = ACTIONS["rename"].perform(after, back, old).texts[0][1]
        same = _without_alias(renamed, old) == _without_alias(document.text, old)
        assert same, "renamed there and back, it is another text"
    elif offer.action == "invert-if":
        head = document.text.split("\n")[offer.selection.start.line]
        if " not " not in head:
            tally.round_trips += 1
            twice = ACTIONS["invert-if"].perform(after, replace(offer, selection=_start(offer)), "")
            assert dump(twice.texts[0][1]) == dump(document.text), "inverted twice, it is another program"


def _start(offer: Offer) -> Selection:
    return Selection(offer.selection.start, offer.selection.start)


def _without_alias(text: str, old: str) -> str:
    return text.replace(f"{old} as {old}", old)


def main() -> None:
    """Print what came of it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--selections", type=int, default=500)
    parser.add_argument("--seed", type=int, default=6)
    options = parser.parse_args()
    tally = measure(options.selections, options.seed)
    print(f"{tally.selections} selections, {tally.round_trips} ways back")
    for action in TRIED:
        counts = (counter[action] for counter in (tally.offers, tally.disabled, tally.refused))
        print("{:22} {:4} offered, {:4} disabled, {:3} refused".format(action, *counts))
    print(f"refused after an offer: {tally.refusals:.1%}")
    for sentence, count in tally.sentences.most_common(20):
        print(f"  {count} x {sentence}")
    times = sorted(tally.find_ms)
    median, p95, worst = times[len(times) // 2], times[int(len(times) * 0.95)], times[-1]
    print(f"find: median {median:.2f} ms, p95 {p95:.2f} ms, worst {worst:.1f} ms")
    print(f"broken promises: {len(tally.broken)}")
    for sentence in tally.broken:
        print(f"  {sentence}")


if __name__ == "__main__":
    main()
