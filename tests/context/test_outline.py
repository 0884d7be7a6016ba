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
