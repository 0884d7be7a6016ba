"""Two texts in JavaScript, TypeScript or Go to the names that an edit left without a declaration or a use.

Only what needs no knowledge of other files: a name that was declared in this file, is not any more, and is
still used; an import that was used and is not any more. Scopes are not told apart, so a name that is still
declared anywhere passes: rather silent than wrong.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from context.language import language_named
from context.outline.query import parse, source_of
from context.verify.checks import Finding

if TYPE_CHECKING:
    from tree_sitter import Node


@dataclass(frozen=True, slots=True)
class _Rules:
    """One language's names. Places are "node type" or "node type.field" of what is directly around a name."""

    names: frozenset[str]  # leaves that are names of variables, types, packages
    declaring: frozenset[str]
    importing: frozenset[str]
    patterns: frozenset[str]  # places through which a declaration is looked for further up
    silent: frozenset[str] = frozenset()  # places that look like uses and may be none


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
)  # fmt: skip
_RULES = {
    "typescript": _SCRIPT, "typescriptreact": _SCRIPT, "javascript": _SCRIPT, "javascriptreact": _SCRIPT,
    "go": _GO,
}  # fmt: skip


@dataclass(slots=True)
class _Names:
    """The names of a text with the line of the first of each."""

    declared: dict[str, int] = field(default_factory=dict)
    imported: dict[str, int] = field(default_factory=dict)
    used: dict[str, int] = field(default_factory=dict)


def has_rules(language: str) -> bool:
    """Whether anything is known of a language's names."""
    return language in _RULES


def orphans(path: str, language: str, before: str, after: str) -> list[Finding]:
    """Names without their declaration and imports without a use, by line; nothing where either is broken."""
    old, new = _names_of(language, before), _names_of(language, after)
    if old is None or new is None:
        return []
    was_used = old.imported.keys() & old.used.keys()
    lost = (old.declared.keys() | old.imported.keys()) & new.used.keys()
    idle = (was_used & new.imported.keys()) - new.used.keys() - new.declared.keys()
    found = [
        Finding("unused import", path, new.imported[name], f"nothing uses `{name}` any more", "orphan")
        for name in idle
    ] + [
        Finding("undefined name", path, new.used[name], f"`{name}` has lost its declaration", "orphan")
        for name in lost - new.declared.keys() - new.imported.keys()
    ]
    return sorted(found, key=lambda finding: (finding.line, finding.sentence))


def _names_of(language: str, text: str) -> _Names | None:
    source = source_of(text)
    tree = parse(language_named(language), source)
    if tree is None or tree.root_node.has_error:
        return None
    rules, found = _RULES[language], _Names()
    waiting = [tree.root_node]
    while waiting:
        node = waiting.pop()
        if node.type == "import_spec" and node.child_count == 1:  # named by the last part of its path
            path = source[node.start_byte : node.end_byte].decode("utf-8", "replace").strip('"`')
            found.imported.setdefault(path.rpartition("/")[2], node.start_point[0])
            continue
        if node.child_count:
            waiting.extend(reversed(node.children))
        elif node.type in rules.names:
            _sort_in(node, source[node.start_byte : node.end_byte].decode("utf-8", "replace"), rules, found)
    return found


def _sort_in(node: Node, name: str, rules: _Rules, found: _Names) -> None:
    place = _place(node)
    if not rules.silent.isdisjoint(place):
        return
    line = node.start_point[0]
    if not rules.importing.isdisjoint(place):
        named = node.parent.child_by_field_name("alias") if node.parent else None
        if named is None or named == node:  # of `a as b` only b is a name here
            found.imported.setdefault(name, line)
        return
    while not rules.patterns.isdisjoint(place) and (node := node.parent or node).parent:
        place = _place(node)
    kind = found.declared if not rules.declaring.isdisjoint(place) else found.used
    kind.setdefault(name, line)


def _place(node: Node) -> tuple[str, str]:
    """What is around a node: the type, and the type with the field it stands in."""
    above = node.parent
    if above is None:
        return "", ""
    for number in range(above.child_count):
        if above.child(number) == node:
            return above.type, f"{above.type}.{above.field_name_for_child(number)}"
    return above.type, ""
