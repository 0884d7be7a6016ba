"""Code with a mark for the selection to documents, offers and rewrites; what every rewrite must keep.

``«`` and ``»`` in a text are the selection's ends.
"""

from __future__ import annotations

import ast
import random
import sysconfig
import warnings
from collections.abc import Iterator
from pathlib import Path

from context.document import Document, Position, end_of
from context.refactor import Offer, Refused, Rewrite, Selection
from context.refactor.actions import actions_of
from context.refactor.difference import applied, difference
from context.refactor.source_tree import SourceTree


def marked(text: str, language: str = "python") -> tuple[Document, Selection]:
    """A document without its marks, and what they select."""
    before, rest = text.split("«")
    inside, after = rest.split("»")
    start = end_of(Position(0, 0), before)
    document = Document.of("file:///code/case", "case", language, 1, before + inside + after)
    return document, Selection(start, end_of(start, inside))


def offered(text: str, action: str) -> Offer | None:
    """What is offered at the marks."""
    document, selection = marked(text)
    tree = SourceTree.of(document)
    assert tree is not None
    return actions_of("python")[action].find(tree, selection)


def done(text: str, action: str, name: str = "") -> Rewrite:
    """What becomes of the text at the marks; an offer that is disabled is refused with its sentence."""
    document, _ = marked(text)
    offer = offered(text, action)
    if offer is None:
        raise Refused("not offered")
    if offer.disabled:
        raise Refused(offer.disabled)
    return actions_of("python")[action].perform(document, offer, name)


def outcome(text: str, action: str, name: str = "") -> str:
    """The new text, or the sentence that refuses it."""
    try:
        return done(text, action, name).texts[0][1]
    except Refused as refused:
        return str(refused)


def undone(document: Document, text: str) -> str:
    """The text after the minimal edits to ``text`` and those back."""
    edits = difference(document, text)
    assert applied(document, edits) == text
    after = Document.of(document.uri, document.path, document.language, document.version + 1, text)
    return applied(after, difference(after, document.text))


def dump(text: str) -> str:
    """The program as Python's parser sees it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.dump(ast.parse(text))


def python_files(seed: int) -> Iterator[Document]:
    """Real Python files, of the standard library and of what is installed, in a random order."""
    chosen = random.Random(seed)
    paths = [path for name in ("stdlib", "purelib") for path in Path(sysconfig.get_path(name)).rglob("*.py")]
    chosen.shuffle(paths)
    for path in paths:
        try:
            text = path.read_text("utf-8")
            if 200 < len(text) < 100_000:
                require_compiles(text)
                yield Document.of(path.as_uri(), path.name, "python", 1, text)
        except (SyntaxError, UnicodeDecodeError, RecursionError, ValueError):
            continue


def require_compiles(text: str) -> None:
    """Raises SyntaxError where Python cannot compile the text; nothing of it is run."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compile(text, "<read>", "exec", dont_inherit=True)
