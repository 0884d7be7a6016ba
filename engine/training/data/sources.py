"""Where source texts come from: packages on this machine, each with its licence, file by file.

A source is a folder of installed Python packages, Python's standard library, a folder of node_modules, a
project's folder, a wheel, an sdist or an npm package, or a folder of such archives. Archives are read in
place and never unpacked; links are not followed; nothing is imported. Knows nothing of what becomes of a
text.
"""

from __future__ import annotations

import csv
import json
import os
import re
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from engine.training.data.licences import Said, of_folder, of_npm, of_python

LANGUAGES = {
    ".py": "python",
    **dict.fromkeys((".js", ".mjs", ".cjs", ".jsx"), "javascript"),
    **dict.fromkeys((".ts", ".mts", ".cts"), "typescript"),
    ".tsx": "typescriptreact",
}
MOST_BYTES = 1 << 20  # of one file; what is larger is not even read
_ARCHIVES = (".whl", ".tar.gz", ".tgz")
_SKIPPED = frozenset(
    (".git", "__pycache__", "site-packages", "dist-packages", "node_modules", "test", "lib2to3")
)
_TOP_FILES = ("PKG-INFO", "package.json", "pyproject.toml", "LICENSE", "LICENSE.txt", "LICENSE.md",
              "LICENSE.rst", "LICENCE", "license", "COPYING")  # fmt: skip


class SourceError(Exception):
    """A source that is none; the message is a sentence for the user."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A text as its author wrote it; ``path`` is what its package calls it, with slashes."""

    path: str
    language: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Package:
    """What is published under one name. ``files`` reads them anew at every call, in the order of paths."""

    name: str
    version: str
    said: Said
    files: Callable[[], Iterator[SourceFile]]


def packages_of(source: Path) -> Iterator[Package]:
    """The packages of a source, in the order of their names. Raises SourceError."""
    if not source.exists():
        raise SourceError(f"There is no source {source}.")
    try:
        if source.is_file():
            yield _archive(source)
        elif (source / "os.py").is_file() and (source / "abc.py").is_file():
            version = source.name.removeprefix("python")
            yield Package("python", version, Said("PSF-2.0", "the standard library"), _under(source))
        elif any(source.glob("*.dist-info")):
            for metadata in sorted(source.glob("*.dist-info")):
                yield _installed(source, metadata)
        elif source.name == "node_modules":
            yield from _node_modules(source)
        elif archives := [file for file in sorted(source.iterdir()) if file.name.endswith(_ARCHIVES)]:
            for file in archives:
                yield _archive(file)
        else:
            yield _project(source)
    except (OSError, zipfile.BadZipFile, tarfile.TarError) as error:
        raise SourceError(f"{source} cannot be read: {error}.") from error


def _installed(site: Path, metadata: Path) -> Package:
    text = _text(metadata / "METADATA")
    name, version = _named(text, metadata.name)

    def files() -> Iterator[SourceFile]:
        rows = csv.reader(_text(metadata / "RECORD").splitlines())
        yield from _read_each(site, sorted(row[0] for row in rows if row))

    return Package(name, version, of_python(text), files)


def _node_modules(folder: Path) -> Iterator[Package]:
    for file in sorted({*folder.glob("*/package.json"), *folder.glob("@*/*/package.json")}):
        described = _object(_text(file))
        name = str(described.get("name") or file.parent.name)
        yield Package(name, str(described.get("version", "")), of_npm(described), _under(file.parent))


def _project(folder: Path) -> Package:
    read = {name: _text(folder / name) for name in _TOP_FILES if (folder / name).is_file()}
    return Package(folder.resolve().name, "", of_folder(read), _under(folder))


def _archive(file: Path) -> Package:
    if file.name.endswith(".whl"):
        with zipfile.ZipFile(file) as wheel:
            found = next((n for n in sorted(wheel.namelist()) if n.endswith(".dist-info/METADATA")), "")
            text = wheel.read(found).decode("utf-8", "replace") if found else ""
        name, version = _named(text, file.name)
        return Package(name, version, of_python(text), lambda: _in_wheel(file))
    if not file.name.endswith(_ARCHIVES):
        raise SourceError(f"{file} is neither a folder, a wheel, an sdist nor an npm package.")
    read: dict[str, str] = {}
    with tarfile.open(file) as packed:
        for member in packed:
            name = member.name.partition("/")[2]
            if member.isfile() and name in _TOP_FILES and member.size < MOST_BYTES:
                stream = packed.extractfile(member)
                read[name] = stream.read().decode("utf-8", "replace") if stream else ""
    described = _object(read.get("package.json", "{}"))
    if file.name.endswith(".tgz") or "PKG-INFO" not in read:
        name, version = str(described.get("name") or file.name), str(described.get("version", ""))
    else:
        name, version = _named(read["PKG-INFO"], file.name)
    return Package(name, version, of_folder(read), lambda: _in_tar(file))


def _in_wheel(file: Path) -> Iterator[SourceFile]:
    with zipfile.ZipFile(file) as wheel:
        for entry in sorted(wheel.infolist(), key=lambda one: one.filename):
            language = _language(entry.filename)
            if language and entry.file_size <= MOST_BYTES:
                yield SourceFile(entry.filename, language, wheel.read(entry))


def _in_tar(file: Path) -> Iterator[SourceFile]:
    found: list[SourceFile] = []  # a compressed stream is read once, in its own order
    with tarfile.open(file) as packed:
        for member in packed:
            path = member.name.partition("/")[2]
            language = _language(path)
            if member.isfile() and language and member.size <= MOST_BYTES:
                stream = packed.extractfile(member)
                if stream is not None:
                    found.append(SourceFile(path, language, stream.read()))
    yield from sorted(found, key=lambda one: one.path)


def _under(folder: Path) -> Callable[[], Iterator[SourceFile]]:
    def files() -> Iterator[SourceFile]:
        for root, directories, names in os.walk(folder):
            directories[:] = sorted(set(directories) - _SKIPPED)
            inside = PurePosixPath(Path(root).relative_to(folder).as_posix())
            yield from _read_each(folder, ((inside / name).as_posix() for name in sorted(names)))

    return files


def _read_each(folder: Path, paths: Iterable[str]) -> Iterator[SourceFile]:
    for path in paths:
        language, file = _language(path), folder / path
        if not language or ".." in PurePosixPath(path).parts or file.is_symlink():
            continue
        try:
            if file.stat().st_size <= MOST_BYTES:
                yield SourceFile(path, language, file.read_bytes())
        except OSError:  # listed and no longer there
            continue


def _language(path: str) -> str:
    return (
        "" if path.endswith((".d.ts", ".d.mts", ".d.cts")) else LANGUAGES.get(PurePosixPath(path).suffix, "")
    )


def _named(metadata: str, file_name: str) -> tuple[str, str]:
    found = dict(re.findall(r"^(Name|Version): *(\S+)", metadata, re.MULTILINE))
    first, _, rest = file_name.partition("-")
    return found.get("Name", first), found.get("Version", rest.partition("-")[0])


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8", "replace")
    except OSError:
        return ""


def _object(text: str) -> dict[str, object]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
