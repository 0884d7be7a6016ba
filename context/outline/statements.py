"""What an import statement names, from its text: trees (``a::{b, c}``), aliases, wildcards, quotes.

The rules of each language are a row of ``_RULES``; ``imports.resolve`` reads what is made here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_QUOTES = "\"'`"
_MOST_LEAVES = 200  # names of one statement; more is generated
_WORDS = re.compile(  # what stands around the path in a statement
    r"^(?:@\w+\s+|pub(?:\([^)]*\))?\s+|export\s+|global\s+)*(?:import|use|using)\s+"
    r"(?:(?:static|class|struct|enum|func|protocol|typealias|let|var|function|const|given)\s+)*(?:\w+\s*=\s*)?"
)
_ALIAS = re.compile(r"\s+as\s+[\w.]+|\s*=>\s*\w+")


@dataclass(frozen=True, slots=True)
class _Rule:
    """How a language writes paths. ``split``: the last segment is a name in the module before it."""

    separator: str
    split: bool = False
    named: bool = True  # the last segment names what the file may use


_RULES = {
    "rust": _Rule("::", split=True),
    "java": _Rule("."),
    "kotlin": _Rule("."),
    "scala": _Rule("."),
    "php": _Rule("\\"),
    "csharp": _Rule(".", named=False),
    "swift": _Rule(".", named=False),
}


def modules_of_tree(language: str, text: str) -> list[tuple[str, tuple[str, ...]]]:
    """Modules and the names taken from each, of a whole statement such as ``use a::{b, c::d};``."""
    rule = _RULES.get(language, _Rule("."))
    path = _WORDS.sub("", " ".join(text.split())).rstrip("; ")
    found: dict[str, list[str]] = {}
    for leaf in _leaves(path, rule.separator):
        whole = _ALIAS.sub("", leaf).strip().strip(rule.separator[0] if rule.separator == "\\" else "")
        module, _, name = whole.rpartition(rule.separator)
        name = {"_": "*", "self": ""}.get(name, name) if module else name
        if not module and rule.split:
            found.setdefault(whole, [])
        elif name in ("*", "") or rule.split:
            found.setdefault(module, []).extend([name] if name else [])
        else:
            found.setdefault(whole, []).extend([name] if rule.named else [])
    return [(module, tuple(dict.fromkeys(names))) for module, names in found.items() if module]


def module_text(language: str, statement: str, module: str) -> str:
    """The module as ``imports.resolve`` wants it: without quotes, relative ones with a leading dot."""
    module = module.strip()
    if language in ("c", "cpp"):
        return module.strip('"')  # <...> stays: it is not looked for beside the file
    if language == "rust":
        return f"self::{module}"  # mod x;
    for quote in _QUOTES:
        module = module.strip(quote)
    beside = (language == "ruby" and statement.lstrip().startswith("require_relative")) or (
        language == "php" and "__DIR__" in statement
    )
    return f"./{module.lstrip('/')}" if beside and not module.startswith(".") else module


def _leaves(text: str, separator: str) -> Iterable[str]:
    """The paths of a tree with braces, depth first."""
    prefixes: list[str] = [""]
    leaves: list[str] = []
    prefix, piece = "", ""
    for part in re.split(r"([{},])", text):
        if part == "{":
            prefixes.append(prefix)
            prefix, piece = prefix + piece.strip(), ""
        elif part in (",", "}"):
            if piece.strip():
                leaves.append(prefix + piece.strip())
            piece = ""
            if part == "}" and len(prefixes) > 1:
                prefix = prefixes.pop()
        else:
            piece += part
        if len(leaves) >= _MOST_LEAVES:
            return leaves
    return [*leaves, prefix + piece.strip()] if piece.strip() else leaves


def names_text(names: Sequence[str]) -> tuple[str, ...]:
    """Imported names without quotes, in order, each once; "*" for a whole module under another name."""
    return tuple(dict.fromkeys("*" if name[:1] == "*" else name.strip(_QUOTES) for name in names))
