"""Functions with tests to instruction edits, each with a check that needs nobody's eye.

Of each function five edits: its docstring, its types, an error for a wrong argument, another name for a
parameter, and a bug that was put in. The function stands between others in a file that has to stay as it is.
The functions are of our own making (``edit_functions.txt``), or HumanEval's, read where they lie.
"""

from __future__ import annotations

import ast
import copy
import gzip
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from context.document import Document, Position
from context.refactor.model_offers import _WORDS
from context.refactor.values import Selection

OWN = Path(__file__).with_name("edit_functions.txt")
HUMANEVAL = Path(__file__).parents[3] / "shared/data/humaneval.jsonl.gz"
KINDS = ("docstring", "types", "error handling", "rename", "bug")
_TIME_S = 5  # for a function and its tests
_ABOVE = """\
\"\"\"Functions that are used in several places.\"\"\"

from __future__ import annotations

import math


"""
_BELOW = "\n\ndef half(number):\n    return math.floor(number / 2)\n"
_SWAPS: dict[type, type] = {
    ast.LtE: ast.Lt, ast.Lt: ast.LtE, ast.GtE: ast.Gt, ast.Gt: ast.GtE, ast.Eq: ast.NotEq,
    ast.In: ast.NotIn, ast.NotIn: ast.In,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mod: ast.FloorDiv, ast.And: ast.Or,
}  # fmt: skip

_WRONG = """
try:
    {call}
except TypeError as error:
    assert error.args[0] == {said!r}
else:
    raise AssertionError
"""


@dataclass(frozen=True)
class Task:
    """``action``: the offer's it would be. ``check``: of the whole new text, whether it is what was asked."""

    name: str
    kind: str
    document: Document
    region: Selection
    instruction: str
    action: str
    check: Callable[[str], bool]


def own_tasks() -> list[Task]:
    """60 edits."""
    tasks: list[Task] = []
    for text in OWN.read_text(encoding="utf-8").split("---\n"):
        code = [line for line in text.splitlines() if not line.startswith("# ")]
        tests = "\n".join(line[2:] for line in text.splitlines() if line.startswith("# "))
        tasks += _tasks_of("\n".join(code), tests)
    return tasks


def humaneval_tasks(count: int = 12) -> list[Task]:
    """Five edits of each of so many functions, spread over the rows; whole functions only."""
    with gzip.open(HUMANEVAL, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    tasks: list[Task] = []
    for row in rows[1::7]:
        code = row["prompt"] + row["canonical_solution"]
        name = row["entry_point"]
        module = ast.parse(code)
        functions = [node for node in module.body if isinstance(node, ast.FunctionDef)]
        others = [
            node
            for node in module.body
            if not isinstance(node, ast.FunctionDef | ast.Import | ast.ImportFrom)
        ]
        if len(functions) != 1 or others:
            continue
        tests = f"{row['test']}\ncheck({name})"
        found = list(_tasks_of(ast.unparse(functions[0]), tests))
        if len(found) == len(KINDS) and len(tasks) < count * len(KINDS):
            tasks += found
    return tasks


def _tasks_of(code: str, tests: str) -> Iterator[Task]:
    function = _function(ast.parse(code))
    parameter = function.args.args[0].arg
    bare = _without_types(function)
    documented, plain = ast.unparse(bare), ast.unparse(_without_docstring(bare))
    name = function.name
    yield _task("docstring", plain, _WORDS["write-docstring"].format(name=name), "write-docstring",
                lambda after: _is_documented(after, plain))  # fmt: skip
    yield _task("types", documented, _WORDS["add-types"].format(name=name), "add-types",
                lambda after: _is_typed(after, documented))  # fmt: skip
    wrong = _WRONG.format(
        call=f"{name}({', '.join(['None'] * len(function.args.args))})", said=f"no {parameter}"
    )
    asked = f"If {parameter} is None, raise a TypeError with the message 'no {parameter}'."
    yield _task("error handling", documented, asked, "", lambda after: _ends(after, tests + wrong) == "well")
    new = f"given_{parameter}"
    asked = f"Rename the parameter {parameter} of {name} to {new}, wherever it is used."
    yield _task("rename", documented, asked, "", lambda after: _is_renamed(after, documented, parameter, new))
    broken = next((text for text in _mutants(bare) if _ends(f"{_ABOVE}{text}\n", tests) == "badly"), None)
    if broken is not None:
        asked = f"{name} does not do what its docstring says. Find the mistake and correct it."
        yield _task("bug", broken, asked, "", lambda after: _ends(after, tests) == "well")


def _task(kind: str, code: str, instruction: str, action: str, check: Callable[[str], bool]) -> Task:
    name = _function(ast.parse(code)).name
    document = Document.of(f"file:///w/{name}.py", f"{name}.py", "python", 1, f"{_ABOVE}{code}\n{_BELOW}")
    first = _ABOVE.count("\n")
    region = Selection(Position(first, 0), Position(first + code.count("\n") + 1, 0))
    return Task(f"{name} {kind}", kind, document, region, instruction, action, check)


def parses(text: str) -> bool:
    """Whether it is Python."""
    try:
        ast.parse(text)
    except (SyntaxError, ValueError):
        return False
    return True


def _function(module: ast.Module) -> ast.FunctionDef:
    return next(node for node in module.body if isinstance(node, ast.FunctionDef))


def _without_docstring(function: ast.FunctionDef) -> ast.FunctionDef:
    function = copy.deepcopy(function)
    if ast.get_docstring(function) is not None:
        function.body = function.body[1:]
    return function


def _without_types(function: ast.FunctionDef) -> ast.FunctionDef:
    function = copy.deepcopy(function)
    function.returns = None
    for argument in ast.walk(function):
        if isinstance(argument, ast.arg):
            argument.annotation = None
    return function


def _is_documented(after: str, code: str) -> bool:
    function = _function(ast.parse(after))
    said = ast.get_docstring(function) or ""
    return len(said) >= 12 and ast.unparse(_without_docstring(function)) == code


def _is_typed(after: str, code: str) -> bool:
    function = _function(ast.parse(after))
    arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    typed = function.returns is not None and all(argument.annotation is not None for argument in arguments)
    return typed and ast.unparse(_without_types(function)) == code


def _is_renamed(after: str, code: str, old: str, new: str) -> bool:
    wanted = copy.deepcopy(_function(ast.parse(code)))
    for node in ast.walk(wanted):
        if isinstance(node, ast.arg) and node.arg == old:
            node.arg = new
        elif isinstance(node, ast.Name) and node.id == old:
            node.id = new
    found = _function(ast.parse(after))
    return ast.unparse(_without_docstring(found)) == ast.unparse(_without_docstring(wanted))


def _mutants(function: ast.FunctionDef) -> Iterator[str]:
    """The function with one operator exchanged, the last ones first."""
    count = sum(1 for _ in ast.walk(function))
    for number in reversed(range(count)):
        mutant = copy.deepcopy(function)
        node = list(ast.walk(mutant))[number]
        if isinstance(node, ast.Compare) and type(node.ops[0]) in _SWAPS:
            node.ops[0] = _SWAPS[type(node.ops[0])]()
        elif isinstance(node, ast.BinOp | ast.AugAssign | ast.BoolOp) and type(node.op) in _SWAPS:
            node.op = _SWAPS[type(node.op)]()
        else:
            continue
        yield ast.unparse(mutant)


def _ends(text: str, tests: str) -> str:
    """How a file with its tests ends, in a process of its own: "well", "badly" or "never"."""
    command = [sys.executable, "-I", "-c", f"{text}\n\n{tests}\n"]
    try:
        ran = subprocess.run(command, capture_output=True, timeout=_TIME_S, check=False)
    except subprocess.TimeoutExpired:
        return "never"
    return "badly" if ran.returncode else "well"
