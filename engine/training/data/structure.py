"""What a syntax tree says of a source text: pinned lines, depths, and the stretches that can be filled in.

A text and its language's name to a ``Structure``, by tree-sitter. Stretches are byte offsets, since the tree
has those; they begin and end between characters. It holds no text but the one it was made of.
"""

from __future__ import annotations

import random
from functools import cache, cached_property
from importlib import import_module
from typing import NamedTuple

import numpy as np
from tree_sitter import Language, Node, Parser, Query, QueryCursor

IMPORT, CONSTANT, SIGNATURE, CLASS = 1, 2, 3, 4  # pinned ranks
MOST_HEAD_LINES = 12  # of a signature or head; longer ones are pinned as far
MOST_CONSTANT_LINES = 2
MOST_TRIES = 12  # places looked at for a stretch of a level
SHORTEST, LONGEST_EXPRESSION, LONGEST_STATEMENT, LONGEST_BODY = 2, 240, 900, 2_400  # bytes

_PYTHON = """
(class_definition) @class
(function_definition) @function
[(import_statement) (import_from_statement) (future_import_statement)] @import
(module (expression_statement (assignment)) @constant)
"""
_JAVASCRIPT = """
(class_declaration) @class
[(function_declaration) (generator_function_declaration) (method_definition)] @function
(variable_declarator value: [(arrow_function) (function_expression)]) @function
(import_statement) @import
(program [(lexical_declaration) (variable_declaration)] @constant)
(program (export_statement (lexical_declaration)) @constant)
"""
_TYPESCRIPT = (
    _JAVASCRIPT
    + """
[(abstract_class_declaration) (interface_declaration) (enum_declaration)] @class
[(function_signature) (method_signature) (abstract_method_signature)] @function
(program (type_alias_declaration) @constant)
(program (export_statement (type_alias_declaration)) @constant)
"""
)
_GRAMMARS = {
    "python": ("tree_sitter_python", "language", _PYTHON),
    "javascript": ("tree_sitter_javascript", "language", _JAVASCRIPT),
    "typescript": ("tree_sitter_typescript", "language_typescript", _TYPESCRIPT),
    "typescriptreact": ("tree_sitter_typescript", "language_tsx", _TYPESCRIPT),
}
_EXPRESSIONS = frozenset(
    (
        "call", "attribute", "binary_operator", "comparison_operator", "boolean_operator", "subscript",
        "list",
        "dictionary", "tuple", "argument_list", "string", "lambda", "conditional_expression", "parameters",
        "list_comprehension", "not_operator", "typed_parameter", "keyword_argument", "type", "await",
        "call_expression", "member_expression", "binary_expression", "subscript_expression", "array",
        "object",
        "arguments", "template_string", "arrow_function", "ternary_expression", "formal_parameters",
        "new_expression",
        "unary_expression", "type_annotation", "await_expression", "pair", "parenthesized_expression",
    )
)  # fmt: skip
_BLOCKS = frozenset(("block", "module", "statement_block", "program", "class_body", "switch_body"))
_FUNCTIONS = frozenset(
    (
        "function_definition", "function_declaration", "generator_function_declaration", "method_definition",
        "arrow_function", "function_expression",
    )
)  # fmt: skip
_DEFINITIONS = _FUNCTIONS | {"class_definition", "class_declaration", "decorated_definition", "comment"}


class Stretch(NamedTuple):
    """Bytes ``start`` to ``end``, exclusive."""

    start: int
    end: int


class Structure:
    """``source``: the text's bytes. ``ranks``, ``levels``: a number a line, as in ``shards``."""

    def __init__(self, source: bytes, language: str) -> None:
        grammar, self._query = _grammar(language)
        self.source = source
        self._language = language
        self._root = Parser(grammar).parse(source).root_node

    @property
    def is_broken(self) -> bool:
        """Whether the text does not parse."""
        return self._root.has_error

    @cached_property
    def line_starts(self) -> np.ndarray:
        """Byte offsets; the last one is that of what follows the last line end, which may be nothing."""
        ends = np.flatnonzero(np.frombuffer(self.source, dtype=np.uint8) == 10)
        return np.concatenate((np.zeros(1, dtype=np.int64), ends + 1))

    @cached_property
    def ranks(self) -> np.ndarray:
        """The pinned rank of each line."""
        found = np.zeros(len(self.line_starts), dtype=np.uint8)
        for capture, rank in (
            ("import", IMPORT), ("constant", CONSTANT), ("function", SIGNATURE), ("class", CLASS),
        ):  # fmt: skip
            for node in self._captures.get(capture, ()):
                first, last = self._head(node, rank)
                found[first : last + 1] = np.maximum(found[first : last + 1], rank)
        return found

    @cached_property
    def levels(self) -> np.ndarray:
        """How many functions and classes stand around each line."""
        found = np.zeros(len(self.line_starts), dtype=np.uint8)
        for capture in ("function", "class"):
            for node in self._captures.get(capture, ()):
                found[node.start_point.row + 1 : node.end_point.row + 1] += 1
        return found

    def expression(self, draw: random.Random) -> Stretch | None:
        """An expression, or a part of one, anywhere in the text; None where none was found."""
        return self._drawn(draw, lambda node: node.type in _EXPRESSIONS, LONGEST_EXPRESSION)

    def statement(self, draw: random.Random) -> Stretch | None:
        """One statement, with all that is indented under it; no definition."""

        def fits(node: Node) -> bool:
            above = node.parent
            return above is not None and above.type in _BLOCKS and node.type not in _DEFINITIONS

        return self._drawn(draw, fits, LONGEST_STATEMENT)

    def body(self, draw: random.Random) -> Stretch | None:
        """The inside of a function, from its first statement to its last."""
        for _ in range(MOST_TRIES):
            for node in self._around(draw):
                inside = node.child_by_field_name("body") if node.type in _FUNCTIONS else None
                if inside is None or inside.type not in ("block", "statement_block"):
                    continue
                parts = inside.named_children
                if parts and SHORTEST <= parts[-1].end_byte - parts[0].start_byte <= LONGEST_BODY:
                    return Stretch(parts[0].start_byte, parts[-1].end_byte)
        return None

    @cached_property
    def _captures(self) -> dict[str, list[Node]]:
        return QueryCursor(self._query).captures(self._root)

    def _head(self, node: Node, rank: int) -> tuple[int, int]:
        """First and last line of what is pinned of a node."""
        first, last = node.start_point.row, node.end_point.row
        if rank in (SIGNATURE, CLASS):
            inner = node.child_by_field_name("value") or node
            if body := inner.child_by_field_name("body"):
                last = max(first, body.start_point.row - (self._language == "python"))
            return first, min(last, first + MOST_HEAD_LINES - 1)
        return first, min(last, first + (MOST_CONSTANT_LINES if rank == CONSTANT else MOST_HEAD_LINES) - 1)

    def _drawn(self, draw: random.Random, fits, longest: int) -> Stretch | None:
        for _ in range(MOST_TRIES):
            found = [
                node
                for node in self._around(draw)
                if SHORTEST <= node.end_byte - node.start_byte <= longest and fits(node)
            ]
            if found:
                node = draw.choice(found)
                return Stretch(node.start_byte, node.end_byte)
        return None

    def _around(self, draw: random.Random) -> list[Node]:
        """The nodes around a byte that is drawn, the innermost first."""
        at = draw.randrange(len(self.source))
        node, found = self._root.descendant_for_byte_range(at, at), []
        while node is not None:
            found.append(node)
            node = node.parent
        return found


@cache
def _grammar(language: str) -> tuple[Language, Query]:
    module, function, query = _GRAMMARS[language]
    grammar = Language(getattr(import_module(module), function)())
    return grammar, Query(grammar, query)
