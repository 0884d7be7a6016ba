"""Bugs that a model suspects in a change, function by function; each is about a line that the change wrote.

The model (role ``thinking``) sees the function as it is now with numbered lines, the lines that changed, and
what earlier commits did to it. What it says counts only in the form asked for and about a line of the change;
it changes no exit code and is shown as suspected.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass

from context.codeflow.sides import FUNCTIONS
from context.history.lines import function_history
from context.privacy.secrets import redact
from context.review import Finding, Review
from context.review.change import ChangedFile, is_test

_MOST_FUNCTIONS = 12  # of a change; the costliest first
_MOST_LINES = 160  # of a function; a longer one is cut around what changed
_MOST_SAID = 2  # suspicions a function: a model that names more is guessing
_PAST = 2  # earlier changes shown
_PAST_CHARACTERS = 1_200
_ANSWER_TOKENS = 1024  # thoughts included
_CONTEXT_TOKENS = 8192
_LINE = re.compile(r"(?im)^\W*(?:BUG|LINE)\W*(?:LINE\W*)?(\d+)\W+(\S.{10,300})$")


@dataclass(frozen=True, slots=True)
class Changed:
    """A function of the change: its lines now (zero-based, inclusive), and which of them were written."""

    file: ChangedFile
    symbol: str
    line: int
    end_line: int
    written: frozenset[int]


def changed_functions(review: Review) -> list[Changed]:
    """The functions that the change wrote in, those that cost most first; no tests."""
    cost = {(spot.path, spot.symbol): spot.debt for spot in review.hotspots}
    found = []
    for file in review.change.files:
        if file.after is None or is_test(file.path):
            continue
        for key, symbol in file.pair.after.symbols.items():
            written = frozenset(
                line
                for line in file.added
                if symbol.line <= line <= symbol.end_line and file.pair.after.innermost(line, line) == key
            )
            if symbol.kind in FUNCTIONS and any(file.line(line).strip() for line in written):
                found.append(Changed(file, key, symbol.line, symbol.end_line, written))
    found.sort(key=lambda one: (-cost.get((one.file.path, one.symbol), 0), one.file.path, one.line))
    return found[:_MOST_FUNCTIONS]


def question(one: Changed, past: str = "") -> str:
    """What the model is asked about a function."""
    first = max(one.line, min(one.written) - _MOST_LINES // 2)
    last = min(one.end_line, first + _MOST_LINES)
    shown = "\n".join(
        f"{number + 1:5d}{'+' if number in one.written else ' '} {one.file.line(number)}"
        for number in range(first, last + 1)
    )
    return (
        f"You review a change to {one.symbol} in {one.file.path}. Lines marked + were just written.\n\n"
        f"{redact(shown)}\n\n"
        + (f"What earlier commits did to it, newest first:\n{redact(past)}\n\n" if past else "")
        + "Is there a definite bug in the lines marked +: a wrong result, a crash, a lost error? "
        "Say nothing about style, names, comments or tests. If there is none, answer NONE. Otherwise answer "
        "with one line for each bug, at most two:\nBUG <line number>: <what goes wrong, and when>"
    )


def suspected_in(answer: str, one: Changed) -> list[Finding]:
    """What of an answer counts: the form asked for, and a line that the change wrote."""
    if re.search(r"(?im)^\W*NONE\b", answer):
        return []
    found: dict[int, Finding] = {}
    for match in _LINE.finditer(answer):
        line = int(match[1]) - 1
        sentence = redact(" ".join(match[2].split())).strip("*_` ")
        if line in one.written and one.file.line(line).strip() and line not in found:
            found[line] = Finding("suspected", one.file.path, line, line, f"Suspected: {sentence}")
    return list(found.values())[:_MOST_SAID]


async def suspicions_of(review: Review, model: str) -> tuple[tuple[Finding, ...], str]:
    """What a model suspects, and its name. Raises EngineError where there is none."""
    from rich.console import Console

    from lsp_server.model_session import open_session
    from lsp_server.question import answer
    from lsp_server.settings import EngineSettings, ModelSettings, Settings

    functions = changed_functions(review)
    if not functions:
        return (), ""
    settings = Settings(
        model=ModelSettings(name=model), engine=EngineSettings(context_tokens=_CONTEXT_TOKENS, saved_mb=0)
    )
    found: list[Finding] = []
    with Console(stderr=True, highlight=False).status("opening the model") as status:
        session = await asyncio.to_thread(open_session, settings, lambda what, _: status.update(what))
        try:
            for number, one in enumerate(functions, start=1):
                status.update(f"{session.name} looks at {one.symbol} ({number} of {len(functions)})")
                past = await asyncio.to_thread(_past_of, review, one)
                said = await answer(session, question(one, past), "thinking", max_tokens=_ANSWER_TOKENS)
                found += suspected_in(said.text, one)
        finally:
            await asyncio.to_thread(session.engine.close)

    return tuple(found), session.name


def _past_of(review: Review, one: Changed) -> str:
    """The last changes of the function, as far as they fit."""
    changes = function_history(
        review.change.root, one.file.path, one.line, one.end_line, text_now=one.file.after, most=_PAST
    )
    return "\n\n".join(
        f"{change.subject}\n- {change.before}\n+ {change.after}"[:_PAST_CHARACTERS] for change in changes
    )
