"""``resolve``: an import of one file to files of the workspace, by the rules of the importer's language."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable

from context.imports import by_folder, by_package, by_path
from context.imports.paths import PathSet
from context.outline.values import Import

MOST_FILES = 8  # of one import; a package of more is a folder, and its first files say what it is

_Finder = Callable[[Import, str, PathSet], Iterable[str]]

_FINDERS: dict[str, _Finder] = {
    "python": by_package.python,
    "javascript": by_path.javascript,
    "javascriptreact": by_path.javascript,
    "typescript": by_path.javascript,
    "typescriptreact": by_path.javascript,
    "go": by_folder.go,
    "rust": by_package.rust,
    "java": by_package.jvm,
    "kotlin": by_package.jvm,
    "scala": by_package.jvm,
    "c": by_path.include,
    "cpp": by_path.include,
    "csharp": by_folder.csharp,
    "ruby": by_path.ruby,
    "php": by_package.php,
    "swift": by_folder.swift,
    "lua": by_package.lua,
    "shellscript": by_path.shell,
    "sh": by_path.shell,
    "bash": by_path.shell,
}
_SAME_FOLDER = {
    "go": (".go",),
    "java": (".java", ".kt"),
    "kotlin": (".kt", ".java"),
    "scala": (".scala",),
    "csharp": (".cs",),
    "swift": (".swift",),
}


def resolve(imported: Import, *, importer: str, language: str, paths: PathSet) -> tuple[str, ...]:
    """The files that ``imported`` means in ``importer``: at most 8, best first, never the importer."""
    finder = _FINDERS.get(language)
    if finder is None or not imported.module:
        return ()
    found: dict[str, None] = {}
    for path in finder(imported, importer, paths):
        if path != importer:
            found[path] = None
        if len(found) == MOST_FILES:
            break
    return tuple(found)


def visible_without_import(importer: str, *, language: str, paths: PathSet) -> tuple[str, ...]:
    """Files whose names ``importer`` may use without importing them: its package's, which is its folder."""
    extensions = _SAME_FOLDER.get(language, ())
    alike = paths.inside(posixpath.dirname(importer)) if extensions else ()
    return tuple(path for path in alike if path.endswith(extensions) and path != importer)
