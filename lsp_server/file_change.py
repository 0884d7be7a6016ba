"""A file on the command line, and what an ``EditPlan`` makes of it: shown as a diff, or written.

A file is written whole under another name and then renamed, so that it is never half written; it is not
written where it was changed since it was read. Text is UTF-8; what is none is refused.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from context.document import Document, Position
from context.language import language_of_path
from context.refactor.values import Selection

if TYPE_CHECKING:
    from lsp_server.edit_plan import EditPlan

DONE, NOT_DONE, UNUSABLE = 0, 1, 2  # exit codes: shown or written; refused, or fails its checks; bad command
_PLACE = re.compile(r"(?P<line>[1-9]\d*)(?:\.(?P<column>[1-9]\d*))?")
_MOST_BYTES = 4_000_000


class Unusable(Exception):
    """A command that cannot be carried out; the message is a sentence for the user."""


@dataclass(frozen=True, slots=True)
class NamedFile:
    """A file that was named on the command line, as it was when it was read."""

    path: Path
    root: Path
    document: Document

    @classmethod
    def read(cls, path: Path) -> NamedFile:
        """Raises Unusable."""
        from lsp_server.one_shot import folder_of

        path = path.absolute()
        try:
            if path.stat().st_size > _MOST_BYTES:
                raise Unusable(f"{path} is larger than {_MOST_BYTES // 1_000_000} MB.")
            text = path.read_bytes().decode("utf-8")
        except OSError as error:
            raise Unusable(f"{path}: {error.strerror}.") from error
        except UnicodeDecodeError as error:
            raise Unusable(f"{path} is not UTF-8 text.") from error
        root = folder_of(path)
        name = path.relative_to(root).as_posix()
        return cls(path, root, Document.of(path.as_uri(), name, language_of_path(name).name, 0, text))

    def selection(self, text: str) -> Selection:
        """``A:B``: lines from 1, with both, or ``LINE.COLUMN:LINE.COLUMN``, exclusive; one alone is a cursor.

        Raises Unusable.
        """
        start, _, end = text.partition(":")
        first, last = _PLACE.fullmatch(start), _PLACE.fullmatch(end or start)
        if first is None or last is None:
            raise Unusable(f"{text!r} is no range; write lines as 10:12, or places as 10.5:10.20.")
        at = Position(int(first["line"]) - 1, int(first["column"] or 1) - 1)
        if at.line >= len(self.document.lines):
            raise Unusable(f"{self.path} has {len(self.document.lines)} lines; {text!r} is behind its end.")
        if not end:
            blanks = self.document.line(at.line)
            column = at.column if first["column"] else len(blanks) - len(blanks.lstrip())
            cursor = self.document.clamp(at._replace(column=column))
            return Selection(cursor, cursor)
        line = min(int(last["line"]) - 1, len(self.document.lines) - 1)
        column = int(last["column"]) - 1 if last["column"] else len(self.document.line(line))
        found = sorted((self.document.clamp(at), self.document.clamp(Position(line, column))))
        return Selection(*found)


def add_outcome(parser: argparse.ArgumentParser) -> None:
    """The options that say what becomes of an edit."""
    outcome = parser.add_mutually_exclusive_group()
    outcome.add_argument("--diff", action="store_true", help="print the edit as a diff (the default)")
    outcome.add_argument("--apply", action="store_true", help="write the files, where the checks allow it")
    parser.add_argument("--force", action="store_true", help="with --apply: whatever the checks say")
    parser.add_argument(
        "--test",
        default="",
        metavar="COMMAND",
        help="run these tests with the edit, in a copy: 'pytest -q {tests}'",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def deliver(plan: EditPlan, options: argparse.Namespace) -> int:
    """Print or write a plan, as the options say; the exit code."""
    from rich.console import Console
    from rich.syntax import Syntax

    from lsp_server.unified import unified

    diff, may = unified(plan), plan.checks.applies or options.force
    if options.apply and may:
        write(plan)
    code = DONE if plan.checks.applies or (options.apply and may) else NOT_DONE
    said = [line for line in (plan.checks.summary, *plan.notes) if line]
    if options.json:
        found = {
            "title": plan.title,
            "applies": plan.checks.applies,
            "applied": bool(options.apply and may),
            "checks": plan.checks.summary,
            "notes": list(plan.notes),
            "diff": diff,
        }
        print(json.dumps(found))  # noqa: T201
        return code
    if not options.apply:
        out = Console()
        if out.is_terminal:
            out.print(Syntax(diff, "diff", theme="ansi_dark", background_color="default", word_wrap=True))
        else:
            sys.stdout.write(diff)
    errors = Console(stderr=True, highlight=False)
    if options.apply and not may:
        said = [f"not written: {line}" for line in said[:1]] + said[1:] + ["--force writes it anyway"]
    for line in (f"{plan.title}: written" if options.apply and may else plan.title, *said):
        errors.print(line, style="dim" if may else "yellow", markup=False)
    return code


def write(plan: EditPlan) -> None:
    """Write what a plan changes. Raises Unusable; where a file is not as it was, before any is written."""
    from lsp_server.from_lsp import file_of

    texts: list[tuple[Path, str]] = []
    for document, after in plan.texts_after():
        path = file_of(document.uri)
        if path is None or path.read_bytes() != document.text.encode("utf-8"):
            raise Unusable(f"{document.path} was changed meanwhile; nothing is written.")
        texts.append((path, after))
    folder = plan.folder or Path()
    for name, text in plan.created:
        if (folder / name).exists():
            raise Unusable(f"{name} is there already; nothing is written.")
        texts.append((folder / name, text))
    for path, text in texts:
        _replace(path, text)
    for old, new in plan.renamed:
        (folder / new).parent.mkdir(parents=True, exist_ok=True)
        (folder / old).rename(folder / new)


def _replace(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    target = path.resolve()  # a link stays one
    mode = target.stat().st_mode if target.exists() else None
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    new = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode("utf-8"))
        new.chmod(mode if mode is not None else 0o644)
        new.replace(target)
    except OSError as error:
        raise Unusable(f"{path} cannot be written: {error.strerror}.") from error
    finally:
        with suppress(FileNotFoundError):
            new.unlink()
