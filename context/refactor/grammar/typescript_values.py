"""Which TypeScript values keep their type under a name of their own.

The type of some literals comes from where they stand, and a condition narrows the types of what it asks:
both are lost when the value stands alone. Nothing that runs would change; the type checker would object.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from context.refactor.grammar.tables import words
from context.refactor.grammar.walking import place_in_parent, walk, within
from context.refactor.values import Refused

if TYPE_CHECKING:
    from tree_sitter import Node

    from context.refactor.grammar.effects import Effects

_FUNCTIONS = ("arrow_function", "function_expression")
_CALLS = ("call_expression", "new_expression")
_PLAIN = words(
    "Date RegExp URL URLSearchParams AbortController TextEncoder TextDecoder Uint8Array Buffer Proxy"
)
_THROUGH = ("array", "object", "pair", "parenthesized_expression", "ternary_expression", "spread_element")
_TYPING = words(  # where a value's surroundings tell its type
    "arguments. return_statement. pair.value variable_declarator.value assignment_expression.right "
    "arrow_function.body array. ternary_expression.consequence ternary_expression.alternative as_expression. "
    "satisfies_expression. jsx_expression. yield_expression. parenthesized_expression. await_expression. "
    "public_field_definition.value spread_element."
)
_ASKING = words(  # from a part of a condition towards the whole
    "binary_expression.left binary_expression.right unary_expression.argument parenthesized_expression. "
    "member_expression.object subscript_expression.object call_expression.function call_expression.arguments "
    "arguments. non_null_expression."
)
_ASKED = words(
    "if_statement.condition ternary_expression.condition switch_statement.value expression_statement. "
    "assignment_expression.left augmented_assignment_expression.left"
)
_KEYS = ("string", "number", "member_expression")
_NEVER_NARROWED = ("string", "number", "true", "false", "null", "identifier", "template_string", "this")


def check(effects: Effects, node: Node) -> None:
    """Refused with a sentence where the value's type depends on its place."""
    above = node.parent
    if above is not None and above.type == "as_expression" and above.children[-1].type == "const":
        raise Refused("'as const' goes with the literal.")
    if place_in_parent(node) == "subscript_expression.index" and node.type in _KEYS:
        raise Refused("TypeScript looks at the key itself to know the type of what it finds.")
    if above is not None and node.type == "string" and any(_is_typeof(side) for side in above.named_children):
        raise Refused("TypeScript understands 'typeof' only with the word itself behind it.")
    if place_in_parent(node) in _TYPING and not _is_plain_variable(node):
        _check_context(effects, node, outermost=True)
    if _is_asked(node):
        _check_narrowing(effects, node)


def _is_typeof(node: Node) -> bool:
    return node.type == "unary_expression" and node.children[0].type == "typeof"


def check_inlined(value: Node, uses: int) -> None:
    """Refused where conditions may narrow the type of the variable, and would not that of its value."""
    if uses > 1 and value.type not in _NEVER_NARROWED:
        raise Refused("A condition on the variable may tell TypeScript its type, one on its value would not.")


def _is_plain_variable(node: Node) -> bool:
    above = node.parent
    return place_in_parent(node) == "variable_declarator.value" and (
        above is not None and above.child_by_field_name("type") is None
    )


def _check_context(effects: Effects, node: Node, outermost: bool = False) -> None:
    if node.type in _FUNCTIONS:
        if _has_untyped_parameter(node):
            raise Refused("The types of its parameters come from where it stands.")
        for value in _returned(node):
            _check_context(effects, value)
    if node.type == "array":
        raise Refused("Whether it is an array or a tuple, and of what, comes from where it stands.")
    if node.type in ("string", "number", "true", "false") and not outermost:
        raise Refused("The types of the literals in it come from where they stand.")
    if node.type in _CALLS and node.child_by_field_name("type_arguments") is None and _is_open(effects, node):
        raise Refused("If what it calls is generic, its type comes from where it stands.")
    if node.type in _THROUGH:
        for child in node.named_children:
            if place_in_parent(child) != "pair.key":
                _check_context(effects, child)


def _returned(function: Node) -> list[Node]:
    """The values that a function expression returns."""
    body = function.child_by_field_name("body")
    if body is None or function.child_by_field_name("return_type") is not None:
        return []
    if body.type != "statement_block":
        return [body]
    inner = (*_FUNCTIONS, "method_definition", "function_declaration")
    returns = [node for node in walk(body, past=inner) if node.type == "return_statement"]
    return [value for node in returns for value in node.named_children if value.type != "comment"]


def _is_open(effects: Effects, call: Node) -> bool:
    """Whether the arguments may leave it to the surroundings what types a generic function has."""
    arguments = call.child_by_field_name("arguments")
    parts = arguments.named_children if arguments is not None else []
    if (constructor := call.child_by_field_name("constructor")) is not None:
        return not _is_plain_class(effects, constructor)
    callee = call.child_by_field_name("function")
    is_method = callee is not None and callee.type != "identifier"
    return any(_is_open_argument(effects, part, is_method) for part in parts)


def _is_open_argument(effects: Effects, argument: Node, is_method: bool) -> bool:
    if argument.type in ("ternary_expression", "parenthesized_expression"):
        return any(_is_open_argument(effects, part, is_method) for part in argument.named_children)
    if argument.type in _FUNCTIONS:
        return not is_method or _has_untyped_parameter(argument)
    if argument.type == "identifier" and not is_method:
        binding = effects.name(argument).binding_at(argument.start_byte)
        return binding is None or binding.scope.type == "program"
    return argument.type == "spread_element" or (
        argument.type in ("array", "object") and not argument.named_child_count
    )


def _is_plain_class(effects: Effects, constructor: Node) -> bool:
    """Whether a class is known to have no type parameters."""
    text = effects.tree.text(constructor)
    if text in _PLAIN or text.endswith(("Error", "Exception")):
        return True
    binding = (
        effects.name(constructor).binding_at(constructor.start_byte)
        if constructor.type == "identifier"
        else None
    )
    declared = binding.places[0].parent if binding is not None else None
    return (
        declared is not None
        and declared.type == "class_declaration"
        and declared.child_by_field_name("type_parameters") is None
    )


def _has_untyped_parameter(function: Node) -> bool:
    if function.child_by_field_name("parameter") is not None:
        return True
    parameters = function.child_by_field_name("parameters")
    return parameters is not None and any(
        one.child_by_field_name("type") is None and one.child_by_field_name("value") is None
        for one in parameters.named_children
        if one.type != "comment"
    )


def _is_asked(node: Node) -> bool:
    """Whether TypeScript may learn something of the type of ``node`` from where it stands."""
    while place_in_parent(node) in _ASKING and node.parent is not None:
        node = node.parent
    return place_in_parent(node) in _ASKED


def _check_narrowing(effects: Effects, node: Node) -> None:
    function = within(node, effects.table.functions) or effects.tree.root
    rest = effects.tree.source[node.end_byte : function.end_byte]
    for one in walk(node, past=effects.table.functions):
        if place_in_parent(one) == "call_expression.function" and one.id != node.id:
            continue
        is_path = one.type in ("member_expression", "subscript_expression")
        is_variable = one.type == "identifier" and not effects.name(one).is_fixed(one)
        if not (is_path or is_variable):
            continue
        path = effects.tree.source[one.start_byte : one.end_byte]
        if re.search(rb"(?<![\w.$])" + re.escape(path) + rb"(?![\w$])", rest):
            raise Refused(
                f"Its outcome tells TypeScript the type of '{effects.tree.text(one)}' further down."
            )
