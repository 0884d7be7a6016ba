"""Trees: the outline of an open document, from its previous tree."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from context import trees as trees_module
from context.document import Document
from context.language import language_named
from context.outline import Outline, outline
from context.trees import Trees, edited

GOLDEN = Path(__file__).parent / "golden" / "outlines"
LANGUAGES = sorted(path.stem for path in GOLDEN.glob("*.txt"))
TYPED = st.text("abé𝄞 \n\t(){}[]:;,.='\"#/*", max_size=12) | st.sampled_from(
    ["def ", "class A:\n", "return", "\n\n", "}\n", "function f() {}\n", "x = 1\n", "\r\n", "\r"]
)


def source(language: str) -> str:
    """The sample source file of a language."""
    return (GOLDEN / f"{language}.txt").read_text(encoding="utf-8").split("### source\n")[1].split("\n### ")[
        0
    ] + "\n"


def document(text: str, language: str = "python", uri: str = "file:///a.py") -> Document:
    """An open document."""
    return Document.of(uri, "a.py", language, 1, text)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_an_outline_after_edits_is_that_of_a_fresh_parse(data: st.DataObject):
    """Whatever is typed, pasted or deleted: reusing the old tree changes nothing."""
    language = data.draw(st.sampled_from(LANGUAGES))
    text, trees = source(language), Trees()
    for _ in range(data.draw(st.integers(1, 6))):
        start = data.draw(st.integers(0, len(text)))
        end = min(len(text), start + data.draw(st.sampled_from([0, 0, 0, 1, 2, 40])))
        text = text[:start] + data.draw(TYPED) + text[end:]
        assert trees.outline_of(document(text, language)) == outline(language_named(language), text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_typing_a_name_letter_by_letter(language: str):
    """Edits that leave the file whole go through the old tree, and give what a fresh parse gives."""
    text, trees = source(language), Trees()
    at = text.index(outline(language_named(language), text).symbols[-1].name) + 1
    for letters in ("x", "xy", "xyé", "xy", ""):
        changed = text[:at] + letters + text[at:]
        assert trees.outline_of(document(changed, language)) == outline(language_named(language), changed)


@given(st.binary(max_size=40), st.binary(max_size=10), st.binary(max_size=10), st.binary(max_size=40))
def test_an_edit_is_found_between_the_common_ends(head: bytes, old: bytes, new: bytes, tail: bytes):
    """What differs lies between the prefix and the suffix; they never overlap."""
    before, after = head + old + tail, head + new + tail
    start = trees_module._common_prefix(before, after)
    same = trees_module._common_suffix(before, after)
    assert before[:start] == after[:start]
    assert same == 0 or before[-same:] == after[-same:]
    assert start >= len(head)
    assert same >= len(tail)


def test_the_old_tree_is_reused(monkeypatch):
    """An edit hands the parser the old tree; a new document, another language and no edit do not."""
    given: list[bool] = []
    real = trees_module.parse

    def seen(language, source, old=None):
        given.append(old is not None)
        return real(language, source, old)

    monkeypatch.setattr(trees_module, "parse", seen)
    trees = Trees()
    trees.outline_of(document("def a(): ...\n"))
    trees.outline_of(document("def ab(): ...\n"))
    trees.outline_of(document("def ab(): ...\n"))
    trees.outline_of(document("def ab(): ...\n", "lua"))
    trees.forget("file:///a.py")
    trees.forget("file:///never-opened.py")
    trees.outline_of(document("def a(): ...\n"))
    assert given == [False, True, False, False]


def test_the_tree_before_stays_as_it_was():
    """Editing works on a copy: a thread that reads the old tree sees the old text's."""
    from context.outline.query import parse

    before, after = b"def a(): ...\n", b"def abc(): ...\n"
    tree = parse(language_named("python"), before)
    copy = edited(tree, before, after)
    assert tree is not None
    assert copy is not None
    assert tree.root_node.end_byte == len(before)
    assert copy.root_node.end_byte == len(after)


def test_many_threads_get_the_outline_of_their_own_text():
    """Two threads that outline two versions of a document do not mix them up."""
    trees = Trees()
    texts = [source("python").replace("total", f"total{number}") for number in range(12)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda text: trees.outline_of(document(text)), texts * 3))
    assert found == [outline(language_named("python"), text) for text in texts * 3]


def test_a_language_without_a_grammar_is_empty():
    """Trees serve every document."""
    assert Trees().outline_of(document("hello", "plaintext")) == Outline("plaintext")


def test_only_so_many_trees_are_kept():
    """The least recently outlined document is parsed anew."""
    trees = Trees()
    for number in range(trees_module._MOST_DOCUMENTS + 10):
        trees.outline_of(document("def a(): ...\n", uri=f"file:///{number}.py"))
    assert len(trees._parsed) == trees_module._MOST_DOCUMENTS


def test_an_edit_of_a_large_file_is_quick():
    """One letter in 2,000 lines: a tenth of a second at the very most, on a busy machine."""
    lines = "".join(
        f"def function_{n}(a, b=2):\n    value = a + {n * 7919 % 1000}\n    return value\n\n"
        for n in range(500)
    )
    trees = Trees()
    trees.outline_of(document(lines))
    took = []
    for letter in "xyz":
        lines = lines.replace("def function_250", f"def {letter}function_250")
        changed = document(lines)
        started = time.perf_counter()
        trees.outline_of(changed)
        took.append(time.perf_counter() - started)
    assert min(took) < 0.1
