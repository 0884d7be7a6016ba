"""Python's functions and classes as a syntax tree holds them: parameters, decorators, what stands around.

Facts of one node and its neighbours, fast enough to be asked at every move of a cursor. Knows no scopes.
"""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Container
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, count
from typing import TYPE_CHECKING, Literal, NamedTuple

from context.refactor.python.splices import comments_above, line_start, line_stop
from context.refactor.values import Refused, Selection

if TYPE_CHECKING:
    from tree_sitter import Node

    from context.refactor.source_tree import SourceTree

BUILTINS = frozenset(dir(builtins))


class Parameter(NamedTuple):
    """``kind``: "rest" is ``*args``, "keywords" is ``**kwargs``."""

    name: str
    kind: Literal["positional", "either", "keyword", "rest", "keywords"]
    node: Node
    default: Node | None
    annotation: Node | None


@dataclass(frozen=True)
class Definition:
    """A function or class with its decorators."""

    tree: SourceTree
    node: Node

    @property
    def outer(self) -> Node:
        """The node with the decorators, where there are any."""
        parent = self.node.parent
        return parent if parent is not None and parent.type == "decorated_definition" else self.node

    @cached_property
    def name(self) -> str:
        """Its name."""
        node = self.node.child_by_field_name("name")
        return self.tree.text(node) if node is not None else ""

    @property
    def body(self) -> Node:
        """Its block."""
        body = self.node.child_by_field_name("body")
        assert body is not None  # noqa: S101 - the grammar's
        return body

    @property
    def is_class(self) -> bool:
        """Whether it is a class."""
        return self.node.type == "class_definition"

    @property
    def is_async(self) -> bool:
        """Whether it is a coroutine function."""
        return self.node.children[0].type == "async"

    @cached_property
    def decorators(self) -> tuple[str, ...]:
        """What stands behind each @, without arguments."""
        if self.outer is self.node or self.outer == self.node:
            return ()
        texts = (self.tree.text(child) for child in self.outer.children if child.type == "decorator")
        return tuple(re.split(r"[(\s#]", text[1:].strip(), maxsplit=1)[0] for text in texts)

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """In their order; the separators / and * are in their kinds."""
        node = self.node.child_by_field_name("parameters")
        return parameters_of(self.tree, node) if node is not None else ()

    @property
    def class_around(self) -> Definition | None:
        """The class whose body holds it directly."""
        block = self.outer.parent
        if block is None or block.type != "block" or block.parent is None:
            return None
        return Definition(self.tree, block.parent) if block.parent.type == "class_definition" else None

    @property
    def function_around(self) -> Node | None:
        """The nearest function around."""
        node = self.outer.parent
        while node is not None and node.type not in ("function_definition", "lambda"):
            node = node.parent
        return node

    @property
    def first_line(self) -> int:
        """The byte where its first line begins: comments right above belong to it."""
        start = line_start(self.tree.source, self.outer.start_byte)
        return comments_above(self.tree.source, start, self.outer.start_byte - start)

    @property
    def last_line(self) -> int:
        """The byte after its last line: comments as deep as its body that follow belong to it."""
        source, stop = self.tree.source, line_stop(self.tree.source, self.outer.end_byte)
        column = self.outer.start_byte - line_start(source, self.outer.start_byte)
        at = stop
        while at < len(source):
            after = line_stop(source, at)
            line = source[at:after]
            if line.strip() and (line.lstrip()[:1] != b"#" or len(line) - len(line.lstrip()) <= column):
                break
            at = after
            stop = at if line.strip() else stop
        return stop


def parameters_of(tree: SourceTree, node: Node) -> tuple[Parameter, ...]:
    """The parameters of a function or lambda."""
    found: list[Parameter] = []
    keyword_only = False
    for child in node.named_children:
        if child.type == "comment":
            continue
        if child.type == "positional_separator":
            found = [parameter._replace(kind="positional") for parameter in found]
            continue
        if child.type == "keyword_separator":
            keyword_only = True
            continue
        bound = child.child_by_field_name("name") or child
        if bound.type == "typed_parameter":
            bound = bound.named_children[0]
        kind = "keyword" if keyword_only else "either"
        if bound.type in ("list_splat_pattern", "dictionary_splat_pattern"):
            kind = "rest" if bound.type == "list_splat_pattern" else "keywords"
            keyword_only = True
            bound = bound.named_children[0]
        default, annotation = child.child_by_field_name("value"), child.child_by_field_name("type")
        found.append(Parameter(tree.text(bound), kind, child, default, annotation))
    return tuple(found)


OF_CLASS = frozenset({"__new__", "__init_subclass__", "__class_getitem__"})  # get the class, undecorated


def has_receiver(method: Definition) -> bool:
    """Whether a function of a class surely is called with an instance or the class in front.

    One that the class's own body uses is a plain function there; what a decorator passes is not known.
    """
    first, around = method.parameters[:1], method.class_around
    if around is None or not first or first[0].kind not in ("either", "positional"):
        return False
    if "staticmethod" in method.decorators or method.node.has_error:
        return False
    if method.decorators and "classmethod" not in method.decorators and first[0].name != "self":
        return False
    tree = method.tree
    for word in re.finditer(
        rb"(?<![.\w])%s\b(?!\s*=[^=])" % re.escape(method.name.encode()),
        tree.source[around.body.start_byte : around.body.end_byte],
    ):
        at = around.body.start_byte + word.start()
        leaf = tree.root.descendant_for_byte_range(at, at + 1)
        if leaf is not None and leaf.type == "identifier" and leaf != method.node.child_by_field_name("name"):
            if leaf.parent is not None and leaf.parent.type == "attribute":
                continue  # @name.setter
            while leaf.parent is not None and leaf.type not in ("function_definition", "class_definition"):
                leaf = leaf.parent
            if leaf == around.node:
                return False
    return True


def definition_at(tree: SourceTree, selection: Selection) -> Definition | None:
    """The function or class whose head the selection lies in, or that it spans."""
    start, end = tree.trimmed(selection)
    node = tree.root.named_descendant_for_byte_range(start, end)
    while node is not None:
        inner = node.child_by_field_name("definition") if node.type == "decorated_definition" else node
        if inner is not None and inner.type in ("function_definition", "class_definition"):
            found = Definition(tree, inner)
            in_head = start >= found.outer.start_byte and end <= found.body.start_byte
            whole = start in (found.outer.start_byte, inner.start_byte) and end == found.outer.end_byte
            return found if in_head or whole else None
        node = node.parent
    return None


def is_name(name: str) -> bool:
    """Whether something may be called so."""
    return name.isidentifier() and not keyword.iskeyword(name)


def require_name(name: str) -> None:
    """Refuses what cannot name a function of a module or class."""
    if not is_name(name):
        raise Refused(f"{name!r} is not a name that Python allows.")
    if is_private(name):
        raise Refused(f"Python changes names like {name!r} inside classes; choose another.")


def is_private(name: str) -> bool:
    """Whether Python mangles the name inside a class."""
    return name.startswith("__") and not name.endswith("__")


def unused_name(name: str, taken: Container[str]) -> str:
    """``name``, with a number behind it where that is taken."""
    numbered = (f"{name}_{number}" for number in count(2))
    return next(one for one in chain([name], numbered) if one not in taken)


def snake_case(name: str) -> str:
    """A class's name as a function's is written."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def private_names(tree: SourceTree, node: Node) -> list[str]:
    """Identifiers in a node that Python mangles inside classes."""
    found = []
    for match in re.finditer(rb"(?<!\w)__\w+", tree.source[node.start_byte : node.end_byte]):
        at = node.start_byte + match.start()
        leaf = tree.root.descendant_for_byte_range(at, at + 1)
        if leaf is not None and leaf.type == "identifier" and is_private(tree.text(leaf)):
            found.append(tree.text(leaf))
    return found
