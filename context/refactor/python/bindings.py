"""What an identifier in Python code does to its name, by the node around it: binds it, or only reads it.

Near enough to be asked at every move of a cursor; the exact answer, with scopes, is ``scope_tree``'s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from context.refactor.python.walking import SCOPES, is_variable, kinds, named, nearest

if TYPE_CHECKING:
    from tree_sitter import Node

    from context.refactor.source_tree import SourceTree

_BINDING = kinds(
    "pattern_list tuple_pattern list_pattern list_splat_pattern dictionary_splat_pattern parameters "
    "lambda_parameters typed_parameter as_pattern_target global_statement nonlocal_statement delete_statement"
    " splat_pattern"
)
_BINDING_FIELDS = {
    "assignment": "left",
    "augmented_assignment": "left",
    "for_statement": "left",
    "for_in_clause": "left",
    "named_expression": "name",
    "function_definition": "name",
    "class_definition": "name",
    "default_parameter": "name",
    "typed_default_parameter": "name",
    "aliased_import": "alias",
}


def is_binding(node: Node) -> bool:
    """Whether an identifier gives its name a value, takes it away, or says whose it is."""
    parent = node.parent
    if parent is None:
        return False
    if parent.type in _BINDING:
        return True
    if parent.type == "dotted_name" and parent.parent is not None:
        around = parent.parent.type
        captures = around in ("case_pattern", "keyword_pattern") and parent.named_child_count == 1
        return captures or around in ("import_statement", "import_from_statement")
    if parent.type == "as_pattern":
        return parent.named_children[-1] == node and parent.parent is not None
    if parent.type in ("tuple", "expression_list", "list") and parent.parent is not None:
        return parent.parent.type in ("as_pattern_target", "delete_statement")
    field = _BINDING_FIELDS.get(parent.type)
    return field is not None and parent.child_by_field_name(field) == node


def level_of(node: Node) -> Node:
    """The function, class or module whose code an identifier stands in; comprehensions count as no level."""
    above = node.parent
    if above is not None and above.type in SCOPES and above.type != "module" and node == above.children[1]:
        above = above.parent  # its own name
    found = nearest(above, SCOPES)
    return found if found is not None else node


def owner_of(tree: SourceTree, node: Node) -> tuple[Node, list[Node], list[Node]] | None:
    """The level that binds a name, the places that do, and all the variables of that name in it."""
    name, level = tree.text(node), level_of(node)
    first = True
    while True:
        if first or level.type != "class_definition":
            nodes = [one for one in named(tree, name, level) if is_variable(one)]
            binds = [one for one in nodes if is_binding(one) and level_of(one) == level]
            if binds:
                return level, binds, nodes
        above, first = nearest(level.parent, SCOPES), False
        if above is None:
            return None
        level = above
