"""What a file must import for a name: the import it has, or a new line among its imports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from context.refactor.python.splices import Splice, line_stop
from context.refactor.values import Refused

if TYPE_CHECKING:
    from tree_sitter import Node

    from context.refactor.python.scope_tree import ScopeTree
    from context.refactor.python.scopes import Scope

_IMPORTS = ("import_statement", "import_from_statement", "future_import_statement")


def import_of(names: ScopeTree, scope: Scope, module: str, name: str) -> tuple[str, list[Splice]]:
    """How ``module.name`` is called in ``scope``, and the import that makes it so where there is none yet."""
    known = _imported(names, module, name)
    if known is None:
        known = name
        if name in names.module.bound or name in names.unbound():
            raise Refused(f"The module has a {name!r} of its own, and {module}.{name} would be needed.")
    if scope.owner(known.partition(".")[0]) not in (None, names.module):
        raise Refused(f"Something else has the name of {module}.{name} where that would be needed.")
    is_there = known != name or name in names.module.bound
    return known, [] if is_there else [_new_line(names, f"from {module} import {name}")]


def _imported(names: ScopeTree, module: str, name: str) -> str | None:
    tree = names.tree
    for statement in tree.root.named_children:
        if statement.type == "import_statement":
            for child in statement.named_children:
                alias = child.child_by_field_name("alias")
                imported = child.child_by_field_name("name") if alias is not None else child
                called = tree.text(alias) if alias is not None else module
                if imported is not None and tree.text(imported) == module and _is_only(names, called):
                    return f"{called}.{name}"
        if statement.type == "import_from_statement":
            source = statement.child_by_field_name("module_name")
            if source is None or tree.text(source) != module:
                continue
            for child in statement.children_by_field_name("name"):
                alias = child.child_by_field_name("alias")
                imported = child.child_by_field_name("name") if alias is not None else child
                called = tree.text(alias) if alias is not None else name
                if imported is not None and tree.text(imported) == name and _is_only(names, called):
                    return called
    return None


def _is_only(names: ScopeTree, name: str) -> bool:
    head = name.partition(".")[0]
    return sum(use.kind != "read" for use in names.module.uses_of(head)) == 1


def _new_line(names: ScopeTree, statement: str) -> Splice:
    """After the imports that stand together at the file's top, or what must stand before any."""
    end, source = names.tree.document.line_end, names.tree.source
    last: Node | None = None
    for child in names.tree.root.named_children:
        if child.type in _IMPORTS or (_is_text(child) and last is None):
            last = child
        elif child.type != "comment":
            break
    if last is None:
        return Splice(0, 0, statement + end)
    at = line_stop(source, last.end_byte)
    blank = end if last.type == "expression_statement" else ""
    lead = "" if source[:at].endswith((b"\n", b"\r")) else end
    return Splice(at, at, lead + blank + statement + end)


def _is_text(node: Node) -> bool:
    return node.type == "expression_statement" and node.named_children[0].type == "string"
