"""Which argument of a call each parameter gets, defaults included. Refused where only running tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from context.refactor.python.arguments import given
from context.refactor.python.functions import Parameter
from context.refactor.values import Refused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tree_sitter import Node

    from context.refactor.source_tree import SourceTree


def arguments_by_name(
    tree: SourceTree, parameters: Sequence[Parameter], arguments: Node, first: Node | None = None
) -> dict[str, Node]:
    """What each parameter is given, in the order in which it is evaluated. ``first``: the receiver."""
    found: dict[str, Node] = {}
    by_place = [one for one in parameters if one.kind in ("positional", "either")]
    by_name = {one.name for one in parameters if one.kind in ("either", "keyword")}
    if any(one.kind in ("rest", "keywords") for one in parameters):
        raise Refused("The function takes any number of arguments.")
    places = [*([first] if first is not None else []), *given(arguments)]
    for number, argument in enumerate(places):
        if argument.type in ("list_splat", "dictionary_splat"):
            raise Refused("A call spreads a list or dictionary over the parameters.")
        if argument.type == "keyword_argument":
            name, value = argument.child_by_field_name("name"), argument.child_by_field_name("value")
            key = tree.text(name) if name is not None else ""
            if value is None or key not in by_name or key in found:
                raise Refused(f"A call has no use for its argument {key!r}.")
            found[key] = value
        elif number >= len(by_place):
            raise Refused("A call has more arguments than there are parameters.")
        else:
            found[by_place[number].name] = argument
    for parameter in parameters:
        if parameter.name not in found:
            if parameter.default is None:
                raise Refused(f"A call has no argument for {parameter.name!r}.")
            found[parameter.name] = parameter.default
    return found
