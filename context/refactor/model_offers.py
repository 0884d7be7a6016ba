"""Edits that take a model: where the syntax tree, the selection and the diagnostics say they make sense, and
in what words they are asked for.

Each is an ``Offer`` with ``exact`` false and the lines it may change as its selection; the words are of
``instruction_of``. Nothing here asks a model.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from context.document import Document, Position
from context.refactor.source_tree import SourceTree
from context.refactor.values import Offer, Selection

if TYPE_CHECKING:
    from tree_sitter import Node

MOST_LINES = 160  # of a region that a local model is asked to write anew; more takes minutes and goes wrong
_FUNCTIONS = frozenset(
    (
        "arrow_function",
        "constructor_declaration",
        "function_declaration",
        "function_definition",
        "function_expression",
        "function_item",
        "generator_function_declaration",
        "local_function_statement",
        "method",
        "method_declaration",
        "method_definition",
        "singleton_method",
    )
)
_WRAPPERS = frozenset(("decorated_definition", "export_statement"))
_ASKED = re.compile(r"(?:#|//|--|/\*)\s*codeflow:\s*(?P<words>\S.*?)\s*(?:\*/)?\s*$", re.IGNORECASE)
_RECEIVERS = frozenset(("self", "cls", "this"))
_TYPED = frozenset(("python", "typescript", "typescriptreact"))
_SHOWN = 60  # characters of an instruction or a diagnostic in a title

_WORDS = {
    "write-docstring": "Write the documentation comment of {name}: what it does, its parameters, what it "
    "returns and raises, in the style of this file. Change nothing else.",
    "add-types": "Add type annotations to the parameters and the return value of {name}. "
    "Change nothing else.",
    "add-error-handling": "Add error handling to these lines: catch what can really go wrong here, say what "
    "went wrong, hide nothing. Keep what they do otherwise.",
    "fix-diagnostic": "Fix this problem: {name}",
    "write-tests": "Write tests for {name}: the usual case, the edges, and what it refuses.",
    "explain": "Explain what this code does, and what could go wrong in it.",
}


class Diagnostic(NamedTuple):
    """What a language server or linter said of a place."""

    selection: Selection
    message: str


def model_offers(
    document: Document, tree: SourceTree | None, selection: Selection, diagnostics: Sequence[Diagnostic] = ()
) -> list[Offer]:
    """What a model could do at a selection; the first are the likeliest to be wanted."""
    return [
        *_asked(document, tree, selection),
        *_fixes(document, tree, diagnostics),
        *_of_function(document, tree, selection),
        *_of_selection(document, selection),
    ]


def instruction_of(offer: Offer) -> str:
    """What a model is told to do. ``name`` of an offer is what is meant: a function, a message, the words."""
    words = _WORDS.get(offer.action)
    return words.format(name=offer.name) if words is not None else offer.name


def instruction_offer(document: Document, tree: SourceTree | None, selection: Selection, words: str) -> Offer:
    """An instruction in words: for the lines selected, or for the function or statement at the cursor."""
    region = region_of(document, tree, selection)
    around = _function(tree, selection) if tree is not None and selection.is_empty else None
    if around is not None and _lines(around) <= MOST_LINES:
        region = lines_from(document, around.start_point[0], around.end_point[0])
    return _offer("edit", "refactor.rewrite", f"Do: {_short(words)}", region, words)


def region_of(document: Document, tree: SourceTree | None, selection: Selection) -> Selection:
    """The whole lines that an edit may change: those selected, or the statement at the cursor."""
    first, last = selection.start.line, selection.end.line
    if not selection.is_empty:
        if selection.end.column == 0 and last > first:
            last -= 1
    elif tree is not None and (node := _statement(tree, selection)) is not None:
        first, last = node.start_point[0], node.end_point[0]
    return lines_from(document, first, last)


def lines_from(document: Document, first: int, last: int) -> Selection:
    """Lines ``first`` to ``last``, with both, without the last one's end."""
    last = min(last, len(document.lines) - 1)
    return Selection(Position(first, 0), Position(last, len(document.line(last))))


def without_request(text: str) -> str:
    """A text without the comment that asked for a change of it."""
    kept = []
    for line in text.splitlines(keepends=True):
        if (found := _ASKED.search(line)) is None:
            kept.append(line)
        elif code := line[: found.start()].rstrip():
            kept.append(code + line[len(line.rstrip("\r\n")) :])
    return "".join(kept)


def _asked(document: Document, tree: SourceTree | None, selection: Selection) -> Iterator[Offer]:
    """An instruction in a comment on the cursor's line, or on the one above: what follows it is meant."""
    for line in (selection.start.line, selection.start.line - 1):
        if line < 0 or (found := _ASKED.search(document.line(line))) is None:
            continue
        words = found["words"]
        if document.line(line)[: found.start()].strip():  # behind code: that line is meant
            region = lines_from(document, line, line)
        elif not selection.is_empty:
            region = region_of(document, tree, Selection(Position(line, 0), selection.end))
        else:
            region = lines_from(document, line, _paragraph_end(document, line))
        yield _offer("edit", "refactor.rewrite", f"Do: {_short(words)}", region, words)
        return


def _paragraph_end(document: Document, comment: int) -> int:
    """The last line that a comment of its own line speaks of: until a blank line, or one less indented."""
    head, last = document.line(comment), comment
    depth = len(head) - len(head.lstrip())
    for line in range(comment + 1, len(document.lines)):
        text = document.line(line)
        if not text.strip() or len(text) - len(text.lstrip()) < depth:
            break
        last = line
    return last


def _fixes(document: Document, tree: SourceTree | None, diagnostics: Sequence[Diagnostic]) -> Iterator[Offer]:
    for where, message in diagnostics:
        line = document.clamp(where.start)
        around = _function(tree, Selection(line, line)) if tree is not None else None
        last = document.clamp(where.end).line
        region = lines_from(document, line.line, last)
        if around is not None and _lines(around) <= MOST_LINES // 4:  # it says what the line is for
            region = lines_from(document, around.start_point[0], around.end_point[0])
        title = f"Fix: {_short(message)}"
        said = f"line {line.line + 1}: {message.strip()}"
        yield _offer("fix-diagnostic", "quickfix", title, region, said)


def _of_function(document: Document, tree: SourceTree | None, selection: Selection) -> Iterator[Offer]:
    if tree is None or (node := _function(tree, selection)) is None:
        return
    named = node.child_by_field_name("name")
    if named is None or node.has_error:
        return
    name = tree.text(named)
    region = lines_from(document, node.start_point[0], node.end_point[0])
    why = _too_long(node)
    if not _is_documented(tree, node):
        title = f"Write the docstring of '{name}'" if document.language == "python" else f"Document '{name}'"
        yield _offer("write-docstring", "refactor.rewrite", title, region, name, why)
    if document.language in _TYPED and _lacks_types(tree, node):
        yield _offer("add-types", "refactor.rewrite", f"Add types to '{name}'", region, name, why)
    if document.language == "python":  # elsewhere the framework is not known
        yield _offer("write-tests", "refactor.rewrite", f"Write tests for '{name}'", region, name, why)
    yield _offer("explain", "", f"Explain '{name}'", region, name)


def _of_selection(document: Document, selection: Selection) -> Iterator[Offer]:
    if selection.is_empty:
        return
    region = region_of(document, None, selection)
    lines = region.end.line - region.start.line + 1
    why = "" if lines <= MOST_LINES else f"These are {lines} lines; a model here can write {MOST_LINES} anew."
    yield _offer("add-error-handling", "refactor.rewrite", "Add error handling", region, "", why)


def _offer(
    action: str, kind: str, title: str, region: Selection, name: str = "", disabled: str = ""
) -> Offer:
    return Offer(action, kind, title, region, name, exact=False, disabled=disabled)


def _too_long(node: Node) -> str:
    lines = _lines(node)
    return "" if lines <= MOST_LINES else f"It has {lines} lines; a model here can write {MOST_LINES} anew."


def _lines(node: Node) -> int:
    return node.end_point[0] - node.start_point[0] + 1


def _function(tree: SourceTree, selection: Selection) -> Node | None:
    """The innermost function with a name around all of a selection."""
    node: Node | None = tree.smallest(selection)
    while node is not None:
        if node.type in _FUNCTIONS and node.child_by_field_name("name") is not None:
            return node
        if node.type in _WRAPPERS:  # a cursor on a decorator, or on ``export``
            inside = node.child_by_field_name("definition") or node.child_by_field_name("declaration")
            if inside is not None and inside.type in _FUNCTIONS:
                return inside
        node = node.parent
    return None


def _statement(tree: SourceTree, selection: Selection) -> Node | None:
    """The statement or definition that begins the cursor's line; None where that is none."""
    line = tree.document.line(selection.start.line)
    blanks = len(line) - len(line.lstrip())
    at = selection.start._replace(column=blanks)
    node: Node | None = tree.smallest(Selection(at, at))
    start = tree.byte(at)
    while node is not None and node.parent is not None and node.parent.start_byte == start:
        node = node.parent
    return node if node is not None and node.parent is not None and node.start_byte == start else None


def _is_documented(tree: SourceTree, node: Node) -> bool:
    if tree.document.language == "python":
        body = node.child_by_field_name("body")
        first = body.named_children[0] if body is not None and body.named_children else None
        if first is None or first.type != "expression_statement" or not first.named_children:
            return False
        return first.named_children[0].type == "string"
    while node.parent is not None and node.parent.type in _WRAPPERS:
        node = node.parent
    above = node.prev_sibling
    return above is not None and "comment" in above.type and above.end_point[0] >= node.start_point[0] - 1


def _lacks_types(tree: SourceTree, node: Node) -> bool:
    parameters = node.child_by_field_name("parameters")
    if node.child_by_field_name("return_type") is None:
        return True
    if parameters is None:
        return False
    for one in parameters.named_children:
        if one.type in ("identifier", "default_parameter") and tree.text(one) not in _RECEIVERS:
            return True
        declared = one.type in ("required_parameter", "optional_parameter")
        if declared and one.child_by_field_name("type") is None:
            return True
    return False


def _short(words: str) -> str:
    words = " ".join(words.split())
    return words if len(words) <= _SHOWN else words[: _SHOWN - 1] + "…"
