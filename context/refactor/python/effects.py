"""What evaluating a Python expression does to the rest: nothing, reading what may change, or changing it.

By the tree alone, so on the safe side: a call changes everything that is not a plain name. Taken for
granted: reading an attribute or an item and applying an operator change nothing, and a method is not replaced
while its arguments are evaluated, unless this very file assigns to an attribute of that name. Knows no types.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import IntEnum
from typing import TYPE_CHECKING

from context.refactor.python.walking import is_inside, kinds, nearest

if TYPE_CHECKING:
    from tree_sitter import Node

    from context.refactor.source_tree import SourceTree

_LITERALS = kinds("integer float none true false ellipsis")
_DISPLAYS = kinds("tuple list dictionary set expression_list pair parenthesized_expression")
_READS = kinds(
    "attribute subscript slice binary_operator comparison_operator unary_operator not_operator "
    "boolean_operator conditional_expression dictionary_splat interpolation format_specifier "
    "format_expression keyword_argument argument_list generator_expression"
)
_ONLY_LOOK = kinds(  # builtins that change nothing and iterate over nothing
    "len isinstance issubclass type id callable abs bool int float str repr ord chr hasattr getattr range "
    "round hash"
)
_SILENT = kinds("string_start string_content string_end escape_sequence comment type_conversion")
_CHANGING = kinds(
    "augmented_assignment delete_statement await yield named_expression list_comprehension set_comprehension "
    "dictionary_comprehension list_splat for_statement with_statement import_statement import_from_statement"
)
_TARGETED = ("assignment", "augmented_assignment", "for_statement", "as_pattern_target")


class Effect(IntEnum):
    """In order of severity. ``NAMES``: gives objects by names that no call binds anew."""

    NONE = 0
    NAMES = 1
    READS = 2
    CHANGES = 3
    BINDS = 4  # a name of the same scope


class Effects:
    """Answers for one tree."""

    def __init__(self, tree: SourceTree) -> None:
        self.tree = tree
        self._answers: dict[tuple[str, str], bool] = {}

    def of(self, nodes: Iterable[Node]) -> Effect:
        """The most severe effect of evaluating these."""
        worst, waiting = Effect.NONE, list(nodes)
        while waiting and worst < Effect.BINDS:
            node = waiting.pop()
            effect, parts = self._alone(node)
            worst = max(worst, effect)
            waiting.extend(parts)
        return worst

    def of_callee(self, node: Node) -> Effect:
        """The effect of finding out what is called: ``log.info`` is there before and after."""
        if node.type != "attribute":
            return self.of([node])
        part = node.child_by_field_name("attribute")
        if part is None or self._is_assigned(self.tree.text(part)):
            return self.of([node])
        return self.of_callee(node.children[0])

    def is_constant(self, node: Node) -> bool:
        """Whether it gives the same value wherever and whenever it is evaluated, and cannot fail."""
        kind = node.type
        if kind in _LITERALS:
            return True
        if kind == "string":
            return not any(child.type == "interpolation" for child in node.children)
        parts = [child for child in node.named_children if child.type != "comment"]
        if kind in ("tuple", "concatenated_string", "parenthesized_expression"):
            return all(self.is_constant(part) for part in parts)
        if kind in ("unary_operator", "binary_operator"):
            operators = [child.type for child in node.children if not child.is_named]
            return all(one in "+-*" for one in operators) and all(_is_number(part) for part in parts)
        return False

    def changes(self, node: Node) -> bool:
        """Whether a node by itself, without its parts, changes more than a plain variable."""
        if node.type == "assignment":
            return node.children[0].type != "identifier"
        return node.type in _CHANGING or (node.type == "call" and self._alone(node)[0] is Effect.CHANGES)

    def commute(self, before: Effect, moved: Effect) -> bool:
        """Whether ``moved`` may be evaluated ahead of what comes ``before`` it."""
        least, most = sorted((before, moved))
        if least is Effect.NONE:
            return True
        return most < Effect.BINDS if least is Effect.NAMES else most is Effect.READS

    def is_stable(self, name: str) -> bool:
        """Whether no call can bind a name anew: nothing declares it global or nonlocal."""
        return not self._any("declared", name, rb"\b(?:global|nonlocal)\b[^\n]*(?<!\w)%s(?!\w)")

    def _alone(self, node: Node) -> tuple[Effect, list[Node]]:
        kind, parts = node.type, node.named_children
        if kind in _LITERALS or kind in _SILENT:
            return Effect.NONE, []
        if kind == "identifier":
            return (Effect.NAMES if self.is_stable(self.tree.text(node)) else Effect.READS), []
        if kind in ("string", "concatenated_string", "tuple", "parenthesized_expression", "decorator"):
            return Effect.NONE, parts
        if kind in _DISPLAYS:
            return Effect.NAMES, parts
        if kind == "unary_operator" and _is_number(node):
            return Effect.NONE, []
        if kind == "attribute":
            return Effect.READS, parts[:1]
        if kind == "keyword_argument":
            return Effect.NONE, parts[1:]
        if kind == "lambda":
            parameters = node.child_by_field_name("parameters")
            each = parameters.named_children if parameters is not None else []
            return Effect.NAMES, [value for one in each if (value := one.child_by_field_name("value"))]
        if kind == "call":
            function = node.children[0]
            name = self.tree.text(function)  # not node.text, which asks the parser's callback and crashes
            looks = name in _ONLY_LOOK and not self._is_bound(name)
            if looks and parts[-1].type == "argument_list":
                return Effect.READS, parts[1:]
            return Effect.CHANGES, parts
        if kind == "generator_expression":
            first = next((part for part in parts if part.type == "for_in_clause"), None)
            right = first.child_by_field_name("right") if first is not None else None
            return Effect.READS, [right] if right is not None else []
        if kind in _READS:
            return Effect.READS, parts
        return (Effect.BINDS if kind == "named_expression" else Effect.CHANGES), parts

    def _is_bound(self, name: str) -> bool:
        defined = rb"\b(?:def|class|as|import|for|from)\s+%s\b"
        return self._any("bound", name, defined + rb"|(?<![\w.])%s\s*(?:=(?!=)|[,:)])")

    def _is_assigned(self, part: str) -> bool:
        """Whether an attribute of this name is given a value anywhere but in a constructor."""
        behind = rb"=(?!=)|[-+*/%@&|^]=|//=|\*\*=|<<=|>>=|:(?!=)|,|\)?\s+in\b"
        pattern = rb"\.\s*(%s)\s*(?:%s)" % (re.escape(part.encode()), behind)
        if (known := self._answers.get(("assigned", part))) is not None:
            return known
        found = False
        for match in re.finditer(pattern, self.tree.source):
            node = self.tree.root.named_descendant_for_byte_range(match.start(1), match.end(1))
            statement = nearest(node, _TARGETED)
            left = statement.child_by_field_name("left") or statement if statement is not None else None
            method = nearest(node, ("function_definition",))
            named = method.child_by_field_name("name") if method is not None else None
            maker = named is not None and self.tree.text(named) in ("__init__", "__new__", "__post_init__")
            if left is not None and node is not None and is_inside(node, left) and not maker:
                found = True
                break
        self._answers["assigned", part] = found
        return found

    def _any(self, what: str, name: str, pattern: bytes) -> bool:
        key = (what, name)
        if key not in self._answers:
            word = re.escape(name.encode())
            self._answers[key] = re.search(pattern.replace(b"%s", word), self.tree.source) is not None
        return self._answers[key]


def _is_number(node: Node) -> bool:
    if node.type == "unary_operator":
        return all(_is_number(part) for part in node.named_children)
    return node.type in ("integer", "float")
