"""An outline as text for a prompt: a skeleton in the look of its own language."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from context.outline.values import Outline, Symbol, qualified

_CODE = frozenset(("function", "method"))
_HOLDERS = frozenset(("class", "interface", "struct", "enum", "trait", "module"))
_ENOUGH_OF_A_CLASS = 30  # attributes shown of one class; more is a record that its constructor shows too
_DECORATORS = re.compile(r"(@[\w.]+(?:\([^()]*\))?) (?=@|def |class |async )")
_ACCESSORS = re.compile(r"\{ (?:get|set|init)\b[^}]*\}$")  # of a C# property
_PLAIN_ATTRIBUTE = re.compile(r"(?:self|this)\.(\w+)(?:: [^=]+)? = _?(\w+)$")


@dataclass(frozen=True, slots=True)
class _Look:
    """What a language writes after a head with members, after the members, after a function's head."""

    opens: str = " {"
    closes: str = "}"
    ends: str = ";"
    empty: str = " {}"
    comment: str = "//"
    indent: str = "    "
    member_ends: str = ""  # after a value of an enum; where it is not what ends a statement
    field_ends: str = ""  # the same for a field of a struct


_C_LIKE = _Look(member_ends=",")
_LOOKS = {
    "rust": _Look(empty=";", member_ends=",", field_ends=","),
    "php": _Look(),
    "python": _Look(opens=":", closes="", ends=": ...", empty=": ...", comment="#"),
    "ruby": _Look(opens="", closes="end", ends="", empty="; end", comment="#", indent="  "),
    "lua": _Look(opens="", closes="end", ends="", empty="", comment="--", indent="  "),
    "shellscript": _Look(ends=" { ...; }", comment="#", indent="  "),
    "go": _Look(ends="", empty=" {}", indent="\t"),
    "kotlin": _Look(ends="", empty=""),
    "swift": _Look(ends=""),
    "scala": _Look(ends="", empty="", indent="  "),
    "javascript": _Look(indent="  ", member_ends=","),
    "typescript": _Look(indent="  ", member_ends=","),
    "typescriptreact": _Look(indent="  ", member_ends=","),
    "javascriptreact": _Look(indent="  ", member_ends=","),
}


@dataclass(slots=True)
class _Node:
    """A symbol with what is shown inside of it."""

    symbol: Symbol
    inside: list[_Node]
    depth: int


def render_outline(outline: Outline, *, names: Collection[str] | None = None, most_lines: int = 80) -> str:
    """A skeleton of the file: heads, members indented, constants with their values, first lines of docs.

    With ``names`` only the symbols of these names, with their parents and, of classes, their members. Where
    ``most_lines`` are too few, private names go first, then attributes, members, constants.
    """
    shown = _visible(outline.symbols)
    if names is not None:
        shown = [symbol for symbol in shown if _is_named(symbol, names)]
        parents = {parent for symbol in shown for parent in _prefixes(symbol.parent)}
        wanted = set(shown)
        shown = [
            s for s in outline.symbols if s in wanted or (s.kind in _HOLDERS and qualified(s) in parents)
        ]
    lines = _lines(outline.language, _tree(shown))
    if len(lines) > most_lines:
        kept = _most_useful(shown, most_lines - 1)  # one line says how many are missing
        lines = _lines(outline.language, _tree(kept))[: max(most_lines - 1, 0)]
        lines.append(f"{_look(outline.language).comment} ... {len(shown) - len(kept)} more")
    return "\n".join(lines[:most_lines])


def _most_useful(symbols: list[Symbol], most_lines: int) -> list[Symbol]:
    """As many symbols as ``most_lines`` hold, by tiers; in their order."""
    kept: set[Symbol] = set()
    lines = 0
    for symbol in sorted(symbols, key=_tier):
        lines += (3 if symbol.doc else 2) if symbol.kind in _HOLDERS else 1
        if lines > most_lines:
            break
        kept.add(symbol)
    return [symbol for symbol in symbols if symbol in kept]


def _tier(symbol: Symbol) -> int:
    if _is_private(symbol) or any(part.startswith("_") for part in symbol.parent.split(".")):
        return 4
    if symbol.kind in _HOLDERS:
        return 0
    if symbol.parent:
        return 2 if symbol.kind in _CODE or symbol.kind == "constant" else 3
    return 0 if symbol.kind in _CODE else 1


def _look(language: str) -> _Look:
    return _LOOKS.get(language, _C_LIKE)


def _visible(symbols: Iterable[Symbol]) -> list[Symbol]:
    """All but what is inside of functions, and attributes that only repeat a parameter of the constructor."""
    shown: list[Symbol] = []
    code_ends: dict[str, int] = {}  # the functions seen, by qualified name: where the last of that name ends
    attributes: dict[str, int] = {}
    for symbol in symbols:
        if code_ends.get(symbol.parent, -1) >= symbol.line:
            code_ends[qualified(symbol)] = symbol.end_line
            continue
        if symbol.kind in _CODE:
            code_ends[qualified(symbol)] = symbol.end_line
        if _is_attribute(symbol):
            plain = _PLAIN_ATTRIBUTE.match(symbol.signature)
            attributes[symbol.parent] = attributes.get(symbol.parent, 0) + 1
            if (plain and plain[1].lstrip("_") == plain[2]) or attributes[symbol.parent] > _ENOUGH_OF_A_CLASS:
                continue
        if shown and _is_one_declaration(shown[-1], symbol):
            shown[-1] = max(shown[-1], symbol, key=lambda s: len(s.signature))
            continue
        shown.append(symbol)
    return shown


def _is_one_declaration(first: Symbol, second: Symbol) -> bool:
    """Whether the two are names of one declaration, which is shown once: ``int a = 1, b;``."""
    if second.kind in _HOLDERS or (first.line, first.parent) != (second.line, second.parent):
        return False
    return first.signature.startswith(second.signature) or second.signature.startswith(first.signature)


def _is_named(symbol: Symbol, names: Collection[str]) -> bool:
    return symbol.name in names or any(part in names for part in symbol.parent.split("."))


def _prefixes(parent: str) -> Iterable[str]:
    parts = parent.split(".") if parent else []
    return (".".join(parts[:count]) for count in range(1, len(parts) + 1))


def _is_attribute(symbol: Symbol) -> bool:
    return symbol.signature.startswith("self.")


def _is_private(symbol: Symbol) -> bool:
    return symbol.name.startswith(("_", "#")) and not symbol.name.endswith("__")


def _tree(symbols: Iterable[Symbol]) -> list[_Node]:
    """Symbols inside of the symbols that hold them, attributes inside of the method that sets them."""
    roots: list[_Node] = []
    around: list[_Node] = []
    for symbol in symbols:
        while around and not _holds(around[-1].symbol, symbol):
            around.pop()
        siblings = around[-1].inside if around else roots
        depth = len(around)
        if _is_attribute(symbol) and (setter := _setter(siblings, symbol)) is not None:
            siblings, depth = setter.inside, depth + 1
        node = _Node(symbol, [], depth)
        siblings.append(node)
        if symbol.kind in _HOLDERS:
            around.append(node)
    return roots


def _holds(outer: Symbol, inner: Symbol) -> bool:
    name = qualified(outer)
    return inner.line <= outer.end_line and (inner.parent == name or inner.parent.startswith(name + "."))


def _setter(siblings: list[_Node], attribute: Symbol) -> _Node | None:
    last = siblings[-1] if siblings else None
    is_setter = (
        last and last.symbol.kind in _CODE and last.symbol.line <= attribute.line <= last.symbol.end_line
    )
    return last if is_setter else None


def _lines(language: str, nodes: Iterable[_Node], holder: str = "") -> list[str]:
    look = _look(language)
    lines: list[str] = []
    for node in nodes:
        symbol, indent = node.symbol, look.indent * node.depth
        *above, head = _heads(language, symbol.signature)
        lines.extend(indent + line for line in above)
        doc = f"  {look.comment} {symbol.doc}" if symbol.doc else ""
        if node.inside:
            docstring = language == "python" and doc
            lines.append(f"{indent}{head}{look.opens}" + ("" if docstring else doc))
            if docstring:
                lines.append(f'{indent}{look.indent}"""{symbol.doc}"""')
            lines.extend(_lines(language, node.inside, symbol.kind))
            if look.closes:
                lines.append(indent + look.closes)
        else:
            lines.append(indent + head + _end(symbol, look, holder) + doc)
    return lines


def _heads(language: str, signature: str) -> list[str]:
    """The signature, in Python with its decorators on lines of their own."""
    return _DECORATORS.sub(r"\1\n", signature).split("\n") if language == "python" else [signature]


def _end(symbol: Symbol, look: _Look, holder: str) -> str:
    if symbol.signature.endswith("=>"):
        return " {...}" + look.ends
    if symbol.signature.startswith("#define") or _ACCESSORS.search(symbol.signature):
        return ""
    if symbol.kind in _CODE:
        return look.ends
    if symbol.kind in ("class", "interface", "struct", "enum", "trait"):
        return ";" if look.ends == ";" and symbol.signature.endswith(")") else look.empty
    if holder == "enum" and symbol.kind == "constant":
        return look.member_ends or (";" if look.ends == ";" else "")
    if holder == "struct" and look.field_ends:
        return look.field_ends
    return ";" if look.ends == ";" else ""
