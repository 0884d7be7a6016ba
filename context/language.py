"""Languages: which file name means which, and the grammar, comment and block habits of each.

Language names are LSP's identifiers (LSP 3.18, "Text Document Language Identifiers").
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Language as Grammar


@dataclass(frozen=True, slots=True)
class Language:
    """What is known of one language. ``grammar`` is its tree-sitter wheel: "module" or "module:function"."""

    name: str
    extensions: tuple[str, ...]
    grammar: str = ""
    comment: str = "//"
    indented_blocks: bool = False  # a block is its indentation (Python), not its braces


_KNOWN = (
    Language("python", (".py", ".pyi", ".pyw"), "tree_sitter_python", "#", indented_blocks=True),
    Language("javascript", (".js", ".mjs", ".cjs", ".jsx"), "tree_sitter_javascript"),
    Language("typescript", (".ts", ".mts", ".cts"), "tree_sitter_typescript:language_typescript"),
    Language("typescriptreact", (".tsx",), "tree_sitter_typescript:language_tsx"),
    Language("go", (".go",), "tree_sitter_go"),
    Language("rust", (".rs",), "tree_sitter_rust"),
    Language("java", (".java",), "tree_sitter_java"),
    Language("c", (".c", ".h"), "tree_sitter_c"),
    Language("cpp", (".cpp", ".cc", ".cxx", ".hpp", ".hh"), "tree_sitter_cpp"),
    Language("csharp", (".cs",), "tree_sitter_c_sharp"),
    Language("ruby", (".rb",), "tree_sitter_ruby", "#"),
    Language("php", (".php",), "tree_sitter_php:language_php"),
    Language("kotlin", (".kt", ".kts"), "tree_sitter_kotlin"),
    Language("swift", (".swift",), "tree_sitter_swift"),
    Language("scala", (".scala",), "tree_sitter_scala"),
    Language("lua", (".lua",), "tree_sitter_lua", "--"),
    Language("shellscript", (".sh", ".bash"), "tree_sitter_bash", "#"),
)
_BY_NAME = {language.name: language for language in _KNOWN} | {
    "javascriptreact": Language("javascriptreact", (), "tree_sitter_javascript"),
    "sh": Language("sh", (), "tree_sitter_bash", "#"),
    "bash": Language("bash", (), "tree_sitter_bash", "#"),
    "yaml": Language("yaml", (".yaml", ".yml"), comment="#", indented_blocks=True),
}
_BY_EXTENSION = {extension: language for language in _BY_NAME.values() for extension in language.extensions}


_FAMILIES = {
    "javascriptreact": "javascript",
    "typescript": "javascript",
    "typescriptreact": "javascript",
    "c": "cpp",
    "kotlin": "java",
    "scala": "java",
}


def family_of(language: str) -> str:
    """The languages whose files use each other's names, by one of them."""
    return _FAMILIES.get(language, language)


def language_named(name: str) -> Language:
    """The language an editor names; an unknown one is served without grammar."""
    return _BY_NAME.get(name) or Language(name, ())


def language_of_path(path: str) -> Language:
    """The language a file name suggests; "plaintext" where it suggests none."""
    return _BY_EXTENSION.get(PurePosixPath(path).suffix.lower()) or Language("plaintext", ())


@cache
def grammar_of(language: Language) -> Grammar | None:
    """The tree-sitter grammar, loaded on first use; None where there is none."""
    if not language.grammar:
        return None
    from tree_sitter import Language as Grammar

    module, _, function = language.grammar.partition(":")
    return Grammar(getattr(import_module(module), function or "language")())
