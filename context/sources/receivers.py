"""Of what something is asked near a place: whose members may come behind the dot.

No type checker, but what its reader would look at: how a name is declared or first assigned, what a function
of that name returns, which classes the class around it extends. A guess that is wrong costs a few signatures.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from context.document import Document
from context.facts import HOLDERS, Facts
from context.outline import Outline, Symbol, enclosing
from context.sources.names import NEAR_LINES

AT_CURSOR, CLOSE, NEAR = 4.0, 2.0, 1.0  # how much a value counts on the line itself, some lines away, near
_CLOSE_LINES = 6
_MOST_VALUES = 24  # looked into, the closest first
_INHERITED = 0.7  # of a class's weight that the classes it extends have
_MOST_LINES = 4_000  # of a document that are searched for a value
_MOST_LOOKED_AT = 100  # of those that hold it, looked at for its declaration: it stands above its uses
_VALUE = re.compile(r"([A-Za-z_$][\w$]*)(?:\([^()]*\)|\[[^\[\]]*\])?\s*[!?]?(?:\.|->|::)")
_PACKAGES = ("__init__.py", "/index.ts", "/index.js", "/mod.rs", "/lib.rs")  # files that pass names on
_OWN = frozenset({"self", "this", "cls", "super", "Self"})
_TYPE_FIRST = frozenset({"java", "c", "cpp", "csharp", "php"})  # "Cart cart"
_NAME = re.compile(r"[A-Za-z_$][\w$]*")
_RESULT = re.compile(r"->\s*([^{]+)$|\)\s*:\s*([^{=]+)$|\)\s*([^(){]+?)\s*$")


@dataclass(frozen=True, slots=True)
class Asked:
    """Of what something is asked near a place: ``types`` are names of classes (structs, interfaces, ...),
    ``modules`` paths of files, each with how much it counts."""

    types: Mapping[str, float]
    modules: Mapping[str, float]

    @classmethod
    def near(cls, document: Document, line: int, own: Outline, facts: Facts) -> Asked:
        """What the values near ``line`` are, as far as the workspace defines it."""
        values = _values(document, line)
        return cls(_types(values, document, line, own, facts), _modules(values, document, own, facts))

    def weight(self, path: str, symbol: Symbol) -> float:
        """How much it counts that ``symbol`` of the file ``path`` may be asked for."""
        if symbol.parent:
            return self.types.get(symbol.parent.rpartition(".")[2], 0.0)
        return self.modules.get(path, 0.0)


def _types(
    values: Mapping[str, float], document: Document, line: int, own: Outline, facts: Facts
) -> dict[str, float]:
    """The classes that ``values`` are of, and those that these extend."""
    found: dict[str, float] = {}

    def add(name: str, weight: float, depth: int = 0) -> None:
        if found.get(name, 0.0) >= weight:
            return
        found[name] = weight
        if depth < 2:
            here = [symbol for symbol in own.symbols if symbol.name == name and symbol.kind in HOLDERS]
            for symbol in (*here, *(symbol for _, symbol in facts.holders(name))):
                for base in _bases(symbol.signature, symbol.name):
                    if facts.holders(base):
                        add(base, weight * _INHERITED, depth + 1)

    for value, weight in values.items():
        if value in _OWN:
            around = _class_around(own, line)
            names = [around] if around else []
        else:
            names = [value] if facts.holders(value) else _types_of(value, document, facts)
        for name in names[:2]:
            add(name, weight)
    return found


def _modules(values: Mapping[str, float], document: Document, own: Outline, facts: Facts) -> dict[str, float]:
    """The files that ``values`` are as modules. What a package imports counts as part of it: packages pass on
    what they have."""
    found: dict[str, float] = {}
    for imported in own.imports:
        names = set(_NAME.findall(document.line(imported.line)))
        weight = max((weight for value, weight in values.items() if value in names), default=0.0)
        if not weight:
            continue
        for path in facts.resolve(imported, document):
            found[path] = max(found.get(path, 0.0), weight)
            shape = facts.outline(path)
            for passed in shape.imports if shape is not None and path.endswith(_PACKAGES) else ():
                for behind in facts.resolve(passed, document, importer=path):
                    found[behind] = max(found.get(behind, 0.0), weight * _INHERITED)
    return found


def _values(document: Document, line: int) -> dict[str, float]:
    """Names that something is asked of near ``line``, the closest first."""
    found: dict[str, float] = {}
    first, last = max(0, line - NEAR_LINES), min(len(document.lines), line + NEAR_LINES // 2)
    for number in sorted(range(first, last), key=lambda number: abs(number - line)):
        away = abs(number - line)
        weight = AT_CURSOR if away == 0 else CLOSE if away <= _CLOSE_LINES else NEAR
        for name in _VALUE.findall(document.lines[number][:400]):
            if len(found) < _MOST_VALUES or name in found:
                found[name] = max(found.get(name, 0.0), weight)
    return found


def _types_of(value: str, document: Document, facts: Facts) -> list[str]:
    """Classes that ``value`` may be of: by its declarations here, else by what it returns elsewhere."""
    holding = [text for text in document.lines[:_MOST_LINES] if value in text][:_MOST_LOOKED_AT]
    for text in holding:
        found = [name for name in _declared(value, text[:400], document.language) if facts.holders(name)]
        if found:
            return found
    for text in holding:  # ``value = make(...)``: what does make return?
        for name in _declared(value, text[:400], document.language):
            if returned := _returned(name, facts):
                return returned
    return _returned(value, facts)


def _declared(value: str, text: str, language: str) -> Iterator[str]:
    """The names that ``text``, a line, declares ``value`` to be of or assigns to it."""
    name = rf"(?<![\w$.]){re.escape(value)}"
    patterns = [
        rf"{name}\??\s*:\s*([^=;,(){{]+)",  # cart: Cart
        rf"{name}\s*(?::[^=]*)?:?=\s*([^=].*)",  # cart = Cart(...), cart := &Cart{...}
        rf"(?<![\w$])([\w.]+)\([^()]*\)\s+as\s+{re.escape(value)}\b",  # with Cart() as cart
    ]
    if language in _TYPE_FIRST:
        patterns.append(rf"([A-Za-z_][\w.]*)(?:<[^<>]*>)?[\s*&]+{re.escape(value)}\s*[=;,):]")
    if language == "go":
        patterns.append(rf"{name}\s+[*\[\]]*([\w.]+)")
    for pattern in patterns:
        for match in re.finditer(pattern, text):
            yield from (one for one in _NAME.findall(match[1].split("(")[0].split("{")[0]) if one != value)


def _returned(name: str, facts: Facts) -> list[str]:
    """Classes that a function, property or field of this name gives, by its signatures in the workspace."""
    found = []
    for _, symbol in facts.definitions(name):
        result = _RESULT.search(symbol.signature)
        text = next((part for part in result.groups() if part), "") if result else ""
        if symbol.kind in ("field", "variable", "constant"):
            text = symbol.signature.partition(":")[2] or symbol.signature
        else:
            head = symbol.signature.partition(f"{name}(")[0]
            text += " " + " ".join(_NAME.findall(head)[-2:])  # "public Cart open("
        found += [one for one in _NAME.findall(text) if one != name and facts.holders(one)]
    return found


def _class_around(own: Outline, line: int) -> str:
    around = enclosing(own, line)
    if around is None:
        return ""
    return (around.parent or around.name).rpartition(".")[2]


def _bases(signature: str, name: str) -> list[str]:
    """The names in a class's head behind its own: those of the classes it extends, as a rule."""
    words = _NAME.findall(signature)
    after = words[words.index(name) + 1 :] if name in words else []
    return [word for word in dict.fromkeys(after) if word != name]
