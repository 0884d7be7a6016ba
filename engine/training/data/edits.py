"""Commits to documents: an edit by its message, the edit that follows from others, a hunk as a hole.

- *edit*: the message as the instruction, the lines before as what to edit, the answer in a form the
  product reads: the lines anew in a fence, or search/replace blocks (`lsp_server/edit_prompt.py` and
  `answer_forms.py` say the same words; a test compares them).
- *next_edit*: the edits of a commit so far as those just made, the next one as the answer.
- *hunk*: the file after the commit with the edited lines as the hole, the commit's other edits in place.

The file before, the edit and the message make the triple; only commits that were kept are learned from.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from engine.training.data.documents import Document, Source, Text, filled
from engine.training.data.flows import ChangedFile, Commit, Edit
from engine.training.data.structure import Stretch, Structure
from engine.training.data.tokenizer import END_OF_TURN, START_OF_TURN

SYSTEM = "You edit code. You do what is asked, change nothing else, and answer with code only."
ANEW = "Answer with these lines as they are after the edit, all of them, and nothing else."
SEARCH, DIVIDER, REPLACE = "<<<<<<< SEARCH", "=======", ">>>>>>> REPLACE"
IN_BLOCKS = (
    "Answer with edits only. Each has this form:\n"
    f"{SEARCH}\nlines to replace, copied exactly\n{DIVIDER}\nthe lines that replace them\n{REPLACE}"
)
JUST_MADE = "These edits were just made:"
FOLLOWS = "Make the edit that follows from them at line {line}."

LANGUAGES = frozenset(("python", "javascript", "typescript", "typescriptreact"))
MOST_FILES, MOST_EDITS = 3, 6  # of a commit whose message still speaks of each edit
MOST_LINES = 40  # of one side of an edit
MOST_AROUND = 8  # lines above and below the edit that may be edited too, so that finding the place is learned
ANEW_LINES = 12  # regions up to here are written anew, longer ones in blocks
SHOWN_EDITS, SHOWN_LINES = 3, 6  # of the edits just made; lsp_server/next_edit_text.py
MOST_HUNKS = 8  # of one commit
HUNK_WINDOW = 5_000  # bytes


class Turn(NamedTuple):
    """One question and its answer."""

    system: str
    user: str
    answer: str


def documents_of(commit: Commit, repository: str, age: int, draw: random.Random) -> Iterator[Document]:
    """What there is to learn from one commit."""
    if commit.fate != "kept":
        return
    for turn in edit_turns(commit, draw):
        yield conversation("edit", turn, age)
    for turn in next_edit_turns(commit, draw):
        yield conversation("next_edit", turn, age)
    yield from hunks(commit, repository, age, draw)


def conversation(kind: str, turn: Turn, age: int = 0) -> Document:
    """A turn in ChatML, as the tokenizer's template writes it; the last part but one is the answer."""
    parts: list[str | Text] = []
    for role, said in (("system", turn.system), ("user", turn.user)):
        parts += [START_OF_TURN, Text(f"{role}\n{said}".encode(), age=age), END_OF_TURN, Text(b"\n")]
    parts += [START_OF_TURN, Text(b"assistant\n"), Text(turn.answer.encode(), age=age), END_OF_TURN]
    return Document(kind, tuple(parts), len(parts) - 2)


def edit_turns(commit: Commit, draw: random.Random) -> Iterator[Turn]:
    """The edits that the message speaks of."""
    if len(commit.files) > MOST_FILES or not _tells(commit.subject):
        return
    for file in commit.files:
        if len(file.edits) > MOST_EDITS or file.language not in LANGUAGES:
            continue
        for edit in file.edits:
            if _is_short(edit):
                yield edit_turn(file, edit, commit.subject, draw)


def next_edit_turns(commit: Commit, draw: random.Random) -> Iterator[Turn]:
    """Each edit but the first of a file, after those above it."""
    for file in commit.files:
        if file.language not in LANGUAGES:
            continue
        for number, edit in enumerate(file.edits[1 : MOST_EDITS + 1], 1):
            if _is_short(edit):
                told = [
                    line for made in file.edits[max(0, number - SHOWN_EDITS) : number] for line in _told(made)
                ]
                moved = sum(made.b1 - made.b0 - made.a1 + made.a0 for made in file.edits[:number])
                wish = "\n".join((JUST_MADE, *told, FOLLOWS.format(line=edit.a0 + moved + 1)))
                yield edit_turn(file, edit, wish, draw)


def edit_turn(file: ChangedFile, edit: Edit, instruction: str, draw: random.Random) -> Turn:
    """One edit in the words of the product, the answer anew or in blocks by how long the region is."""
    lines, new = file.before.split("\n"), file.after.split("\n")[edit.b0 : edit.b1]
    first = max(0, edit.a0 - draw.randint(0, MOST_AROUND))
    last = min(len(lines), edit.a1 + draw.randint(0, MOST_AROUND))
    region, after = lines[first:last], [*lines[first : edit.a0], *new, *lines[edit.a1 : last]]
    in_blocks = len(region) > ANEW_LINES and edit.a1 > edit.a0 and _once(lines[edit.a0 : edit.a1], lines)
    if in_blocks:
        answer = _joined((SEARCH, *lines[edit.a0 : edit.a1], DIVIDER, *new, REPLACE))
    else:
        answer = fenced(file.language, after)
    shown = f"The lines to edit, of {file.path}:\n{fenced(file.language, region)}"
    return Turn(SYSTEM, f"{shown}\n\n{instruction.strip()}\n{IN_BLOCKS if in_blocks else ANEW}", answer)


def hunks(commit: Commit, repository: str, age: int, draw: random.Random) -> Iterator[Document]:
    """The lines that a commit wrote, as holes in what they were written into."""
    for file in commit.files:
        if file.language not in LANGUAGES:
            continue
        source = Source(repository, file.path, Structure(file.after.encode(), file.language), age)
        starts, size = source.structure.line_starts, len(source.structure.source)
        for edit in file.edits[:MOST_HUNKS]:
            first, last = _written(file, edit)
            if not 0 < last - first <= MOST_LINES:
                continue
            start = int(starts[first])
            end = (int(starts[last]) if last < len(starts) else size) - (last < len(starts))
            line = source.structure.source[start:end]
            start += len(line) - len(line.lstrip(b" \t"))
            if end > start:
                yield filled(source, Stretch(start, end), "hunk", draw, HUNK_WINDOW)


def fenced(language: str, lines: Sequence[str]) -> str:
    """Lines in a fence that none of them ends."""
    fence = "```"
    while any(line.lstrip().startswith(fence) for line in lines):
        fence += "`"
    return "\n".join((f"{fence}{language}", *lines, fence))


def _written(file: ChangedFile, edit: Edit) -> tuple[int, int]:
    """The lines of the file after that are new: without the context that both sides of the edit have."""
    old, new = file.before.split("\n")[edit.a0 : edit.a1], file.after.split("\n")[edit.b0 : edit.b1]
    head = next(
        (n for n, pair in enumerate(zip(old, new, strict=False)) if pair[0] != pair[1]),
        min(len(old), len(new)),
    )
    rest = min(len(old), len(new)) - head
    backwards = zip(reversed(old), reversed(new), strict=False)
    tail = next((n for n, pair in enumerate(backwards) if pair[0] != pair[1]), rest)
    return edit.b0 + head, edit.b1 - min(tail, rest)


def _told(edit: Edit) -> Iterator[str]:
    before, after = edit.before.splitlines(), edit.after.splitlines()
    gone = [line for line in before if line not in after][:SHOWN_LINES]
    come = [line for line in after if line not in before][:SHOWN_LINES]
    yield from (f"- {line.rstrip()}" for line in gone)
    yield from (f"+ {line.rstrip()}" for line in come)


def _is_short(edit: Edit) -> bool:
    return max(edit.a1 - edit.a0, edit.b1 - edit.b0) <= MOST_LINES and edit.before != edit.after


def _tells(subject: str) -> bool:
    """Whether a first line says what was done."""
    lower = subject.lower()
    return len(subject.split()) >= 3 and not lower.startswith(("merge", "bump", "release", "revert", "wip"))


def _once(wanted: Sequence[str], lines: Sequence[str]) -> bool:
    """Whether lines, not all blank, occur once among others."""
    starts = range(len(lines) - len(wanted) + 1)
    found = sum(lines[n : n + len(wanted)] == list(wanted) for n in starts if lines[n] == wanted[0])
    return found == 1 and any(line.strip() for line in wanted)


def _joined(lines: Sequence[str]) -> str:
    return "\n".join(lines)
