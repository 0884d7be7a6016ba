"""What is asked of something: the classes that values are of, and the modules that names are taken from."""

from __future__ import annotations

from pathlib import Path

import pytest

from context.document import Document
from context.facts import Facts, Layout
from context.language import language_named
from context.outline import outline
from context.sources.receivers import AT_CURSOR, NEAR, Asked

CASES = {
    "python: assigned from its constructor": (
        "python",
        {"cart.py": "class Cart:\n    def total(self): ...\n"},
        "from cart import Cart\nbasket = Cart(1)\nbasket.‸\n",
        {"Cart"},
    ),
    "python: annotated parameter": (
        "python",
        {"cart.py": "class Cart:\n    def total(self): ...\n"},
        "def pay(basket: Cart | None, now: int):\n    return basket.‸\n",
        {"Cart"},
    ),
    "python: with statement": (
        "python",
        {"db.py": "class Session:\n    def run(self): ...\n"},
        "with Session(url) as live:\n    live.‸\n",
        {"Session"},
    ),
    "python: what a function returns": (
        "python",
        {"db.py": "class Session:\n    def run(self): ...\n\ndef connect(url: str) -> Session:\n    ...\n"},
        "live = connect(url)\nlive.‸\n",
        {"Session"},
    ),
    "python: the classes that the class around extends": (
        "python",
        {"base.py": "class Base(Root):\n    def run(self): ...\n", "root.py": "class Root:\n    x = 1\n"},
        "class Job(Base):\n    def go(self):\n        self.‸\n",
        {"Job", "Base", "Root"},
    ),
    "go: a parameter's type": (
        "go",
        {"command.go": "package c\n\ntype Command struct {\n\tUse string\n}\n"},
        "package c\n\nfunc show(cmd *Command) {\n\tcmd.‸\n}\n",
        {"Command"},
    ),
    "go: a literal behind a pointer": (
        "go",
        {"command.go": "package c\n\ntype Command struct {\n\tUse string\n}\n"},
        "package c\n\nfunc show() {\n\troot := &Command{Use: 1}\n\troot.‸\n}\n",
        {"Command"},
    ),
    "java: the type stands first": (
        "java",
        {"Gson.java": "public class Gson {\n  public void toJson() {}\n}\n"},
        "class A {\n  void f() {\n    Gson gson = make();\n    gson.‸\n  }\n}\n",
        {"Gson"},
    ),
    "typescript: a field of the class": (
        "typescript",
        {"store.ts": "export class Store {\n  open(): void {}\n}\n"},
        "class App {\n  store: Store;\n  run() {\n    this.store.‸\n  }\n}\n",
        {"App", "Store"},
    ),
    "rust: an associated function": (
        "rust",
        {"frame.rs": "pub struct Frame {}\nimpl Frame {\n    pub fn push(&self) {}\n}\n"},
        "fn main() {\n    let f = Frame::‸\n}\n",
        {"Frame"},
    ),
    "nothing is guessed of a name that nobody defines": (
        "python",
        {"cart.py": "class Cart: ...\n"},
        "basket = make()\nbasket.‸\n",
        set(),
    ),
}


class Defined:
    """An index of some files' outlines, as far as ``Facts`` asks it."""

    def __init__(self, language: str, files: dict[str, str]) -> None:
        self._shapes = {path: outline(language_named(language), text) for path, text in files.items()}

    def outline(self, path: str):
        return self._shapes.get(path)

    def defining(self, name: str) -> tuple[str, ...]:
        return tuple(p for p, shape in self._shapes.items() if any(s.name == name for s in shape.symbols))


def asked(language: str, files: dict[str, str], text: str) -> Asked:
    before, _, after = text.partition("‸")
    document = Document.of("file:///w/here", "here", language, 1, before + after)
    facts = Facts(
        root=Path("/w"),
        index=Defined(language, files),  # type: ignore[arg-type]
        layout=Layout(tuple(files)),
    )
    own = outline(language_named(language), document.text)
    return Asked.near(document, before.count("\n"), own, facts)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_types_of_values(case: tuple[str, dict[str, str], str, set[str]]) -> None:
    """The classes of the values that something is asked of."""
    language, files, text, expected = case
    assert set(asked(language, files, text).types) == expected


def test_the_cursors_line_counts_most() -> None:
    """A value asked on the line itself counts more than one asked further away."""
    files = {"a.py": "class Near: ...\nclass Far: ...\n"}
    far = "away = Far()\naway.x\n" + "\n" * 20
    found = asked("python", files, f"{far}close = Near()\nclose.‸\n")
    assert found.types == {"Near": AT_CURSOR, "Far": NEAR}


def test_a_package_passes_on_what_it_imports() -> None:
    """``module.name`` asks the module's file, and the files a package takes its names from."""
    files = {
        "shop/__init__.py": "from shop.cart import Cart\n",
        "shop/cart.py": "class Cart: ...\ndef open_cart(): ...\n",
        "shop/other.py": "def unrelated(): ...\n",
    }
    found = asked("python", files, "import shop\n\nshop.‸\n")
    assert set(found.modules) == {"shop/__init__.py", "shop/cart.py"}
    assert found.modules["shop/__init__.py"] == AT_CURSOR > found.modules["shop/cart.py"] > 0
