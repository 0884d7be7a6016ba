"""A function's parameters become the fields of a dataclass, and one parameter that holds them.

Functions of a module that are only called. Each call in the file builds the object from what it gave before,
so that order, keywords and defaults stay what they were.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from context.refactor.python.effects import Effects
from context.refactor.python.functions import BUILTINS, Definition, definition_at, require_name, unused_name
from context.refactor.python.imports import import_of
from context.refactor.python.result_checks import checked, parsed
from context.refactor.python.scope_tree import scopes_of
from context.refactor.python.splices import Splice, spliced
from context.refactor.values import Offer, Refused, Rewrite, Selection

if TYPE_CHECKING:
    from context.document import Document
    from context.refactor.source_tree import SourceTree

_ACTION = "introduce-parameter-object"
_LEAST = 4  # parameters from which on they are worth a class


def find(tree: SourceTree, selection: Selection) -> Offer | None:
    """Offered on the head of a function of the module with many parameters."""
    function = definition_at(tree, selection)
    if function is None or not _is_candidate(function):
        return None
    words = "".join(word[:1].upper() + word[1:] for word in function.name.split("_"))
    name = unused_name(f"{words}Parameters", tree.document.text)
    disabled = ""
    try:
        _splices(tree, function, name)
    except Refused as refused:
        disabled = str(refused)
    title = f"Introduce a parameter object '{name}'"
    return Offer(_ACTION, "refactor.rewrite", title, tree.span(function.node), name, disabled=disabled)


def perform(document: Document, offer: Offer, name: str = "") -> Rewrite:
    """The file with the class before the function."""
    tree = parsed(document)
    function = definition_at(tree, offer.selection)
    if function is None or not _is_candidate(function):
        raise Refused("There is no function of the module with enough parameters here any more.")
    text = checked(scopes_of(tree), spliced(tree.source, _splices(tree, function, name or offer.name)))
    public = not function.name.startswith("_")
    notes = (f"Other files that call {function.name!r} have to build the object too.",) if public else ()
    return Rewrite(((document, text),), notes=notes)


def _is_candidate(function: Definition) -> bool:
    kinds = [parameter.kind for parameter in function.parameters]
    in_module = function.outer.parent == function.tree.root
    is_plain = not function.is_class and not function.decorators and not function.node.has_error
    return is_plain and in_module and len(kinds) >= _LEAST and set(kinds) <= {"either", "keyword"}


def _splices(tree: SourceTree, function: Definition, name: str) -> list[Splice]:
    names = scopes_of(tree)
    require_name(name)
    if name in names.module.bound or name in names.unbound() or name in BUILTINS:
        raise Refused(f"The module already has a {name!r}; choose another name.")
    scope = names.scope_of_node[function.node.id]
    taken = {use.name for part in scope.inside() for use in part.uses}
    bundle = unused_name("parameters", taken)
    made = _fields(tree, function)
    imported, splices = import_of(names, names.module, "dataclasses", "dataclass")
    uses = names.module.uses_of(function.name)
    if sum(use.kind != "read" for use in uses) != 1:
        raise Refused(f"{function.name!r} is bound in several places.")
    for use in uses:
        call = use.node.parent
        if use.kind != "read":
            continue
        line = f"Line {use.node.start_point[0] + 1}"
        arguments = (
            call.child_by_field_name("arguments") if call is not None and call.type == "call" else None
        )
        if call is None or arguments is None or call.child_by_field_name("function") != use.node:
            raise Refused(f"{line} takes the function as a value.")
        if use.scope.owner(name) not in (None, names.module):
            raise Refused(f"In line {use.node.start_point[0] + 1}, {name!r} means something else.")
        start, end = arguments.start_byte, arguments.end_byte
        splices += [Splice(start, start, f"({name}"), Splice(end, end, ")")]
    for parameter in function.parameters:
        for use in scope.uses_of(parameter.name):
            if use.node.start_byte < function.body.start_byte:
                continue
            if use.kind != "read":
                raise Refused(f"The function binds its parameter {parameter.name!r} anew.")
            above = use.node.parent
            if (
                above is not None
                and above.type == "interpolation"
                and any(one.type == "=" for one in above.children)
            ):
                raise Refused(f"The function prints the name {parameter.name!r}.")
            splices.append(Splice(use.node.start_byte, use.node.start_byte, f"{bundle}."))
    brackets = function.node.child_by_field_name("parameters")
    assert brackets is not None  # noqa: S101 - the grammar's
    splices.append(Splice(brackets.start_byte, brackets.end_byte, f"({bundle}: {name})"))
    end = tree.document.line_end
    lines = [
        f"@{imported}(frozen=True)",
        f"class {name}:",
        *(f"{_unit(tree, function)}{line}" for line in made),
    ]
    return [*splices, Splice(function.first_line, function.first_line, end.join([*lines, "", "", ""]))]


def _fields(tree: SourceTree, function: Definition) -> list[str]:
    effects, found, has_default = Effects(tree), [], False
    kinds = " ".join(tree.text(one.annotation) for one in function.parameters if one.annotation is not None)
    for parameter in function.parameters:
        if parameter.name in {"object", *re.findall(r"\w+", kinds)} or parameter.name.startswith("__"):
            raise Refused(f"A field {parameter.name!r} would hide what the class itself needs.")
        kind = tree.text(parameter.annotation) if parameter.annotation is not None else "object"
        if "\n" in kind or "\r" in kind:
            raise Refused(f"The annotation of {parameter.name!r} spans lines.")
        line = f"{parameter.name}: {kind}"
        if parameter.default is not None:
            if (
                not effects.is_constant(parameter.default)
                or parameter.default.start_point[0] != parameter.default.end_point[0]
            ):
                raise Refused(f"The default of {parameter.name!r} is more than a constant.")
            line += f" = {tree.text(parameter.default)}"
        elif has_default:
            raise Refused(f"{parameter.name!r} has no default and follows one that has.")
        has_default = parameter.default is not None
        found.append(line)
    return found


def _unit(tree: SourceTree, function: Definition) -> str:
    """One step of indentation, as the function has it."""
    line = tree.document.lines[function.body.start_point[0]]
    blanks = line[: len(line) - len(line.lstrip(" \t"))]
    return blanks or "    "
