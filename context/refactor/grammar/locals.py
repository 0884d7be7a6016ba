"""A variable of one function or module: what a cursor on its name says of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from context.refactor.grammar.names import Binding, Name
from context.refactor.grammar.tables import Table
from context.refactor.grammar.walking import place_in_parent, within

if TYPE_CHECKING:
    from tree_sitter import Node

    from context.refactor.grammar.effects import Effects
    from context.refactor.source_tree import SourceTree
    from context.refactor.values import Selection

_DECLARATIONS = ("lexical_declaration", "variable_declaration", "var_declaration", "const_declaration")


@dataclass(frozen=True, slots=True)
class Local:
    """``declaration``: the statement that binds it alone; ``value``: what to; ``uses``: all other places."""

    name: Name
    binding: Binding
    declaration: Node
    value: Node
    uses: list[Node]


def identifier_at(tree: SourceTree, table: Table, selection: Selection) -> Node | None:
    """The name that the cursor stands in or behind, or that is selected."""
    start, end = tree.trimmed(selection)
    for at in (start, start - 1) if start == end else (start,):
        node = tree.root.named_descendant_for_byte_range(at, max(at, end)) if at >= 0 else None
        if (
            node is not None
            and node.type in table.identifiers
            and node.start_byte <= start
            and end <= node.end_byte
        ):
            return node
    return None


def local_at(effects: Effects, node: Node) -> Local | None:
    """The variable a name means, where one statement binds it and only it."""
    name = effects.name(node)
    binding = name.binding_at(node.start_byte)
    if binding is None or len(binding.places) != 1:
        return None
    place = binding.places[0]
    declaration, value = _declared(place)
    if declaration is None or value is None or declaration.parent is None:
        return None
    if declaration.parent.type not in effects.table.statement_lists:
        return None
    uses = [use for use in name.uses(binding) if use.id != place.id]
    return Local(name, binding, declaration, value, uses)


def is_private(effects: Effects, local: Local) -> bool:
    """Whether no other file can see it: in a function, or in a module that does not export it."""
    if within(local.declaration, effects.table.functions) is not None:
        return not any(place_in_parent(use).startswith("export_specifier") for use in local.uses)
    is_module = any(
        child.type in ("import_statement", "export_statement") for child in effects.tree.root.children
    )
    return is_module and not any(place_in_parent(use).startswith("export_specifier") for use in local.uses)


def _declared(place: Node) -> tuple[Node | None, Node | None]:
    """The statement around a bound name, and the one value it is bound to."""
    binder, where = place.parent, place_in_parent(place)
    if binder is None:
        return None, None
    if where == "expression_list." and place_in_parent(binder) == "short_var_declaration.left":
        statement = binder.parent
        right = statement.child_by_field_name("right") if statement is not None else None
        return statement, _only(right) if binder.named_child_count == 1 else None
    if where not in ("variable_declarator.name", "var_spec.name", "const_spec.name"):
        return None, None
    statement, value = binder.parent, binder.child_by_field_name("value")
    if statement is None or statement.type not in _DECLARATIONS or statement.named_child_count != 1:
        return None, None
    if where != "variable_declarator.name":
        value = _only(value) if len(binder.children_by_field_name("name")) == 1 else None
    return statement, value


def _only(values: Node | None) -> Node | None:
    return values.named_children[0] if values is not None and values.named_child_count == 1 else None
