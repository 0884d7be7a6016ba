"""What speaks for a line as the next one to be edited: each signal a number under a name.

`Signals` looks once at what was edited; `of_line` then reads one line of one text. Nothing here knows how
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
    def undefined(self) -> dict[str, bool]:
        """New names that nothing in the document defines; whether they stand behind a dot of their object."""
        edited = {n for run in self.runs if run.uri == self.uri for n in range(run.line, run.end)}
        found: dict[str, bool] = {}
        for name in self.words.new:
            numbers = self.here.lines_with(name)
            if not numbers or name in _BUILT_IN or not edited.issuperset(numbers):
                continue
            texts = [self.here.lines[n] for n in numbers if not is_comment(self.here.lines[n])]
            bound = re.compile(
                rf"\b{name}\s*(?::[^=\n]*)?=(?!=)|\b(?:def|class|func|fn|function|const|let|var|for|as|import)"
                rf"\b[^\n(=]*\b{name}\b|\b(?:def|func|function)\b.*\b{name}\b|^\s*{name}\s*(?::|,|=)"
            )
            used = re.compile(rf"(self|this|cls)?(\.)?\b{name}\b(\()?")
            if any(bound.search(text) for text in texts):
                continue
            ways = [match for text in texts for match in used.finditer(text)]
            if any(way[1] and way[3] for way in ways):
                found[name] = True
            elif any(not way[2] for way in ways) and any(_is_code_name(name, text) for text in texts):
                found[name] = False
        return found

    @cached_property
    def needed_parts(self) -> frozenset[str]:
        """The parts, in lower case, of the names that an import is missing for."""
        names = [name for name, member in self.undefined.items() if not member]
        return frozenset(part.lower() for name in names for part in _PART.findall(name))

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
    def stride(self) -> int:
        """Lines from the change before the newest to the newest one, where both are in this document."""
        here = [run for run in self.runs[:2] if run.uri == self.uri]
        return here[0].line - here[1].line if len(here) == 2 else 0

    @cached_property
    def compared(self) -> list[tuple[str, float, str]]:
        """Lines to compare others with: the text, its change's worth, "alike" or "alike_new"."""
        found = []
        for run in self.runs[:_COMPARED_RUNS]:
            for name, lines in (("alike", run.before), ("alike_new", run.after)):
                telling = [line for line in lines if words_of(line)][:_COMPARED_LINES]
                found += [(line, run.worth, name) for line in telling]
        return found


def _is_code_name(name: str, text: str) -> bool:
    """Whether a name on a line is used as code: called, subscripted, an attribute's owner, an annotation."""
    return bool(re.search(rf"(?<![.\w'\"]){name}\b\s*[(.\[]|[:>|\[]\s*{name}\b|\b{name}\s*[|\]]", text))


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
    _words(edited, text, line, found)
    _form(edited, text, line, found)
    for other, worth, name in edited.compared:
        if line != other or name == "alike":
            found.add(name, worth * likeness(line, other) ** 2)
    _kind(line, found)
    here = [run for run in edited.runs if run.uri == uri and run.path == path]
    for run in here:
        if run.line <= number < run.end:
            found.add("edited", 1.0)
            found.add("edited_last", float(run.age == 0))
        if run.age > 0 and run.line - _BESIDE <= number <= run.end + _BESIDE:
            found.add("beside", run.worth)
    if uri == edited.uri:
        _place(edited, number, found)
        _imports(edited, number, line, found)
    elif is_import(line) and edited.module in words_of(line):
        found.add("imports_it", 1.0, edited.module)
    return found


def _words(edited: Edited, text: SearchedText, line: str, found: Evidence) -> None:
    here = words_of(line)
    for signal, changed in (
        ("gone", edited.words.gone),
        ("new", edited.words.new),
        ("kept", edited.words.kept),
    ):
        total, best = 0.0, ("", 0.0)
        for word in here & changed.keys():
            worth = changed[word] / (1 + math.log(max(1, len(text.lines_with(word)))))
            total += worth
            best = max(best, (word, worth), key=lambda one: one[1])
        if total:
            found.add(signal, 1 - math.exp(-total), best[0])
    if edited.scope_name in here:
        found.add("scope_name", 1.0, edited.scope_name)
    if defined_on(line) is None:
        for name in here & edited.words.signatures.keys():
            found.add("call", edited.words.signatures[name], name)


def _form(edited: Edited, text: SearchedText, line: str, found: Evidence) -> None:
    here = words_of(line)
    for one in edited.replacements:
        if one.name in here and line not in one.run.after and one.apply(line) is not None:
            rare = 1 / (1 + math.log(max(1, len(text.lines_with(one.name)))))
            found.add("form", one.run.worth, one.name)
            found.add("form_rare", one.run.worth * rare)


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
    start, end = edited.scope
    if start <= number < end:
        found.add("same_scope", 1.0)
        for name in ("gone", "new", "kept"):
            found.add(f"{name}_scope", found.values.get(name, 0.0))
        if number == start:
            found.add("scope_head", 1.0)
    if edited.stride > 0 and away > 0:
        found.add("onward", 1.0)
        if newest is not None and abs(number - newest.line - edited.stride) <= 1:
            found.add("stride", 1.0)
    elif edited.stride < 0 and away < 0:
        found.add("onward", 1.0)
    if number in (end, end - 1) and any(edited.undefined.values()):
        name = next(name for name, member in edited.undefined.items() if member)
        found.add("define", 1.0, name)


def _imports(edited: Edited, number: int, line: str, found: Evidence) -> None:
    if number > edited.last_import:
        return
    name = next((name for name, member in edited.undefined.items() if not member), "")
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
