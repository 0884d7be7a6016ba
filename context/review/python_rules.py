"""What is certainly or most likely wrong in lines of Python that were added, by their syntax trees.

Each rule knows the exceptions in which the form is meant; a line that carries ``noqa`` is left alone.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from context.review.change import ChangedFile, is_test
from context.review.python_source import is_excused, parsed
from context.review.values import Finding, Fix, Place

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_MUTABLE = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)
_READ_WHOLE = frozenset({"read", "readlines", "readline"})
_LEAVES = (ast.Return, ast.Raise, ast.Continue, ast.Break)


def python_findings(file: ChangedFile) -> Iterator[Finding]:
    """Everything the rules below find in one file."""
    tree = parsed(file.after) if file.after is not None and file.language == "python" else None
    if tree is None or file.path.endswith(".pyi"):
        return
    for node in ast.walk(tree):
        for finding in _of(node, file):
            lines = range(finding.line, finding.end_line + 1)
            if not any(is_excused(file.line(line)) for line in lines):
                yield finding


def _of(node: ast.AST, file: ChangedFile) -> Iterator[Finding]:
    if isinstance(node, _FUNCTIONS):
        yield from _mutable_defaults(node, file)
    elif isinstance(node, ast.ExceptHandler):
        yield from _bare_except(node, file)
    elif isinstance(node, ast.Compare):
        yield from _comparison(node, file)
    elif isinstance(node, ast.Assert):
        if isinstance(node.test, ast.Tuple) and node.test.elts and _added(node, file):
            yield _finding(
                "assert-tuple", node, file, "The tuple is true whatever is in it; take the parentheses away."
            )
    elif isinstance(node, ast.Raise):
        raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        if isinstance(raised, ast.Name) and raised.id == "NotImplemented" and _added(node, file):
            yield _finding(
                "raise-notimplemented",
                node,
                file,
                "Raising this value is a TypeError; NotImplementedError is meant.",
                _replaced(file, node.lineno - 1, r"\bNotImplemented\b", "NotImplementedError"),
            )
    elif isinstance(node, ast.Dict):
        yield from _duplicate_keys(node, file)
    elif isinstance(node, ast.Call):
        yield from _unclosed(node, file)
    for name in ("body", "orelse", "finalbody"):
        block = getattr(node, name, None)
        if isinstance(block, list):
            yield from _unreachable(block, file)
            yield from _redefined(block, node, file)


def _added(node: ast.stmt | ast.expr | ast.ExceptHandler, file: ChangedFile) -> bool:
    return node.lineno - 1 in file.added


def _finding(
    rule: str,
    node: ast.stmt | ast.expr | ast.ExceptHandler,
    file: ChangedFile,
    sentence: str,
    fix: Fix | None = None,
) -> Finding:
    end = node.lineno if isinstance(node, ast.ExceptHandler) else (node.end_lineno or node.lineno)
    return Finding(rule, file.path, node.lineno - 1, end - 1, sentence, fix=fix)


def _replaced(file: ChangedFile, line: int, pattern: str, by: str) -> Fix | None:
    """The line with the only match of a pattern replaced; None where there is more than one."""
    text = file.line(line)
    after, count = re.subn(pattern, by, text)
    return Fix(line, line, after + "\n") if count == 1 else None


def _mutable_defaults(node: ast.FunctionDef | ast.AsyncFunctionDef, file: ChangedFile) -> Iterator[Finding]:
    arguments = node.args
    named = [*arguments.posonlyargs, *arguments.args]
    pairs = list(zip(named[len(named) - len(arguments.defaults) :], arguments.defaults, strict=True))
    pairs += [
        (a, d) for a, d in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if d is not None
    ]
    for argument, default in pairs:
        made = isinstance(default, _MUTABLE) or (
            isinstance(default, ast.Call)
            and isinstance(default.func, ast.Name)
            and default.func.id in ("list", "dict", "set")
        )
        if not made or default.lineno - 1 not in file.added or not _is_mutated(node, argument.arg):
            continue
        yield Finding(
            "mutable-default",
            file.path,
            default.lineno - 1,
            (default.end_lineno or default.lineno) - 1,
            f"{argument.arg!r} is changed in the function, and its default is one object for all calls.",
            fix=_none_default(node, argument, default, file),
        )


_MUTATORS = frozenset(
    {"append", "extend", "insert", "add", "update", "pop", "clear", "remove", "setdefault", "discard", "sort"}
)


def _is_mutated(function: ast.FunctionDef | ast.AsyncFunctionDef, name: str) -> bool:
    """Whether the function changes the object that ``name`` is, or keeps it, so that calls share it."""
    nodes = list(ast.walk(function))
    if any(isinstance(n, ast.Assign) and any(_is_name(to, name) for to in n.targets) for n in nodes):
        return False  # it may be a copy by then
    for node in nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr in _MUTATORS and _is_name(node.func.value, name):
                return True
        elif isinstance(node, ast.Subscript):
            if isinstance(node.ctx, ast.Store | ast.Del) and _is_name(node.value, name):
                return True
        elif isinstance(node, ast.AugAssign):
            if _is_name(node.target, name):
                return True
        elif (
            isinstance(node, ast.Assign)
            and _is_name(node.value, name)
            and any(isinstance(target, ast.Attribute) for target in node.targets)
        ):
            return True
    return False


def _is_name(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _none_default(
    function: ast.FunctionDef | ast.AsyncFunctionDef, argument: ast.arg, default: ast.expr, file: ChangedFile
) -> Fix | None:
    """None as default, and the object made at the beginning of the body: where both stand on lines of their
    own and no annotation would have to change."""
    body = function.body
    if ast.get_docstring(function, clean=False) is not None:
        body = body[1:]
    if not body or argument.annotation is not None or default.lineno != default.end_lineno:
        return None
    first, at = default.lineno - 1, body[0].lineno - 1
    if isinstance(body[0], _FUNCTIONS) and body[0].decorator_list:
        at = body[0].decorator_list[0].lineno - 1
    if at <= first or body[0].lineno == body[0].end_lineno == function.lineno:
        return None
    line = file.line(first).encode()
    text = line[default.col_offset : default.end_col_offset].decode()
    head = (line[: default.col_offset] + b"None" + line[default.end_col_offset :]).decode()
    indent = re.match(r"\s*", file.line(at))
    blanks = indent[0] if indent else ""
    step = "\t" if blanks.startswith("\t") else "    "
    inserted = [f"{blanks}if {argument.arg} is None:", f"{blanks}{step}{argument.arg} = {text}"]
    between = [file.line(line) for line in range(first + 1, at)]
    return Fix(first, at - 1, "".join(line + "\n" for line in (head, *between, *inserted)))


def _bare_except(node: ast.ExceptHandler, file: ChangedFile) -> Iterator[Finding]:
    if node.type is not None or not _added(node, file):
        return
    if any(isinstance(inner, ast.Raise) and inner.exc is None for inner in ast.walk(node)):
        return  # what it caught goes on
    yield _finding(
        "bare-except",
        node,
        file,
        "It also catches Ctrl-C and exit; name what may happen, or write `except Exception:`.",
        _replaced(file, node.lineno - 1, r"\bexcept\s*:", "except Exception:"),
    )


def _comparison(node: ast.Compare, file: ChangedFile) -> Iterator[Finding]:
    if not _added(node, file) or len(node.ops) != 1:
        return
    operator, right = node.ops[0], node.comparators[0]
    equals = isinstance(operator, ast.Eq)
    if isinstance(operator, ast.Eq | ast.NotEq):
        # an attribute may be a column (SQLAlchemy, pandas), for which == None is the way to ask
        if isinstance(right, ast.Constant) and right.value is None and isinstance(node.left, ast.Name):
            sign, word = ("==", "is") if equals else ("!=", "is not")
            yield _finding(
                "none-comparison",
                node,
                file,
                f"There is one None; ask with `{word} None`.",
                _replaced(
                    file,
                    node.lineno - 1,
                    rf"\b{node.left.id}\s*{sign}\s*None\b",
                    f"{node.left.id} {word} None",
                ),
            )
    elif isinstance(operator, ast.Is | ast.IsNot) and any(
        isinstance(side, ast.Constant)
        and isinstance(side.value, str | bytes | int | float)
        and not isinstance(side.value, bool)
        for side in (node.left, right)
    ):
        wanted = "==" if isinstance(operator, ast.Is) else "!="
        yield _finding(
            "literal-identity",
            node,
            file,
            f"Whether equal literals are one object is chance; ask with {wanted}.",
        )


def _duplicate_keys(node: ast.Dict, file: ChangedFile) -> Iterator[Finding]:
    seen: dict[object, ast.expr] = {}
    for key, value in zip(node.keys, node.values, strict=True):
        if not isinstance(key, ast.Constant):
            continue
        name = (type(key.value), key.value)
        first = seen.get(name)
        if first is not None and (_added(key, file) or _added(first, file)):
            yield Finding(
                "duplicate-key",
                file.path,
                key.lineno - 1,
                (value.end_lineno or key.lineno) - 1,
                f"The key {ast.unparse(key)[:40]} is given twice; the first value is lost.",
                (Place(file.path, first.lineno - 1, "the first"),),
            )
        seen.setdefault(name, key)


def _unclosed(node: ast.Call, file: ChangedFile) -> Iterator[Finding]:
    """``open(...).read()`` and ``json.load(open(...))``: nothing is left that could close the file."""
    opened = None
    if isinstance(node.func, ast.Attribute) and node.func.attr in _READ_WHOLE | {"write"}:
        opened = node.func.value
    elif isinstance(node.func, ast.Attribute) and node.func.attr in ("load", "safe_load") and node.args:
        opened = node.args[0]
    if (
        isinstance(opened, ast.Call)
        and _is_name(opened.func, "open")
        and _added(opened, file)
        and not is_test(file.path)
    ):
        yield _finding(
            "unclosed-file", opened, file, "Nothing closes this file; open it in a with statement."
        )


def _unreachable(block: Sequence[ast.AST], file: ChangedFile) -> Iterator[Finding]:
    for one, behind in pairwise(block):
        if not isinstance(one, _LEAVES) or not isinstance(behind, ast.stmt):
            continue
        if any(isinstance(node, ast.Yield | ast.YieldFrom) for node in ast.walk(behind)):
            continue  # makes a function a generator
        if _added(behind, file) or _added(one, file):
            word = type(one).__name__.lower()
            last = block[-1]
            end = (getattr(last, "end_lineno", None) or behind.lineno) - 1
            yield Finding(
                "unreachable",
                file.path,
                behind.lineno - 1,
                end,
                f"The {word} above always leaves; this is never run.",
            )
        return


def _redefined(block: Sequence[ast.AST], around: ast.AST, file: ChangedFile) -> Iterator[Finding]:
    first: dict[str, tuple[int, ast.stmt]] = {}
    for index, one in enumerate(block):
        if not isinstance(one, (*_FUNCTIONS, ast.ClassDef)):
            continue
        known = first.get(one.name)
        plain = not one.decorator_list and one.name != "_"
        if known is not None and plain and not _names(block[known[0] + 1 : index + 1], one.name, one):
            earlier = known[1]
            if one.lineno - 1 in file.added or earlier.lineno - 1 in file.added:
                what = "test" if one.name.startswith("test") else "definition"
                yield Finding(
                    "redefined",
                    file.path,
                    one.lineno - 1,
                    one.lineno - 1,
                    f"{one.name!r} is defined on line {earlier.lineno} too; that {what} is never reached.",
                    (Place(file.path, earlier.lineno - 1, "the first definition"),),
                )
        if plain:
            first[one.name] = (index, one)
        else:
            first.pop(one.name, None)


def _names(between: Sequence[ast.AST], name: str, second: ast.AST) -> bool:
    """Whether the first definition is used before the second replaces it."""
    for one in between:
        parts: Iterator[ast.AST] = ast.walk(one)
        if one is second:  # its bases and defaults are evaluated before its name is bound
            parts = (
                part
                for child in ast.iter_child_nodes(one)
                if isinstance(child, ast.expr | ast.arguments)
                for part in ast.walk(child)
            )
        if any(isinstance(part, ast.Name) and part.id == name for part in parts):
            return True
    return False
