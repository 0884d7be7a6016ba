"""A function's body in the place of its calls: of all of them, and the function goes, or of the one selected.

Functions of the module and of functions, and methods called on ``self``. What becomes of one call is
``inlined_call``'s work.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from context.refactor.python.callee import Callee
from context.refactor.python.functions import Definition, definition_at
from context.refactor.python.inlined_call import InlinedCall
from context.refactor.python.method_sites import sites_of
from context.refactor.python.receivers import Receivers
from context.refactor.python.removal import without
from context.refactor.python.result_checks import checked, parsed
from context.refactor.python.scope_tree import ScopeTree, scopes_of
from context.refactor.python.scopes import Scope
from context.refactor.python.splices import Splice, spliced
from context.refactor.python.walking import identifier_at, is_inside
from context.refactor.values import Offer, Refused, Rewrite, Selection

if TYPE_CHECKING:
    from tree_sitter import Node

    from context.document import Document
    from context.refactor.source_tree import SourceTree

_ACTION = "inline-function"
_MOST_BYTES = 120_000  # of a file that is read whole for an offer; of a larger one only the function is


def find(tree: SourceTree, selection: Selection) -> Offer | None:
    """Offered on a function's head and on the name in a call of one."""
    found = _at(tree, selection)
    if found is None:
        return None
    definition, call = found
    if call is None and (definition.decorators or not _is_called(definition)):
        return None
    title = f"Inline function '{definition.name}'" + ("" if call is None else " here")
    disabled = ""
    try:
        if len(tree.source) <= _MOST_BYTES:
            _splices(scopes_of(tree), definition, call)
    except Refused as refused:
        disabled = str(refused)
    return Offer(_ACTION, "refactor.inline", title, selection, disabled=disabled)


def perform(document: Document, offer: Offer, name: str = "") -> Rewrite:
    """The file with the body in the place of the call, or of all calls."""
    tree = parsed(document)
    found = _at(tree, offer.selection)
    if found is None:
        raise Refused("There is no function of this file here.")
    definition, call = found
    names = scopes_of(tree)
    text = checked(names, spliced(tree.source, _splices(names, definition, call)))
    public = call is None and not definition.name.startswith("_")
    notes = (f"Other files may call {definition.name!r}.",) if public else ()
    return Rewrite(((document, text),), notes=notes)


def _at(tree: SourceTree, selection: Selection) -> tuple[Definition, Node | None] | None:
    """The function that is meant, and the call where it is one."""
    definition = definition_at(tree, selection)
    if definition is not None:
        return None if definition.is_class or definition.name.startswith("__") else (definition, None)
    node = identifier_at(tree, *tree.trimmed(selection))
    if node is None or node.parent is None:
        return None
    called = node.parent if node.parent.type == "attribute" else node
    call = called.parent
    if call is None or call.type != "call" or call.child_by_field_name("function") != called:
        return None
    if called != node and called.child_by_field_name("attribute") != node:
        return None
    heads = list(re.finditer(rb"\bdef[ \t]+(%s)[ \t]*\(" % re.escape(tree.text(node).encode()), tree.source))
    leaves = [tree.root.descendant_for_byte_range(*head.span(1)) for head in heads]
    found = [leaf.parent for leaf in leaves if leaf is not None and leaf.type == "identifier"]
    if len(found) != 1 or found[0] is None or found[0].type != "function_definition":
        return None
    definition = Definition(tree, found[0])
    is_method = definition.class_around is not None
    return (definition, call) if is_method == (called != node) else None


def _is_called(definition: Definition) -> bool:
    """Whether the file seems to call it at all."""
    name = re.escape(definition.name.encode())
    return len(re.findall(rb"(?<!\w)%s[ \t]*\(" % name, definition.tree.source)) > 1


def _splices(names: ScopeTree, definition: Definition, call: Node | None) -> list[Splice]:
    callee = Callee(names, definition)
    if hindrance := callee.hindrance():
        raise Refused(hindrance)
    is_method = definition.class_around is not None
    calls = _method_calls(callee) if is_method else _calls(callee, every=call is None)
    chosen = [one for one in calls if call is None or one[0] == call]
    if not chosen:
        nothing = "Nothing in the file calls it." if call is None else "This may be a call of something else."
        raise Refused(nothing)
    splices = [splice for one in chosen for splice in InlinedCall(callee, *one).splices()]
    return splices if call is not None else [*splices, without(definition)]


def _calls(callee: Callee, *, every: bool) -> list[tuple[Node, Scope, Node | None]]:
    """The calls of a function that is no method; ``every``: refused where it is more than called."""
    name, names = callee.definition.name, callee.names
    owner = callee.scope.parent.owner(name) if callee.scope.parent is not None else None
    uses = owner.uses_of(name) if owner is not None else []
    if sum(use.kind != "read" for use in uses) != 1:
        raise Refused(f"{name!r} is bound in several places.")
    if every and re.search(rb"['\"]%s['\"]" % name.encode(), names.tree.source):
        raise Refused(f"The name {name!r} also stands in a string.")
    found = []
    for use in uses:
        if use.kind == "read":
            call = use.node.parent
            if call is not None and call.type == "call" and call.child_by_field_name("function") == use.node:
                found.append((call, use.scope, None))
            elif every:
                raise Refused(f"Line {use.node.start_point[0] + 1} takes the function as a value.")
    return found


def _method_calls(callee: Callee) -> list[tuple[Node, Scope, Node | None]]:
    """Every call of a method on ``self``; refused where another one is possible."""
    definition = callee.definition
    owner = definition.class_around
    assert owner is not None  # noqa: S101 - asked for methods only
    receivers = Receivers(callee.names)
    for other in (*receivers.bases(owner)[0], *receivers.derived(owner)):
        if receivers.binds(other, definition.name):
            raise Refused(f"{other.name!r} has a {definition.name!r} of its own, so calls go by the class.")
    if receivers.bases(owner)[1] and not definition.name.startswith("_"):
        raise Refused("A base class that is elsewhere may call the method.")
    sites, unknown = sites_of(receivers, definition, owner)
    if unknown:
        raise Refused(f"Line {unknown[0].start_point[0] + 1} may call the method on something unknown.")
    if len(callee.names.scope_of_node[owner.node.id].uses_of(definition.name)) != 1:
        raise Refused(f"The body of {owner.name!r} itself uses {definition.name!r}.")
    found, kind = [], "class" if definition.decorators else "instance"
    for site in sites:
        line = f"Line {site.node.start_point[0] + 1}"
        if site.call is None or site.receiver.kind != kind:
            raise Refused(f"{line} takes the method as a value or calls it through its class.")
        if site.node.children[0].type != "identifier":
            raise Refused(f"{line} calls the method on more than a name.")
        if is_inside(site.node, definition.node):
            raise Refused("The method calls itself.")
        found.append((site.call, site.scope, site.node.children[0]))
    return found
