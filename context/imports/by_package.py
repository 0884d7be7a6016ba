"""Languages whose packages are folders and whose modules are files: Python, Rust, the JVM's, PHP, Lua."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Sequence

from context.imports.paths import PathSet
from context.outline.values import Import

_SOURCE_FOLDERS = ("src", "lib", "python", "lua", "app")  # import roots by convention
_JVM = (".java", ".kt", ".scala", ".kts", ".groovy")
_JVM_LIBRARIES = ("java", "javax", "kotlin", "kotlinx", "scala")
_CRATE_ROOTS = ("lib.rs", "main.rs")
_RUST_LIBRARIES = ("std", "core", "alloc")


def _existing(candidates: Iterable[str], paths: PathSet) -> Iterator[str]:
    return (path for path in candidates if path in paths)


def python(imported: Import, importer: str, paths: PathSet) -> Iterator[str]:
    """Relative from the importer's package, absolute by suffix; names that are modules come first."""
    dots = len(imported.module) - len(imported.module.lstrip("."))
    segments = [segment for segment in imported.module[dots:].split(".") if segment]
    if dots:
        folder = posixpath.dirname(importer)
        for _ in range(dots - 1):
            folder = posixpath.dirname(folder)
        base = posixpath.join(folder, *segments)
        for name in imported.names:
            yield from _existing(_python_files(posixpath.join(base, name)), paths)
        yield from _existing(_python_files(base), paths)
        return
    for name in imported.names:
        yield from _python_absolute([*segments, name], importer, paths)
    yield from _python_absolute(segments, importer, paths)


def _python_files(base: str) -> Iterator[str]:
    if base:
        yield from (base + ".py", base + ".pyi")
    yield from (posixpath.join(base, "__init__.py"), posixpath.join(base, "__init__.pyi"))


def _python_absolute(segments: Sequence[str], importer: str, paths: PathSet) -> Iterator[str]:
    if not segments or "*" in segments:
        return
    unlikely: list[str] = []
    for suffix in _python_files("/".join(segments)):
        for path in paths.ending(suffix, near=importer):
            root = path[: -len(suffix)].rstrip("/")
            is_package = posixpath.join(root, "__init__.py") in paths
            if not is_package and (_is_root(root, importer) or len(segments) > 1):
                yield path
            elif len(segments) > 2:  # run as a script, or the workspace's root is a package
                unlikely.append(path)
    yield from unlikely


def _is_root(root: str, importer: str) -> bool:
    """Whether ``root`` is a folder that imports of ``importer`` usually begin at."""
    above = posixpath.dirname(root) if root.rpartition("/")[2] in _SOURCE_FOLDERS else root
    return any(not folder or importer.startswith(folder + "/") for folder in (root, above))


def rust(imported: Import, importer: str, paths: PathSet) -> Iterator[str]:
    """Paths from the crate, the module, its parent or another crate; ``mod x;`` is self::x."""
    first, *rest = imported.module.split("::")
    for folder in _rust_folders(first, importer, paths):
        segments = rest
        while segments and segments[0] == "super":
            folder, segments = posixpath.dirname(folder), segments[1:]
        for name in imported.names:
            found = _rust_module(folder, [*segments, name], paths)
            if found and found != importer:
                yield found
        if not imported.names and (found := _rust_module(folder, segments, paths)):
            yield found


def _rust_folders(first: str, importer: str, paths: PathSet) -> Iterator[str]:
    """The folders that may hold the modules of a path that begins with ``first``."""
    folder, name = posixpath.split(importer)
    own = folder if name in (*_CRATE_ROOTS, "mod.rs") else importer.removesuffix(".rs")
    if first == "self":
        yield own
    elif first == "super":
        yield posixpath.dirname(own)
    elif first == "crate":
        while folder and not any(posixpath.join(folder, root) in paths for root in _CRATE_ROOTS):
            folder = posixpath.dirname(folder)
        yield folder
    elif first not in _RUST_LIBRARIES:
        for crate in (first, first.replace("_", "-")):
            for library in paths.ending(f"{crate}/src/lib.rs", near=importer):
                yield posixpath.dirname(library)
        if any(path in paths for path in (f"{own}/{first}.rs", f"{own}/{first}/mod.rs")):
            yield posixpath.join(own, first)


def _rust_module(folder: str, segments: Sequence[str], paths: PathSet) -> str:
    """The file of the longest part of a path that is a module; the rest is inside of it."""
    for count in range(len(segments), -1, -1):
        base = posixpath.join(folder, *segments[:count])
        names = (base + ".rs", posixpath.join(base, "mod.rs"))
        roots = tuple(posixpath.join(base, root) for root in _CRATE_ROOTS) if count == 0 else ()
        for path in (*roots, *names):
            if path in paths:
                return path
    return ""


def jvm(imported: Import, importer: str, paths: PathSet) -> Iterator[str]:
    """A class by its package's folders; a member by its class; a function by its package's files."""
    segments = imported.module.split(".")
    if segments[0] in _JVM_LIBRARIES:
        return
    if "*" in imported.names:
        yield from _jvm_package(segments, importer, paths)
        yield from _jvm_class(segments, importer, paths)
        return
    found = False
    for inner in range(3):  # a.b.C, a.b.C.member, a.b.C.Inner.member
        if len(segments) - inner < 2:
            break
        for path in _jvm_class(segments[: len(segments) - inner], importer, paths):
            found = True
            yield path
        if found:
            return
    yield from _jvm_package(segments[:-1], importer, paths)


def _jvm_class(segments: Sequence[str], importer: str, paths: PathSet) -> Iterator[str]:
    own = posixpath.splitext(importer)[1]
    for skipped in range(max(len(segments) - 1, 0)):  # Kotlin leaves the common beginning of packages out
        found = False
        for extension in sorted(_JVM, key=lambda extension: extension != own):
            for path in paths.ending("/".join(segments[skipped:]) + extension, near=importer):
                found = True
                yield path
        if found:
            return


def _jvm_package(segments: Sequence[str], importer: str, paths: PathSet) -> Iterator[str]:
    fewest = 1 if importer.endswith((".kt", ".kts")) else 2
    for skipped in range(len(segments) - fewest + 1):
        folders = paths.folders_ending("/".join(segments[skipped:]), near=importer)
        for folder in folders:
            yield from (path for path in paths.inside(folder) if path.endswith(_JVM))
        if folders:
            return


def php(imported: Import, importer: str, paths: PathSet) -> Iterator[str]:
    """PSR-4 by suffix: the first segments of a namespace stand for a folder; require from the importer's."""
    if "\\" not in imported.module:
        path = posixpath.normpath(posixpath.join(posixpath.dirname(importer), imported.module))
        if path in paths:
            yield path
        if "." in imported.module:
            yield from paths.ending(posixpath.normpath(imported.module).lstrip("./"), near=importer)
        return
    segments = imported.module.strip("\\").split("\\")
    for skipped in range(len(segments) - 1):
        found = paths.ending("/".join(segments[skipped:]) + ".php", near=importer)
        yield from found
        if found:
            return
    if len(segments) == 2:  # App\Cart in src/Cart.php
        yield from (
            path
            for path in paths.ending(segments[1] + ".php", near=importer)
            if posixpath.dirname(path).rpartition("/")[2] in ("", *_SOURCE_FOLDERS)
        )


def lua(imported: Import, importer: str, paths: PathSet) -> Iterator[str]:
    """Dots are folders; a folder is its init.lua."""
    module = imported.module
    base = module.removesuffix(".lua") if module.endswith(".lua") else module.replace(".", "/")
    for suffix in (base + ".lua", base + "/init.lua"):
        for path in paths.ending(posixpath.normpath(suffix), near=importer):
            if "/" in base or _is_root(path[: -len(suffix)].rstrip("/"), importer):
                yield path
