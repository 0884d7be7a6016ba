"""A Python file's syntax tree to its scopes: which name is read, bound or deleted where, and whose it is.

By the rules of the language reference, "Naming and binding"; ``symtable`` of the standard library gives the
same answers, but has no positions and no tolerance for errors. Knows no types and no flow of control: a name
is its scope's wherever that scope binds it.
"""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Literal

from context.refactor.python.scopes import Scope, ScopeKind, Use

if TYPE_CHECKING:
    from tree_sitter import Node

    from context.refactor.source_tree import SourceTree


class ScopeTree:
    """The scopes of a tree, built in one walk."""

    def __init__(self, tree: SourceTree, root: Node | None = None) -> None:
        """Of the whole tree, or of a part, whose surroundings are then taken for the module."""
        self.tree = tree
        self.root = root or tree.root
        self.module = Scope("module", self.root, None)
        self.attributes: list[tuple[Node, Scope]] = []
        self.calls: list[tuple[Node, Scope]] = []
        self.scope_of_node: dict[int, Scope] = {self.root.id: self.module}
        self._walk()
        self.attributes.sort(key=lambda found: found[0].start_byte)
        self.calls.sort(key=lambda found: found[0].start_byte)

    @cached_property
    def uses(self) -> dict[int, Use]:
        """All uses by the byte where they begin."""
        return {use.node.start_byte: use for scope in self.module.inside() for use in scope.uses}

    def free_in(self, scope: Scope) -> set[str]:
        """Names read inside that neither the scope nor anything within it binds."""
        inside = set(map(id, scope.inside()))
        return {
            use.name
            for part in scope.inside()
            for use in part.uses
            if (owner := part.owner(use.name)) is None or id(owner) not in inside
        }

    def unbound(self) -> set[str]:
        """Names that nothing in the file binds: builtins, what a star import brings, and mistakes."""
        return self.free_in(self.module)

    # -- the walk ------------------------------------------------------------------------------------------

    def _walk(self) -> None:
        self._stack: list[tuple[Node, Scope, bool]] = [(self.root, self.module, False)]
        while self._stack:
            node, scope, is_target = self._stack.pop()
            if is_target:
                self._target(node, scope)
            else:
                _VISITS.get(node.type, ScopeTree._children)(self, node, scope)

    def _push(self, node: Node | None, scope: Scope, *, target: bool = False) -> None:
        if node is not None:
            self._stack.append((node, scope, target))

    def _children(self, node: Node, scope: Scope) -> None:
        for child in node.named_children:
            self._stack.append((child, scope, False))

    def _use(self, node: Node, scope: Scope, kind: Literal["read", "bind", "delete"]) -> None:
        name = self.tree.text(node)
        if kind != "read":
            if name in scope.to_module:
                scope.module.bound.add(name)
            elif name not in scope.to_outside:
                scope.bound.add(name)
        scope.uses.append(Use(name, kind, node, scope))

    def _inner(self, kind: ScopeKind, node: Node, scope: Scope) -> Scope:
        inner = Scope(kind, node, scope)
        scope.children.append(inner)
        if kind != "types":
            self.scope_of_node[node.id] = inner
        return inner

    def _target(self, node: Node, scope: Scope) -> None:
        if node.type == "identifier":
            self._use(node, scope, "bind")
        elif node.type in ("attribute", "subscript", "call"):
            self._push(node, scope)
        else:
            for child in node.named_children:
                self._push(child, scope, target=True)

    def _identifier(self, node: Node, scope: Scope) -> None:
        self._use(node, scope, "read")

    def _attribute(self, node: Node, scope: Scope) -> None:
        self.attributes.append((node, scope))
        self._push(node.child_by_field_name("object"), scope)

    def _call(self, node: Node, scope: Scope) -> None:
        self.calls.append((node, scope))
        self._children(node, scope)

    def _keyword_argument(self, node: Node, scope: Scope) -> None:
        self._push(node.child_by_field_name("value"), scope)

    def _member_type(self, node: Node, scope: Scope) -> None:
        self._push(node.named_children[0], scope)

    def _assignment(self, node: Node, scope: Scope) -> None:
        self._push(node.child_by_field_name("left"), scope, target=True)
        self._push(node.child_by_field_name("type"), scope)
        self._push(node.child_by_field_name("right"), scope)

    def _augmented(self, node: Node, scope: Scope) -> None:
        left = node.child_by_field_name("left")
        if left is not None and left.type == "identifier":
            self._use(left, scope, "read")
        self._assignment(node, scope)

    def _named_expression(self, node: Node, scope: Scope) -> None:
        outer = next(around for around in scope.around() if around.kind != "comprehension")
        name = node.child_by_field_name("name")
        if name is not None:
            self._use(name, outer, "bind")
        self._push(node.child_by_field_name("value"), scope)

    def _for(self, node: Node, scope: Scope) -> None:
        left = node.child_by_field_name("left")
        self._push(left, scope, target=True)
        for child in node.named_children:
            if child != left:
                self._push(child, scope)

    def _as_target(self, node: Node, scope: Scope) -> None:
        for child in node.named_children:
            self._push(child, scope, target=True)

    def _delete(self, node: Node, scope: Scope) -> None:
        stack = list(node.named_children)
        while stack:
            child = stack.pop()
            if child.type == "identifier":
                self._use(child, scope, "delete")
            elif child.type in ("attribute", "subscript"):
                self._push(child, scope)
            else:
                stack.extend(child.named_children)

    def _import(self, node: Node, scope: Scope) -> None:
        module = node.child_by_field_name("module_name")
        for child in node.named_children:
            if child.type == "wildcard_import":
                scope.star_import = True
            elif child.type == "aliased_import":
                alias = child.child_by_field_name("alias")
                if alias is not None:
                    self._use(alias, scope, "bind")
            elif child.type == "dotted_name" and child != module:
                self._use(child.named_children[0], scope, "bind")

    def _global(self, node: Node, scope: Scope) -> None:
        for child in node.named_children:
            name = self.tree.text(child)
            if node.type == "nonlocal_statement":
                scope.to_outside.add(name)
                scope.bound.discard(name)
            elif scope.kind != "module":
                scope.to_module.add(name)
                if name in scope.bound:
                    scope.bound.discard(name)
                    scope.module.bound.add(name)

    def _types(self, node: Node, scope: Scope) -> Scope:
        parameters = node.child_by_field_name("type_parameters")
        if parameters is None:
            return scope
        inner = self._inner("types", node, scope)
        for parameter in parameters.named_children:
            self._type_parameter(parameter, inner)
        return inner

    def _type_parameter(self, node: Node, scope: Scope) -> None:
        stack = [node]
        while stack:
            child = stack.pop()
            if child.type == "identifier":
                self._use(child, scope, "bind")
            elif child.type == "constrained_type":  # T: bound
                bound = child.named_children
                stack.append(bound[0])
                for part in bound[1:]:
                    self._push(part, scope)
            else:
                stack.extend(child.named_children)

    def _type_alias(self, node: Node, scope: Scope) -> None:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        inner = scope
        while left is not None and left.type in ("type", "generic_type"):
            if left.type == "generic_type":
                inner = self._inner("types", node, scope)
                for part in left.named_children[1:]:
                    self._type_parameter(part, inner)
            left = left.named_children[0]
        self._push(left, scope, target=True)
        self._push(right, inner)

    def _function(self, node: Node, scope: Scope) -> None:
        name = node.child_by_field_name("name")
        if name is not None:
            self._use(name, scope, "bind")
        outer = self._types(node, scope)
        inner = self._inner("function", node, outer)
        self._push(node.child_by_field_name("return_type"), outer)
        self._parameters(node.child_by_field_name("parameters"), outer, inner)
        self._push(node.child_by_field_name("body"), inner)

    def _lambda(self, node: Node, scope: Scope) -> None:
        inner = self._inner("function", node, scope)
        self._parameters(node.child_by_field_name("parameters"), scope, inner)
        self._push(node.child_by_field_name("body"), inner)

    def _parameters(self, node: Node | None, outer: Scope, inner: Scope) -> None:
        for parameter in node.named_children if node is not None else ():
            for part in ("type", "value"):
                self._push(parameter.child_by_field_name(part), outer)
            bound = parameter.child_by_field_name("name") or parameter
            if bound.type == "typed_parameter":
                bound = bound.named_children[0]
            if bound.type not in ("positional_separator", "keyword_separator", "comment"):
                self._push(bound, inner, target=True)

    def _class(self, node: Node, scope: Scope) -> None:
        name = node.child_by_field_name("name")
        if name is not None:
            self._use(name, scope, "bind")
        outer = self._types(node, scope)
        self._push(node.child_by_field_name("superclasses"), outer)
        self._push(node.child_by_field_name("body"), self._inner("class", node, outer))

    def _comprehension(self, node: Node, scope: Scope) -> None:
        inner = self._inner("comprehension", node, scope)
        first = True
        for child in node.named_children:
            if child.type != "for_in_clause":
                self._push(child, inner)
                continue
            left = child.child_by_field_name("left")
            self._push(left, inner, target=True)
            for part in child.named_children:
                if part != left:
                    self._push(part, scope if first else inner)
            first = False

    def _case_pattern(self, node: Node, scope: Scope) -> None:
        child = node.named_children[0] if node.named_children else None
        if child is not None and child.type == "dotted_name":
            self._use(child.named_children[0], scope, "bind" if child.named_child_count == 1 else "read")
        else:
            self._children(node, scope)

    def _class_pattern(self, node: Node, scope: Scope) -> None:
        name, *patterns = node.named_children
        self._use(name.named_children[0], scope, "read")
        for pattern in patterns:
            self._push(pattern, scope)

    def _keyword_pattern(self, node: Node, scope: Scope) -> None:
        for child in node.named_children[1:]:
            if child.type == "dotted_name":
                self._use(child.named_children[0], scope, "bind" if child.named_child_count == 1 else "read")
            else:
                self._push(child, scope)

    def _as_pattern(self, node: Node, scope: Scope) -> None:
        *matched, last = node.named_children
        for child in matched:
            self._push(child, scope)
        self._push(last, scope, target=last.type == "identifier")


_VISITS = {
    "identifier": ScopeTree._identifier,
    "attribute": ScopeTree._attribute,
    "call": ScopeTree._call,
    "keyword_argument": ScopeTree._keyword_argument,
    "member_type": ScopeTree._member_type,
    "assignment": ScopeTree._assignment,
    "augmented_assignment": ScopeTree._augmented,
    "named_expression": ScopeTree._named_expression,
    "for_statement": ScopeTree._for,
    "as_pattern_target": ScopeTree._as_target,
    "as_pattern": ScopeTree._as_pattern,
    "delete_statement": ScopeTree._delete,
    "import_statement": ScopeTree._import,
    "import_from_statement": ScopeTree._import,
    "future_import_statement": ScopeTree._import,
    "global_statement": ScopeTree._global,
    "nonlocal_statement": ScopeTree._global,
    "type_alias_statement": ScopeTree._type_alias,
    "function_definition": ScopeTree._function,
    "lambda": ScopeTree._lambda,
    "class_definition": ScopeTree._class,
    "list_comprehension": ScopeTree._comprehension,
    "set_comprehension": ScopeTree._comprehension,
    "dictionary_comprehension": ScopeTree._comprehension,
    "generator_expression": ScopeTree._comprehension,
    "case_pattern": ScopeTree._case_pattern,
    "class_pattern": ScopeTree._class_pattern,
    "keyword_pattern": ScopeTree._keyword_pattern,
    "splat_pattern": ScopeTree._as_target,
}


@lru_cache(maxsize=2)  # an offer and its performing ask for the same file
def scopes_of(tree: SourceTree) -> ScopeTree:
    """The scopes of a tree, kept for the next question."""
    return ScopeTree(tree)
