"""What would have failed without this change: a commit's edit against a version of it that is worse.

From Python files of commits to pairs: the real text, and one that was taken back in part or corrupted (a
line lost, a name mistaken, a bracket missing, a line cut short). Both are judged by what can be
checked without running them: do they parse, which names are undefined (pyflakes). A pair is kept only
where the check tells the two apart, or where history does: a commit that was reverted or fixed later
against what came of it.

Pairs are JSON lines: ``system``, ``user``, ``chosen`` and ``rejected`` (answers, in the form of
``edits``), ``by`` ("parse", "names" or "history") and ``why``. Of the same texts come documents of the
kind *judgement*: a change as a diff, and the verdict as the answer.
"""

from __future__ import annotations

import ast
import difflib
import random
import re
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from engine.training.data.documents import Document
from engine.training.data.edits import Turn, conversation, edit_turn
from engine.training.data.flows import ChangedFile, Commit, Edit

SYSTEM = "You judge changes to code. You answer with one line."
QUESTION = "A change to {path}:\n```diff\n{diff}\n```\nDoes it hold?"
HOLDS = "It holds."
BROKEN = "It does not parse."
UNDEFINED = "The name {name} is not defined."
MOST_EDITS = 2  # of one commit that are turned into pairs
MOST_LINES, DIFF_CONTEXT = 30, 3
_NAME = re.compile(r"\b[a-z_]\w{2,}\b")


@dataclass(frozen=True, slots=True)
class Pair:
    """See the module."""

    system: str
    user: str
    chosen: str
    rejected: str
    by: str
    why: str

    def as_json(self) -> dict[str, str]:
        """As plain values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What checks say of a text: whether it parses; names that nothing defines."""

    parses: bool
    undefined: tuple[str, ...] = ()

    def sentence(self, before: Verdict) -> str:
        """What a change did that made this of ``before``."""
        if not self.parses:
            return BROKEN
        new = sorted((Counter(self.undefined) - Counter(before.undefined)).keys())
        return UNDEFINED.format(name=new[0]) if new else HOLDS


def verdict_of(text: str) -> Verdict:
    """Parsing and pyflakes, in this process: neither runs what it reads."""
    from pyflakes.checker import Checker
    from pyflakes.messages import UndefinedName

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes in strings
            tree = ast.parse(text)
        found = Checker(tree).messages
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Verdict(False)
    return Verdict(True, tuple(str(m.message_args[0]) for m in found if isinstance(m, UndefinedName)))


def pairs_of(commit: Commit, draw: random.Random) -> Iterator[tuple[Pair, list[Document]]]:
    """A commit's pairs, each with its judgements."""
    for file in commit.files:
        if file.language != "python":
            continue
        before = verdict_of(file.before)
        if not before.parses:
            continue
        for edit in file.edits[:MOST_EDITS]:
            if 0 < max(edit.a1 - edit.a0, edit.b1 - edit.b0) <= MOST_LINES and edit.before != edit.after:
                yield from _pair(commit, file, edit, before, draw)


def _pair(
    commit: Commit, file: ChangedFile, edit: Edit, before: Verdict, draw: random.Random
) -> Iterator[tuple[Pair, list[Document]]]:
    lines, new = file.before.split("\n"), file.after.split("\n")[edit.b0 : edit.b1]
    seed = draw.random()
    wrong, why = corrupted(new, file.before, draw)
    if commit.fate != "kept":  # what was taken back: to leave the lines as they were was better
        turns = [_turn(file, edit, side, commit.subject, seed) for side in (lines[edit.a0 : edit.a1], new)]
        pair = Pair(turns[0].system, turns[0].user, turns[0].answer, turns[1].answer, "history", commit.fate)
        yield pair, []
        return
    sides = {"real": _with(lines, edit, new), "wrong": _with(lines, edit, wrong)}
    verdicts = {side: verdict_of(text).sentence(before) for side, text in sides.items()}
    if verdicts["real"] != HOLDS or wrong == new or verdicts["wrong"] == HOLDS:
        return
    real, other = (_turn(file, edit, side, commit.subject, seed) for side in (new, wrong))
    by = "parse" if verdicts["wrong"] == BROKEN else "names"
    shown = {side: _diff(file.before, text) for side, text in sides.items()}
    judged = [
        conversation(
            "judgement", Turn(SYSTEM, QUESTION.format(path=file.path, diff=shown[side]), verdicts[side])
        )
        for side in sides
    ]
    yield Pair(real.system, real.user, real.answer, other.answer, by, f"{why}: {verdicts['wrong']}"), judged


def corrupted(new: list[str], around: str, draw: random.Random) -> tuple[list[str], str]:
    """New lines made worse in one place, and how; the same lines where there is nothing to make worse."""
    filled = [n for n, line in enumerate(new) if line.strip() and not line.lstrip().startswith("#")]
    if not filled:
        return new, "nothing to corrupt"
    place, way = (
        draw.choice(filled),
        draw.choice(("line lost", "name mistaken", "bracket missing", "cut short")),
    )
    line, wrong = new[place], list(new)
    if way == "line lost":
        del wrong[place]
    elif way == "name mistaken":
        names = _NAME.findall(line)
        if names:
            name = draw.choice(names)
            wrong[place] = re.sub(rf"\b{re.escape(name)}\b", _mistaken(name, around, draw), line, count=1)
    elif way == "bracket missing":
        at = [n for n, letter in enumerate(line) if letter in "()[]{}:"]
        if at:
            gone = draw.choice(at)
            wrong[place] = line[:gone] + line[gone + 1 :]
    else:
        wrong[place] = line[: max(len(line) - len(line.lstrip()) + 1, int(len(line) * 0.6))]
    return wrong, way


def _mistaken(name: str, around: str, draw: random.Random) -> str:
    """A name that could be meant: a letter more or less, or half of it."""
    ways = [name + "s", name[:-1], name.rpartition("_")[2] or name + "_", f"new_{name}"]
    return draw.choice([way for way in ways if way != name and way not in around] or [name + "_"])


def _turn(file: ChangedFile, edit: Edit, new: list[str], subject: str, seed: float) -> Turn:
    """The edit as if ``new`` had come in its place; the same region for the same seed."""
    after = _with(file.before.split("\n"), edit, new)
    changed = ChangedFile(file.path, file.language, file.before, after, ())
    moved = Edit(edit.a0, edit.a1, edit.a0, edit.a0 + len(new), edit.before, "\n".join(new), edit.labels)
    return edit_turn(changed, moved, subject, random.Random(seed))


def _with(lines: list[str], edit: Edit, new: list[str]) -> str:
    return "\n".join((*lines[: edit.a0], *new, *lines[edit.a1 :]))


def _diff(before: str, after: str) -> str:
    found = difflib.unified_diff(before.split("\n"), after.split("\n"), lineterm="", n=DIFF_CONTEXT)
    return "\n".join([line for line in found if not line.startswith(("---", "+++"))][:80])
