"""Languages that import files: JavaScript and TypeScript, C's includes, Ruby, shells."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from context.imports.paths import PathSet
from context.outline.values import Import

_SCRIPTS = (".ts", ".tsx", ".d.ts", ".js", ".jsx", ".mjs", ".cjs", ".mts", ".cts", ".vue", ".svelte", ".json")
_COMPILED = re.compile(r"\.([mc]?)js(x?)$")  # TypeScript names the file that it will be compiled to
_ALIAS = re.compile(
    r"^(?:[@~#]|\$lib|@app|@src)/"
)  # what bundlers are usually told to read as the source root
_EXPANSION = re.compile(r"^.*(?:\$\{.*\}|\$\(.*\)|`.*`|\$\w+)(?=/|$)")
_LIBRARY = ("", "lib", "app", "src")  # what may stand before a Ruby file that is required by its plain name


def joined(importer: str, path: str) -> str:
    """``path`` as seen from the importer's folder; "" where it leaves the workspace."""
    whole = posixpath.normpath(posixpath.join(posixpath.dirname(importer), path))
    return "" if whole.startswith(("..", "/")) else "" if whole == "." else whole


def javascript(imported: Import, importer: str, paths: PathSet) -> Iterator[str]:
    """Relative with extensions and index files guessed; aliases and base folders by suffix; own packages."""
    module = imported.module.split("?")[0]
    if module.startswith("."):
        yield from (path for path in _scripts(joined(importer, module)) if path in paths)
        return
    plain = _ALIAS.sub("", module)
    if plain != module or module.startswith("/"):
        plain = plain.strip("/")
        for suffix in (f"src/{plain}", plain):
            for path in _scripts(suffix):
                yield from paths.ending(path, near=importer)
        return
    yield from _own_package(module, importer, paths)
    if "/" in module and not module.startswith("@"):
        for path in _scripts(module):
            yield from paths.ending(path, near=importer)


def _scripts(path: str) -> Iterator[str]:
    if path:
        yield path
        if compiled := _COMPILED.search(path):
            stem = path[: compiled.start()]
            yield from (stem + "." + compiled[1] + "ts" + compiled[2], stem + ".tsx", stem + ".d.ts")
        yield from (path + extension for extension in _SCRIPTS)
    yield from (posixpath.join(path, "index" + extension) for extension in _SCRIPTS)


def _own_package(module: str, importer: str, paths: PathSet) -> Iterator[str]:
    """The files of a package of the same repository: a folder of its name with a package.json."""
    segments = module.split("/")
    name, inner = segments[0], segments[1:]
    if name.startswith("@") and inner:
        name, inner = inner[0], inner[1:]
    for manifest in paths.ending(f"{name}/package.json", near=importer):
        folder = posixpath.dirname(manifest)
        for source in ("src", "lib", ""):
            whole = posixpath.join(folder, source, *inner) if source or inner else folder
            yield from (path for path in _scripts(whole) if path in paths)


def include(imported: Import, importer: str, paths: PathSet) -> Iterator[str]:
    """Beside the importer where it is quoted, else by suffix: include folders are not known."""
    module = imported.module
    if not module.startswith("<"):
        path = joined(importer, module)
        if path in paths:
            yield path
    plain = posixpath.normpath(module.strip("<>"))
    while plain.startswith("../"):
        plain = plain[3:]
    yield from paths.ending(plain, near=importer)


def ruby(imported: Import, importer: str, paths: PathSet) -> Iterator[str]:
    """require_relative from the importer's folder, require by suffix or below a library folder."""
    module = imported.module if imported.module.endswith(".rb") else imported.module + ".rb"
    if module.startswith("."):
        path = joined(importer, module)
        if path in paths:
            yield path
        return
    for path in paths.ending(module, near=importer):
        before = path[: -len(module)].rstrip("/")
        if "/" in module or before.rpartition("/")[2] in _LIBRARY:
            yield path


def shell(imported: Import, importer: str, paths: PathSet) -> Iterator[str]:
    """What follows a variable or a command in the path, from the importer's folder or by suffix."""
    plain = _EXPANSION.sub("", imported.module).strip("\"'")
    tail = plain.lstrip("/")
    if not tail:
        return
    path = joined(importer, tail)
    if path in paths:
        yield path
    if plain == tail or imported.module != plain:
        yield from paths.ending(posixpath.normpath(tail).lstrip("./"), near=importer)
