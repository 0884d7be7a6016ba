"""Parameters of Python functions, and whether a call fits them, as far as its text says."""

from __future__ import annotations

import ast
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Parameters:
    """What a function may be called with. ``required``: names without default, positional or by name."""

    positional: tuple[str, ...]
    only_positional: int
    by_name: frozenset[str]
    required: frozenset[str]
    more_positional: bool
    more_by_name: bool

    @classmethod
    def of(cls, node: ast.FunctionDef | ast.AsyncFunctionDef, *, bound: bool) -> Parameters:
        """Of a definition; ``bound`` leaves the first parameter out, which the object takes."""
        given = node.args
        named = [*given.posonlyargs, *given.args]
        without = {a.arg for a in named[: len(named) - len(given.defaults)]}
        only = len(given.posonlyargs)
        if bound and named:
            without.discard(named[0].arg)
            named, only = named[1:], max(0, only - 1)
        for argument, default in zip(given.kwonlyargs, given.kw_defaults, strict=True):
            if default is None:
                without.add(argument.arg)
        names = frozenset(a.arg for a in (*named[only:], *given.kwonlyargs))
        return cls(
            tuple(a.arg for a in named),
            only,
            names,
            frozenset(without),
            given.vararg is not None,
            given.kwarg is not None,
        )


def misfit(call: ast.Call, parameters: Parameters) -> str:
    """Why a call cannot be bound to these parameters, as the end of a sentence; "" where it can, or where its
    text does not tell (``*args``, ``**more``)."""
    if any(isinstance(a, ast.Starred) for a in call.args) or any(k.arg is None for k in call.keywords):
        return ""
    if len(call.args) > len(parameters.positional) and not parameters.more_positional:
        return f"it passes {len(call.args)} positional arguments, and {len(parameters.positional)} are taken"
    taken = set(parameters.positional[: len(call.args)])
    for keyword in call.keywords:
        name = str(keyword.arg)
        if name in parameters.by_name:
            if name in taken:
                return f"it passes {name!r} twice"
            taken.add(name)
        elif not parameters.more_by_name:
            return f"there is no parameter {name!r}"
    missing = sorted(parameters.required - taken, key=lambda name: _place(name, parameters))
    return f"it does not pass {missing[0]!r}" if missing else ""


def _place(name: str, parameters: Parameters) -> tuple[int, str]:
    there = name in parameters.positional
    return (parameters.positional.index(name) if there else len(parameters.positional)), name
