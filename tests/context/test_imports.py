"""Imports: the files of a workspace that an import statement means."""

from __future__ import annotations

import time
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from context.imports import PathSet, resolve, visible_without_import
from context.language import language_of_path
from context.outline import Import, outline

CASES = tomllib.loads((Path(__file__).parent / "golden" / "imports.toml").read_text(encoding="utf-8"))["case"]

folders = st.lists(st.sampled_from(["a", "b", "src", "lib"]), max_size=4)
some_paths = st.builds(
    lambda folder, name: "/".join([*folder, name]),
    folders,
    st.sampled_from(["a.py", "b.ts", "__init__.py", "x.go"]),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["why"])
def test_an_import_means_files(case: dict):
    """The statement, read by the outline, means the files beside it."""
    language = language_of_path(case["importer"])
    paths = PathSet(case["files"])
    imports = outline(language, case["code"] + "\n").imports
    assert imports
    found = dict.fromkeys(
        path
        for imported in imports
        for path in resolve(imported, importer=case["importer"], language=language.name, paths=paths)
    )
    assert list(found) == case["means"]


@given(st.lists(some_paths, max_size=30), folders, st.sampled_from(["a.py", "b.ts", "__init__.py", "x.go"]))
def test_a_suffix_is_looked_up_as_a_search_would(paths: list[str], folder: list[str], name: str):
    """The table of ends finds what going through all paths finds."""
    suffix = "/".join([*folder, name])
    slow = {path for path in paths if path == suffix or path.endswith("/" + suffix)}
    found = PathSet(paths).ending(suffix, near="a/src/c.py")
    assert set(found) == slow
    assert len(found) == len(slow)


@given(st.lists(some_paths, max_size=30), folders)
def test_a_folder_is_looked_up_as_a_search_would(paths: list[str], folder: list[str]):
    """The same for folders; the files inside of one are those that lie in it directly."""
    known = PathSet(paths)
    parents = {path.rpartition("/")[0] for path in paths}
    suffix = "/".join([*folder, "a"])
    assert set(known.folders_ending(suffix)) == {
        p for p in parents if p == suffix or p.endswith("/" + suffix)
    }
    for parent in parents:
        assert set(known.inside(parent)) == {path for path in paths if path.rpartition("/")[0] == parent}


@pytest.mark.parametrize(
    "language", ["python", "typescript", "go", "rust", "java", "csharp", "php", "lua", "ruby"]
)
@given(
    module=st.text("ab./:\\@~$-", max_size=12),
    names=st.lists(st.text("ab*./", max_size=3), max_size=3).map(tuple),
    importer=some_paths,
    paths=st.lists(some_paths, max_size=20),
)
def test_any_module_resolves_to_files_of_the_workspace(language, module, names, importer, paths):
    """Whatever an import says: at most eight files, each once, all of the workspace, never the importer."""
    found = resolve(Import(module, names), importer=importer, language=language, paths=PathSet(paths))
    assert len(found) <= 8
    assert len(set(found)) == len(found)
    assert set(found) <= set(paths) - {importer}


def test_a_package_of_many_files_gives_eight():
    """A wildcard import of a package of twenty files means its first eight."""
    paths = PathSet(f"src/com/shop/C{number:02}.java" for number in range(20))
    found = resolve(Import("com.shop", ("*",)), importer="src/App.java", language="java", paths=paths)
    assert found == tuple(f"src/com/shop/C{number:02}.java" for number in range(8))


def test_a_package_needs_no_import():
    """Files of the same folder are visible to Go, Java, C# and Swift, and to nothing in Python."""
    paths = PathSet(["a/one.go", "a/two.go", "b/three.go", "a/note.py"])
    assert visible_without_import("a/one.go", language="go", paths=paths) == ("a/two.go",)
    assert visible_without_import("a/one.py", language="python", paths=paths) == ()


def test_a_lookup_does_not_go_through_the_workspace():
    """A thousand imports among 50,000 paths resolve in well under a second."""
    paths = PathSet(f"src/p{number % 500}/sub{number % 40}/module_{number}.py" for number in range(50_000))
    started = time.perf_counter()
    for number in range(1000):
        imported = Import(f"p{number % 500}.sub{number % 40}.module_{number}", ("thing",))
        found = resolve(imported, importer="src/main.py", language="python", paths=paths)
        assert found == (f"src/p{number % 500}/sub{number % 40}/module_{number}.py",)
    assert time.perf_counter() - started < 1
