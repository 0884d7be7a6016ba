"""A name for a value, from the code that makes it or the place it goes to; and whether a name is free.

``user.full_name()`` gives full_name, ``f(width=a + b)`` width. Knows no scopes: what is free is asked by
letters.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from context.refactor.python.functions import BUILTINS, is_name, snake_case
from context.refactor.python.walking import is_variable, named, parts_of

if TYPE_CHECKING:
    from tree_sitter import Node

    from context.refactor.source_tree import SourceTree

_PREFIX = re.compile(r"^(?:get|fetch|load|read|create|make|build|find|compute|calculate|to)_(?=[a-z])")
_OF_BUILTINS = {"len": "length", "str": "text", "repr": "text", "int": "number", "float": "number"}
_OF_BUILTINS |= {
    "isinstance": "condition",
    "open": "file",
    "sum": "total",
    "min": "least",
    "max": "most",
    "sorted": "ordered",
}
_OF_KINDS = {
    "comparison_operator": "condition",
    "boolean_operator": "condition",
    "not_operator": "condition",
    "lambda": "function",
    "string": "text",
    "concatenated_string": "text",
    "integer": "number",
    "float": "number",
    "list": "items",
    "tuple": "items",
    "expression_list": "items",
    "set": "items",
    "dictionary": "mapping",
    "list_comprehension": "items",
    "set_comprehension": "items",
    "generator_expression": "items",
    "dictionary_comprehension": "mapping",
}


def variable_name(tree: SourceTree, node: Node) -> str:
    """From where the value goes, what is called or read, or what kind of expression it is; snake_case."""
    for wish in (_of_place(tree, node), _of_value(tree, node), _OF_KINDS.get(node.type, "")):
        if is_name(wish) and wish not in BUILTINS and not wish.startswith("__"):
            return wish
    return "value"


def constant_name(tree: SourceTree, node: Node) -> str:
    """From where the value goes, else from the words of a short string; CONSTANT_CASE."""
    words = re.findall(r"[A-Za-z0-9]+", tree.text(node)) if "string" in node.type else []
    from_words = "_".join(words) if 0 < len(words) <= 4 and words[0][0].isalpha() else ""
    wish = _of_place(tree, node) or from_words or _OF_KINDS.get(node.type, "value")
    return wish.lstrip("_").upper() or "VALUE"


def unused(tree: SourceTree, wish: str, area: Node) -> str:
    """``wish``, or with a number where a variable is called so anywhere in an area."""
    number, name = 1, wish
    while any(is_variable(node) for node in named(tree, name, area)):
        number += 1
        name = f"{wish}{number}"
    return name


def _of_value(tree: SourceTree, node: Node) -> str:
    while node.type in ("parenthesized_expression", "await", "unary_operator") and (parts := parts_of(node)):
        node = parts[0]
    if node.type == "subscript":
        key = node.child_by_field_name("subscript")
        if key is not None and key.type == "string":
            return snake_case(re.sub(r"\W+", "_", tree.text(key).strip("\"'rbuRBU")).strip("_"))
        owner = _of_value(tree, node.children[0])
        return owner[:-1] if owner.endswith("s") and not owner.endswith("ss") and len(owner) > 3 else ""
    callee = node.children[0] if node.type == "call" else node
    if callee.type == "attribute":
        callee = callee.child_by_field_name("attribute") or callee
    elif node.type != "call" and node.type != "identifier":
        return ""
    if callee.type != "identifier":
        return ""
    name = tree.text(callee)
    if name in _OF_BUILTINS:
        return _OF_BUILTINS[name]
    return _PREFIX.sub("", snake_case(name).strip("_"))


def _of_place(tree: SourceTree, node: Node) -> str:
    above = node.parent
    if above is None:
        return ""
    if above.type in ("keyword_argument", "default_parameter", "typed_default_parameter"):
        name = above.child_by_field_name("name")
        return tree.text(name) if name is not None and name != node else ""
    if above.type == "pair" and node == above.child_by_field_name("value"):
        key = above.child_by_field_name("key")
        if key is not None and key.type == "string":
            return snake_case(re.sub(r"\W+", "_", tree.text(key).strip("\"'")).strip("_"))
    if above.type == "argument_list" and above.parent is not None:
        return _parameter_name(tree, above.parent, node)
    return ""


def _parameter_name(tree: SourceTree, call: Node, argument: Node) -> str:
    """The parameter that an argument goes to, where the file defines one function of that name."""
    callee = call.children[0]
    if callee.type == "attribute":
        callee = callee.child_by_field_name("attribute") or callee
    if callee.type != "identifier":
        return ""
    place = [part for part in parts_of(call.children[-1]) if part.end_byte <= argument.start_byte]
    if any(part.type in ("list_splat", "keyword_argument") for part in place):
        return ""
    found = list(re.finditer(rb"\bdef\s+" + re.escape(tree.text(callee).encode()) + rb"\s*\(", tree.source))
    if len(found) != 1:
        return ""
    node = tree.root.named_descendant_for_byte_range(found[0].end() - 1, found[0].end())
    parameters = parts_of(node) if node is not None and node.type == "parameters" else []
    names = [tree.text(parts_of(part)[0] if part.named_children else part) for part in parameters]
    if names and names[0] in ("self", "cls"):
        names = names[1:]
    return names[len(place)] if len(place) < len(names) else ""
