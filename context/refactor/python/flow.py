"""What surely has been assigned, and what may be read first, in the statements of one function.

By the shape of the statements alone: an ``if`` assigns what all its branches assign, a loop's body may never
run, a statement that may raise is taken to finish. Where that is not enough it says "not surely".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import takewhile
from typing import TYPE_CHECKING

from context.refactor.python.scope_tree import ScopeTree
from context.refactor.python.scopes import Scope, Use
from context.refactor.python.walking import is_inside, parts_of

if TYPE_CHECKING:
    from tree_sitter import Node

_BRANCHES = ("elif_clause", "else_clause", "except_clause", "finally_clause", "case_clause")
_LAZY = frozenset(
    {"lambda", "list_comprehension", "set_comprehension", "dictionary_comprehension", "generator_expression"}
)
_DEFINITIONS = ("function_definition", "class_definition", "decorated_definition")


class Flow:
    """Questions about the variables of ``scope``: a function's, or the module's."""

    def __init__(self, names: ScopeTree, scope: Scope) -> None:
        self.names, self.scope = names, scope
        self.uses: dict[str, list[Use]] = defaultdict(list)
        for part in scope.inside():
            for use in part.uses:
                if part.owner(use.name) is scope:
                    self.uses[use.name].append(use)
        for uses in self.uses.values():
            uses.sort(key=lambda use: use.node.start_byte)

    def of(self, name: str, node: Node) -> list[Use]:
        """The uses of a variable in a node."""
        return [use for use in self.uses[name] if is_inside(use.node, node)]

    def is_assigned_before(self, name: str, node: Node) -> bool:
        """Whether the variable surely has a value whenever ``node`` is reached."""
        while node != self.scope.node and (parent := node.parent) is not None:
            if parent.type in ("block", "module"):
                above = [part for part in parts_of(parent) if part.end_byte <= node.start_byte]
                if any(self.assigns(part, name) for part in above):
                    return True
            elif self._head_assigns(parent, node, name):
                return True
            node = parent
        return False

    def assigns(self, node: Node, name: str) -> bool:
        """Whether the variable surely has a value once a statement has finished."""
        if not any(use.kind == "bind" for use in self.of(name, node)):
            return False
        match node.type:
            case "if_statement":
                return self._all_branches(node, name)
            case "try_statement":
                return self._try_assigns(node, name)
            case "with_statement":
                return self._is_evaluated(node.named_children[0], name) or self.all_assign(_body(node), name)
            case "for_statement" | "while_statement":
                head = node.child_by_field_name("right") or node.child_by_field_name("condition")
                return head is not None and self._is_evaluated(head, name)
            case "match_statement":
                return False
            case kind if kind in _DEFINITIONS:
                inner = node.child_by_field_name("definition") or node
                bound = inner.child_by_field_name("name")
                return bound is not None and self.names.tree.text(bound) == name
            case _:
                return self._is_evaluated(node, name)

    def all_assign(self, nodes: Sequence[Node], name: str) -> bool:
        """Whether statements that follow each other surely give the variable a value, or never finish."""
        return any(self.assigns(node, name) or self.leaves(node) for node in nodes)

    def may_read_first(self, nodes: Sequence[Node], name: str) -> bool:
        """Whether a read in these statements may see the value from before them."""
        for node in nodes:
            reads = [use for use in self.of(name, node) if use.kind != "bind"]
            if reads and self._may_read(node, name):
                return True
            if self.assigns(node, name):
                return False
        return False

    def _may_read(self, node: Node, name: str) -> bool:
        """The same of one statement or clause that does read it."""
        parts = parts_of(node)
        if node.type in _DEFINITIONS or not any(part.type == "block" for part in parts):
            return any(use.kind != "bind" for use in self.of(name, node))
        has_value = body_assigns = False
        for part in parts:
            if part.type == "block" and node.type == "match_statement":
                if any(self._may_read(case, name) for case in parts_of(part)):
                    return True
            elif part.type == "block":
                if not has_value and self.may_read_first(parts_of(part), name):
                    return True
                body_assigns = self.all_assign(parts_of(part), name)
            elif part.type in _BRANCHES:
                in_try = node.type == "try_statement" and part.type == "else_clause" and body_assigns
                in_if = node.type == "if_statement" and has_value
                if not (in_try or in_if) and self._may_read(part, name):
                    return True
            elif any(use.kind != "bind" for use in self.of(name, part)):
                return True
            else:
                has_value = has_value or self._is_evaluated(part, name)
        return False

    def is_live_after(self, nodes: Sequence[Node], name: str) -> bool:
        """Whether a value that these statements leave in a variable may be read after them."""
        start, end, loop = nodes[0].start_byte, nodes[-1].end_byte, self.loop_around(nodes[0])
        for use in self.uses[name]:
            augmented = use.node.parent is not None and use.node.parent.type == "augmented_assignment"
            if use.kind == "bind" and not augmented:
                continue
            if start <= use.node.start_byte < end:
                if loop is not None and self.may_read_first(nodes, name):
                    return True
            elif use.node.start_byte >= end or (loop is not None and is_inside(use.node, loop)):
                return True
        return False

    def loop_around(self, node: Node) -> Node | None:
        """The outermost loop of the function around a node."""
        found = None
        while (parent := node.parent) is not None and parent != self.scope.node:
            found = parent if parent.type in ("for_statement", "while_statement") else found
            node = parent
        return found

    def is_in_function(self, scope: Scope) -> bool:
        """Whether a scope is a function within this one, or in one."""
        return any(
            part.kind == "function" for part in takewhile(lambda one: one is not self.scope, scope.around())
        )

    def leaves(self, node: Node) -> bool:
        """Whether a statement never comes to its end: what follows it is not reached."""
        clauses = [part for part in parts_of(node) if part.type in _BRANCHES]
        match node.type:
            case "return_statement" | "raise_statement" | "continue_statement" | "break_statement":
                return True
            case "if_statement":
                ends = bool(clauses) and clauses[-1].type == "else_clause"
                return ends and all(any(map(self.leaves, _body(branch))) for branch in (node, *clauses))
            case "with_statement":
                return not self.may_swallow(node) and any(map(self.leaves, _body(node)))
            case "try_statement":
                last = _body(clauses[-1]) if clauses and clauses[-1].type == "finally_clause" else []
                if any(map(self.leaves, last)):
                    return True
                done = [
                    *_body(node),
                    *(part for one in clauses if one.type == "else_clause" for part in _body(one)),
                ]
                handlers = [_body(one) for one in clauses if one.type == "except_clause"]
                return any(map(self.leaves, done)) and all(any(map(self.leaves, one)) for one in handlers)
            case _:
                return False

    def may_swallow(self, node: Node) -> bool:
        """Whether a ``with`` says by its words that it ends exceptions."""
        head = self.names.tree.text(node.named_children[0])
        return any(word in head for word in ("suppress", "raises", "assertRaises", "ignore", "ExitStack"))

    def _all_branches(self, node: Node, name: str) -> bool:
        condition = node.child_by_field_name("condition")
        if condition is not None and self._is_evaluated(condition, name):
            return True
        branches = [node, *(part for part in parts_of(node) if part.type in _BRANCHES)]
        ends = branches[-1].type == "else_clause"
        return ends and all(self.all_assign(_body(branch), name) for branch in branches)

    def _try_assigns(self, node: Node, name: str) -> bool:
        clauses = {part.type: part for part in parts_of(node)}
        if "finally_clause" in clauses and self.all_assign(_body(clauses["finally_clause"]), name):
            return True
        done = _body(node) + (_body(clauses["else_clause"]) if "else_clause" in clauses else [])
        handlers = [part for part in parts_of(node) if part.type == "except_clause"]
        return self.all_assign(done, name) and all(self.all_assign(_body(part), name) for part in handlers)

    def _head_assigns(self, parent: Node, node: Node, name: str) -> bool:
        """Whether ``parent``, a compound statement or clause, gives a value before it runs ``node``."""
        if parent == self.scope.node:
            return name in self._parameters()
        body = parent.child_by_field_name("body") or parent.child_by_field_name("consequence")
        match parent.type:
            case "if_statement" | "elif_clause" | "while_statement":
                condition = parent.child_by_field_name("condition")
                if condition is None or condition == node:
                    return False
                return self._is_evaluated(condition, name, is_true=body == node)
            case "for_statement" | "for_in_clause":
                left = parent.child_by_field_name("left")
                return body == node and left is not None and bool(self.of(name, left))
            case "with_statement":
                return body == node and self._is_evaluated(parent.named_children[0], name)
            case "except_clause":
                heads = [part for part in parts_of(parent) if part.type != "block"]
                return node.type == "block" and any(self._is_evaluated(head, name) for head in heads)
            case "else_clause":
                around = parent.parent
                is_try = around is not None and around.type == "try_statement"
                return is_try and around is not None and self.all_assign(_body(around), name)
            case "lambda" | "function_definition":
                return False
            case _:
                return False

    def _parameters(self) -> set[str]:
        parameters = self.scope.node.child_by_field_name("parameters")
        if parameters is None:
            return set()
        return {use.name for use in self.scope.uses if use.kind == "bind" and is_inside(use.node, parameters)}

    def _is_evaluated(self, node: Node, name: str, *, is_true: bool = False) -> bool:
        """Whether evaluating a node surely binds the name; ``is_true``: and it has come out true."""
        binds = [use for use in self.of(name, node) if use.kind == "bind"]
        return any(_is_always(use.node, node, is_true) for use in binds)


def _body(node: Node) -> list[Node]:
    block = node.child_by_field_name("body") or node.child_by_field_name("consequence")
    block = block or next((part for part in node.named_children if part.type == "block"), None)
    return parts_of(block) if block is not None else []


def _is_always(bound: Node, root: Node, is_true: bool) -> bool:
    """Whether a name's binding in ``root`` is reached whenever that is evaluated."""
    node = bound
    while node != root and (parent := node.parent) is not None:
        if parent.type in _LAZY or parent.type in ("function_definition", "class_definition", "block"):
            return False
        if parent.type == "boolean_operator" and parent.child_by_field_name("left") != node:
            operator = parent.child_by_field_name("operator")
            if not (is_true and operator is not None and operator.type == "and"):
                return False
        if parent.type == "conditional_expression" and parent.named_children[1] != node:
            return False
        if parent.type not in ("parenthesized_expression", "boolean_operator", "named_expression"):
            is_true = False
        if parent.type == "assignment" and parent.child_by_field_name("right") is None:
            return False  # ``x: int`` gives no value
        if parent.type == "assert_statement":
            return False  # may be left out
        node = parent
    return True
