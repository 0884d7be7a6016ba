"""Tests for a function, by the model, where the project has its tests: added to a file, or in a new one.

Python only: elsewhere the framework is not known. The model writes from the line ``def test_...`` on; the
import is put there for it. What comes of it is checked like every edit, and not run.
"""

from __future__ import annotations

import ast
import asyncio
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from context.document import Document, Position
from context.items import ContextItem, Source, Stability
from context.language import language_named
from context.outline import enclosing, outline
from context.privacy import may_be_prompted, read_text
from context.refactor import Offer, Refused, Rewrite, Selection
from context.refactor.model_offers import instruction_of
from lsp_server.model_edit import edit

if TYPE_CHECKING:
    from lsp_server.model_session import ModelSession

_SOURCES = ("src", "lib")  # folders that are no part of a module's name
_TESTS = ("tests", "test")


async def write_tests(
    session: ModelSession, document: Document, offer: Offer, root: Path, tell: Callable[[str], None] | None
) -> Rewrite:
    """The edit that adds tests for what the offer is about. Raises Refused, EngineError and PlanRefused."""
    draft, before, region = await asyncio.to_thread(_draft, document, offer, root)
    start, end = offer.selection
    function = "".join(document.lines[start.line : end.line + 1])
    told = ContextItem(Source.OTHER_FILES, document.path, function, 1.0, Stability.OPEN_FILE)
    text = await edit(session, draft, region, instruction_of(offer), tell=tell, facts=(told,))
    if before is None:
        return Rewrite((), created=((draft.path, text),))
    return Rewrite(((before, text),))


def _draft(document: Document, offer: Offer, root: Path) -> tuple[Document, Document | None, Selection]:
    """The test file with the beginning of a test, as it was before (None: not there), and what to write."""
    if not may_be_prompted(document.path):
        raise Refused(f"{document.path} holds secrets by its name, and is shown to no model.")
    symbol = enclosing(outline(language_named("python"), document.text), offer.selection.start.line)
    wanted = symbol.parent.split(".")[0] if symbol is not None and symbol.parent else offer.name
    path = test_path(document.path, root)
    text = read_text(root, path) if (root / path).is_file() else None
    if text is None and (root / path).exists():
        raise Refused(f"{path} cannot be read, so that no test can be added to it.")
    uri = (root / path).as_uri()
    before = Document.of(uri, path, "python", 0, text) if text is not None else None
    new = _with_import(text or "", f"from {module_of(document.path)} import {wanted}\n", wanted)
    head = f"{new.rstrip()}\n\n\n"
    draft = Document.of(uri, path, "python", 0, f"{head}def test_{_snake(offer.name)}():\n    pass\n")
    first = len(draft.lines) - 3
    return draft, before, Selection(Position(first, 0), Position(first + 1, len(draft.line(first + 1))))


def test_path(path: str, root: Path) -> str:
    """Where the tests of a module are, or would be: the nearest file named after it."""
    module = PurePosixPath(path)
    name = f"test_{module.stem}.py"
    near = [module.parent / name, *(module.parent / folder / name for folder in _TESTS)]
    far = [PurePosixPath(folder) for folder in _TESTS if (root / folder).is_dir()]
    found = [one for one in near if (root / one).is_file()]
    for folder in far:
        found += sorted(PurePosixPath(one.relative_to(root)) for one in (root / folder).rglob(name))
    return (found or [folder / name for folder in far] or near)[0].as_posix()


def module_of(path: str) -> str:
    """A module's name as an import says it."""
    parts = list(PurePosixPath(path).with_suffix("").parts)
    if parts[0] in _SOURCES and len(parts) > 1:
        parts = parts[1:]
    if parts[-1] == "__init__" and len(parts) > 1:
        parts = parts[:-1]
    return ".".join(parts)


def _with_import(text: str, line: str, name: str) -> str:
    """A test file that has a name of the module; behind its last import where it lacks it."""
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError) as error:
        raise Refused("The test file does not parse, so that nothing can be added to it.") from error
    imports = [one for one in body if isinstance(one, ast.Import | ast.ImportFrom)]
    if any(name in (alias.asname, alias.name) for one in imports for alias in one.names):
        return text
    last = max((one.end_lineno or 0 for one in imports), default=0)
    if not imports and body and ast.get_docstring(ast.parse(text)) is not None:
        last = body[0].end_lineno or 0
        line = "\n" + line
    lines = text.splitlines(keepends=True)
    return "".join([*lines[:last], line, *lines[last:]])


def _snake(name: str) -> str:
    parts = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
    return parts.strip("_")
