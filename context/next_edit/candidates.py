"""Which lines are asked about: those near the cursor, and wherever words stand that came, went or stayed.

Bounded, so that a file of twenty thousand lines and a common word cost no more than others.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from context.next_edit.elsewhere import Elsewhere
from context.next_edit.signals import Edited, Evidence, of_line
from context.next_edit.words import SearchedText, indent_of, is_import
from context.workspace import Snapshot

_ABOVE, _BELOW = 16, 40  # lines around the cursor that are all asked about
_OF_ONE_WORD = 10  # lines that hold one word: the nearest in this file, the first in others
_MOST_HERE, _MOST_IN_ONE = 160, 8  # lines asked about in this file, in each other one
_AWAITED = ("gone", "new", "form")  # whose first occurrence below the cursor is a signal of its own
_NAMED = 0.5  # what it is worth, against a changed word, that a line names the file or function edited
_MOST_OPEN = 8  # other open documents, the last viewed first


@dataclass(slots=True)
class Candidate:
    """A line with what speaks for it. ``uri`` is "" where the file is closed."""

    uri: str
    path: str
    line: int
    text: str
    evidence: Evidence


def candidates(snapshot: Snapshot, edited: Edited, elsewhere: Elsewhere) -> Iterator[Candidate]:
    """The lines that may want an edit, in this document, in other open ones, in closed ones."""
    current = snapshot.documents[edited.uri]
    awaited = set(_AWAITED)
    diagnosed = {one.line for one in snapshot.diagnoses.get(edited.uri, ())}
    for number in _lines_here(edited, diagnosed):
        evidence = of_line(edited, edited.here, number, edited.uri, current.path)
        if number in diagnosed:
            evidence.add("diagnosed", 1.0)
        if number > edited.cursor.line and "edited" not in evidence.values:
            for signal in awaited & evidence.values.keys():
                evidence.add(f"{signal}_first", 1.0, evidence.about.get(signal, ""))
                awaited.remove(signal)
        yield Candidate(edited.uri, current.path, number, current.lines[number], evidence)
    for rank, uri in enumerate(uri for uri in snapshot.last_viewed[: _MOST_OPEN + 1] if uri != edited.uri):
        document = snapshot.documents[uri]
        text = SearchedText(document.lines, document.text)
        for number in _lines_elsewhere(edited, text):
            evidence = of_line(edited, text, number, uri, document.path)
            evidence.add("other_open", 1.0)
            evidence.add("viewed", 1 / (1 + rank))
            _end(text, number, evidence)
            evidence.add("belongs", elsewhere.belongs(document.path), elsewhere.why.get(document.path, ""))
            yield Candidate(uri, document.path, number, document.lines[number], evidence)
    opened = {document.path for document in snapshot.documents.values()}
    for path, text in elsewhere.texts.items():
        if path in opened:
            continue
        for number in _lines_elsewhere(edited, text):
            evidence = of_line(edited, text, number, "", path)
            evidence.add("closed", 1.0)
            _end(text, number, evidence)
            evidence.add("belongs", elsewhere.belongs(path), elsewhere.why.get(path, ""))
            yield Candidate("", path, number, text.lines[number], evidence)


def _end(text: SearchedText, number: int, evidence: Evidence) -> None:
    if number >= len(text.lines) - 1:
        evidence.add("end_there", 1.0)


def _lines_here(edited: Edited, diagnosed: Collection[int]) -> list[int]:
    text, at = edited.here, edited.cursor.line
    found = set(range(max(0, at - _ABOVE), min(len(text.lines), at + _BELOW + 1)))
    found = {n for n in found if indent_of(text.lines[n]) >= 0}
    if edited.newest is not None:
        found.add(edited.newest.end)
    found |= set(diagnosed)
    start, end = edited.scope
    if start >= 0:
        found |= {start, end, end - 1}
    if edited.undefined:
        found |= {n for n in range(edited.last_import + 1) if is_import(text.lines[n])}
    worth: dict[int, float] = {}
    for word, value in _words(edited):
        numbers = sorted(text.lines_with(word), key=lambda n: (abs(n - at), n))[:_OF_ONE_WORD]
        for n in numbers:
            worth[n] = worth.get(n, 0.0) + value / len(numbers)
    far = sorted(worth.keys() - found, key=lambda n: -worth[n])
    return sorted(n for n in {*found, *far[: _MOST_HERE - len(found)]} if n < len(text.lines))


def _lines_elsewhere(edited: Edited, text: SearchedText) -> list[int]:
    worth: dict[int, float] = {}
    for word, value in _words(edited):
        numbers = text.lines_with(word)
        for n in numbers[:_OF_ONE_WORD]:
            worth[n] = worth.get(n, 0.0) + value / len(numbers)
    for name in {edited.module, edited.scope_name} - {""}:
        for n in text.lines_with(name)[:_OF_ONE_WORD]:
            worth[n] = worth.get(n, 0.0) + _NAMED
    if len(text.lines) > 1:
        worth[len(text.lines) - 1] = _NAMED  # something new is often added at the end
    return sorted(sorted(worth, key=lambda n: -worth[n])[:_MOST_IN_ONE])


def _words(edited: Edited) -> list[tuple[str, float]]:
    words = edited.words
    return [*words.gone.items(), *words.new.items(), *words.signatures.items(), *words.kept.items()]
