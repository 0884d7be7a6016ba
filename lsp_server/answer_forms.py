"""In what form a model is asked for an edit: how its answer begins, what it is held to, what becomes of it.

Lines of a document to an ``AnswerForm``. The less a model has to write, the sooner it is done and the less it
can break: documentation and signatures are filled in where they belong, short regions are written anew, in
long ones places are searched and replaced. Knows no model; a token is what ``count`` counts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from context.document import Document, Position
from context.refactor.source_tree import SourceTree
from context.refactor.values import Selection
from engine.answer_format import AnswerFormat, Lines, Text, Until
from lsp_server.edit_blocks import DIVIDER, REPLACE, SEARCH, blocks_in, with_blocks, with_region
from lsp_server.edit_bounds import PlanRefused

if TYPE_CHECKING:
    from tree_sitter import Node

Count = Callable[[str], int]

_FENCES = re.compile(r"^\s*(`{3,})", re.MULTILINE)
_GROWTH, _MARGIN = 1.4, 96  # of lines that are written anew: times their tokens, and so many more
_MOST_ANEW = 900  # tokens: half a minute on two cores, and where small models begin to lose lines
_MOST_IN_BLOCKS, _MOST_FILLED = 600, 240  # tokens
_DOCUMENTED = {  # how documentation above a function begins and ends
    **dict.fromkeys(("c", "cpp", "java", "javascript", "javascriptreact", "kotlin", "php", "scala", "swift",
                     "typescript", "typescriptreact"), ("/**", "*/")),
    "go": ("// {name} ", "\n"), "rust": ("/// ", "\n"), "csharp": ("/// <summary>", "</summary>"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Region:
    """Lines ``first`` to ``last`` (exclusive) of a document that may be changed.

    ``shown``: how a model may see them, without line ends; ``hidden``: those of which it may not see all.
    ``around``: the whole document in the same way.
    """

    document: Document
    first: int
    last: int
    shown: tuple[str, ...]
    hidden: frozenset[int]
    around: tuple[str, ...]

    @property
    def lines(self) -> list[str]:
        """As they are, without line ends."""
        return [self.document.line(number) for number in range(self.first, self.last)]

    @property
    def selection(self) -> Selection:
        """The same lines as a selection."""
        return Selection(Position(self.first, 0), Position(self.last, 0))

    @property
    def indentation(self) -> str:
        """That of the first line that is not blank."""
        return next((line[: len(line) - len(line.lstrip())] for line in self.shown if line.strip()), "")


@dataclass(frozen=True, slots=True)
class AnswerForm:
    """``wish``: what the model is told of it. ``opening``: how its answer begins, which it need not write;
    ``begin_with``: what the answer goes on with, in tokens of the model's choice. ``mark``: what ends it, ""
    for no one text. ``text_of``: what the model wrote behind all of these to the document's new text, or
    PlanRefused.
    """

    name: str
    wish: str
    opening: str
    begin_with: str
    format: AnswerFormat
    mark: str
    most_tokens: int
    text_of: Callable[[str], str]

    def behind(self, mark: str) -> AnswerFormat:
        """What an answer is held to of which nothing is given: any text, ``mark``, then all of the form."""
        begun = Text(f"{self.opening}{self.begin_with}".encode())
        return replace(self.format, parts=(Until(mark.encode()), begun, *self.format.parts), back_to=2)

    def behind_opening(self, answer: str) -> str:
        """The part of a whole answer that ``text_of`` wants. Raises PlanRefused where it has no such part."""
        head = self.opening + self.begin_with
        if (found := answer.find(head)) < 0:
            raise PlanRefused("The model's answer does not have the form that was asked for.")
        return answer[found + len(head) :]


def form_for(region: Region, action: str, count: Count) -> AnswerForm:
    """The form that asks least of the model. Raises PlanRefused where there is none."""
    filled = {"write-docstring": documentation, "add-types": signature}.get(action)
    if filled is not None and (form := filled(region)) is not None:
        return form
    anew = written_anew(region, count)
    if region.hidden or anew.most_tokens > _MOST_ANEW:
        return in_blocks(region, count)
    return anew


def written_anew(region: Region, count: Count) -> AnswerForm:
    """All lines of the region again, in a fence."""
    text = "".join(f"{line}\n" for line in region.shown)
    fence, indentation = _fence(text), region.indentation
    mark = f"\n{fence}"

    def text_of(written: str) -> str:
        return with_region(region.document, region.selection, indentation + written.partition(mark)[0])

    return AnswerForm(
        "anew",
        "Answer with these lines as they are after the edit, all of them, and nothing else.",
        f"{fence}{region.document.language}\n",
        indentation,
        AnswerFormat((Until(mark.encode()),)),
        mark,
        int(count(text) * _GROWTH) + _MARGIN,
        text_of,
    )


def in_blocks(region: Region, count: Count) -> AnswerForm:
    """Places to search, and what comes there. Raises PlanRefused for lines of which none can be searched."""
    known = tuple(
        None if number in region.hidden else line.encode("utf-8", "replace")
        for number, line in enumerate(region.shown, region.first)
    )
    divider = f"{DIVIDER}\n".encode()
    if DIVIDER.encode() in known or all(end is None for end in Lines(known, divider).ends):
        raise PlanRefused("These lines cannot be told apart well enough to be edited; select others.")

    def text_of(written: str) -> str:
        opening = f"{SEARCH}\n{written}"
        return with_blocks(region.document, blocks_in(opening), region.selection)

    return AnswerForm(
        "blocks",
        "Answer with edits only. Each has this form:\n"
        f"{SEARCH}\nlines to replace, copied exactly\n{DIVIDER}\nthe lines that replace them\n{REPLACE}",
        f"{SEARCH}\n",
        "",
        AnswerFormat((Lines(known, divider), Until(f"\n{REPLACE}\n".encode(), True)), f"{SEARCH}\n".encode()),
        "",
        min(_MOST_IN_BLOCKS, int(count("\n".join(region.shown)) * 2) + _MARGIN),
        text_of,
    )


def documentation(region: Region) -> AnswerForm | None:
    """A docstring or comment where it belongs; None where the region is no function or class, or has one."""
    tree = SourceTree.of(region.document)
    node = _definition(tree, region) if tree is not None else None
    name = node.child_by_field_name("name") if node is not None else None
    if tree is None or node is None or name is None:
        return None
    lines = region.lines
    if region.document.language == "python":
        if (row := _head_end(region, node)) is None or _has_docstring(node):
            return None
        body = node.child_by_field_name("body")
        assert body is not None  # noqa: S101  (where there is a head's end, there is a body below it)
        first = region.document.line(body.start_point[0])
        begin, mark = first[: len(first) - len(first.lstrip())] + '"""', '"""'
        above, below = lines[: row - region.first + 1], lines[row - region.first + 1 :]
    elif region.document.language in _DOCUMENTED:
        begin, mark = _DOCUMENTED[region.document.language]
        begin = region.indentation + begin.format(name=tree.text(name))
        above, below = [], lines
    else:
        return None

    def joined(written: str) -> list[str]:
        text, ended, _ = written.partition(mark)
        if not text.strip():
            raise PlanRefused("The model's documentation is empty.")
        comment = (begin + text + (mark if ended else "")).rstrip("\n")
        return [*above, *(line.rstrip() for line in comment.split("\n")), *below]

    shown = region.shown[: len(above)]
    return _filled(region, "documentation", shown, begin, mark, joined)


def signature(region: Region) -> AnswerForm | None:
    """The head of a Python function behind its name; None where the region is none, or its head is odd."""
    tree = SourceTree.of(region.document)
    node = _definition(tree, region) if tree is not None else None
    if region.document.language != "python" or node is None or node.type != "function_definition":
        return None
    row, name = _head_end(region, node), node.child_by_field_name("name")
    if row is None or name is None or not region.document.line(row).rstrip().endswith(":"):
        return None
    at, lines = name.start_point[0], region.lines
    head, opened, _ = region.document.line(at).partition("(")
    if not opened:
        return None

    def joined(written: str) -> list[str]:
        text = written.partition(":\n")[0].rstrip()
        changed = f"{head}({text}" + ("" if text.endswith(":") else ":")
        return [*lines[: at - region.first], changed, *lines[row - region.first + 1 :]]

    above = region.shown[: at - region.first]
    return _filled(region, "signature", above, f"{head}(", ":\n", joined)


def _filled(
    region: Region,
    name: str,
    above: Sequence[str],
    begin_with: str,
    mark: str,
    joined: Callable[[str], list[str]],
) -> AnswerForm:
    """The answer begins with lines that stay, and ends before those that do."""
    fence = _fence("\n".join(region.shown))
    opening = "".join(f"{line}\n" for line in (f"{fence}{region.document.language}", *above))
    return AnswerForm(
        name,
        "Answer with these lines as they are after the edit.",
        opening,
        begin_with,
        AnswerFormat((Until(mark.encode()),)),
        mark,
        _MOST_FILLED,
        lambda written: with_region(region.document, region.selection, "\n".join(joined(written))),
    )


def _fence(text: str) -> str:
    """Backticks that no line of a text begins with."""
    return "`" * (max((len(run) for run in _FENCES.findall(text)), default=2) + 1)


def _definition(tree: SourceTree, region: Region) -> Node | None:
    """The first function or class that begins in the region and ends with it."""
    first = next((n for n, line in enumerate(region.lines, region.first) if line.strip()), region.first)
    at = Position(first, len(region.document.line(first)) - len(region.document.line(first).lstrip()))
    node: Node | None = tree.smallest(Selection(at, at))
    found: Node | None = None
    while node is not None and node.start_point[0] >= region.first and node.end_point[0] < region.last:
        inner = node.child_by_field_name("definition") or node.child_by_field_name("declaration") or node
        if inner.child_by_field_name("body") is not None and inner.child_by_field_name("name") is not None:
            found = inner
        node = node.parent
    return found


def _head_end(region: Region, node: Node) -> int | None:
    """The line of the colon behind a Python head; None where the body begins on it."""
    body = node.child_by_field_name("body")
    colon = next((child for child in node.children if child.type == ":"), None)
    if body is None or colon is None or body.start_point[0] == colon.start_point[0]:
        return None
    return colon.start_point[0] if colon.start_point[0] < region.last else None


def _has_docstring(node: Node) -> bool:
    body = node.child_by_field_name("body")
    first = body.named_children[0] if body is not None and body.named_children else None
    inside = first.named_children if first is not None and first.type == "expression_statement" else []
    return bool(inside) and inside[0].type == "string"
