"""Functions taken out, inlined and moved in programs that run and in real files; whose variable a name is."""

from __future__ import annotations

import symtable
import warnings

from context.document import Document
from context.refactor import Selection
from context.refactor.python import ACTIONS
from context.refactor.python.scope_tree import ScopeTree
from context.refactor.python.scopes import Scope
from context.refactor.python.walking import parts_of, walk
from context.refactor.source_tree import SourceTree
from tests.benchmarks import refactorings_functions
from tests.refactoring import python_files

PROGRAM = """
class Tally:
    def __init__(self): self.seen, self.total = [], 0
    def add(self, number, weight=1):
        if number < 0:
            return self.skip(number)
        for step in range(weight):
            self.total += number
            self.seen.append((number, step))
        return self.total
    def skip(self, number):
        self.seen.append(('skipped', number))
        return None

def run(numbers):
    tally = Tally()
    last = best = None
    for number in numbers:
        value = tally.add(number, weight=abs(number) % 3)
        if value is not None and (best is None or value > best):
            best, last = value, number
        elif number == 0:
            continue
        text = f'{number}:{value}'
        tally.seen.append(text)
    return best, last, tally.seen
"""


def test_the_program_does_the_same() -> None:
    """Every statement, expression and method of a program that can be taken out leaves what it computes."""
    document = Document.of("file:///a.py", "a.py", "python", 1, PROGRAM)
    tree = SourceTree.of(document)
    assert tree is not None
    inputs = ([], [1, 2, 3], [0, -1, 5, 0, 4], [-2, -3], [7])
    expected = [_result(PROGRAM, numbers) for numbers in inputs]
    performed = 0
    for action in ("extract-function", "extract-method", "move-method-to-function", "inline-function"):
        for selection in _selections(tree):
            offer = ACTIONS[action].find(tree, selection)
            if offer is None or offer.disabled:
                continue
            ((_, text),) = ACTIONS[action].perform(document, offer, "").texts
            assert [_result(text, numbers) for numbers in inputs] == expected, text
            performed += 1
    assert performed > 60


def _result(program: str, numbers: list[int]) -> object:
    scope: dict[str, object] = {}
    exec(compile(program, "<program>", "exec"), scope)  # noqa: S102 - written above
    run = scope["run"]
    assert callable(run)
    return run(numbers)


def _selections(tree: SourceTree) -> list[Selection]:
    """Heads of functions, and all that lies in their bodies: nodes, and runs of statements."""
    found = []
    for node in walk(tree.root):
        if node.is_named and node.parent is not None:
            found.append(tree.span(node))
        if node.type == "block":
            statements = parts_of(node)
            ends = [(one, other) for n, one in enumerate(statements) for other in statements[n + 1 :]]
            found += [Selection(tree.span(one).start, tree.span(other).end) for one, other in ends]
        if node.type == "function_definition":
            at = tree.span(node.named_children[0]).start
            found.append(Selection(at, at))
    return found


def test_extracted_and_inlined_again_is_the_same_program() -> None:
    """Random statements and expressions of real files, taken out and put back: the same tree to Python."""
    tally = refactorings_functions.run(count=60, seed=5, most_letters=20_000)
    assert not tally.broken
    assert tally.same >= 50
    assert sum(tally.refused.values()) <= 1


def test_scopes_are_those_of_python() -> None:
    """Whose variable each name is, in every scope of real files, as ``symtable`` says."""
    compared = 0
    for document in python_files(7):
        if len(document.text) > 30_000 or "import annotations" in document.text:
            continue  # symtable leaves out annotations that are not evaluated
        tree = SourceTree.of(document)
        if tree is None or tree.root.has_error:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            table = symtable.symtable(document.text, "a", "exec")
        names = ScopeTree(tree)
        compared += _same_scopes(names, names.module, table, document.uri)
        if compared > 1500:
            break
    assert compared > 1500


_NAMES = {"lambda": "lambda", "generator_expression": "genexpr", "list_comprehension": "listcomp"}
_NAMES |= {"set_comprehension": "setcomp", "dictionary_comprehension": "dictcomp"}


def _same_scopes(names: ScopeTree, scope: Scope, table: symtable.SymbolTable, where: str) -> int:
    """Compares a scope and all within it; how many."""

    def mangled(name: str) -> str:
        if not name.startswith("__") or name.endswith("__"):
            return name
        around = next((one.node for one in scope.around() if one.kind == "class"), None)
        owner = around.child_by_field_name("name") if around is not None else None
        return f"_{names.tree.text(owner).lstrip('_')}{name}" if owner is not None else name

    local = {mangled(use.name) for use in scope.uses if scope.owner(use.name) is scope} - {"__class__"}
    known = {
        symbol.get_name()
        for symbol in table.get_symbols()
        if symbol.is_local() or (scope.kind == "module" and symbol.is_assigned() and symbol.is_global())
    }
    assert local == {name for name in known if not name.startswith(".")} - {"__class__"}, (
        where,
        table.get_lineno(),
    )
    free = {
        mangled(use.name) for use in scope.uses if scope.owner(use.name) not in (scope, names.module, None)
    }
    passed_on = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_free()}
    assert free <= passed_on | {"__class__"}, (where, table.get_lineno())
    mine: dict[str, list[Scope]] = {}
    for child in sorted(scope.children, key=lambda one: one.node.start_byte):
        name = child.node.child_by_field_name("name")
        called = names.tree.text(name) if name is not None else _NAMES[child.node.type]
        mine.setdefault(called, []).append(child)
    theirs: dict[str, list[symtable.SymbolTable]] = {}
    for table_of_child in sorted(table.get_children(), key=lambda one: one.get_lineno()):
        theirs.setdefault(table_of_child.get_name(), []).append(table_of_child)
    assert {name: len(of) for name, of in mine.items()} == {name: len(of) for name, of in theirs.items()}
    pairs = [pair for name, of in mine.items() for pair in zip(of, theirs[name], strict=True)]
    return 1 + sum(_same_scopes(names, child, other, where) for child, other in pairs)
