"""One call as the body of what it calls: arguments for parameters, variables renamed where they clash.

An argument that is a name or a constant goes to every place of its parameter; another one to the only place,
if nothing happens before it there, else to a variable first. Refused where the order of what happens, or what
a name means, would change.
"""

from __future__ import annotations

from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING

from context.refactor.python.call_arguments import arguments_by_name
from context.refactor.python.callee import Callee
from context.refactor.python.effects import Effect, Effects
from context.refactor.python.expressions import apart, as_operand, as_value
from context.refactor.python.flow import Flow
from context.refactor.python.functions import Definition, private_names, unused_name
from context.refactor.python.places import place_of
from context.refactor.python.scopes import Scope, Use
from context.refactor.python.splices import (
    Splice,
    comments_above,
    indentation,
    line_start,
    line_stop,
    shifted,
    spliced,
)
from context.refactor.python.walking import is_inside, nearest, parts_of, walk
from context.refactor.values import Refused

if TYPE_CHECKING:
    from tree_sitter import Node

_BRACKETED = frozenset(
    {"list", "tuple", "set", "dictionary", "parenthesized_expression", "list_comprehension", "string"}
    | {"set_comprehension", "dictionary_comprehension", "generator_expression", "call", "subscript"}
)


class InlinedCall:
    """``call``, in ``scope``, is one of ``callee``; ``receiver`` is what its first parameter gets."""

    def __init__(self, callee: Callee, call: Node, scope: Scope, receiver: Node | None = None) -> None:
        self.callee, self.call, self.at, self.receiver = callee, call, scope, receiver
        self.names, self.tree = callee.names, callee.names.tree
        self.effects = Effects(self.tree)
        self.whole = self._whole()
        arguments = call.child_by_field_name("arguments")
        assert arguments is not None  # noqa: S101 - the grammar's
        parameters = callee.definition.parameters
        self.arguments = arguments_by_name(self.tree, parameters, arguments, receiver)
        for parameter in parameters:
            default = self.arguments[parameter.name] == parameter.default
            if default and parameter.default is not None and not self.effects.is_constant(parameter.default):
                raise Refused(
                    f"The default of {parameter.name!r} is evaluated where the function is defined."
                )
        self._require_same_names()

    def splices(self) -> list[Splice]:
        """What becomes of the call, or of the statement that it makes up."""
        if self.callee.expression is not None:
            try:
                return [self._as_expression(self.callee.expression)]
            except Refused as refused:
                with suppress(Refused):
                    return [self._as_statements()]
                raise refused
        return [self._as_statements()]

    # -- what must hold --------------------------------------------------------------------------------------

    def _whole(self) -> Node:
        if not self.callee.definition.is_async:
            return self.call
        above = self.call.parent
        if above is None or above.type != "await":
            raise Refused(f"{_line(self.call)} does not wait for the function on the spot.")
        return above

    def _require_same_names(self) -> None:
        inside = list(self.callee.scope.inside())
        for scope in inside:
            for use in scope.uses:
                owner = scope.owner(use.name)
                if owner not in inside and self.at.owner(use.name) is not owner:
                    raise Refused(f"{use.name!r} means something else at {_line(self.call).lower()}.")
        definition = self.callee.definition
        around, own = nearest(self.call, ("class_definition",)), definition.class_around
        is_same = own is not None and around == own.node
        if private_names(self.tree, definition.body) and not is_same:
            raise Refused("The function uses names that Python changes inside classes.")
        if any(use.name in ("super", "__class__") for scope in inside for use in scope.uses):
            method = Definition(self.tree, self.at.node) if self.at.kind == "function" else None
            if method is None or not is_same or method.class_around != own:
                raise Refused("The function calls super(), which depends on where it stands.")

    def _reads(self, name: str) -> list[Use]:
        """Where the callee reads a parameter."""
        head = self.callee.definition.body.start_byte
        return [use for use in self.callee.scope.uses_of(name) if use.node.start_byte >= head]

    def _is_plain(self, argument: Node) -> bool:
        """Whether an argument may be evaluated anywhere in the callee, and any number of times."""
        if argument.type == "identifier":
            name = self.tree.text(argument)
            owner = self.at.owner(name)
            if owner is None or owner.kind in ("module", "class"):
                return self.effects.is_stable(name)
            return all(use.scope is owner for use in owner.uses_of(name) if use.kind != "read")
        return self.effects.is_constant(argument)

    def _names_in(self, argument: Node) -> set[str]:
        return {
            use.name for node in walk(argument) if (use := self.names.uses.get(node.start_byte)) is not None
        }

    def _require_uncaptured(self, use: Use, argument: Node) -> None:
        """What is inside a comprehension or lambda may not take the argument's names for its own."""
        scope: Scope | None = use.scope
        while scope is not None and scope is not self.callee.scope:
            if scope.bound & self._names_in(argument):
                raise Refused(
                    f"A name of an argument at {_line(self.call).lower()} is taken inside the function."
                )
            scope = scope.parent

    # -- as an expression ------------------------------------------------------------------------------------

    def _as_expression(self, value: Node) -> Splice:
        last: tuple[int, Effect] | None = None
        for name, argument in self.arguments.items():
            reads = self._reads(name)
            if any(use.kind != "read" for use in reads):
                raise Refused(f"The function binds its parameter {name!r} anew.")
            for use in reads:
                self._require_uncaptured(use, argument)
            if self._is_plain(argument):
                continue
            effect = self.effects.of([argument])
            if not reads and effect <= Effect.NAMES:
                continue
            if len(reads) != 1:
                raise Refused(f"The argument for {name!r} would be evaluated {len(reads)} times.")
            place = place_of(reads[0].node)
            others = [node for node in place.before if not is_inside(reads[0].node, node)]
            if place.doubt or not self.effects.commute(self.effects.of(others), effect):
                raise Refused(f"The argument for {name!r} would be evaluated at another time.")
            here = reads[0].node.start_byte, effect
            if last is not None and here[0] < last[0] and not self.effects.commute(last[1], effect):
                raise Refused("The arguments would be evaluated in another order.")
            last = here
        splices = [
            Splice(use.node.start_byte, use.node.end_byte, apart(self.tree.source, use.node, text))
            for name, argument in self.arguments.items()
            for use in self._reads(name)
            if (text := as_operand(self.tree, argument, use.node)) != name
        ]
        first = self.tree.source.find(b"\n", value.start_byte, value.end_byte) + 1
        if first:
            old, new = (indentation(self.tree.source, node.start_byte) for node in (value, self.whole))
            splices += [
                move for move in shifted(self.tree, first, value.end_byte, old, new) if move.start >= first
            ]
        text = spliced(self.tree.source, splices, value.start_byte, value.end_byte)
        bare = as_operand(self.tree, value, self.whole) == self.tree.text(value)
        if not bare or ("\n" in text and value.type not in _BRACKETED):
            text = f"({text})"
        return Splice(self.whole.start_byte, self.whole.end_byte, apart(self.tree.source, self.whole, text))

    # -- as statements ---------------------------------------------------------------------------------------

    @cached_property
    def _statement(self) -> Node | None:
        """The statement that does nothing but call, and assign or return what comes of it."""
        above = self.whole.parent
        if (
            above is not None
            and above.type == "assignment"
            and above.child_by_field_name("right") == self.whole
        ):
            above = above.parent
        if above is None or above.type not in ("expression_statement", "return_statement"):
            return None
        source = self.tree.source
        behind = source[above.end_byte : line_stop(source, above.end_byte)].strip()
        alone = not source[line_start(source, above.start_byte) : above.start_byte].strip()
        return above if alone and (not behind or behind.startswith(b"#")) else None

    def _as_statements(self) -> Splice:
        statement, callee = self._statement, self.callee
        if statement is None:
            raise Refused(
                f"{_line(self.call)} uses the value within an expression; the body does not fit there."
            )
        is_return = statement.type == "return_statement"
        if not is_return and not callee.returns_at_end_only:
            raise Refused("The function returns in more than one place.")
        if self.at.kind not in ("function", "module") or self.at.node.type == "lambda":
            raise Refused(f"{_line(self.call)} stands in a class, so variables would become attributes.")
        renamed, lines = self._variables(statement)
        new = callee.scope.bound - set(self.arguments)
        if self.at.kind == "module" and (lines or any(not self._assigns(statement, name) for name in new)):
            raise Refused(
                f"{_line(self.call)} stands in no function, so variables would become the module's."
            )
        splices = [
            Splice(use.node.start_byte, use.node.end_byte, text)
            for name, text in renamed.items()
            for use in self._reads(name)
            if text != name
        ]
        text = self._body(statement, splices)
        inner = indentation(self.tree.source, statement.start_byte)
        end = self.tree.document.line_end
        return Splice(statement.start_byte, statement.end_byte, (end + inner).join([*lines, *text]) or "pass")

    def _variables(self, statement: Node) -> tuple[dict[str, str], list[str]]:
        """What the callee's variables are called here, and the assignments that come first."""
        callee, home = self.callee, Flow(self.names, self.at)
        in_arguments = set().union(*(self._names_in(node) for node in self.arguments.values()))
        here = {use.name for scope in self.at.inside() for use in scope.uses}
        taken, renamed, lines = here | in_arguments | callee.scope.bound, {}, []
        for name, argument in self.arguments.items():
            text, reads = self.tree.text(argument), self._reads(name)
            bound = any(use.kind != "read" for use in reads)
            if self._is_plain(argument) and not bound:
                for use in reads:
                    self._require_uncaptured(use, argument)
                    self._require_current(use, text, home, statement)
                renamed[name] = text
                if any(as_operand(self.tree, argument, use.node) != text for use in reads):
                    renamed[name] = f"({text})"
                continue
            if text == name and self._is_free(name, home, statement):
                continue
            if not reads and self.effects.of([argument]) <= Effect.NAMES:
                continue
            if any(node.type in ("yield", "named_expression") for node in walk(argument)):
                raise Refused("An argument binds a name or yields.")
            fresh = name if name not in here | in_arguments else unused_name(name, taken)
            taken.add(fresh)
            renamed[name] = fresh
            lines.append(f"{fresh} = {as_value(text)}")
            for use in reads:
                self._require_current(use, fresh, home, statement)
        for name in sorted(callee.scope.bound - set(self.arguments)):
            clash = name in here and not self._is_free(name, home, statement)
            if clash or name in in_arguments:
                renamed[name] = unused_name(name, taken)
                taken.add(renamed[name])
            for use in self._reads(name):
                self._require_current(use, renamed.get(name, name), home, statement)
        return renamed, lines

    def _is_free(self, name: str, home: Flow, statement: Node) -> bool:
        """Whether the function around the call may lose what it has in a variable of this name."""
        uses = home.uses.get(name)
        if not uses or name in self.at.to_module or name in self.at.to_outside:
            return False
        if any(home.is_in_function(use.scope) for use in uses):
            return False
        node = statement
        while (parent := node.parent) is not None and node != self.at.node:
            is_tried = parent.type == "try_statement" and parent.child_by_field_name("body") == node
            if is_tried and any(use.kind == "read" and not is_inside(use.node, node) for use in uses):
                return False  # an exception on the way would show
            node = parent
        return self._assigns(statement, name) or not home.is_live_after([statement], name)

    def _assigns(self, statement: Node, name: str) -> bool:
        left = statement.named_children[0].child_by_field_name("left") if statement.named_children else None
        targets = left.named_children if left is not None and left.type == "pattern_list" else [left]
        return any(
            one is not None and one.type == "identifier" and self.tree.text(one) == name for one in targets
        )

    def _require_current(self, use: Use, name: str, home: Flow, statement: Node) -> None:
        """A function made inside sees a variable of the function around it, as that is then."""
        if not self.callee.flow.is_in_function(use.scope) and use.scope.node.type != "generator_expression":
            return
        changed = [one for one in home.uses.get(name, ()) if one.kind != "read"]
        if home.loop_around(statement) or any(one.node.start_byte > statement.start_byte for one in changed):
            raise Refused(f"A function made inside would see {name!r} change.")

    def _body(self, statement: Node, splices: list[Splice]) -> list[str]:
        """The callee's lines as they stand in the place of the statement, without indentation in front."""
        callee, source = self.callee, self.tree.source
        if not callee.statements:
            return self._last_line(statement, "None")
        first, last = callee.statements[0], callee.statements[-1]
        start, stop = line_start(source, first.start_byte), last.end_byte
        if source[start : first.start_byte].strip():
            raise Refused("The function's body stands on the line of its head.")
        start = comments_above(source, start)
        old, new = indentation(source, first.start_byte), indentation(source, statement.start_byte)
        end, tail = [], []
        if last.type == "return_statement" and statement.type != "return_statement":
            value = last.named_children[0] if last.named_children else None
            inside = [
                one for one in splices if value is not None and value.start_byte <= one.start < value.end_byte
            ]
            text = spliced(source, inside, value.start_byte, value.end_byte) if value is not None else "None"
            lines = self._last_line(statement, text, value)
            if not lines or value is None:
                before = source[start : last.start_byte].rstrip()
                end = [Splice(start + len(before) if before else start, stop, "")]
                tail = lines
            else:
                head = lines[0][: len(lines[0]) - len(text)]
                end = [Splice(last.start_byte, value.start_byte, head)]
        elif not any(map(callee.flow.leaves, callee.statements)) and not self._ends_function(statement):
            tail = self._last_line(statement, "None")
        inside = [one for one in splices if start <= one.start < stop]
        moved = spliced(source, [*inside, *end, *shifted(self.tree, start, stop, old, new)], start, stop)
        text = moved[len(new) :] if moved.startswith(new) else moved.lstrip(" \t")
        return [*([text] if text.strip() else []), *tail]

    def _ends_function(self, statement: Node) -> bool:
        """Whether a function returns without a value once it is past a return statement."""
        block = statement.parent
        if statement.type != "return_statement" or block is None:
            return False
        return block == self.at.node.child_by_field_name("body") and parts_of(block)[-1] == statement

    def _last_line(self, statement: Node, value: str, node: Node | None = None) -> list[str]:
        """What becomes of the callee's value."""
        if statement.type == "return_statement":
            return [f"return {value}"]
        inner = statement.named_children[0]
        if inner.type != "assignment":
            silent = node is None or self.effects.of([node]) <= Effect.NAMES
            return [] if silent else [value]
        left, right = inner.child_by_field_name("left"), inner.child_by_field_name("right")
        assert left is not None and right is not None  # noqa: S101 - its right is the call
        if self.tree.text(left) == value and inner.child_by_field_name("type") is None:
            return []
        return [self.tree.source[inner.start_byte : right.start_byte].decode() + value]


def _line(node: Node) -> str:
    return f"Line {node.start_point[0] + 1}"
