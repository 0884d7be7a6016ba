"""Inline variable: a variable that is bound once gives way to its value.

At all its uses where the value is the same whenever it is evaluated; at its only use where evaluating it
there instead changes nothing: no statement and no operand in between that it depends on, or on it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from context.document import Document
from context.refactor.grammar import go_values, typescript_values
from context.refactor.grammar.editing import Change, Editing
from context.refactor.grammar.effects import Effect, Effects, effects_of
from context.refactor.grammar.languages import table_of
from context.refactor.grammar.locals import Local, identifier_at, is_private, local_at
from context.refactor.grammar.names import names_in
from context.refactor.grammar.parentheses import in_place_of
from context.refactor.grammar.places import place_for
from context.refactor.grammar.result import checked, opened
from context.refactor.grammar.walking import contains, place_in_parent, walk, within
from context.refactor.source_tree import SourceTree
from context.refactor.values import Offer, Refused, Rewrite, Selection

if TYPE_CHECKING:
    from tree_sitter import Node

ACTION = "inline-variable"
_CALLEES = ("call_expression.function", "new_expression.constructor")
_LOOPS = ("for_statement", "for_in_statement", "while_statement", "do_statement")
_OF_ONE_FUNCTION = ("this", "super", "await_expression", "yield_expression", "meta_property")
_TYPES = ("type_query", "nested_type_identifier", "nested_identifier")
_TAGS = ("jsx_opening_element", "jsx_closing_element", "jsx_self_closing_element")


def find(tree: SourceTree, selection: Selection) -> Offer | None:
    """The offer where the cursor is on a variable's name."""
    table = table_of(tree.document.language)
    node = identifier_at(tree, table, selection) if table is not None else None
    if table is None or node is None:
        return None
    effects = effects_of(tree, table)
    local = local_at(effects, node)
    if local is None or not local.uses or local.declaration.has_error:
        return None
    try:
        _check(effects, local)
    except Refused as no:
        return _offer(tree, node, local, str(no))
    return _offer(tree, node, local)


def perform(document: Document, offer: Offer, name: str = "") -> Rewrite:
    """The document without the variable; ``name`` means nothing here."""
    tree, table = opened(document)
    node, effects = identifier_at(tree, table, offer.selection), effects_of(tree, table)
    local = local_at(effects, node) if node is not None else None
    if local is None:
        raise Refused("This is no variable that one statement alone declares.")
    _check(effects, local)
    editing = Editing(tree, table)
    removal = editing.removal(local.declaration)
    changes = [removal]
    for use in local.uses:
        changes.append(Change(use.start_byte, use.end_byte, in_place_of(editing, use, local.value)))
    text = editing.apply(changes)
    editing.check_joint(local.declaration, text, editing.offset(removal.start))
    checked(tree, text)
    return Rewrite(((document, text),))


def _offer(tree: SourceTree, node: Node, local: Local, disabled: str = "") -> Offer:
    title = f"Inline variable '{local.name.text}'"
    return Offer(ACTION, "refactor.inline", title, tree.span(node), disabled=disabled)


def _check(effects: Effects, local: Local) -> None:
    table = effects.table
    binder = local.binding.places[0].parent
    if binder is not None and binder.child_by_field_name("type") is not None:
        raise Refused("The type that it is declared with would be lost.")
    if not local.name.is_fixed(local.binding.places[0]) and len(local.name.writes(local.binding)) > 1:
        raise Refused("It is given another value later.")
    if not is_private(effects, local):
        raise Refused("Other files may use it.")
    if any(use.parent is not None and use.parent.type in (*_TYPES, *_TAGS) for use in local.uses):
        raise Refused("It is used as a type or a tag, where its value cannot stand.")
    if any(place_in_parent(use) in _CALLEES for use in local.uses) and _is_part(local.value):
        raise Refused("Called with its object in front, the function would work on that object.")
    if table.language == "go":
        _check_go(effects, local)
    if effects.tree.document.language.startswith("typescript"):
        typescript_values.check_inlined(local.value, len(local.uses))
    if local.declaration.type == "variable_declaration":
        _check_var(effects, local)
    effect = effects.of([local.value])
    is_new = any(node.type in table.allocating for node in walk(local.value, past=table.functions))
    if effect is Effect.NONE and not is_new:
        _check_names(effects, local)
        if any(n.type in _OF_ONE_FUNCTION for n in walk(local.value)) and not _in_one_function(
            effects, local
        ):
            raise Refused("What it stands for means something else in the function that uses it.")
        return
    if len(local.uses) > 1:
        raise Refused(
            "It is used more than once, and its value would be made anew each time."
            if is_new
            else "It is used more than once, and what it reads may have changed in between."
        )
    _check_move(effects, local, effect)
    _check_names(effects, local)


def _is_part(value: Node) -> bool:
    return value.type in ("member_expression", "subscript_expression", "selector_expression")


def _in_one_function(effects: Effects, local: Local) -> bool:
    functions = effects.table.functions
    home = within(local.declaration, functions)
    return all(within(use, functions) == home for use in local.uses)


def _check_var(effects: Effects, local: Local) -> None:
    """JavaScript's var is there before it has its value."""
    around = local.declaration.parent
    after = local.declaration.end_byte
    if (
        around is None
        or not _in_one_function(effects, local)
        or any(use.start_byte < after or not contains(around, use) for use in local.uses)
    ):
        raise Refused("As a 'var' it may be used before it has its value.")


def _check_go(effects: Effects, local: Local) -> None:
    if local.declaration.type != "const_declaration":
        if go_values.is_untyped(effects, local.value):
            raise Refused("The constant behind it would have no type of its own any more.")
        if any(go_values.is_operand(use) for use in local.uses):
            raise Refused("Its parts are asked for, and of its value they may be other ones.")


def _check_names(effects: Effects, local: Local) -> None:
    """The names in the value mean the same at every use."""
    for text, nodes in names_in(effects.tree, effects.table, local.value).items():
        for node in nodes:
            there = effects.name(node).binding_at(node.start_byte)
            if there is not None and contains(local.value, there.scope):
                continue
            for use in local.uses:
                here = effects.name(use, text).binding_at(use.start_byte)
                if (here.scope if here else None) != (there.scope if there else None):
                    raise Refused(f"'{text}' means something else where it is used.")


def _check_move(effects: Effects, local: Local, effect: Effect) -> None:
    """The value may be evaluated at its only use: in a later statement of the same list, first of all."""
    use, here = local.uses[0], local.declaration
    place = place_for(effects, use, local.value)
    if place is None or place.form != "before" or place.statement.parent != here.parent:
        raise Refused("Where it is used, its value is not evaluated exactly once, or somewhere else.")
    between, node = [], here.next_named_sibling
    while node is not None and node.id != place.statement.id:
        between.append(node)
        node = node.next_named_sibling
    if node is None:
        raise Refused("It is used before it is declared.")
    if not effects.commute(effects.of(between), effect) or any(
        one.type in effects.table.leaves
        for node in between
        for one in walk(node, past=effects.table.functions)
    ):
        raise Refused("What happens between its declaration and its use may matter to its value.")
    if effects.table.calls_before_reads and effect is not Effect.NONE:
        beside = _beside(use, place.statement)
        if effects.of(beside) > (Effect.READS if effect is Effect.READS else Effect.NONE):
            raise Refused("Go does not say which of the values in that statement it reads first.")


def _beside(use: Node, statement: Node) -> list[Node]:
    """What else is evaluated in the expression around ``use``, callees by name left out."""
    found, node = [], use
    while node.id != statement.id and node.parent is not None:
        above = node.parent
        for child in above.named_children:
            is_name = place_in_parent(child) == "call_expression.function" and child.type in (
                "identifier",
                "selector_expression",
            )
            if child.id != node.id and child.type not in ("block", "comment") and not is_name:
                found.append(child)
        node = above
    return [node for node in found if place_in_parent(node) not in ("short_var_declaration.left",)]
