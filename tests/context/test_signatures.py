"""Which signatures of other files, and of the rest of this one, a place is told."""

from __future__ import annotations

from pathlib import Path

from context.document import Document
from context.items import ContextItem, Source
from context.workspace import Opened, Workspace
from tests.context.test_librarian import dossier_at, librarian_of, write

BIG = "class Cart:\n" + "".join(
    f"    def method_{n:03}(self, first: int, second: str) -> int:\n        return {n}\n\n"
    for n in range(150)
)


def items_at(root: Path, cache: Path, text: str, line: int, budget: int = 2048) -> list[ContextItem]:
    workspace = Workspace()
    document = Document.of((root / "main.py").as_uri(), "main.py", "python", 1, text)
    workspace.apply(Opened(document))
    with librarian_of(root, cache, budget) as librarian:
        return list(dossier_at(librarian, workspace, document, line).items)


def told(items: list[ContextItem], path: str) -> str:
    return next(item.text for item in items if item.path == path and not item.whole)


def test_a_large_class_shows_what_is_used(tmp_path: Path) -> None:
    """Of 150 methods those are shown that the workspace uses, though they stand last."""
    write(tmp_path / "w", "cart.py", BIG)
    for n in range(4):
        write(tmp_path / "w", f"user{n}.py", "from cart import Cart\n\nCart().method_149(1, '')\n")
    text = "from cart import Cart\n\nbasket = Cart()\nbasket.\n"
    shown = told(items_at(tmp_path / "w", tmp_path / "cache", text, 3), "cart.py")
    assert "def method_149" in shown
    assert shown.count("def ") < 60  # one file must not take the place of everything else


def test_values_at_the_cursor_come_before_files_merely_imported(tmp_path: Path) -> None:
    """The class of the value before the dot is worth more than another import."""
    write(tmp_path / "w", "cart.py", "class Cart:\n    def total(self) -> int: ...\n")
    write(tmp_path / "w", "tax.py", "def vat(price: int) -> int: ...\n")
    text = "from cart import Cart\nfrom tax import vat\n\nx = vat(1)\nbasket = Cart()\nbasket.\n"
    items = items_at(tmp_path / "w", tmp_path / "cache", text, 5)
    worth = {item.path: item.relevance for item in items if item.source == Source.IMPORTS and not item.whole}
    assert worth["cart.py"] > worth["tax.py"] > 0


def test_long_signatures_lose_parameters_in_small_budgets(tmp_path: Path) -> None:
    """Below 4K tokens a signature is cut between two parameters, above it is whole and has its doc."""
    many = ", ".join(f"parameter_{n}: dict[str, int] = {{}}" for n in range(4))
    source = f'def configure({many}) -> None:\n    """Set it all up."""\n'
    write(tmp_path / "w", "conf.py", source)
    text = "from conf import configure\n\nconfigure(\n"
    small = told(items_at(tmp_path / "w", tmp_path / "cache", text, 2), "conf.py")
    assert small.startswith("def configure(parameter_0: dict[str, int] = {},")
    assert ", ...)" in small
    assert "Set it all up" not in small
    large = told(items_at(tmp_path / "w", tmp_path / "cache", text, 2, budget=8192), "conf.py")
    assert "parameter_3: dict[str, int] = {}) -> None" in large
    assert "Set it all up" in large


def test_the_rest_of_a_long_file_is_told(tmp_path: Path) -> None:
    """What a long file defines beyond its window is told; nothing of a short one or in small budgets."""
    write(tmp_path / "w", "other.py", "x = 1\n")
    far = "def far_helper(price: int) -> int:\n    return price\n\n"
    filler = "".join(f"value_{n} = compute({n}, 'some filler text for the line')\n" for n in range(400))
    end = "def near():\n    return far_h\n"

    def of_this_file(text: str, budget: int) -> dict[str, str]:
        items = items_at(tmp_path / "w", tmp_path / "cache", text, text.count("\n") - 1, budget)
        return {item.path: item.text for item in items if item.source == Source.THIS_FILE}

    assert (
        "def far_helper(price: int) -> int" in of_this_file(far + filler + end, 8192)["main.py (signatures)"]
    )
    assert not of_this_file(far + end, 8192)
    assert not of_this_file(far + filler + end, 2048)


def test_a_small_projects_map_is_told_once(tmp_path: Path) -> None:
    """Sizes of the map that are equal are one piece."""
    write(tmp_path / "w", "cart.py", "class Cart:\n    def total(self) -> int: ...\n")
    items = items_at(tmp_path / "w", tmp_path / "cache", "import cart\n", 0)
    assert len([item for item in items if item.path == "PROJECT_MAP"]) == 1


def test_large_budgets_hold_files_that_nothing_points_to(tmp_path: Path) -> None:
    """From 16K tokens on the most referred-to files are told whole, however far away they are."""
    for n in range(250):  # more than a small workspace, of which every file would be told anyway
        write(tmp_path / "w", f"deep{n}/part.py", f"def part_{n}() -> int:\n    return {n}\n")
    found = items_at(tmp_path / "w", tmp_path / "cache", "x = 1\n", 0, budget=32_768)
    others = [item for item in found if item.source == Source.OTHER_FILES]
    assert len(others) > 150
    assert all(item.whole and item.of_file for item in others)
    small = items_at(tmp_path / "w", tmp_path / "cache", "x = 1\n", 0, budget=8192)
    assert not [item for item in small if item.source == Source.OTHER_FILES]
