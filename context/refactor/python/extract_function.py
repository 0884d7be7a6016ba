"""Selected statements, or an expression, become a function that is called in their place.

In a method whose receiver they need, a method of its class (``extract-method``); else a function before the
definition they stand in. What it takes and gives is ``extracted_region``'s answer.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from context.document import Position, split_lines
from context.refactor.python.expressions import apart
from context.refactor.python.extracted_region import Region, region_at
from context.refactor.python.functions import BUILTINS, OF_CLASS, Definition, require_name, unused_name
from context.refactor.python.naming import variable_name
from context.refactor.python.region_interface import Interface, interface_of
from context.refactor.python.result_checks import checked, parsed
from context.refactor.python.scope_tree import ScopeTree, scopes_of
from context.refactor.python.splices import Splice, indentation, line_start, shifted, spliced
from context.refactor.values import Offer, Refused, Rewrite, Selection

if TYPE_CHECKING:
    from tree_sitter import Node

    from context.document import Document
    from context.refactor.source_tree import SourceTree

_ENCLOSED = frozenset(
    {"list", "tuple", "set", "dictionary", "parenthesized_expression", "list_comprehension", "string"}
    | {"set_comprehension", "dictionary_comprehension", "generator_expression"}
)


def find(tree: SourceTree, selection: Selection) -> Offer | None:
    """Offered for an expression or whole statements that need no receiver."""
    return _offer(tree, selection, is_method=False)


def find_method(tree: SourceTree, selection: Selection) -> Offer | None:
    """Offered for an expression or whole statements of a method that need its receiver or class."""
    return _offer(tree, selection, is_method=True)


def perform(document: Document, offer: Offer, name: str = "") -> Rewrite:
    """The file with the function and its call."""
    tree = parsed(document)
    region = region_at(tree, offer.selection)
    if region is None:
        raise Refused("What is selected is neither an expression nor whole statements.")
    interface = interface_of(region)
    name = name or offer.name
    names = scopes_of(tree)
    _require_free(names, region, interface, name)
    return _Extraction(region, interface, name).rewrite(names)


def _offer(tree: SourceTree, selection: Selection, *, is_method: bool) -> Offer | None:
    region, interface = _read(tree, selection)
    if region is None:
        return None
    kind = "method" if is_method else "function"
    action, span = f"extract-{kind}", _span(region)
    if isinstance(interface, str):
        could = (region.method is not None) == is_method
        title = f"Extract {kind}"
        return Offer(action, "refactor.extract", title, span, disabled=interface) if could else None
    if interface.needs_class != is_method:
        return None
    name = _name_for(region, interface)
    return Offer(action, "refactor.extract", f"Extract {kind} '{name}'", span, name)


@lru_cache(maxsize=1)  # both actions ask the same
def _read(tree: SourceTree, selection: Selection) -> tuple[Region | None, Interface | str]:
    """What is selected, and its interface or why there is none."""
    region = region_at(tree, selection)
    if region is None:
        return None, ""
    try:
        return region, interface_of(region)
    except Refused as refused:
        return region, str(refused)


def _span(region: Region) -> Selection:
    tree = region.tree
    start = (
        region.start + len(indentation(tree.source, region.start))
        if not region.is_expression
        else region.start
    )
    return Selection(tree.position(start), tree.position(region.nodes[-1].end_byte))


def _name_for(region: Region, interface: Interface) -> str:
    """From the value it gives: compute_total; "extracted" where it gives none or several."""
    tree, wish = region.tree, ""
    if region.is_expression:
        node = region.nodes[0]
        above = node.parent
        left = above.child_by_field_name("left") if above is not None and above.type == "assignment" else None
        is_name = left is not None and left.type == "identifier"
        wish = tree.text(left) if is_name and left is not None else variable_name(tree, node)
    elif len(interface.results) == 1:
        wish = interface.results[0]
    wish = "" if wish == "value" else wish
    wish = f"compute_{wish.strip('_')}" if wish.strip("_") else "extracted"
    if interface.needs_class:
        wish = f"_{wish}"
    words = set(re.findall(r"\w+", tree.document.text)) if wish in tree.document.text else set()
    return unused_name(wish, words)


def _require_free(names: ScopeTree, region: Region, interface: Interface, name: str) -> None:
    require_name(name)
    if name in interface.taken or name in BUILTINS:
        raise Refused(f"{name!r} means something else where it would be called.")
    if not interface.needs_class:
        if name in names.module.bound or name in names.unbound():
            raise Refused(f"The module already has a {name!r}; choose another name.")
        return
    attributes = {region.tree.text(node.children[-1]) for node, _ in names.attributes}
    scopes = [scope for scope in names.module.inside() if scope.kind == "class"]
    if name in attributes or any(name in scope.bound for scope in scopes):
        raise Refused(f"Something in the file already has an attribute {name!r}; choose another name.")


class _Extraction:
    """One region on its way into a function called ``name``."""

    def __init__(self, region: Region, interface: Interface, name: str) -> None:
        self.region, self.interface, self.name = region, interface, name
        self.tree, self.source = region.tree, region.tree.source
        self.end = region.tree.document.line_end
        self.base = indentation(self.source, region.nodes[0].start_byte)

    def rewrite(self, names: ScopeTree) -> Rewrite:
        place, text, offset = self._placed()
        call = Splice(self.region.start, self.region.stop, self._call())
        splices = [call, Splice(place, place, text)]
        above = spliced(self.source, [call] if place > call.start else [], 0, place) + text[:offset]
        *lines, last = split_lines(above)
        new = checked(names, spliced(self.source, splices))
        return Rewrite(((self.tree.document, new),), name_at=Position(len(lines), len(last)))

    def _placed(self) -> tuple[int, str, int]:
        """Where the function goes, its text with the blank lines around it, and where in that its name is."""
        if self.interface.needs_class:
            method = self.region.method
            assert method is not None  # noqa: S101 - what needs a class has one
            place = method.last_line
            ends = self.source[:place].endswith((b"\n", b"\r"))
            lead = self.end if ends else self.end * 2
            text = lead + self._function(indentation(self.source, method.outer.start_byte), method)
            return place, text if ends else text.rstrip("\r\n"), text.index(f"def {self.name}(") + 4
        node = self.region.nodes[0]
        while node.parent is not None and node.parent.parent is not None:
            node = node.parent
        if node.type == "decorated_definition":
            node = node.child_by_field_name("definition") or node
        place = Definition(self.tree, node).first_line
        text = self._function("", None)
        return place, text + self.end * 2, text.index(f"def {self.name}(") + 4

    def _function(self, indent: str, method: Definition | None) -> str:
        inner = indent + self._unit()
        given = list(self.interface.parameters)
        lines = []
        if method is not None:
            given.insert(0, method.parameters[0].name)
            if "classmethod" in method.decorators or method.name in OF_CLASS:
                lines.append(f"{indent}@classmethod")
        word = "async def" if self.interface.is_async else "def"
        lines.append(f"{indent}{word} {self.name}({', '.join(given)}):")
        head = "".join(line + self.end for line in lines)
        return head + (self._value(inner) if self.region.is_expression else self._statements(inner))

    def _statements(self, inner: str) -> str:
        region = self.region
        moves = [*shifted(self.tree, region.start, region.stop, self.base, inner), *self._returned()]
        text = spliced(self.source, moves, region.start, region.stop)
        if not text.endswith(("\n", "\r")):
            text += self.end
        if self.interface.results and not self._returned():
            text += f"{inner}return {', '.join(self.interface.results)}{self.end}"
        return text

    def _returned(self) -> list[Splice]:
        """``return value`` instead of ``result = value`` at the end, where that is the only result."""
        last = self.region.nodes[-1]
        assignment = last.named_children[0] if last.type == "expression_statement" else None
        if assignment is None or assignment.type != "assignment" or len(self.interface.results) != 1:
            return []
        left, right = assignment.child_by_field_name("left"), assignment.child_by_field_name("right")
        if (
            left is None
            or right is None
            or right.type == "assignment"
            or self.tree.text(left) != self.interface.results[0]
        ):
            return []
        return [Splice(left.start_byte, right.start_byte, "return ")]

    def _value(self, inner: str) -> str:
        node = self.region.nodes[0]
        after = indentation(self.source, node.start_byte)
        start = self.source.find(b"\n", node.start_byte, node.end_byte) + 1
        moves = shifted(self.tree, start, node.end_byte, after, inner) if start else []
        text = spliced(
            self.source, [move for move in moves if move.start >= start], node.start_byte, node.end_byte
        )
        if "\n" in text and node.type not in _ENCLOSED:
            text = f"({text})"
        return f"{inner}return {text}{self.end}"

    def _call(self) -> str:
        interface, method = self.interface, self.region.method
        receiver = f"{method.parameters[0].name}." if interface.needs_class and method is not None else ""
        call = f"{receiver}{self.name}({', '.join(interface.parameters)})"
        if self.region.is_expression:
            call = f"await {call}" if interface.is_async else call
            return apart(self.source, self.region.nodes[0], _guarded(call, self.region.nodes[0]))
        call = f"await {call}" if interface.is_async else call
        if interface.returns:
            call = f"return {call}"
        elif self._returned():
            inner = self.region.nodes[-1].named_children[0]
            named = inner.child_by_field_name("type") or inner.child_by_field_name("left")
            assert named is not None  # noqa: S101 - an assignment has a left side
            call = self.source[inner.start_byte : named.end_byte].decode() + f" = {call}"
        elif interface.results:
            call = f"{', '.join(interface.results)} = {call}"
        ends = self.source[: self.region.stop].endswith((b"\n", b"\r"))
        return self.base + call + (self.end if ends else "")

    def _unit(self) -> str:
        """One step of indentation, as the function around or the file has it."""
        around = self.region.function
        if around is not None:
            body = around.child_by_field_name("body")
            outer = indentation(self.source, around.start_byte)
            first = body.named_children[0] if body is not None and body.named_children else None
            inner = indentation(self.source, first.start_byte) if first is not None else ""
            own_line = first is not None and line_start(self.source, first.start_byte) > around.start_byte
            if own_line and inner.startswith(outer) and inner != outer:
                return inner[len(outer) :]
        found = re.search(rb"(?m)^([ \t]+)\S", self.source)
        return found[1].decode() if found is not None else "    "


def _guarded(call: str, node: Node) -> str:
    """In parentheses where an ``await`` would bind otherwise than what it stands for."""
    parent = node.parent
    tight = ("attribute", "subscript", "call", "binary_operator", "unary_operator", "await")
    inner = parent is not None and parent.type in tight and parent.type != "argument_list"
    return f"({call})" if call.startswith("await ") and inner else call
