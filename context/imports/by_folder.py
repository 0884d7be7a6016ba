"""Languages that import folders: Go's packages, C#'s namespaces, Swift's modules."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence

from context.imports.paths import PathSet
from context.outline.values import Import

# first segments of the standard library's packages that have several
_GO_LIBRARY = frozenset(("archive", "compress", "container", "crypto", "database", "debug", "encoding", "go"))
_GO_LIBRARY |= {"hash", "html", "image", "index", "io", "log", "math", "mime", "net", "os", "path", "regexp"}
_GO_LIBRARY |= {"runtime", "sync", "testing", "text", "time", "unicode"}
_DOTNET = frozenset(("System", "Microsoft", "Windows"))  # the platform's own namespaces


def go(imported: Import, importer: str, paths: PathSet) -> Iterator[str]:
    """The files of the folder that the import path ends in, without tests; the longest end that is one."""
    segments = imported.module.split("/")
    hosted = "." in segments[0]
    if not hosted and (len(segments) == 1 or segments[0] in _GO_LIBRARY):
        return
    for skipped in range(len(segments)):
        suffix = "/".join(segments[skipped:])
        at_root = _go_files(suffix, paths) if hosted or skipped <= 1 else ()
        if at_root:
            yield from at_root
            return
        if skipped < len(segments) - 1:
            for folder in paths.folders_ending(suffix, near=importer):
                if files := _go_files(folder, paths):
                    yield from files
                    return


def _go_files(folder: str, paths: PathSet) -> Sequence[str]:
    name = posixpath.basename(folder)
    files = [path for path in paths.inside(folder) if path.endswith(".go") and not path.endswith("_test.go")]
    return sorted(files, key=lambda path: posixpath.basename(path) != f"{name}.go")


def csharp(imported: Import, importer: str, paths: PathSet) -> Iterator[str]:
    """A type by its file's name, else the files of the folder that a namespace ends in."""
    segments = imported.module.split(".")
    if segments[0] in _DOTNET:
        return
    if len(segments) > 1:
        yield from paths.ending("/".join(segments[-2:]) + ".cs", near=importer)
    for skipped in range(len(segments)):
        rest = segments[skipped:]
        folders = {"/".join(rest), ".".join(rest)}  # a project's folder often has the whole namespace's name
        folders |= {".".join(rest[:cut]) + "/" + "/".join(rest[cut:]) for cut in range(2, len(rest))}
        found = [path for folder in sorted(folders) for path in _inside(folder, ".cs", importer, paths)]
        yield from found
        if found:
            return
    yield from paths.ending(segments[-1] + ".cs", near=importer)


def swift(imported: Import, importer: str, paths: PathSet) -> Iterator[str]:
    """The files of a target of the same package: Sources/NAME."""
    name = imported.module.split(".")[0]
    yield from _inside(f"Sources/{name}", ".swift", importer, paths)


def _inside(suffix: str, extension: str, importer: str, paths: PathSet) -> Iterator[str]:
    for folder in paths.folders_ending(suffix, near=importer):
        yield from (path for path in paths.inside(folder) if path.endswith(extension))
