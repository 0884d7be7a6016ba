"""Past hunks as what the server would have been asked: a completion where the hunk was typed, or an edit.

The completion's prompt is the one that `context` makes, the edit's message and form are those of code
actions, so that a model learns exactly what it is served. Every text passes `context.privacy` on the way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from context import Position, Query, Workspace, assemble
from context.document import Document
from context.language import language_named
from context.privacy import redact_lines
from context.prompt import Encode, PromptFormat
from context.refactor.values import Refused, Selection
from context.tokenised import TokenisedItems
from context.workspace import Opened, Snapshot
from lsp_server.answer_forms import AnswerForm, Region, in_blocks, written_anew
from lsp_server.edit_blocks import DIVIDER, REPLACE
from lsp_server.edit_prompt import SYSTEM, message, region_of
from lsp_server.past_hunks import PastHunk

if TYPE_CHECKING:
    from engine.training.fine_tune import Example
    from engine.training.tasks import Task

_Make = Callable[[Region, str], tuple[AnswerForm, str]]

MOST_LINES = 24  # of one answer
_AROUND = 8  # lines on each side of a hunk that a longer region has
_ROOM = 400  # tokens for what is not the lines themselves
_LETTERS = 3.2  # a token, about: tasks are made before there is a tokenizer
_LEAST = 4  # letters of a first line that is worth completing


@dataclass(frozen=True, slots=True)
class Filling:
    """A document in which a hunk is about to be typed, behind its first line's indentation; ``text`` is what
    was. ``cut``: the hunk went on."""

    snapshot: Snapshot
    query: Query
    text: str
    cut: bool


def filling(hunk: PastHunk) -> Filling | None:
    """None where nothing came that is worth completing."""
    lines, new = hunk.after.split("\n"), hunk.new
    first = next((n for n, line in enumerate(new) if line.strip()), None)
    if first is None or not _is_worth_it(new[first], hunk.language):
        return None
    new = new[first:]
    while not new[-1].strip():
        new.pop()
    row = hunk.b0 + first
    indentation = new[0][: len(new[0]) - len(new[0].lstrip())]
    kept = new[:MOST_LINES]
    text = "\n".join((*lines[:row], indentation, *lines[hunk.b1 :]))
    workspace, uri = Workspace(), f"file:///past/{hunk.path}"
    workspace.apply(Opened(Document.of(uri, hunk.path, hunk.language, 1, text)))
    answer = "\n".join(kept)[len(indentation) :]
    return Filling(
        workspace.snapshot(), Query(uri, Position(row, len(indentation))), answer, len(kept) < len(new)
    )


def filling_example(
    asked: Filling, *, form: PromptFormat, encode: Encode, budget_tokens: int, repository: str, end: int
) -> Example | None:
    """A completion as an example; ``end`` ends an answer that is whole. None for a secret's place."""
    from engine.training.fine_tune import Example

    assembled = assemble(
        asked.snapshot,
        asked.query,
        form=form,
        encode=encode,
        tokenised=TokenisedItems(encode, form),
        budget_tokens=budget_tokens,
        repository=repository,
    )
    if assembled is None or assembled.prompt.begin_with:
        return None
    prompt = assembled.prompt.tokens
    text = asked.text if form.fills_in else asked.text + "\n"
    ids = (*prompt, *encode(text), *((end,) if form.fills_in and not asked.cut else ()))
    return Example(ids, len(prompt), len(text.encode()))


def edit_tasks(hunk: PastHunk) -> Iterator[Task]:
    """The edit that made a hunk, asked for in the words of its commit: lines written anew, and in blocks.

    Only what the product would read back as exactly this hunk.
    """
    document = Document.of(f"file:///past/{hunk.path}", hunk.path, hunk.language, 1, hunk.before)
    old, new = hunk.old, hunk.new
    if not any(line.strip() for line in old) or not new or max(len(old), len(new)) > MOST_LINES:
        return
    after = "\n".join((*document.text.split("\n")[: hunk.a0], *new, *document.text.split("\n")[hunk.a1 :]))
    first, last = hunk.a0, hunk.a1
    yield from _tasks(document, first, last, hunk.subject, after, "past edit", _anew)
    lines = len(document.text.split("\n"))
    first, last = max(0, first - _AROUND), min(lines, last + _AROUND)
    if last - first > hunk.a1 - hunk.a0 + _AROUND:
        yield from _tasks(document, first, last, hunk.subject, after, "past edit in blocks", _blocks)


def exercise_tasks(seed: int, count: int) -> Iterator[Task]:
    """Made-up edits with a check (`engine.training.exercises`), asked as the product asks."""
    from engine.training.exercises import exercises

    for one in exercises(seed, count):
        document = Document.of("file:///exercise.py", "exercise.py", "python", 1, one.before)
        last = len(one.before.rstrip("\n").split("\n"))
        for task in _tasks(document, 0, last, one.instruction, one.after, one.kind, _anew):
            yield replace(task, check=one.check)


def _tasks(
    document: Document, first: int, last: int, instruction: str, after: str, kind: str, make: _Make
) -> Iterator[Task]:
    from engine.training.tasks import Task

    try:
        region = region_of(document, Selection(Position(first, 0), Position(last, 0)))
        if region.hidden:
            return
        form, answer = make(region, after)
        read = form.text_of(answer.removeprefix(form.begin_with))
    except Refused:
        return
    if not answer.startswith(form.begin_with) or read != after:
        return
    told = message(region, instruction, form, (), _count, _ROOM)
    yield Task(SYSTEM, told, form.opening, answer, form.mark or f"\n{REPLACE}\n", kind=kind)


def _anew(region: Region, after: str) -> tuple[AnswerForm, str]:
    """All lines of the region as they are afterwards."""
    form = written_anew(region, _count)
    lines, below = after.split("\n"), len(region.document.text.split("\n")) - region.last
    return form, "\n".join(lines[region.first : len(lines) - below]) + form.mark


def _blocks(region: Region, after: str) -> tuple[AnswerForm, str]:
    """One block: the changed lines with those next to them that make them unmistakable."""
    form = in_blocks(region, _count)
    old, new = region.document.text.split("\n"), after.split("\n")
    above = next((n for n, pair in enumerate(zip(old, new, strict=False)) if pair[0] != pair[1]), len(old))
    below = 0
    while below < min(len(old), len(new)) - above and old[-1 - below] == new[-1 - below]:
        below += 1
    first = max(region.first, above - 2)
    end = min(region.last, len(old) - below + 2)
    searched, put = old[first:end], new[first : len(new) - (len(old) - end)]
    parts = (*searched, DIVIDER, *put, REPLACE, "")
    return form, "\n".join(parts)


def _count(text: str) -> int:
    return int(len(text) / _LETTERS) + 1


def _is_worth_it(line: str, language: str) -> bool:
    """Whether somebody would want a line completed that they have not begun."""
    text = line.strip()
    if len(text) < _LEAST or text.startswith((language_named(language).comment, '"""', "'''", "/*", "*")):
        return False
    return any(letter.isalpha() for letter in text) and redact_lines([line]) == [line]
