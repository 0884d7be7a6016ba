"""Two texts in JavaScript, TypeScript or Go to the names that an edit left without a declaration or a use.

Only what needs no knowledge of other files: a name that was declared in this file, is not any more, and is
still used; an import that was used and is not any more. Scopes are not told apart, so a name that is still
declared anywhere passes: rather silent than wrong.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from context.language import grammar_of, language_named
from context.verify.checks import Finding
from context.verify.syntax import Parsed

if TYPE_CHECKING:
    from tree_sitter import Language as Grammar
    from tree_sitter import Node, Query


@dataclass(frozen=True, slots=True)
class _Rules:
    """One language's names. Places are "node type" or "node type.field" of what is directly around a name."""

    names: frozenset[str]  # leaves that are names of variables, types, packages
    declaring: frozenset[str]
    importing: frozenset[str]
    patterns: frozenset[str]  # places through which a declaration is looked for further up
    silent: frozenset[str] = frozenset()  # places that look like uses and may be none
    everywhere: frozenset[str] = frozenset()  # names that some files import and others just use
    paths: str = ""  # a query for imports that have no name but their path's

    @property
    def telling(self) -> frozenset[str]:
        """The types of nodes whose fields matter."""
        return _types(self.declaring | self.importing | self.patterns | self.silent)


# What Node, Deno and browsers have without an import, though modules offer it too.
_GLOBALS = frozenset(
    (
        "AbortController", "AbortSignal", "Blob", "BroadcastChannel", "Buffer", "Event", "EventTarget",
        "File", "FormData", "Headers", "MessageChannel", "Request", "Response", "TextDecoder",
        "TextEncoder", "URL", "URLSearchParams", "WebSocket", "clearInterval", "clearTimeout", "console",
        "crypto", "fetch", "performance", "process", "queueMicrotask", "setImmediate", "setInterval",
        "setTimeout", "structuredClone",
    )
)  # fmt: skip
_SCRIPT = _Rules(
    names=frozenset(
        ("identifier", "type_identifier", "shorthand_property_identifier",
         "shorthand_property_identifier_pattern")
    ),
    declaring=frozenset(
        (
            "variable_declarator.name", "function_declaration.name", "generator_function_declaration.name",
            "function_signature.name", "function_expression.name", "generator_function.name", "class.name",
            "class_declaration.name", "abstract_class_declaration.name", "enum_declaration.name",
            "interface_declaration.name", "type_alias_declaration.name", "internal_module.name",
            "module.name", "type_parameter.name", "required_parameter.pattern", "optional_parameter.pattern",
            "formal_parameters", "arrow_function.parameter", "catch_clause.parameter",
            "for_in_statement.left", "mapped_type_clause.name", "infer_type",
        )
    ),
    importing=frozenset(
        ("import_clause", "import_specifier.name", "import_specifier.alias", "namespace_import",
         "import_require_clause")
    ),
    patterns=frozenset(
        ("object_pattern", "array_pattern", "rest_pattern", "pair_pattern.value", "assignment_pattern.left",
         "object_assignment_pattern.left")
    ),
    silent=frozenset(("export_specifier.alias", "jsx_attribute", "nested_type_identifier.name")),
    everywhere=_GLOBALS,
)  # fmt: skip
_GO = _Rules(
    names=frozenset(("identifier", "type_identifier", "package_identifier")),
    declaring=frozenset(
        (
            "type_spec.name", "type_alias.name", "var_spec.name", "const_spec.name",
            "parameter_declaration.name", "variadic_parameter_declaration.name", "function_declaration.name",
            "short_var_declaration.left", "range_clause.left", "type_switch_statement.alias",
            "type_parameter_declaration.name", "receive_statement.left",
        )
    ),
    importing=frozenset(("import_spec.name",)),
    patterns=frozenset(("expression_list",)),
    silent=frozenset(("package_clause", "literal_element")),  # the key of a struct's literal is a field
    paths="(import_spec path: (_) @path)",
)  # fmt: skip
_RULES = {
    "typescript": _SCRIPT, "typescriptreact": _SCRIPT, "javascript": _SCRIPT, "javascriptreact": _SCRIPT,
    "go": _GO,
}  # fmt: skip


@cache
def _types(places: frozenset[str]) -> frozenset[str]:
    return frozenset(place.partition(".")[0] for place in places if "." in place)


@dataclass(slots=True)
class _Names:
    """The names of a text with the line of the first of each."""

    declared: dict[str, int] = field(default_factory=dict)
    imported: dict[str, int] = field(default_factory=dict)
    used: dict[str, int] = field(default_factory=dict)


def orphans(before: Parsed, after: Parsed) -> list[Finding] | None:
    """Names without their declaration and imports without a use, by line; None where either is not known."""
    rules, path = _RULES.get(after.language), after.path
    old, new = (_names_of(side, rules) if rules else None for side in (before, after))
    if rules is None or old is None or new is None:
        return None
    was_used = old.imported.keys() & old.used.keys()
    lost = (old.declared.keys() | old.imported.keys()) & new.used.keys()
    idle = (was_used & new.imported.keys()) - new.used.keys() - new.declared.keys()
    found = [
        Finding("unused import", path, new.imported[name], f"nothing uses `{name}` any more", "orphan")
        for name in idle
    ] + [
        Finding("undefined name", path, new.used[name], f"`{name}` has lost its declaration", "orphan")
        for name in lost - new.declared.keys() - new.imported.keys() - rules.everywhere
    ]
    return sorted(found, key=lambda finding: (finding.line, finding.sentence))


def _names_of(parsed: Parsed, rules: _Rules) -> _Names | None:
    grammar = grammar_of(language_named(parsed.language))
    if grammar is None or parsed.tree is None or parsed.tree.root_node.has_error:
        return None
    from tree_sitter import QueryCursor

    found = _Names()
    captured = QueryCursor(_query(grammar, rules)).captures(parsed.tree.root_node)
    for node in captured.get("name", ()):
        _sort_in(node, parsed.text_of(node), rules, found)
    for node in captured.get("path", ()):  # without a name of its own, an import has its path's last part
        if node.parent and not node.parent.child_by_field_name("name"):
            name = parsed.text_of(node).strip('"`').rpartition("/")[2]
            found.imported.setdefault(name, node.start_point[0])
    return found


@cache
def _query(grammar: Grammar, rules: _Rules) -> Query:
    from tree_sitter import Query

    names = " ".join(f"({name})" for name in sorted(rules.names) if grammar.id_for_node_kind(name, True))
    return Query(grammar, f"[{names}] @name {rules.paths}")


def _sort_in(node: Node, name: str, rules: _Rules, found: _Names) -> None:
    place = _place(node, rules)
    if not rules.silent.isdisjoint(place):
        return
    line = node.start_point[0]
    if not rules.importing.isdisjoint(place):
        named = node.parent.child_by_field_name("alias") if node.parent else None
        if named is None or named == node:  # of `a as b` only b is a name here
            found.imported.setdefault(name, line)
        return
    while not rules.patterns.isdisjoint(place) and node.parent is not None:
        node = node.parent
        place = _place(node, rules)
    kind = found.declared if not rules.declaring.isdisjoint(place) else found.used
    kind[name] = min(line, kind.get(name, line))  # captures come in no order


def _place(node: Node, rules: _Rules) -> tuple[str, str]:
    """What is around a node: the type, and where that matters the type with the field it stands in."""
    above = node.parent
    if above is None:
        return "", ""
    if above.type not in rules.telling:
        return above.type, ""
    for number in range(above.child_count):
        if above.child(number) == node:
            return above.type, f"{above.type}.{above.field_name_for_child(number)}"
    return above.type, ""
