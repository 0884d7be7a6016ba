"""A method becomes a function of the module, of the same name; its calls in the file follow.

A method that never looks at ``self`` loses the parameter, any other keeps it and is given the receiver. Exact
where the text says what the receiver is (see ``receivers``); a call on something unknown is left and said.
Refused where the class is needed to find the method: overrides, ``super()``, private names, properties.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from context.refactor.python.arguments import realigned, without_first
from context.refactor.python.function_calls import FunctionCalls
from context.refactor.python.functions import (
    BUILTINS,
    Definition,
    definition_at,
    is_private,
    private_names,
    require_name,
    snake_case,
    unused_name,
)
from context.refactor.python.method_sites import line_of, sites_of
from context.refactor.python.receivers import Receivers
from context.refactor.python.result_checks import checked, parsed
from context.refactor.python.scope_tree import ScopeTree, scopes_of
from context.refactor.python.splices import Splice, indentation, line_stop, shifted, spliced
from context.refactor.values import Offer, Refused, Rewrite, Selection

if TYPE_CHECKING:
    from tree_sitter import Node

    from context.document import Document
    from context.refactor.source_tree import SourceTree

_ACTION = "move-method-to-function"
_BOUND = frozenset(  # decorators whose work needs the class, by the last part of their names
    {"property", "cached_property", "hybrid_property", "hybrid_method", "setter", "getter", "deleter"}
    | {"abstractmethod", "abstractproperty", "abstractclassmethod", "abstractstaticmethod"}
    | {"overload", "override", "singledispatchmethod", "register"}
    | {"validator", "field_validator", "model_validator", "root_validator"}
)
_MOST_BYTES = 120_000  # of a file that is read whole where its words let doubt
_CONDITIONAL = ("if_statement", "try_statement", "for_statement", "while_statement", "with_statement")


def find(tree: SourceTree, selection: Selection) -> Offer | None:
    """Offered on a method's head."""
    method = definition_at(tree, selection)
    if method is None or method.is_class or method.class_around is None or not method.name:
        return None
    name, disabled = _name_for(method), _hindrance(method)
    if not disabled and len(tree.source) <= _MOST_BYTES and _is_suspect(method):
        try:
            _Move(tree, method, name).text()
        except Refused as refused:
            disabled = str(refused)
    return Offer(
        _ACTION,
        "refactor.rewrite",
        f"Move method '{method.name}' to a function" + (f" '{name}'" if name != method.name else ""),
        tree.span(method.node),
        name,
        disabled=disabled,
    )


def perform(document: Document, offer: Offer, name: str = "") -> Rewrite:
    """The file with the method as a function after its class."""
    tree = parsed(document)
    method = definition_at(tree, offer.selection)
    if method is None or method.is_class or method.class_around is None:
        raise Refused("There is no method here any more.")
    if hindrance := _hindrance(method):
        raise Refused(hindrance)
    return _Move(tree, method, name or offer.name or method.name).rewrite()


def _name_for(method: Definition) -> str:
    """The method's own name, unless the module knows it already."""
    name = method.name.lstrip("_") if is_private(method.name) else method.name
    name = f"_{name}" if is_private(method.name) else name
    source = method.tree.source
    bare = re.finditer(rb"(?<![.\w])" + name.encode() + rb"\b", source)
    leaves = [method.tree.root.descendant_for_byte_range(word.start(), word.end()) for word in bare]
    if sum(leaf is not None and leaf.type == "identifier" for leaf in leaves) <= 1 and name not in BUILTINS:
        return name  # it stands nowhere but behind dots and in the method's own head
    names = scopes_of(method.tree)
    if not _meanings(names, name):
        return name
    taken = names.module.bound | names.unbound() | BUILTINS
    return unused_name(f"{snake_case(_class_of(method).name)}_{name.lstrip('_')}", taken)


def _is_suspect(method: Definition) -> bool:
    """Whether the file's words let doubt that it can go: another of its name, a value, an odd receiver."""
    word, source = re.escape(method.name.encode()), method.tree.source
    odd = re.compile(rb"[)\]]\s*\.%s\b|(?<![.\w])(?<!def )%s\b|\.%s\b(?!\s*\()" % (word, word, word))
    heads = len(re.findall(rb"\bdef\s+%s\b" % word, source))
    has_values = any(parameter.default is not None for parameter in method.parameters)
    return heads > 1 or has_values or bool(method.decorators) or odd.search(source) is not None


def _meanings(names: ScopeTree, name: str) -> bool:
    """Whether the module's ``name`` means something already, a builtin that it reads included."""
    return name in names.module.bound or name in names.unbound()


def _class_of(method: Definition) -> Definition:
    around = method.class_around
    if around is None:
        raise Refused("There is no method here any more.")
    return around


def _hindrance(method: Definition) -> str:
    """Why a method cannot become a function, as far as its own text tells; "" where it can."""
    name = method.name
    if method.outer.has_error:
        return "The method has a syntax error; mend that first."
    if _class_of(method).function_around is not None:
        return "The class is local to a function; its methods stay with it."
    if name.startswith("__") and name.endswith("__"):
        return f"Python itself calls {name!r} through the class."
    for decorator in method.decorators:
        if (last := decorator.rpartition(".")[2]) in _BOUND:
            return f"@{last} only works in a class."
    first = method.parameters[0] if method.parameters else None
    has_receiver = first is not None and first.kind in ("either", "positional")
    if not has_receiver and "staticmethod" not in method.decorators:
        return "The method does not name its receiver as a parameter of its own."
    text = method.tree.source[method.body.start_byte : method.body.end_byte]
    if re.search(rb"(?<!\w)(super\s*\(|__class__\b(?<!\.__class__))", text):
        return "The method calls super(), which only works in a class."
    if private := private_names(method.tree, method.body):
        return f"The method uses {private[0]!r}, which Python only finds from inside the class."
    return ""


class _Move:
    """One method on its way out."""

    def __init__(self, tree: SourceTree, method: Definition, name: str) -> None:
        self.tree, self.method, self.name = tree, method, name
        self.names = scopes_of(tree)
        self.receivers = Receivers(self.names)
        self.owner = _class_of(method)
        self.scope = self.names.scope_of_node[method.node.id]
        self.is_static = "staticmethod" in method.decorators
        self.is_of_class = "classmethod" in method.decorators
        self._require_free_name()
        self._require_no_family()
        self._require_own_names()
        self.sites, self.unknown = sites_of(self.receivers, method, self.owner)
        self.keeps_receiver = not self.is_static and self._uses_receiver()

    def rewrite(self) -> Rewrite:
        """The file's new text, checked, and what it leaves to the user."""
        new = checked(self.names, self.text())
        return Rewrite(((self.tree.document, new),), notes=tuple(self._notes()))

    def text(self) -> str:
        """The file's new text."""
        calls = FunctionCalls(self.names, self.name, self.is_static, self.is_of_class, self.keeps_receiver)
        splices = [splice for site in self.sites for splice in calls.at(site)]
        return self._moved([*splices, *calls.imports])

    # -- what must hold --------------------------------------------------------------------------------------

    def _require_free_name(self) -> None:
        require_name(self.name)
        if _meanings(self.names, self.name):
            raise Refused(f"The module already has a {self.name!r}; choose another name.")

    def _require_no_family(self) -> None:
        name = self.method.name
        above, _ = self.receivers.bases(self.owner)
        for other in (*above, *self.receivers.derived(self.owner)):
            if self.receivers.binds(other, name):
                raise Refused(f"{other.name!r} has a {name!r} of its own, so calls go by the class.")
        own = self.names.scope_of_node[self.owner.node.id]
        if len(own.uses_of(name)) != 1:
            raise Refused(f"The body of {self.owner.name!r} itself uses {name!r}.")

    def _require_own_names(self) -> None:
        """What the head and the body read must mean the same in the module."""
        inside = set(map(id, self.scope.inside()))
        outer = self.method.outer
        head = self.names.scope_of_node[self.owner.node.id]
        for scope in head.inside():
            for use in scope.uses:
                if not outer.start_byte <= use.node.start_byte < outer.end_byte:
                    continue
                if use.node == self.method.node.child_by_field_name("name"):
                    continue
                owner = scope.owner(use.name)
                if owner is not None and owner is not self.names.module and id(owner) not in inside:
                    local = any(part is owner for part in self.scope.inside())
                    if not local and not _is_inside(owner.node, outer):
                        raise Refused(f"The method needs {use.name!r}, which only its class knows.")

    def _uses_receiver(self) -> bool:
        own = {site.node.children[0].start_byte for site in self.sites if site.call is not None}
        uses = self.scope.uses_of(self.method.parameters[0].name)
        parameter = self.method.parameters[0].node
        return any(
            use.node.start_byte not in own
            for use in uses
            if not (parameter.start_byte <= use.node.start_byte < parameter.end_byte)
        )

    # -- the move --------------------------------------------------------------------------------------------

    def _statement_before(self) -> Definition:
        """What the function is put behind: the outermost class, or the statement of the module around it."""
        node, top = self.owner.outer, self.owner.outer
        while node.parent is not None and node.parent.parent is not None:
            node = node.parent
            if node.type in ("class_definition", "decorated_definition"):
                top = node
        block = top.parent
        last = block is not None and block.named_children[-1] == top
        if node != top and last and self._head_is_known():
            top = node  # an ``if`` or ``try`` around the class: the function needs nothing of it
        inner = top.child_by_field_name("definition") if top.type == "decorated_definition" else None
        return Definition(self.tree, inner or top)

    def _head_is_known(self) -> bool:
        """Whether all that the head reads is bound by the module unconditionally."""
        outer, body = self.method.outer, self.method.body
        for use in self.names.uses.values():
            if outer.start_byte <= use.node.start_byte < body.start_byte and use.kind == "read":
                binds = [one for one in self.names.module.uses_of(use.name) if one.kind == "bind"]
                if use.name not in BUILTINS and not any(_is_unconditional(one.node) for one in binds):
                    return False
        return True

    def _moved(self, splices: list[Splice]) -> str:
        method, source, end = self.method, self.tree.source, self.tree.document.line_end
        start, stop = method.first_line, method.last_line
        top = self._statement_before()
        inner, outer = indentation(source, method.outer.start_byte), indentation(source, top.outer.start_byte)
        own = [*splices, *self._head(), *shifted(self.tree, start, stop, inner, outer)]
        function = spliced(source, own, start, stop)
        if not function.endswith(("\n", "\r")):
            function += end
        name = method.node.child_by_field_name("name")
        assert name is not None  # noqa: S101 - it has one, or it would not be offered
        gap = self._gap(top)
        after = top.last_line
        ends = source[:after].endswith((b"\n", b"\r"))
        function = (end if not ends else "") + end * gap + function
        if not ends:
            function = function[: -len(end)]
        elsewhere = [splice for splice in splices if not start <= splice.start < stop]
        return spliced(source, [*elsewhere, *self._gone(), Splice(after, after, function)])

    def _head(self) -> list[Splice]:
        """The head without what only makes sense in a class, and with the new name."""
        method, source = self.method, self.tree.source
        name, brackets = (method.node.child_by_field_name(field) for field in ("name", "parameters"))
        assert name is not None and brackets is not None  # noqa: S101 - the grammar's
        splices = [Splice(name.start_byte, name.end_byte, self.name)] if self.name != method.name else []
        for child in method.outer.children if method.outer != method.node else ():
            if self.tree.text(child) in ("@staticmethod", "@classmethod"):
                start = child.start_byte - len(indentation(source, child.start_byte).encode())
                splices.append(Splice(start, line_stop(source, child.end_byte), ""))
        if not self.is_static and not self.keeps_receiver:
            listed = [child for child in brackets.named_children if child.type != "comment"]
            if len(listed) > 1 and listed[1].type == "positional_separator":
                listed = [listed[0], *listed[2:]]
            splices += without_first(self.tree, listed, brackets)
        moved = len(self.name) - len(method.name)
        return [*splices, *realigned(self.tree, brackets, moved)]

    def _gone(self) -> list[Splice]:
        """The class without the method, its blank lines closed; ``pass`` where nothing else is left."""
        source, start, stop = self.tree.source, self.method.first_line, self.method.last_line
        left = [child for child in self.owner.body.named_children if child.type != "comment"]
        if len(left) == 1:
            inner = indentation(source, self.method.outer.start_byte)
            end = self.tree.document.line_end if source[:stop].endswith((b"\n", b"\r")) else ""
            return [Splice(start, stop, f"{inner}pass{end}")]
        before = source[:start].rstrip(b" \t\r\n\f")
        first = line_stop(source, len(before))
        if left[0] == self.method.outer and not before.endswith(b'"'):
            after = source[stop:]
            lead = re.match(rb"(?:[ \t\f]*(?:\r\n|\r|\n))*", after)
            return [Splice(start, stop + (lead.end() if lead else 0), "")]
        return [Splice(first, stop, "")]

    def _gap(self, top: Definition) -> int:
        """Blank lines between the class and the function: two in a module, one in a block of it."""
        return 1 if indentation(self.tree.source, top.outer.start_byte) else 2

    def _notes(self) -> list[str]:
        name, notes = self.method.name, []
        if self.unknown:
            lines = ", ".join(str(line) for line in sorted({line_of(node) for node in self.unknown}))
            notes.append(f"Left as they are, for their receiver is not known: .{name} in line {lines}.")
        if re.search(rb"['\"]" + name.encode() + rb"['\"]", self.tree.source):
            notes.append(f"The name {name!r} also stands in a string.")
        if self.receivers.bases(self.owner)[1]:
            notes.append(f"A base class of {self.owner.name!r} that is elsewhere may call {name!r} itself.")
        others = [one for one in self.method.decorators if one not in ("staticmethod", "classmethod")]
        if others and (self.keeps_receiver is False and not self.is_static):
            notes.append(f"@{others[0]} now decorates a function without a receiver.")
        return notes


def _is_inside(node: Node, outer: Node) -> bool:
    return outer.start_byte <= node.start_byte and node.end_byte <= outer.end_byte


def _is_unconditional(node: Node) -> bool:
    """Whether a name is bound by a statement of the module itself."""
    while node.parent is not None and node.parent.parent is not None:
        if node.type in _CONDITIONAL:
            return False
        node = node.parent
    return True
