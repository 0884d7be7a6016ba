"""What speaks for a line as the next one to be edited: each signal a number under a name.

`Edited` looks once at what was edited; `of_line` then reads one line of one text. Nothing here knows how
much a signal is worth (`weights`), nor which lines are asked about (`candidates`).
"""

from __future__ import annotations

import builtins
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from context.document import Position
from context.next_edit.changes import Run, WordChanges
from context.next_edit.replacement import Replacement, replacements
from context.next_edit.words import (
    LONGEST_LINE,
    SearchedText,
    defined_on,
    indent_of,
    is_comment,
    is_import,
    likeness,
    tokens_of,
    words_of,
)

_COMPARED_RUNS, _COMPARED_LINES = 3, 6  # newest changes, lines of each, that other lines are compared with
_BUILT_IN = frozenset(dir(builtins))
_NEAR = (0, 1, 3, 6, 10, 20, 40, 100)  # lines away, at most
_BESIDE = 3  # lines: as near as that, a line is beside a change
# a name is given a value, defined, imported, or a parameter; it is called, subscripted, asked or a type
_BINDS = (
    r"\b{name}\s*(?::[^=\n]*)?=(?!=)|\b(?:def|class|func|fn|function|const|let|var|for|as|import)\b"
    r"[^\n(=]*\b{name}\b|\b(?:def|func|function)\b.*\b{name}\b|^\s*{name}\s*(?::|,|=)"
)
_USES = r"(?<![.\w'\"]){name}\b\s*[(.\[]|[:>|\[]\s*{name}\b|(?<![.\w]){name}\s*[|\]]"
_OPEN = ("(", "[", "{", ",", ":", "=", "+", "|", "&", "and", "or")  # a line that ends so goes on
THERE = "_there"  # ends the name of a signal that speaks for a line of another file
_PART = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+")


@dataclass(frozen=True)
class Edited:
    """What was edited, at a cursor in the document at ``uri``; what all signals start from."""

    uri: str
    module: str  # its file's name without the suffix: what an import calls it
    cursor: Position
    runs: Sequence[Run]
    here: SearchedText  # the document with the cursor

    @cached_property
    def words(self) -> WordChanges:
        """The words that came and went."""
        return WordChanges.of(self.runs)

    @cached_property
    def replacements(self) -> list[Replacement]:
        """What was replaced by what."""
        return replacements(self.runs)

    @property
    def newest(self) -> Run | None:
        """The latest change, where it is in this document."""
        return self.runs[0] if self.runs and self.runs[0].uri == self.uri else None

    @cached_property
    def scope(self) -> tuple[int, int]:
        """First and last line (exclusive) of the function or class around the cursor; (-1, -1): none."""
        lines = self.here.lines
        start = self.here.scope(self.cursor.line)
        if start < 0:
            return -1, -1
        depth = indent_of(lines[start])
        for end in range(start + 1, len(lines)):
            if 0 <= indent_of(lines[end]) <= depth and not lines[end].lstrip().startswith(
                (")", "}", "]", "{")
            ):
                return start, end
        return start, len(lines)

    @cached_property
    def scope_name(self) -> str:
        """The name of the function or class around the cursor; "" where there is none."""
        return (defined_on(self.here.lines[self.scope[0]]) or "") if self.scope[0] >= 0 else ""

    @cached_property
    def undefined(self) -> list[str]:
        """New names that code uses on its own and nothing in the document defines."""
        edited = {n for run in self.runs if run.uri == self.uri for n in range(run.line, run.end)}
        found = []
        for name in self.words.new:
            numbers = self.here.lines_with(name)
            if not numbers or name in _BUILT_IN or not edited.issuperset(numbers):
                continue
            texts = [self.here.lines[n][:LONGEST_LINE] for n in numbers]
            texts = [text for text in texts if not is_comment(text)]
            bound = re.compile(_BINDS.format(name=name))
            used = re.compile(_USES.format(name=name))
            if any(map(used.search, texts)) and not any(map(bound.search, texts)):
                found.append(name)
        return found

    @cached_property
    def needed_parts(self) -> frozenset[str]:
        """The parts, in lower case, of the names that an import is missing for."""
        return frozenset(part.lower() for name in self.undefined for part in _PART.findall(name))

    @cached_property
    def last_import(self) -> int:
        """The last line of the document's head that imports; -1 where none does."""
        found = -1
        for number, line in enumerate(self.here.lines[:300]):
            if is_import(line):
                found = number
            elif defined_on(line) is not None:
                break
        return found

    @cached_property
    def direction(self) -> int:
        """Lines from the change before the newest to the newest one, where both are in this document."""
        here = [run for run in self.runs[:2] if run.uri == self.uri]
        return here[0].line - here[1].line if len(here) == 2 else 0

    @cached_property
    def state(self) -> list[str]:
        """What the newest change is and looks like: whether more is likely to follow right there."""
        run = self.newest
        if run is None:
            return []
        found = ["removed" if not run.after else "replaced" if run.before else "inserted"]
        last = next((line for line in reversed(run.after) if line.strip()), "")
        following = self.here.lines[run.end] if run.end < len(self.here.lines) else ""
        if last and is_comment(last):
            found.append("comment")
        if last.rstrip().endswith(_OPEN):
            found.append("open")
        if last and indent_of(following) < indent_of(last):
            found.append("ended")
        if len(run.after) == 1:
            found.append("one_line")
        return found

    @cached_property
    def compared(self) -> list[tuple[str, float, str]]:
        """Lines to compare others with: the text, its change's worth, "alike" or "alike_new"."""
        found = []
        for run in self.runs[:_COMPARED_RUNS]:
            for name, lines in (("alike", run.before), ("alike_new", run.after)):
                telling = [line for line in lines if words_of(line)][:_COMPARED_LINES]
                found += [(line, run.worth, name) for line in telling]
        return found

    @cached_property
    def compared_words(self) -> frozenset[str]:
        """The names on those lines: a line without any of them is not like them."""
        return frozenset[str]().union(*(words_of(line) for line, _, _ in self.compared))


@dataclass(slots=True)
class Evidence:
    """The signals of one line, and for the user the name that each is about."""

    values: dict[str, float]
    about: dict[str, str]

    def add(self, signal: str, value: float, about: str = "") -> None:
        """Note a signal; of two of the same name the stronger stands."""
        if value > self.values.get(signal, 0.0):
            self.values[signal] = value
            if about:
                self.about[signal] = about


def of_line(edited: Edited, text: SearchedText, number: int, uri: str, path: str) -> Evidence:
    """What speaks for line ``number`` of ``text``, wherever that is."""
    found = Evidence({}, {})
    line = text.lines[number]
    where = "" if uri == edited.uri else THERE
    _words(edited, text, line, where, found)
    _form(edited, text, line, where, found)
    if words_of(line) & edited.compared_words:
        for other, worth, name in edited.compared:
            if line != other or name == "alike":
                found.add(name + where, worth * likeness(line, other) ** 2)
    _kind(line, found)
    for run in edited.runs:
        if run.uri == uri and run.path == path:
            if run.line <= number < run.end:
                found.add("edited", 1.0)
                found.add("edited_last", float(run.age == 0))
            if run.age > 0 and run.line - _BESIDE <= number <= run.end + _BESIDE:
                found.add("beside", run.worth)
    if not where:
        _place(edited, number, found)
        _imports(edited, number, line, found)
    elif is_import(line) and edited.module in words_of(line):
        found.add("imports_it", 1.0, edited.module)
    return found


def _words(edited: Edited, text: SearchedText, line: str, where: str, found: Evidence) -> None:
    here, changes = words_of(line), edited.words
    for signal, changed in (("gone", changes.gone), ("new", changes.new), ("kept", changes.kept)):
        total, best = 0.0, ("", 0.0)
        for word in here & changed.keys():
            worth = changed[word] / (1 + math.log(max(1, len(text.lines_with(word)))))
            total += worth
            best = max(best, (word, worth), key=lambda one: one[1])
        if total:
            found.add(signal + where, 1 - math.exp(-total), best[0])
    if edited.scope_name in here:
        found.add("scope_name" + where, 1.0, edited.scope_name)
    if defined_on(line) is None:
        for name in here & changes.signatures.keys():
            found.add("call" + where, changes.signatures[name], name)


def _form(edited: Edited, text: SearchedText, line: str, where: str, found: Evidence) -> None:
    here = words_of(line)
    for one in edited.replacements:
        if one.name in here and line not in one.run.after and one.apply(line) is not None:
            rare = 1 / (1 + math.log(max(1, len(text.lines_with(one.name)))))
            found.add("form" + where, one.run.worth, one.name)
            found.add("form_rare" + where, one.run.worth * rare)
            if one.sure:
                found.add("form_sure" + where, one.run.worth, one.name)


def _kind(line: str, found: Evidence) -> None:
    if indent_of(line) < 0:
        found.add("blank", 1.0)
    elif is_comment(line):
        found.add("comment", 1.0)
    elif defined_on(line) is not None:
        found.add("head", 1.0)
    elif is_import(line):
        found.add("import", 1.0)
    elif not any(token[0].isalnum() or token[0] == "_" for token in tokens_of(line)):
        found.add("closing", 1.0)


def _place(edited: Edited, number: int, found: Evidence) -> None:
    away = number - edited.cursor.line
    side = "below" if away >= 0 else "above"
    reach = next((most for most in _NEAR if abs(away) <= most), "far")
    found.add(f"{side}_{reach}", 1.0)
    newest = edited.newest
    if newest is not None and number == newest.end:
        found.add("next_line", 1.0)
    if abs(away) <= _BESIDE:
        for state in edited.state:
            found.add(f"near_{state}", 1.0)
    start, end = edited.scope
    if start <= number < end:
        found.add("same_scope", 1.0)
        for name in ("gone", "new", "kept"):
            found.add(f"{name}_scope", found.values.get(name, 0.0))
        if number == start:
            found.add("scope_head", 1.0)
    if edited.direction * away > 0:
        found.add("onward", 1.0)


def _imports(edited: Edited, number: int, line: str, found: Evidence) -> None:
    if number > edited.last_import:
        return
    name = next(iter(edited.undefined), "")
    if name and (is_import(line) or indent_of(line) > 0):
        found.add("import_needed", 1.0, name)
        if number == edited.last_import:
            found.add("import_last", 1.0, name)
        parts = {part.lower() for word in words_of(line) for part in _PART.findall(word)}
        if shared := parts & edited.needed_parts:
            found.add("import_alike", len(shared) / len(edited.needed_parts), name)
    for word in words_of(line) & edited.words.gone.keys():
        if len(edited.here.lines_with(word)) == 1:
            found.add("import_unused", 1.0, word)
