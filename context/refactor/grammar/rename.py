"""Rename a variable or parameter of one function, or of a module that keeps it to itself, at all its uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from context.document import Document
from context.refactor.grammar.editing import Change, Editing
from context.refactor.grammar.effects import Effects, effects_of
from context.refactor.grammar.languages import table_of
from context.refactor.grammar.locals import identifier_at
from context.refactor.grammar.names import Binding, Name
from context.refactor.grammar.result import checked, opened
from context.refactor.grammar.walking import place_in_parent, within
from context.refactor.values import Offer, Refused, Rewrite, Selection

if TYPE_CHECKING:
    from tree_sitter import Node

    from context.refactor.source_tree import SourceTree

ACTION = "rename"
_SHORT = ("shorthand_property_identifier", "shorthand_property_identifier_pattern")
_KEYED = ("literal_element.",)  # Go: a struct's field or a map's key, by the letters the same
_TYPES = ("type_identifier", "package_identifier")


def find(tree: SourceTree, selection: Selection) -> Offer | None:
    """The offer where the cursor is on the name of a local variable."""
    table = table_of(tree.document.language)
    node = identifier_at(tree, table, selection) if table is not None else None
    if table is None or node is None:
        return None
    found = _local(effects_of(tree, table), node)
    if found is None:
        return None
    text = found[0].text
    return Offer(ACTION, "refactor.rewrite", f"Rename '{text}'...", tree.span(node), text)


def perform(document: Document, offer: Offer, name: str = "") -> Rewrite:
    """The document with the variable under its new name."""
    tree, table = opened(document)
    node, effects = identifier_at(tree, table, offer.selection), effects_of(tree, table)
    found = _local(effects, node) if node is not None else None
    if node is None or found is None:
        raise Refused("This is no variable that only this file knows.")
    old, binding = found
    if not name or name == old.text:
        raise Refused("Give it another name.")
    editing = Editing(tree, table)
    name = editing.checked_name(name, binding.scope)
    _check_captures(effects, name, old, binding)
    uses = old.uses(binding)
    changes = [Change(use.start_byte, use.end_byte, _named(use, old.text, name)) for use in uses]
    text, name_at = editing.applied(changes, uses.index(node))
    checked(tree, text)
    return Rewrite(((document, text),), name_at=name_at)


def _named(use: Node, old: str, new: str) -> str:
    """The new name; where a property was named like the variable, both."""
    return f"{old}: {new}" if use.type in _SHORT else new


def _local(effects: Effects, node: Node) -> tuple[Name, Binding] | None:
    name = effects.name(node)
    binding = name.binding_at(node.start_byte)
    if binding is None or within(binding.scope, effects.table.functions) is None:
        return None
    if any(_is_more(use) for use in name.uses(binding)):
        return None
    return name, binding


def _is_more(use: Node) -> bool:
    """Whether the name is also a field's, a type's or a type parameter's."""
    above = use.parent
    if use.type in _TYPES or place_in_parent(use) in _KEYED:
        return True
    return above is not None and any(
        child.type in ("accessibility_modifier", "override_modifier", "readonly") for child in above.children
    )


def _check_captures(effects: Effects, new: str, old: Name, binding: Binding) -> None:
    """Refused where a use would then mean another variable of the new name."""
    for use in old.uses(binding):
        other = effects.name(use, new).binding_at(use.start_byte)
        if other is not None and other.start >= binding.start:
            raise Refused(f"The name '{new}' is already used here.")
