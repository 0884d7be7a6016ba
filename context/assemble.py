"""The room's corridor: a snapshot and a query become a Prompt. Pure: the same input gives the same ids.

Relevance decides whether a piece is in, stability decides where it stands.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from context.document import Document, Position
from context.prompt import (
    MAX_LINE_CHARACTERS,
    ContextItem,
    Encode,
    Prompt,
    PromptFormat,
    encode_lines,
    render,
)
from context.sources import open_files
from context.window import Window, choose_window
from context.workspace import Snapshot

SUFFIX_SHARE = 0.25  # of the file's tokens: what follows says less than what precedes (peers keep 15 to 40%)
OTHER_FILES_SHARE = 0.25  # of the whole budget

_CLOSERS_ONLY = re.compile(r"[\s)\]}>\"'`;,:]*$")
_MOST_CLOSERS = 8


@dataclass(frozen=True, slots=True)
class Query:
    """What is being asked: a place in an open document."""

    uri: str
    position: Position


@dataclass(frozen=True, slots=True)
class Assembled:
    """A prompt, the window it was cut from (pass it back in next time), and the document it speaks of."""

    prompt: Prompt
    window: Window
    document: Document


def closed_by_editor(tail: str) -> bool:
    """Whether the text after the cursor is only what an editor closes by itself: brackets, quotes, a colon.

    Such a tail is not prompted (it changes while typing, and would cost the whole suffix each time); what is
    shown replaces it instead.
    """
    return len(tail.strip()) <= _MOST_CLOSERS and _CLOSERS_ONLY.match(tail) is not None


def assemble(
    snapshot: Snapshot,
    query: Query,
    *,
    form: PromptFormat,
    encode: Encode,
    budget_tokens: int,
    repository: str = "",
    previous: Window | None = None,
) -> Assembled:
    """Gather, rank, pack, render. ``encode`` should remember; KeyError where the document is not open."""
    document = snapshot.documents[query.uri]
    line, column = document.clamp(query.position)
    items = _pack(open_files(snapshot, document), int(budget_tokens * OTHER_FILES_SHARE), encode, form)
    spent = sum(tokens for _, tokens in items)
    for_file = budget_tokens - spent

    def count(text: str) -> int:
        return len(encode(text[:MAX_LINE_CHARACTERS]))

    window = choose_window(
        document,
        line,
        prefix_tokens=int(for_file * (1 - SUFFIX_SHARE)),
        suffix_tokens=int(for_file * SUFFIX_SHARE),
        count=count,
        previous=previous,
    )
    text, head, middle, lead = _around_anchor(document, window, line, column)
    tail = "" if closed_by_editor(text[column:]) else text[column:]
    ending = document.lines[line][len(text) :]
    prompt = render(
        form=form,
        encode=encode,
        items=[item for item, _ in items],
        repository=repository,
        path=document.path,
        prefix=[*_plain(document.lines[window.start : window.anchor]), lead],
        middle=_plain(middle),
        head=head,
        suffix=_plain((tail + ending, *document.lines[line + 1 : window.end])),
    )
    return Assembled(prompt, window, document)


def _around_anchor(
    document: Document, window: Window, line: int, column: int
) -> tuple[str, str, tuple[str, ...], str]:
    """The cursor's line, its head, the middle part's lines before it, and the blanks given to the prefix.

    The anchor line's indentation ends the prefix: a model that knows how deep it is completes half as often
    again right as one that has to guess (docs/log.md), and typing on the line does not change it.
    """
    text, anchored = document.line(line), document.line(window.anchor)
    head, middle = text[:column], document.lines[window.anchor : line]
    first = middle[0] if middle else head
    blanks = len(anchored) - len(anchored.lstrip(" \t"))
    lead = first[: min(blanks, len(first))]
    if middle:
        return text, head, (middle[0][len(lead) :], *middle[1:]), lead
    return text, head[len(lead) :], (), lead


def _pack(
    items: list[ContextItem], budget: int, encode: Encode, form: PromptFormat
) -> list[tuple[ContextItem, int]]:
    """The most relevant items that fit, with their tokens, most stable first."""
    if not form.file_separator:
        return []
    packed: list[tuple[ContextItem, int]] = []
    for item in sorted(items, key=lambda item: -item.relevance):
        tokens = len(encode_lines(_plain(tuple(item.text.splitlines(True))), encode)) + 16
        if tokens <= budget:
            packed.append((item, tokens))
            budget -= tokens
    return sorted(packed, key=lambda pair: -pair[0].stability)


def _plain(lines: tuple[str, ...]) -> list[str]:
    """Lines as models know them: \\n at the end, cut to a sane length, never half a surrogate pair."""
    return [_line(line) for line in lines]


def _line(line: str) -> str:
    if line.endswith(("\r\n", "\r")):
        line = line.rstrip("\r\n") + "\n"
    if len(line) > MAX_LINE_CHARACTERS:
        line = line[:MAX_LINE_CHARACTERS] + ("\n" if line.endswith("\n") else "")
    return line
