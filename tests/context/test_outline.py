"""Outlines: what a file defines, imports and uses, for every language with a query."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from context.language import grammar_of, language_named
from context.outline import (
    Import,
    Outline,
    Symbol,
    enclosing,
    from_json,
    outline,
    qualified,
    render_outline,
    to_json,
)
from context.outline import query as query_module

GOLDEN = Path(__file__).parent / "golden" / "outlines"
LANGUAGES = sorted(path.stem for path in GOLDEN.glob("*.txt"))
QUERIES = Path(query_module.__file__).parent.parent / "queries"


def sections(language: str) -> dict[str, str]:
    """A golden file's parts by their headings ("### source" and so on)."""
    text = "\n" + (GOLDEN / f"{language}.txt").read_text(encoding="utf-8")
    parts = (part.partition("\n") for part in text.split("\n### ")[1:])
    return {heading: body.rstrip("\n") + "\n" for heading, _, body in parts}


def source(language: str) -> str:
    """The sample source file of a language."""
    return sections(language)["source"]


def described(found: Outline) -> dict[str, str]:
    """An outline as the sections that a golden file expects."""
    symbols = [
        f"{s.kind:9} {s.line + 1}-{s.end_line + 1} {qualified(s)}{f' | {s.doc}' if s.doc else ''}"
        for s in found.symbols
    ]
    imports = [f"{i.line + 1} {i.module} ({', '.join(i.names)})" for i in found.imports]
    references = ", ".join(f"{name} {count}" for name, count in found.references)
    return {
        "outline": render_outline(found, most_lines=200) + "\n",
        "symbols": "\n".join(symbols) + "\n",
        "imports": "\n".join(imports) + "\n",
        "references": f"{references}\n{found.doc}".rstrip("\n") + "\n",
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_file_has_its_outline(language: str):
    """The sample of each language gives the outline beside it (CODEFLOW_REWRITE=1 writes it anew)."""
    expected = sections(language)
    found = described(outline(language_named(language), expected["source"]))
    if os.environ.get("CODEFLOW_REWRITE"):
        whole = {"source": expected["source"]} | found
        text = "".join(f"### {heading}\n{body}" for heading, body in whole.items())
        (GOLDEN / f"{language}.txt").write_text(text, encoding="utf-8")
        return
    assert found == {heading: body for heading, body in expected.items() if heading != "source"}


def test_every_language_with_a_grammar_has_a_sample():
    """No language is served with a query that no golden file has seen."""
    assert {path.stem for path in QUERIES.glob("*.scm")} | {"typescriptreact"} == set(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_installed_grammar_knows_the_whole_query(language: str):
    """No pattern is left out because the grammar names its nodes otherwise."""
    from tree_sitter import Query

    name = {"typescriptreact": "typescript"}.get(language, language)
    grammar = grammar_of(language_named(language))
    assert grammar is not None
    assert Query(grammar, (QUERIES / f"{name}.scm").read_text(encoding="utf-8")).pattern_count > 3


def test_a_pattern_that_the_grammar_does_not_know_costs_only_itself(monkeypatch, tmp_path):
    """With another release of a grammar the rest of the query still works."""
    text = (QUERIES / "lua.scm").read_text(encoding="utf-8")
    (tmp_path / "lua.scm").write_text("(no_such_node) @comment\n" + text, encoding="utf-8")
    monkeypatch.setattr(query_module, "_QUERIES", tmp_path)
    query_module._query_of.cache_clear()
    try:
        found = outline(language_named("lua"), source("lua"))
    finally:
        query_module._query_of.cache_clear()
    assert {"total", "clear", "LIMIT"} <= {symbol.name for symbol in found.symbols}


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_outline_comes_back_from_the_disk(language: str):
    """from_json gives what to_json was given."""
    found = outline(language_named(language), source(language))
    assert from_json(to_json(found)) == found


@pytest.mark.parametrize("text", ["", "{}", "[]", "[1,2,3]", '["python",[["a"]],[],[],""]', "null"])
def test_something_else_is_no_outline(text: str):
    """A damaged cache says so in a sentence."""
    with pytest.raises(ValueError, match="not an outline"):
        from_json(text)


def test_a_language_without_a_grammar_has_an_empty_outline():
    """An unknown language is not an error."""
    assert outline(language_named("klingon"), "nuqneH") == Outline("klingon")


def test_a_header_with_cpp_in_it_is_read_as_cpp():
    """A .h file belongs to C, unless it holds a class or a namespace."""
    found = outline(language_named("c"), "#pragma once\nnamespace shop {\nclass Cart { int total(); };\n}\n")
    assert [qualified(symbol) for symbol in found.symbols] == ["shop", "shop.Cart", "shop.Cart.total"]


def test_line_ends_do_not_matter():
    """\\r\\n and a lone \\r give the lines and signatures that \\n gives."""
    text = source("python")
    expected = outline(language_named("python"), text)
    for line_end in ("\r\n", "\r"):
        found = outline(language_named("python"), text.replace("\n", line_end))
        assert [(s.name, s.line, s.end_line) for s in found.symbols] == [
            (s.name, s.line, s.end_line) for s in expected.symbols
        ]
        assert not any("\r" in symbol.signature for symbol in found.symbols)


@pytest.mark.parametrize(
    ("line", "name"), [(0, None), (40, "Price"), (48, "__init__"), (55, "inner"), (57, "total"), (76, "add")]
)
def test_the_innermost_symbol_around_a_line(line: int, name: str | None):
    """enclosing names the function or class that a cursor is in."""
    found = enclosing(outline(language_named("python"), source("python")), line)
    assert (found.name if found else None) == name


def test_a_short_constant_keeps_its_whole_value():
    """`NAME = value` is whole where it is short, and cut at 80 characters where it is not."""
    found = outline(language_named("python"), f"SHORT = 'b-17-c'\nLONG = '{'x' * 300}'\n")
    short, long = (symbol.signature for symbol in found.symbols)
    assert short == "SHORT = 'b-17-c'"
    assert long == "LONG = '" + "x" * 79 + "..."


def test_only_what_is_named_is_rendered_with_its_parents():
    """names keeps a method's class, and of a class its members."""
    found = outline(language_named("python"), source("python"))
    assert render_outline(found, names=["total"]).splitlines() == [
        "@dataclass(frozen=True)",
        "class Price(Base, metaclass=Meta):",
        '    """A price,"""',
        "    @property",
        "    def total(self) -> float: ...  # Amount with tax.",
    ]
    assert "async def fetch" in render_outline(found, names=["Price"])
    assert render_outline(found, names=["nothing"]) == ""


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("most", [1, 2, 5, 12])
def test_a_rendered_outline_has_at_most_so_many_lines(language: str, most: int):
    """Where lines are few, what is public and at the top stays and the rest is counted."""
    found = outline(language_named(language), source(language))
    lines = render_outline(found, most_lines=most).splitlines()
    assert 0 < len(lines) <= most
    assert lines == render_outline(found, most_lines=200).splitlines() or "more" in lines[-1]


def test_private_names_are_the_first_to_go():
    """Of a class with more members than lines the public ones are shown."""
    members = "".join(f"    def _hidden{n}(self): ...\n    def shown{n}(self): ...\n" for n in range(5))
    found = outline(language_named("python"), f"class Thing:\n{members}")
    assert "_hidden" not in render_outline(found, most_lines=8)
    assert "shown4" in render_outline(found, most_lines=8)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_broken_code_has_an_outline(data: st.DataObject):
    """Whatever is cut out of a file or put into it: no exception, and every symbol lies in the text."""
    language = data.draw(st.sampled_from(LANGUAGES))
    text = source(language)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    broken = (
        text[:start] + data.draw(st.text("(){}[]\"'`:;=<>@#\n \x00é𝄞abc\ud800", max_size=20)) + text[end:]
    )
    found = outline(language_named(language), broken)
    rows = broken.count("\n") + 1
    for symbol in found.symbols:
        assert 0 <= symbol.line <= symbol.end_line < rows
        assert symbol.name
        assert len(symbol.signature) <= 200
        assert "\n" not in symbol.signature + symbol.doc
    assert len(found.references) <= 400
    assert from_json(to_json(found)) == found


def test_what_stands_before_an_error_is_outlined():
    """A half-typed line does not hide the rest of the file."""
    text = "def first(): pass\nclass Cart:\n    def total(self): return 1\ndef broken(:\n\ndef last(): pass\n"
    names = [symbol.name for symbol in outline(language_named("python"), text).symbols]
    assert {"first", "Cart", "total", "last"} <= set(names)


HOSTILE = {
    "nested parentheses": "(" * 10_000 + ")" * 10_000,
    "brackets that never close": "({[" * 20_000,
    "braces that only close": "}" * 60_000,
    "comparisons without end": "a<" * 40_000,
    "a deep path": "a." * 80_000,
    "blocks in blocks": "".join(" " * depth + "if x:\n" for depth in range(600)),
    "classes in classes": "class A {\n" * 20_000,
    "one long word": "a" * 400_000,
    "open strings": "'\"" * 40_000,
    "open comments": "/*" * 60_000,
    "zeros": "\0" * 200_000,
    "many constants": "".join(f"A{number} = {number * 7919 % 10007}\n" for number in range(8_000)),
    "nested with noise": "".join(f"(a{number * 7919 % 10007}[" for number in range(6_000)),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_text_takes_bounded_time(kind: str):
    """Two megabytes of nonsense per language: no crash, and no more than some seconds for each file."""
    for language in LANGUAGES:
        started = time.perf_counter()
        found = outline(language_named(language), HOSTILE[kind])
        assert time.perf_counter() - started < 8, language  # limits of 2 s each, on a busy machine
        assert len(found.symbols) <= 2000


def test_a_huge_file_is_not_parsed():
    """Half a megabyte is generated."""
    text = "".join(f"A{number} = {number * 7919 % 10007}\n" for number in range(40_000))
    assert len(text) > 512 * 1024
    assert outline(language_named("python"), text) == Outline("python")


def test_windows_of_a_query_find_what_one_query_finds(monkeypatch):
    """Looking through a large file piece by piece changes nothing, whatever the pieces."""
    for language in LANGUAGES:
        text = source(language)
        monkeypatch.setattr(query_module, "_WINDOW", 1 << 20)
        whole = outline(language_named(language), text)
        for window in (37, 256):
            monkeypatch.setattr(query_module, "_WINDOW", window)
            assert outline(language_named(language), text) == whole, (language, window)


def test_parsing_leaves_no_memory_behind():
    """Many outlines of one large file cost no more memory than three (tree-sitter keeps what it reads)."""
    psutil = pytest.importorskip("psutil")
    lines = random.Random(1)
    text = "".join(
        f"def f{lines.random()}(a, b): return {lines.random()}\n".replace(".", "_") for _ in range(4000)
    )
    process = psutil.Process()
    for _ in range(3):
        outline(language_named("python"), text)
    before = process.memory_info().rss
    for _ in range(20):
        outline(language_named("python"), text)
    assert process.memory_info().rss - before < 2 << 20, "20 texts of 200 KB are 4 MB"


def test_an_import_of_a_whole_module_is_a_star():
    """`import * as path` takes everything, under another name."""
    found = outline(language_named("javascript"), "import * as path from 'path';\n")
    assert found.imports == (Import("path", ("*",), 0),)


def test_a_symbol_is_a_plain_value():
    """Symbols compare by what they say."""
    found = outline(language_named("python"), "def total(): ...\n")
    assert found.symbols == (Symbol("total", "function", "", 0, 0, "def total()"),)
