"""One name in many files: where it stands, what it becomes, where it is called.

By syntax trees, file by file: strings and comments are left alone, whose the name is in another file is not
known. So what comes of it is for the user to look through. Reads no disk.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from context.document import Document
from context.next_edit.changes import Run, required
from context.next_edit.replacement import replacements
from context.next_edit.words import defined_on
from context.refactor.source_tree import SourceTree

if TYPE_CHECKING:
    from tree_sitter import Node

_CALLS = frozenset(("call", "call_expression", "method_invocation", "invocation_expression"))
_FUNCTION = ("function", "name")
_PARAMETER = re.compile(r"^[*&\s]*(?P<name>[^\W\d]\w*)")


@dataclass(frozen=True, slots=True)
class Spread:
    """A change of a definition that its uses have to follow.

    ``old`` is what they say now; ``new`` the other name, or the same. ``parameter``: one more that has to be
    passed, as the last; "" for none.
    """

    old: str
    new: str
    parameter: str = ""


def spread_of(runs: list[Run], uri: str, line: int) -> Spread | None:
    """What the latest edit of a line asks of other places; None where nothing."""
    here = [run for run in runs if run.uri == uri and run.line <= line < max(run.end, run.line + 1)]
    for one in replacements(here):
        if one.sure and one.old == (one.name,) and one.new.isidentifier():
            return Spread(one.name, one.new)
    for run in here:
        heads = {name: before for before in run.before if (name := defined_on(before))}
        for after in run.after:
            name = defined_on(after)
            if name and (before := heads.get(name)) and required(after) == required(before) + 1:
                last = after.partition("(")[2].rpartition(")")[0].rsplit(",", 1)[-1]
                if last.strip() and last.strip() not in before and (found := _PARAMETER.match(last)):
                    return Spread(name, name, found["name"])
    return None


def renamed(document: Document, old: str, new: str) -> str | None:
    """The text with every identifier ``old`` called ``new``; None where there is none, or no tree."""
    tree = SourceTree.of(document) if old in document.text else None
    if tree is None:
        return None
    found = [node for node in _leaves(tree.root) if "identifier" in node.type and tree.text(node) == old]
    return _spliced(tree, [(node.start_byte, node.end_byte, new) for node in found]) if found else None


def calls(document: Document, name: str) -> list[tuple[int, bool]]:
    """Where a further argument of each call of ``name`` belongs, as an offset into the text, the first call
    first; and whether the call has none yet."""
    tree = SourceTree.of(document) if name in document.text else None
    if tree is None:
        return []
    found = []
    for node in _nodes(tree.root):
        arguments = node.child_by_field_name("arguments") if node.type in _CALLS else None
        if arguments is None or _called(tree, node) != name:
            continue
        inside = [one for one in arguments.named_children if "comment" not in one.type]
        at = inside[-1].end_byte if inside else arguments.start_byte + 1
        found.append((len(tree.source[:at].decode("utf-8", "replace")), not inside))
    return sorted(found)


def _called(tree: SourceTree, call: Node) -> str:
    function = next((f for field in _FUNCTION if (f := call.child_by_field_name(field)) is not None), None)
    if function is None:
        return ""
    return tree.text(function).rpartition(".")[2].strip()


def _leaves(root: Node) -> Iterator[Node]:
    return (node for node in _nodes(root) if node.child_count == 0)


def _nodes(root: Node) -> Iterator[Node]:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(reversed(node.children))


def _spliced(tree: SourceTree, splices: list[tuple[int, int, str]]) -> str:
    """The document's text with some of its tree's bytes replaced."""
    text, parts, at = tree.document.text, list[str](), 0
    for start, end, new in splices:
        first = len(tree.source[:start].decode("utf-8", "replace"))
        last = first + len(tree.source[start:end].decode("utf-8", "replace"))
        parts += [text[at:first], new]
        at = last
    return "".join([*parts, text[at:]])
