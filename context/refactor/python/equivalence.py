"""Whether two texts are the same program once a variable is replaced by its value, by Python's own parser.

The proof of an extraction or inlining that does not trust the code that made it: other parser, other means.
Knows nothing of evaluation order; that is decided before.
"""

from __future__ import annotations

import ast
import copy
import warnings

from context.refactor.values import Refused


def require_same(text: str, variable: str, inlined: str) -> None:
    """Refuses where ``text`` with ``variable`` replaced by its value is another program than ``inlined``."""
    try:
        first, second = _replaced(_parse(text), variable), ast.dump(_Flat().visit(_parse(inlined)))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise Refused(f"The result could not be checked: {error}.") from None
    if first != second:
        raise Refused("The result would be another program; nothing was changed.")


def marker_for(text: str) -> str:
    """A name that occurs nowhere in a text: stands for the variable in the texts that are compared."""
    return next(name for number in range(len(text) + 1) if (name := f"variable_{number}") not in text)


def same_without_parentheses(expression: str) -> bool:
    """Whether the right of an assignment is the same with and without parentheses around it."""
    try:
        bare, enclosed = (ast.dump(_parse(f"x = {text}")) for text in (expression, f"({expression}\n)"))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return bare == enclosed


def _parse(text: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the file's own escapes
        return ast.parse(text)


def _replaced(module: ast.Module, variable: str) -> str:
    finder = _Finder(variable)
    finder.visit(module)
    if len(finder.values) != 1:
        raise ValueError(f"{variable} is assigned {len(finder.values)} times")
    replacer = _Replacer(variable, finder.values[0], finder.reads == 0)
    return ast.dump(_Flat().visit(replacer.generic_visit(module)))


class _Flat(ast.NodeTransformer):
    """(a or b) or c is a or b or c."""

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.BoolOp:
        self.generic_visit(node)
        flat: list[ast.expr] = []
        for value in node.values:
            same = isinstance(value, ast.BoolOp) and type(value.op) is type(node.op)
            flat += value.values if same and isinstance(value, ast.BoolOp) else [value]
        node.values = flat
        return node


class _Finder(ast.NodeVisitor):
    def __init__(self, variable: str) -> None:
        self.variable, self.reads = variable, 0
        self.values: list[ast.expr] = []

    def visit_Name(self, node: ast.Name) -> None:
        if node.id == self.variable:
            self.reads += isinstance(node.ctx, ast.Load)

    def generic_visit(self, node: ast.AST) -> None:
        if (value := _value_of(node, self.variable)) is not None:
            self.values.append(value)
        super().generic_visit(node)


class _Replacer(ast.NodeTransformer):
    def __init__(self, variable: str, value: ast.expr, keep: bool) -> None:
        self.variable, self.value, self.keep = variable, value, keep

    def visit(self, node: ast.AST) -> ast.AST | None:
        if _value_of(node, self.variable) is not None:
            return ast.Expr(self.value) if self.keep else None
        if isinstance(node, ast.Name) and node.id == self.variable:
            return copy.deepcopy(self.value)
        return self.generic_visit(node)


def _value_of(node: ast.AST, variable: str) -> ast.expr | None:
    """The value of an assignment to the variable alone."""
    match node:
        case ast.Assign(targets=[ast.Name(id=name)], value=value) if name == variable:
            return value
        case ast.AnnAssign(target=ast.Name(id=name), value=value) if name == variable:
            return value
    return None
