"""A variable, parameter, function, class or import of one file under another name, wherever it is meant.

Exact within the file, by its scopes; checked by resolving every name of the new text again. What no reading
of one file can know, such as names in strings or other files, is said in notes.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from context.document import split_lines
from context.refactor.python.bindings import level_of, owner_of
from context.refactor.python.functions import Definition, is_private, require_name
from context.refactor.python.result_checks import checked, parsed
from context.refactor.python.scope_tree import ScopeTree
from context.refactor.python.splices import Splice, spliced
from context.refactor.python.walking import identifier_at, is_variable, nearest, parts_of
from context.refactor.source_tree import SourceTree
from context.refactor.values import Offer, Refused, Rewrite, Selection

if TYPE_CHECKING:
    from tree_sitter import Node

    from context.document import Document
    from context.refactor.python.scopes import Scope, Use

_PARAMETERS = ("parameters", "lambda_parameters")
_BY_NAME = re.compile(rb"(?<![\w.])(?:locals|globals|vars|eval|exec|getattr|setattr)\s*\(")
_ATTRIBUTE = "Attributes of a class may be used anywhere, under any variable."


def find(tree: SourceTree, selection: Selection) -> Offer | None:
    """Offered on a name that stands for a variable; attributes are no variables."""
    node = identifier_at(tree, *tree.trimmed(selection))
    if node is None or not (is_variable(node) or _is_declared(node)):
        return None
    name, owned = tree.text(node), owner_of(tree, node)
    offer = Offer("rename", "refactor.rewrite", f"Rename '{name}'...", tree.span(node))
    if owned is None:
        return offer if _is_declared(node) else None  # a builtin
    level, binds, _ = owned
    try:
        if level.type == "class_definition":
            raise Refused(_ATTRIBUTE)
        for bind in binds:
            _in_place(tree, bind, name, name)
    except Refused as refused:
        return replace(offer, disabled=str(refused))
    return offer


def perform(document: Document, offer: Offer, name: str = "") -> Rewrite:
    """The file with the new name, which must not stand for anything else where the old one is used."""
    tree = parsed(document)
    scopes, name = ScopeTree(tree), name or offer.name
    node = identifier_at(tree, *tree.trimmed(offer.selection))
    use = scopes.uses.get(node.start_byte) if node is not None else None
    owner = use.scope.owner(use.name) if use is not None else _declared(scopes, node)
    if node is None or owner is None:
        raise Refused("What is selected is not bound in this file.")
    old = tree.text(node)
    _require_new_name(tree, owner, old, name)
    uses = owner.uses_of(old)
    keywords = _keywords(scopes, owner, old, uses)
    places = [one.node for one in uses] + _declarations(scopes, owner, old) + keywords
    splices = [
        Splice(place.start_byte, place.end_byte, _in_place(tree, place, old, name)) for place in places
    ]
    text = checked(scopes, spliced(tree.source, splices))
    _require_same_meaning(scopes, owner, old, name, text)
    at = tree.position(node.start_byte)
    shift = sum(
        len(_in_place(tree, place, old, name)) - len(old) for place in places if _is_before(place, node)
    )
    shift += len(_in_place(tree, node, old, name)) - len(name)  # behind "as"
    at = at._replace(column=at.column + shift)
    return Rewrite(((document, text),), name_at=at, notes=_notes(tree, owner, old, uses, name))


def _require_new_name(tree: SourceTree, owner: Scope, old: str, name: str) -> None:
    if not name:
        raise Refused("A new name is needed.")
    require_name(name)
    if name == old:
        raise Refused(f"It is called '{name}' already.")
    if owner.kind == "class":
        raise Refused(_ATTRIBUTE)
    if is_private(old) and re.search(rb"(?<!\w)class\s", tree.source):
        raise Refused(f"Python changes names like '{old}' inside classes.")
    if name in owner.bound or name in owner.to_module or name in owner.to_outside:
        raise Refused(f"The name '{name}' is already used where '{old}' is.")


def _is_declared(node: Node) -> bool:
    return node.parent is not None and node.parent.type in ("global_statement", "nonlocal_statement")


def _declared(scopes: ScopeTree, node: Node | None) -> Scope | None:
    """Whose variable a ``global`` or ``nonlocal`` statement speaks of."""
    if node is None or not _is_declared(node):
        return None
    scope = scopes.scope_of_node.get(level_of(node).id)
    return scope.owner(scopes.tree.text(node)) if scope is not None else None


def _declarations(scopes: ScopeTree, owner: Scope, old: str) -> list[Node]:
    """The ``global`` and ``nonlocal`` statements' identifiers that mean the variable."""
    found, waiting = [], [owner.node]
    declaring = any(old in scope.to_module or old in scope.to_outside for scope in owner.inside())
    while waiting and declaring:
        node = waiting.pop()
        if node.type in ("global_statement", "nonlocal_statement"):
            same = [one for one in parts_of(node) if scopes.tree.text(one) == old]
            found += [one for one in same if _declared(scopes, one) is owner]
        else:
            waiting.extend(node.named_children)
    return found


def _in_place(tree: SourceTree, place: Node, old: str, name: str) -> str:
    """The new name, or an import under it."""
    dotted = place.parent
    if dotted is None or dotted.type != "dotted_name" or dotted.parent is None:
        return name
    if not dotted.parent.type.startswith("import_"):
        return name
    if dotted.named_child_count > 1:
        raise Refused(f"'import {tree.text(dotted)}' cannot give '{old}' another name.")
    return f"{old} as {name}"


def _keywords(scopes: ScopeTree, owner: Scope, old: str, uses: list[Use]) -> list[Node]:
    """The keywords of calls that give the parameter its value, where the name is a parameter's."""
    parameter = next((use.node for use in uses if use.kind == "bind" and _is_parameter(use.node)), None)
    if parameter is None or owner.node.type not in ("function_definition", "lambda"):
        return []
    tree, found = scopes.tree, []
    function = Definition(tree, owner.node) if owner.node.type == "function_definition" else None
    if function is not None and any(p.name == old and p.kind == "positional" for p in function.parameters):
        return []
    for call, scope in scopes.calls:
        arguments = [
            part for part in parts_of(call.children[-1]) if call.children[-1].type == "argument_list"
        ]
        named = [
            label
            for part in arguments
            if part.type == "keyword_argument" and (label := part.children[0]) and tree.text(label) == old
        ]
        if named and (meant := _means(scopes, call, scope, owner, function, arguments)) is not None:
            if not meant:
                line = named[0].start_point.row + 1
                raise Refused(f"'{old}=' in line {line} may give this parameter its value, or another one's.")
            found += named
    return found


def _means(
    scopes: ScopeTree,
    call: Node,
    scope: Scope,
    owner: Scope,
    function: Definition | None,
    arguments: list[Node],
) -> bool | None:
    """Whether a call is one of the function: True or False where it may be; None where it is not."""
    tree, callee = scopes.tree, call.children[0]
    if function is None:  # a lambda: by a variable at most
        return False if callee.type == "identifier" and _is_assigned(owner.node, tree, callee) else None
    names = {function.name}
    method_of = function.class_around
    if method_of is not None and function.name in ("__init__", "__new__", "__call__"):
        names |= {method_of.name, "cls", "super", "self"}
    text = tree.text(callee)
    last = re.split(r"[.\s(]", text)[-1] if callee.type in ("identifier", "attribute") else text
    passed = {tree.text(part) for part in arguments if part.type in ("identifier", "attribute")}
    if any(one.split(".")[-1] in names for one in passed):
        return False  # partial(f, x=1)
    if last not in names:
        return None
    if method_of is None:
        home = owner.parent.owner(function.name) if owner.parent is not None else None
        same = callee.type == "identifier" and scope.owner(function.name) is home
        alone = home is not None and sum(use.kind == "bind" for use in home.uses_of(function.name)) == 1
        if not same:
            return False if callee.type == "attribute" else None
        return alone
    own = text in (f"self.{function.name}", f"cls.{function.name}", f"{method_of.name}.{function.name}")
    inside = any(around.node == method_of.node for around in scope.around())
    if function.name == "__init__" and text == method_of.name:
        return True
    return own and inside


def _is_assigned(function: Node, tree: SourceTree, callee: Node) -> bool:
    parent = function.parent
    left = parent.child_by_field_name("left") if parent is not None and parent.type == "assignment" else None
    return left is not None and tree.text(left) == tree.text(callee)


def _is_parameter(node: Node) -> bool:
    around = nearest(node.parent, (*_PARAMETERS, "block", "module"))
    return around is not None and around.type in _PARAMETERS


def _require_same_meaning(before: ScopeTree, owner: Scope, old: str, name: str, text: str) -> None:
    """Every name of the new text must belong to the scope that it belonged to."""
    document = before.tree.document
    tree = SourceTree.of(replace(document, lines=split_lines(text)))
    after = ScopeTree(tree) if tree is not None else None
    pairs = [list(scopes.module.inside()) for scopes in (before, after) if scopes is not None]
    if len(pairs) != 2 or len(pairs[0]) != len(pairs[1]):
        raise Refused("What would come of it has other scopes.")
    number = [{id(scope): place for place, scope in enumerate(side)} for side in pairs]
    for first, second in zip(*pairs, strict=True):
        was = [(use.name, use.kind, number[0].get(id(first.owner(use.name)))) for use in _ordered(first)]
        now = [(use.name, use.kind, number[1].get(id(second.owner(use.name)))) for use in _ordered(second)]
        own = number[0][id(owner)]
        if [(name if (one, home) == (old, own) else one, kind, home) for one, kind, home in was] != now:
            raise Refused(f"'{name}' means something else where '{old}' is used, or the other way round.")


def _ordered(scope: Scope) -> list[Use]:
    return sorted(scope.uses, key=lambda use: (use.node.start_byte, use.kind))


def _is_before(place: Node, node: Node) -> bool:
    return place.start_point.row == node.start_point.row and place.start_byte < node.start_byte


def _notes(tree: SourceTree, owner: Scope, old: str, uses: list[Use], name: str) -> tuple[str, ...]:
    notes = []
    word = re.compile(rb"(?<!\w)" + re.escape(old.encode()) + rb"(?!\w)")
    area = owner.node
    texts = {"comment": 0, "string_content": 0}
    for match in word.finditer(tree.source, area.start_byte, area.end_byte):
        node = tree.root.descendant_for_byte_range(match.start(), match.end())
        if node is not None and node.type in texts:
            texts[node.type] += 1
    if texts["string_content"]:
        notes.append(
            f"'{old}' also stands {_times(texts['string_content'])} in strings, which stay as they are."
        )
    if texts["comment"]:
        notes.append(f"'{old}' also stands {_times(texts['comment'])} in comments, which stay as they are.")
    if owner.kind == "module":
        notes.append(f"Other files that import '{old}' are not changed.")
    elif any(_is_parameter(use.node) for use in uses if use.kind == "bind"):
        notes.append(f"Other files may call with '{old}='; a decorator may look at the name.")
    if _BY_NAME.search(tree.source, area.start_byte, area.end_byte):
        notes.append("The code asks for variables by their names; that is not followed.")
    if any(_prints_itself(use.node) for use in uses):
        notes.append(f"An f-string with '=' prints '{name}' now.")
    return tuple(notes)


def _prints_itself(node: Node) -> bool:
    inside = nearest(node, ("interpolation", "block", "module"))
    return inside is not None and any(child.type == "=" for child in inside.children)


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
