"""Whether a region can stand in a function of its own, and what that must be given and give back.

Refused with a sentence where it cannot: jumps out of it, variables that only may have a value, closures that
would see another one, exceptions that would leave another one. When in doubt, it cannot.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from context.refactor.python.extracted_region import Region
from context.refactor.python.flow import Flow
from context.refactor.python.functions import private_names
from context.refactor.python.scope_tree import ScopeTree
from context.refactor.python.scopes import Scope, Use
from context.refactor.python.walking import is_inside, nearest, parts_of
from context.refactor.values import Refused

if TYPE_CHECKING:
    from tree_sitter import Node

    from context.refactor.source_tree import SourceTree

_LOOPS = ("for_statement", "while_statement")
_INNER = ("function_definition", "lambda", "class_definition")
_FRAME = frozenset({"locals", "vars", "dir", "eval", "exec"})  # what they see is the function they stand in
_EAGER = frozenset(
    {"all", "any", "dict", "frozenset", "join", "list", "max", "min", "set", "sorted", "sum", "tuple"}
)
_MOST_BYTES = 40_000  # of the outermost function, or of a module whose own statements are selected: 20 ms


@dataclass(frozen=True)
class Interface:
    """What a function made of a region takes and gives. ``returns``: the region ends the function itself."""

    parameters: tuple[str, ...]
    results: tuple[str, ...]
    returns: bool
    is_async: bool
    needs_class: bool
    taken: frozenset[str]  # names that mean something where it is called or inside


def interface_of(region: Region) -> Interface:
    """What its function would take and give; refused where there can be none."""
    return _Reading(region).interface()


class _Reading:
    """One region, with the scopes of the function around it."""

    def __init__(self, region: Region) -> None:
        self.region, self.tree = region, region.tree
        if region.outermost.has_error:
            raise Refused("There is a syntax error here; mend that first.")
        around = region.outermost
        if around.end_byte - around.start_byte > _MOST_BYTES:
            raise Refused("What stands around it is too large to be read at once.")
        self.names = ScopeTree(self.tree, region.outermost)
        home = region.function
        self.home = self.names.scope_of_node[home.id] if home is not None else self.names.module
        self.flow = Flow(self.names, self.home)
        self.inner = [scope for scope in self.names.module.inside() if region.holds(scope.node)]
        self.used = [
            use for scope in self.names.module.inside() for use in scope.uses if region.holds(use.node)
        ]
        self.used.sort(key=lambda use: use.node.start_byte)

    def interface(self) -> Interface:
        region = self.region
        returns = self._leaves()
        is_async = self._suspends()
        self._refuse_frames()
        bound = self._bound()
        results = (
            ()
            if returns or region.is_expression
            else tuple(name for name in bound if self.flow.is_live_after(region.nodes, name))
        )
        if region.function is None:
            self._refuse_shared(bound)
            results = tuple(bound)
        self._refuse_closures(bound)
        self._refuse_interrupted(bound)
        parameters = self._parameters(bound, results)
        receiver = region.method.parameters[0].name if region.method is not None else ""
        needs_class = self._needs_class(receiver)
        if needs_class and receiver in parameters:
            parameters = tuple(name for name in parameters if name != receiver)
        taken = {use.name for scope in self.names.module.inside() for use in scope.uses}
        return Interface(parameters, results, returns, is_async, needs_class, frozenset(taken))

    def _bound(self) -> list[str]:
        """Variables of its function that it binds, in their order."""
        found: dict[str, None] = {}
        for use in self.used:
            if use.kind == "read":
                continue
            owner = use.scope.owner(use.name)
            if use.kind == "delete" and owner is not None and owner not in self.inner:
                raise Refused(f"It deletes {use.name!r}, which lives outside it.")
            if owner is self.home and use.scope is self.home and use.name not in use.scope.to_module:
                found[use.name] = None
            elif owner is None or owner not in self.inner:
                raise Refused(f"It binds {use.name!r}, which is not a variable of its own function.")
        if found and self.region.is_expression:
            raise Refused(f"The expression binds {next(iter(found))!r}, which is used outside it.")
        return list(found)

    def _parameters(self, bound: list[str], results: tuple[str, ...]) -> tuple[str, ...]:
        found: dict[str, None] = {}
        nodes = self.region.nodes
        for use in self.used:
            owner = use.scope.owner(use.name)
            if owner is None or owner in self.inner:
                continue
            if owner is self.names.module and (owner is not self.home or use.name not in bound):
                continue  # a global is seen from anywhere
            if owner is not self.home:
                if any(one.kind != "read" and one.scope is not owner for one in owner.uses_of(use.name)):
                    raise Refused(f"Another function changes {use.name!r} while it is used.")
                found[use.name] = None
            elif use.name not in bound or self.flow.may_read_first(nodes, use.name):
                found[use.name] = None
        for name in results:
            if not self.flow.all_assign(nodes, name):
                found[name] = None  # keeps the value it has
        for name in found:
            if name in self.flow.uses and not self._has_value(name):
                raise Refused(f"{name!r} may have no value yet where this begins.")
        for name in results:
            if any(_is_handled(use) for use in self.flow.uses[name] if self.region.holds(use.node)):
                raise Refused(f"{name!r} may have no value any more at its end.")
        return tuple(found)

    def _has_value(self, name: str) -> bool:
        """Whether a variable surely has a value where the region begins."""
        first = self.region.nodes[0]
        for use in self.flow.uses[name]:
            clause = nearest(use.node, ("except_clause",)) if _is_handled(use) else None
            if use.kind == "delete" or (clause is not None and not is_inside(first, clause)):
                return False
        return self.flow.is_assigned_before(name, first)

    # -- what stands in the way ------------------------------------------------------------------------------

    def _leaves(self) -> bool:
        """Whether it ends its function on every way. Refused where it does on some, or leaves a loop."""
        region = self.region
        returns = False
        for node in region.own():
            if node.type in ("break_statement", "continue_statement"):
                loop = _loop_of(node)
                if loop is None or not region.holds(loop):
                    raise Refused("It leaves a loop around it.")
            returns = returns or node.type == "return_statement"
            if node.type in ("global_statement", "nonlocal_statement"):
                raise Refused("It declares a variable that lives elsewhere.")
            if node.type in ("import_statement", "import_from_statement") and region.function is None:
                raise Refused("Imports of a module belong to the module.")
            if node.type == "wildcard_import":
                raise Refused("What it imports is not known.")
        if not returns:
            return False
        last, function = region.nodes[-1], region.function
        at_end = function is not None and parts_of(function.child_by_field_name("body") or last)[-1] == last
        if not at_end and not any(map(self.flow.leaves, region.nodes)):
            raise Refused("It returns on some ways only.")
        if function is not None and any(node.type == "yield" for node in _own(function)):
            raise Refused("It ends a generator.")
        return True

    def _suspends(self) -> bool:
        is_async = False
        for node in self.region.own():
            if node.type == "yield":
                raise Refused("It yields, which only its own function can.")
            inner = node.parent is not None and node.parent.type == "function_definition"
            is_async = is_async or node.type == "await" or (node.type == "async" and not inner)
        return is_async

    def _refuse_frames(self) -> None:
        for node, scope in self.names.calls:
            name = self.tree.text(node.children[0])
            bare = name in _FRAME and not (name in ("vars", "dir") and parts_of(node.children[-1]))
            if bare and (self.region.holds(node) or self.home in scope.around()):
                raise Refused(
                    f"{name}() in line {node.start_point[0] + 1} sees the variables of its function."
                )

    def _refuse_shared(self, bound: list[str]) -> None:
        """A module's variables are seen by its functions."""
        for name in bound:
            if any(use.scope is not self.home for use in self.flow.uses[name]):
                raise Refused(f"Functions of the module may look at {name!r} in between.")
            if not self.flow.all_assign(self.region.nodes, name):
                raise Refused(f"{name!r} may have no value at its end.")

    def _refuse_closures(self, bound: list[str]) -> None:
        """Functions that are made inside, and those outside, must see the same variables as before."""
        end, loop = self.region.nodes[-1].end_byte, self.flow.loop_around(self.region.nodes[0])
        for use in self.used:
            owner = use.scope.owner(use.name)
            if (
                owner is None
                or owner in self.inner
                or owner is self.names.module
                or not self._is_late(use.scope)
            ):
                continue
            for other in owner.uses_of(use.name):
                if other.kind == "read" or self.region.holds(other.node):
                    continue
                again = loop is not None and is_inside(other.node, loop)
                if other.node.start_byte > end or use.name in bound or again:
                    raise Refused(f"A function made here sees {use.name!r}, which is changed outside.")
        for name in {use.name for use in self.used}:
            for use in self.flow.uses.get(name, ()):
                if self.region.holds(use.node) or not self.flow.is_in_function(use.scope):
                    continue
                earlier = use.node.start_byte < end or (loop is not None and is_inside(use.node, loop))
                if use.kind != "read" or (name in bound and earlier):
                    raise Refused(f"Another function shares {name!r} with it.")

    def _is_late(self, scope: Scope) -> bool:
        """Whether code of the region in this scope may run after the region has."""
        while scope in self.inner and scope.parent is not None:
            is_lazy = scope.node.type == "generator_expression" and not _is_eager(self.tree, scope.node)
            if scope.kind == "function" or is_lazy:
                return True
            scope = scope.parent
        return False

    def _refuse_interrupted(self, bound: list[str]) -> None:
        """What a handler or the code after it reads must not depend on how far it came."""
        nodes = self.region.nodes
        if self.region.is_expression or (len(nodes) == 1 and _is_one_step(nodes[0])):
            return
        node = self.region.nodes[0].parent
        while node is not None and (parent := node.parent) is not None and node != self.home.node:
            is_tried = parent.type == "try_statement" and parent.child_by_field_name("body") == node
            if is_tried or (parent.type == "with_statement" and self.flow.may_swallow(parent)):
                goes_on = not is_tried or any(map(_goes_on, parts_of(parent)))
                for use in (use for name in bound for use in self.flow.uses[name] if use.kind == "read"):
                    if not is_inside(use.node, node) and (goes_on or is_inside(use.node, parent)):
                        raise Refused(f"An exception here would leave {use.name!r} with another value.")
            node = parent

    def _needs_class(self, receiver: str) -> bool:
        method = self.region.method
        private = any(private_names(self.tree, node) for node in self.region.nodes)
        reads = False
        for use in self.used:
            if use.name in ("super", "__class__") and use.scope.owner(use.name) is None:
                private = True
            owner = use.scope.owner(use.name)
            if method is not None and use.name == receiver and owner is not None:
                reads = reads or owner.node == method.node
        if private and method is None and nearest(self.region.nodes[0], ("class_definition",)) is not None:
            raise Refused("It needs its class, and its function has no receiver.")
        if method is not None and (reads or private):
            scope = self.names.scope_of_node[method.node.id]
            if sum(use.kind != "read" for use in scope.uses_of(receiver)) != 1:
                raise Refused(f"The method binds {receiver!r} anew.")
            if scope is not self.home and not reads and private:
                raise Refused("It needs the class around a function within a method.")
        return method is not None and (reads or private)


def _own(function: Node) -> Iterator[Node]:
    waiting = [function.child_by_field_name("body")]
    while waiting:
        node = waiting.pop()
        if node is not None:
            yield node
            waiting.extend(part for part in node.children if part.type not in _INNER)


def _is_one_step(node: Node) -> bool:
    """Whether a statement either binds all it binds or raises before it binds anything."""
    assignment = parts_of(node)[0] if node.type == "expression_statement" and parts_of(node) else None
    if assignment is None or assignment.type not in ("assignment", "augmented_assignment"):
        return False
    left, right = assignment.child_by_field_name("left"), assignment.child_by_field_name("right")
    return left is not None and left.type == "identifier" and (right is None or right.type != "assignment")


def _goes_on(clause: Node) -> bool:
    """Whether the function may go on after a handler of exceptions."""
    block = clause.named_children[-1] if clause.type == "except_clause" else None
    last = parts_of(block)[-1:] if block is not None else []
    return block is not None and not (last and last[0].type in ("return_statement", "raise_statement"))


def _loop_of(node: Node) -> Node | None:
    """The loop that a ``break`` or ``continue`` leaves; one in a loop's ``else`` leaves the next."""
    while (parent := node.parent) is not None:
        if parent.type in _LOOPS and node.type != "else_clause":
            return parent
        node = parent
    return None


def _is_handled(use: Use) -> bool:
    """Whether a name is bound by ``except ... as``, which takes it away at the clause's end."""
    target = use.node.parent
    above = target.parent if target is not None and target.type == "as_pattern_target" else None
    return above is not None and above.parent is not None and above.parent.type == "except_clause"


def _is_eager(tree: SourceTree, generator: Node) -> bool:
    """Whether a generator is used up by the call it is the argument of."""
    call = generator.parent
    if call is not None and call.type == "argument_list":
        call = call.parent
    return (
        call is not None and call.type == "call" and tree.text(call.children[0]).rpartition(".")[2] in _EAGER
    )
