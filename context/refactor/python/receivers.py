"""What stands before the dot: an instance or a class of the file, as far as the text alone can tell.

Exact where it answers: ``self`` in a method, a class by its name, a variable that is given one instance and
nothing else. A receiver that it does not know may be anything.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple

from context.refactor.python.functions import OF_CLASS, Definition, Parameter, has_receiver

if TYPE_CHECKING:
    from tree_sitter import Node

    from context.refactor.python.scope_tree import ScopeTree
    from context.refactor.python.scopes import Scope

_LITERALS = frozenset(
    {"string", "concatenated_string", "list", "dictionary", "set", "tuple", "integer", "float"}
    | {"list_comprehension", "dictionary_comprehension", "set_comprehension", "generator_expression"}
)
_SAME = frozenset({"dataclass", "final", "total_ordering", "unique", "runtime_checkable"})  # the class itself


class Receiver(NamedTuple):
    """``definition`` is the class in the file. "super" is what ``super()`` in that class gives."""

    kind: Literal["instance", "class", "super"]
    definition: Definition


class Receivers:
    """The classes of a file, by their names, and who is one."""

    def __init__(self, names: ScopeTree) -> None:
        self.names = names

    @cached_property
    def classes(self) -> list[Definition]:
        """Every class of the file."""
        scopes = self.names.module.inside()
        return [Definition(self.names.tree, scope.node) for scope in scopes if scope.kind == "class"]

    def bases(self, definition: Definition) -> tuple[list[Definition], bool]:
        """The classes of the file that it is derived from, near ones first, and whether there are others."""
        found: list[Definition] = []
        unknown, pending = False, [definition]
        while pending:
            superclasses = pending.pop(0).node.child_by_field_name("superclasses")
            for base in superclasses.named_children if superclasses is not None else ():
                if base.type in ("comment", "keyword_argument"):
                    continue
                known = self._class_named(base)
                if known is None:
                    unknown = unknown or self.names.tree.text(base) != "object"
                elif known not in found and known.node != definition.node:
                    found.append(known)
                    pending.append(known)
        return found, unknown

    def derived(self, definition: Definition) -> list[Definition]:
        """The classes of the file that are derived from it."""
        return [other for other in self.classes if definition in self.bases(other)[0]]

    def binds(self, definition: Definition, name: str) -> bool:
        """Whether a class's own body gives it an attribute of that name."""
        return name in self.names.scope_of_node[definition.node.id].bound

    def of(self, node: Node, scope: Scope) -> Receiver | None:
        """What an expression in ``scope`` gives; None where that is not known."""
        node = _bare(node)
        if node.type == "call":
            return self._of_call(node, scope)
        if node.type == "attribute" and self.names.tree.text(node.children[-1]) == "__class__":
            return _class_of(self.of(node.children[0], scope))
        if node.type != "identifier":
            return None
        return self._of_name(self.names.tree.text(node), node, scope)

    def cannot_be(self, node: Node, scope: Scope) -> bool:
        """Whether an expression certainly is no instance of a class in the file: a literal, a module."""
        node = _bare(node)
        if node.type in _LITERALS:
            return True
        while node.type == "attribute":
            node = node.children[0]
        if node.type != "identifier":
            return False
        name = self.names.tree.text(node)
        owner = scope.owner(name)
        binds = [use for use in owner.uses_of(name) if use.kind == "bind"] if owner is not None else []
        return bool(binds) and all("import" in _statement(use.node).type for use in binds)

    def _of_call(self, node: Node, scope: Scope) -> Receiver | None:
        function, arguments = node.children[0], node.children[-1]
        text = self.names.tree.text(function)
        if text == "super" and function.type == "identifier":
            around = next((part for part in scope.around() if part.kind == "class"), None)
            return Receiver("super", Definition(self.names.tree, around.node)) if around is not None else None
        if text == "type" and function.type == "identifier" and arguments.named_child_count == 1:
            return _class_of(self.of(arguments.named_children[0], scope))
        receiver = self.of(function, scope)
        if receiver is None or receiver.kind != "class" or self._makes_others(receiver.definition):
            return None
        return Receiver("instance", receiver.definition)

    def _makes_others(self, definition: Definition) -> bool:
        """Whether calling a class may give something that is none of it."""
        superclasses = definition.node.child_by_field_name("superclasses")
        metaclass = superclasses is not None and "metaclass" in self.names.tree.text(superclasses)
        return metaclass or self.binds(definition, "__new__")

    def _of_name(self, name: str, node: Node, scope: Scope) -> Receiver | None:
        owner = scope.owner(name)
        if owner is None:
            return None
        binds = [use for use in owner.uses_of(name) if use.kind != "read"]
        if len(binds) != 1:
            return None
        bound = binds[0].node
        around = bound.parent
        if around is None:
            return None
        if around.type == "class_definition":
            definition = Definition(self.names.tree, around)
            return Receiver("class", definition) if not _wrapped(definition) else None
        if around.type == "assignment" and around.child_by_field_name("left") == bound:
            value = around.child_by_field_name("right")
            made = value is not None and value.type == "call" and owner.kind != "class"
            return self._of_call(value, binds[0].scope) if value is not None and made else None
        return self._of_parameter(name, owner)

    def _of_parameter(self, name: str, owner: Scope) -> Receiver | None:
        if owner.kind != "function" or owner.node.type != "function_definition":
            return None
        method = Definition(self.names.tree, owner.node)
        parameter = next((part for part in method.parameters if part.name == name), None)
        if parameter is None:
            return None
        around = method.class_around if "staticmethod" not in method.decorators else None
        if around is not None and parameter is method.parameters[0]:
            if not has_receiver(method):
                return None
            of_class = "classmethod" in method.decorators or method.name in OF_CLASS
            return Receiver("class" if of_class else "instance", around)
        if parameter.kind in ("rest", "keywords"):
            return None
        known = self.annotated(parameter)
        return Receiver("instance", known) if known is not None else None

    def annotated(self, parameter: Parameter) -> Definition | None:
        """The class of the file that a parameter is said to be an instance of."""
        return self._class_named(parameter.annotation.named_children[0]) if parameter.annotation else None

    def _class_named(self, node: Node) -> Definition | None:
        if node.type == "subscript":  # Base[int]
            node = node.children[0]
        if node.type != "identifier":
            return None
        use = self.names.uses.get(node.start_byte)
        receiver = self._of_name(use.name, node, use.scope) if use is not None else None
        return receiver.definition if receiver is not None and receiver.kind == "class" else None


def _class_of(receiver: Receiver | None) -> Receiver | None:
    if receiver is None or receiver.kind != "instance":
        return None
    return Receiver("class", receiver.definition)


def _bare(node: Node) -> Node:
    while node.type == "parenthesized_expression" and node.named_child_count == 1:
        node = node.named_children[0]
    return node


def _wrapped(definition: Definition) -> bool:
    """Whether a decorator may have put something else in a class's place; those of dataclasses do not."""
    return any(name.rpartition(".")[2] not in _SAME for name in definition.decorators)


def _statement(node: Node) -> Node:
    while node.parent is not None and not node.type.endswith("_statement"):
        node = node.parent
    return node
