"""From a Python expression up to the statement that evaluates it: what is evaluated before, and how often.

Says whether the expression may be evaluated ahead of its statement, or a value be evaluated where a name
stands now; both questions are one. Knows the order in which Python evaluates ("Evaluation order" in the
language reference), no scopes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from context.refactor.python.effects import Effect, Effects
from context.refactor.python.walking import SCOPES, kinds, nearest, parts_of
from context.refactor.values import Refused

if TYPE_CHECKING:
    from tree_sitter import Node

_IN_ORDER = kinds(
    "binary_operator unary_operator not_operator argument_list list tuple dictionary set pair "
    "subscript slice attribute keyword_argument list_splat dictionary_splat await "
    "parenthesized_expression expression_list yield concatenated_string string format_specifier "
    "format_expression named_expression return_statement raise_statement expression_statement "
    "delete_statement decorator decorated_definition parenthesized_list_splat match_statement"
)
_PASSED = kinds("with_item as_pattern_target try_statement case_clause with_statement")
_PATTERNS = kinds("pattern_list tuple_pattern list_pattern list_splat_pattern")
_COMPREHENSIONS = kinds("list_comprehension set_comprehension dictionary_comprehension generator_expression")
_OPAQUE = kinds("attribute subscript call")  # what is inside one of a target is read, not written


@dataclass(slots=True)
class Place:
    """``doubt``: a sentence, where it may be evaluated never, often or later; "" where once.

    ``before``: what the statement evaluates ahead of it; ``callees`` likewise, but only looked up to be
    called.
    """

    statement: Node
    doubt: str
    before: list[Node] = field(default_factory=list)
    callees: list[Node] = field(default_factory=list)

    def effect(self, effects: Effects) -> Effect:
        """What happens before it in the statement."""
        worst = max((effects.of_callee(callee) for callee in self.callees), default=Effect.NONE)
        return max(worst, effects.of(self.before))


def place_of(expression: Node) -> Place:
    """Where an expression is evaluated. Refused where it has no value: a target, a type, a pattern."""
    place = Place(expression, "")
    node, is_read = expression, False
    while (parent := node.parent) is not None and parent.type not in ("block", "module"):
        doubt = _step(place, node, parent, is_read)
        place.doubt = place.doubt or doubt
        is_read = is_read or parent.type in _OPAQUE
        node = parent
    if parent is None:
        raise Refused("This is no part of a statement.")
    place.statement = node
    return place


def class_around(statement: Node) -> Node | None:
    """The class whose body runs this statement."""
    scope = nearest(statement.parent, SCOPES)
    return scope if scope is not None and scope.type == "class_definition" else None


def _step(place: Place, node: Node, parent: Node, is_read: bool) -> str:
    """Notes what ``parent`` evaluates before ``node``; gives the doubt that comes with it."""
    kind = parent.type
    earlier = [part for part in parts_of(parent) if part.end_byte <= node.start_byte]
    if kind in _IN_ORDER:
        place.before += earlier
        if kind == "argument_list" and node.type == "keyword_argument":
            place.before += [part for part in parts_of(parent) if part.type == "list_splat"]
        return ""
    if kind in _PATTERNS:
        return "What it reads may be assigned by the same statement." if earlier else ""
    if kind in _PASSED:
        return ""
    if kind in _COMPREHENSIONS:
        return _in_comprehension(node, parent)
    if (rule := _RULES.get(kind)) is None:
        raise Refused(_NO_VALUE.get(kind, "What is selected is no expression with a value of its own."))
    return rule(place, node, parent, is_read)


_NO_VALUE = {
    "type": "Type checkers have to see a type where it stands.",
    "case_pattern": "What stands in a pattern is no expression.",
    "ERROR": "The code has a syntax error here.",
}


def _in_comprehension(node: Node, parent: Node) -> str:
    first = next((part for part in parts_of(parent) if part.type == "for_in_clause"), None)
    return "" if node == first else "It is evaluated anew for every element."


def _call(place: Place, node: Node, parent: Node, is_read: bool) -> str:
    if node != parent.children[0]:
        place.callees.append(parent.children[0])
    return ""


def _interpolation(place: Place, node: Node, parent: Node, is_read: bool) -> str:
    if any(child.type == "=" for child in parent.children):
        raise Refused("'=' behind it in the f-string prints how it is written.")
    place.before += [part for part in parts_of(parent) if part.end_byte <= node.start_byte]
    return ""


def _comparison(place: Place, node: Node, parent: Node, is_read: bool) -> str:
    earlier = [part for part in parts_of(parent) if part.end_byte <= node.start_byte]
    place.before += earlier
    return "It is only evaluated if the comparison before it holds." if len(earlier) > 1 else ""


def _boolean(place: Place, node: Node, parent: Node, is_read: bool) -> str:
    if node == parent.child_by_field_name("left"):
        return ""
    place.before.append(parent.children[0])
    operator = "and" if any(child.type == "and" for child in parent.children) else "or"
    return f"Whether it is evaluated depends on what stands before '{operator}'."


def _conditional(place: Place, node: Node, parent: Node, is_read: bool) -> str:
    condition = parts_of(parent)[1]
    if node == condition:
        return ""
    place.before.append(condition)
    return "It is only evaluated in one of the two cases."


def _lambda(place: Place, node: Node, parent: Node, is_read: bool) -> str:
    return "" if node.type == "lambda_parameters" else "It is evaluated whenever the lambda is called."


def _parameters(place: Place, node: Node, parent: Node, is_read: bool) -> str:
    earlier = [part for part in parts_of(parent) if part.end_byte <= node.start_byte]
    place.before += [value for part in earlier if (value := part.child_by_field_name("value")) is not None]
    return ""


def _parameter(place: Place, node: Node, parent: Node, is_read: bool) -> str:
    if node != parent.child_by_field_name("value"):
        raise Refused("What is selected is no expression with a value of its own.")
    return ""


def _for_in(place: Place, node: Node, parent: Node, is_read: bool) -> str:
    if node == parent.child_by_field_name("right"):
        return ""
    return _target(is_read) or "It is evaluated anew for every element."


def _for(place: Place, node: Node, parent: Node, is_read: bool) -> str:
    if node == parent.child_by_field_name("left"):
        return _target(is_read) or "It is evaluated anew in every round."
    return ""


def _assignment(place: Place, node: Node, parent: Node, is_read: bool) -> str:
    right = parent.child_by_field_name("right")
    if node == right:
        return ""
    _target(is_read)
    if right is not None:
        place.before.append(right)
    chained = parent.parent is not None and parent.parent.type == "assignment"
    return "What it reads may be assigned by the same statement." if chained else ""


def _augmented(place: Place, node: Node, parent: Node, is_read: bool) -> str:
    if node == parent.child_by_field_name("left"):
        return _target(is_read)
    place.before.append(parent.children[0])
    return ""


def _target(is_read: bool) -> str:
    if not is_read:
        raise Refused("What is selected is assigned to here, not read.")
    return ""


def _condition(place: Place, node: Node, parent: Node, is_read: bool) -> str:
    return ""  # what follows in other clauses is in blocks, or elif clauses, which have a rule


def _elif(place: Place, node: Node, parent: Node, is_read: bool) -> str:
    return "It is only evaluated if the conditions before it do not hold."


def _while(place: Place, node: Node, parent: Node, is_read: bool) -> str:
    return "It is evaluated anew in every round."


def _with_clause(place: Place, node: Node, parent: Node, is_read: bool) -> str:
    earlier = [part for part in parts_of(parent) if part.end_byte <= node.start_byte]
    return "It is evaluated within the context before it." if earlier else ""


def _as_pattern(place: Place, node: Node, parent: Node, is_read: bool) -> str:
    if node.type == "as_pattern_target":
        return _target(is_read) or "It is evaluated within the context."
    return ""


def _except(place: Place, node: Node, parent: Node, is_read: bool) -> str:
    return "It is only evaluated after an exception."


def _if_clause(place: Place, node: Node, parent: Node, is_read: bool) -> str:
    if parent.parent is not None and parent.parent.type == "case_clause":
        return "It is only evaluated if the pattern matches."
    return "It is evaluated anew for every element."


def _definition(place: Place, node: Node, parent: Node, is_read: bool) -> str:
    if node.type == "type" or node == parent.child_by_field_name("name"):
        raise Refused(_NO_VALUE["type"])
    generic = parent.child_by_field_name("type_parameters") is not None
    return "It may use the type parameters." if generic else ""


def _assert(place: Place, node: Node, parent: Node, is_read: bool) -> str:
    earlier = [part for part in parts_of(parent) if part.end_byte <= node.start_byte]
    place.before += earlier
    return "It is only evaluated if the assertion fails." if earlier else ""


_RULES = {
    "call": _call,
    "interpolation": _interpolation,
    "comparison_operator": _comparison,
    "boolean_operator": _boolean,
    "conditional_expression": _conditional,
    "lambda": _lambda,
    "lambda_parameters": _parameters,
    "parameters": _parameters,
    "default_parameter": _parameter,
    "typed_default_parameter": _parameter,
    "for_in_clause": _for_in,
    "for_statement": _for,
    "assignment": _assignment,
    "augmented_assignment": _augmented,
    "if_statement": _condition,
    "elif_clause": _elif,
    "while_statement": _while,
    "with_clause": _with_clause,
    "as_pattern": _as_pattern,
    "except_clause": _except,
    "if_clause": _if_clause,
    "function_definition": _definition,
    "class_definition": _definition,
    "assert_statement": _assert,
}
