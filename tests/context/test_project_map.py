"""The map of a project: what is in it, in which order, and how little a new focus changes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from context.index.indexing import Job, derive, scan
from context.index.reader import Reader
from context.index.store import Store
from context.project_map import LINES_PER_FILE, MapEntry, map_files, project_map

CORE = """class OrderBook:
    \"\"\"All orders.\"\"\"

    def place_order(self, item): ...


def open_book(path): ...


def _internal_step(): ...
"""


def write(root: Path) -> None:
    """A core that everybody uses, and ten pairs of files: a user, and what only it uses."""
    (root / "core").mkdir(parents=True)
    (root / "core" / "book.py").write_text(CORE)
    (root / "core" / "empty.py").write_text("")
    for number in range(10):
        folder = root / f"part{number}"
        folder.mkdir()
        (folder / "tool.py").write_text(f"def special_tool_{number}(a, b): ...\n")
        (folder / "user.py").write_text(
            "from core.book import OrderBook, open_book\n"
            f"from part{number}.tool import special_tool_{number}\n\n\n"
            f"def use_part_{number}():\n    OrderBook().place_order(special_tool_{number}(open_book(1), 2))\n"
        )


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    root = tmp_path_factory.mktemp("project") / "shop"
    write(root)
    directory = tmp_path_factory.mktemp("index")
    store = Store.open(directory)
    job = Job(root, store, lambda done, total: None, lambda: False, lambda path: None)
    scan(job)
    derive(job)
    reader = Reader(directory)
    yield reader
    reader.close()
    store.close()


def paths(entries: tuple[MapEntry, ...]) -> list[str]:
    return [entry.path for entry in entries]


def test_what_all_refer_to_comes_first(index: Reader) -> None:
    """In little room stands what the workspace refers to most, by its signatures."""
    text = project_map(index, focus=(), most_lines=16)
    assert text.startswith("core/book.py:\n")
    assert "class OrderBook" in text
    assert "def open_book(path)" in text


def test_what_the_focus_uses_comes_next(index: Reader) -> None:
    """Of files that matter alike, those linked with the focus are in."""
    for number in (3, 7):
        entries = map_files(index, focus=[f"part{number}/user.py"], most_lines=24)
        assert f"part{number}/tool.py" in paths(entries)
    assert "core/book.py" in paths(entries)


def test_the_order_is_that_of_paths(index: Reader) -> None:
    """Files stand in the order of their paths, whatever their weight."""
    entries = map_files(index, focus=["part5/user.py"], most_lines=60)
    assert len(entries) > 5
    assert paths(entries) == sorted(paths(entries))


def test_a_new_focus_changes_little(index: Reader) -> None:
    """Another file in the focus leaves most of the map as it was, to the letter."""
    before = {entry.path: entry.text for entry in map_files(index, focus=["part1/user.py"], most_lines=40)}
    after = {
        entry.path: entry.text
        for entry in map_files(index, focus=["part1/user.py", "part2/user.py"], most_lines=40)
    }
    same = [path for path in before if after.get(path) == before[path]]
    assert len(same) >= 0.7 * len(before)


def test_half_of_the_map_never_changes(index: Reader) -> None:
    """What was not chosen for the focus is the same for every focus."""

    def everywhere(focus: list[str]) -> list[tuple[str, str]]:
        return [
            (each.path, each.text) for each in map_files(index, focus=focus, most_lines=40) if not each.near
        ]

    assert everywhere(["part1/user.py"]) == everywhere(["part8/tool.py", "part9/user.py"]) != []


def test_without_an_index(tmp_path: Path) -> None:
    """Where nothing is known the map is empty."""
    reader = Reader(tmp_path / "none")
    assert project_map(reader, focus=["a.py"], most_lines=100) == ""
    reader.close()


FOCUS = st.lists(
    st.sampled_from([f"part{n}/{name}.py" for n in range(10) for name in ("tool", "user")] + ["no.py"])
)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(FOCUS, st.integers(0, 120))
def test_any_map(index: Reader, focus: list[str], most_lines: int) -> None:
    """A map keeps its bound, is the same each time and for each order of the focus, and repeats no file."""
    entries = map_files(index, focus=focus, most_lines=most_lines)
    text = project_map(index, focus=focus, most_lines=most_lines)
    assert sum(entry.lines for entry in entries) == len(text.splitlines()) <= most_lines
    assert len(set(paths(entries))) == len(entries)
    assert all(entry.lines <= 1 + LINES_PER_FILE for entry in entries)
    assert map_files(index, focus=focus[::-1], most_lines=most_lines) == entries
