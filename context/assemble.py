"""The room's corridor: a snapshot and a query become a Prompt. Reads no disk; equal input gives equal ids.

gather -> choose -> window -> render. What has to be read from disk comes ready made, as a ``Dossier``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from context.document import Document, Position
from context.items import ContextItem
from context.pack import Pack, choose, lacks
from context.privacy import may_be_prompted, redact_lines
from context.prompt import MAX_LINE_CHARACTERS, Encode, Prompt, PromptFormat, plain, render
from context.sources.editor import diagnostics, open_files, recent_edits
from context.tokenised import TokenisedItems
from context.window import Window, choose_window, holds_anchor
from context.workspace import Snapshot

if TYPE_CHECKING:
    from context.dossier import Dossier

SUFFIX_SHARE = 0.25  # of the file's tokens: what follows says less than what precedes (peers keep 15 to 40%)
FILE_SHARE = 0.5  # of the budget that the file itself may take before others come in (0.4, 0.6: no different)
_SOFT_CHANGES = 100  # changes of the document between two packs, where nothing but new evidence asks for one
_PATIENCE_S = 0.004  # for texts never tokenised, when a prompt exists already: the next one will have them
_ROOMY = 8_192  # tokens of budget from which on pieces told for another document may stay: they stand first
EVERYTHING = "all"  # as a disabled source: nothing but the file itself

_CLOSERS_ONLY = re.compile(r"[\s)\]}>\"'`;,:]*$")
_MOST_CLOSERS = 8


@dataclass(frozen=True, slots=True)
class Query:
    """What is being asked: a place in an open document."""

    uri: str
    position: Position


@dataclass(frozen=True, slots=True)
class Held:
    """What the next prompt for a document should keep: window and pieces, and what these were chosen from."""

    window: Window
    pack: Pack
    dossier: int  # serial of the dossier, 0 for none
    complete: bool  # whether that dossier was made from all that can be known
    version: int  # of the document when the pack was chosen
    budget_tokens: int


@dataclass(frozen=True, slots=True)
class Assembled:
    """A prompt, what to keep of it (pass it back in next time), and the document it speaks of."""

    prompt: Prompt
    held: Held
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
    tokenised: TokenisedItems,
    budget_tokens: int,
    repository: str = "",
    previous: Held | None = None,
    elsewhere: Pack | None = None,
    dossier: Dossier | None = None,
    disabled: Collection[str] = (),
) -> Assembled | None:
    """Gather, choose, cut, render. ``encode`` should remember; KeyError where the document is not open.

    ``elsewhere``: the pieces of the latest prompt, of another document; a first prompt keeps to their order.
    None where the cursor stands in a secret, or the file is one.
    """
    document = snapshot.documents[query.uri]
    line, column = document.clamp(query.position)
    text = document.line(line)
    if not may_be_prompted(document.path) or _is_secret(text, column):
        return None

    def count(of: str) -> int:
        return len(encode(of[:MAX_LINE_CHARACTERS]))

    serial = dossier.serial if dossier is not None else 0
    complete = dossier is not None and dossier.complete
    if previous is not None and _still_good(previous, document, line, serial, complete, budget_tokens):
        pack, chosen_at = previous.pack, previous.version
        serial, complete = previous.dossier, previous.complete
    else:
        items = _gather(snapshot, document, line, dossier, disabled)
        if previous is not None and _has_what_matters(previous, items, document, budget_tokens):
            pack, chosen_at = previous.pack, previous.version
        else:
            before = previous.pack if previous is not None else elsewhere
            grows = budget_tokens >= _ROOMY and (previous is None or previous.complete)
            pack, chosen_at = (
                choose(
                    items,
                    budget_tokens - _file_tokens(document, int(budget_tokens * FILE_SHARE), count),
                    tokenised,
                    previous=_still_told(before, document, disabled) if before is not None else None,
                    carry=previous is not None or budget_tokens >= _ROOMY,
                    roomy=budget_tokens >= _ROOMY,
                    grows=grows,
                    patience_s=None if previous is None else _PATIENCE_S,
                ),
                document.version,
            )
    for_file = budget_tokens - pack.tokens
    window = choose_window(
        document,
        line,
        prefix_tokens=int(for_file * (1 - SUFFIX_SHARE)),
        suffix_tokens=int(for_file * SUFFIX_SHARE),
        count=count,
        previous=previous.window if previous is not None else None,
    )
    prompt = prompt_of(
        document, Position(line, column), window, pack, form=form, encode=encode, repository=repository
    )
    return Assembled(prompt, Held(window, pack, serial, complete, chosen_at, budget_tokens), document)


def prompt_of(
    document: Document,
    position: Position,
    window: Window,
    pack: Pack,
    *,
    form: PromptFormat,
    encode: Encode,
    repository: str,
) -> Prompt:
    """The prompt for a position that holds these pieces and lines; secrets are left out."""
    line, column = position
    text = document.line(line)
    head, middle, lead = _around_anchor(document, window, line, column)
    tail = "" if closed_by_editor(text[column:]) else text[column:]
    ending = document.lines[line][len(text) :]
    prefix, middle, suffix = _gated(
        [*document.lines[window.start : window.anchor], lead],
        middle,
        [tail + ending, *document.lines[line + 1 : window.end]],
    )
    return render(
        form=form,
        encode=encode,
        items=pack.items,
        repository=repository,
        path=document.path,
        prefix=prefix,
        middle=middle,
        head=head,
        suffix=suffix,
    )


def _still_good(
    previous: Held, document: Document, line: int, serial: int, complete: bool, budget_tokens: int
) -> bool:
    """Whether the pieces of the previous prompt may stand: they do until the cursor has gone elsewhere.

    A first dossier, and the first that was made from all there is, are worth a new prompt at once; a later
    one, or pieces that were missed, after a while.
    """
    if previous.budget_tokens != budget_tokens or not holds_anchor(previous.window, line):
        return False
    if (previous.dossier == 0 and serial) or (complete and not previous.complete):
        return False
    news = previous.dossier != serial or previous.pack.missed > 0
    return not news or document.version - previous.version < _SOFT_CHANGES


def _has_what_matters(
    previous: Held, items: Sequence[ContextItem], document: Document, budget_tokens: int
) -> bool:
    """Whether a large prompt may keep its pieces although the cursor is elsewhere now.

    A new choice would have most of it evaluated again, for the file stands behind the pieces.
    """
    if budget_tokens < _ROOMY or previous.budget_tokens != budget_tokens or not previous.complete:
        return False
    recent = document.version - previous.version < _SOFT_CHANGES
    return recent and not previous.pack.missed and not lacks(previous.pack, items)


def _still_told(pack: Pack, document: Document, disabled: Collection[str]) -> Pack:
    """What a pack holds that may be told of in a prompt for ``document``, by today's settings."""
    pairs = [
        (item, ids)
        for item, ids in pack.items
        if item.path != document.path and item.source not in disabled and EVERYTHING not in disabled
    ]
    return Pack(tuple(pairs))


def _gather(
    snapshot: Snapshot, document: Document, line: int, dossier: Dossier | None, disabled: Collection[str]
) -> list[ContextItem]:
    """Every piece that may be told of: from the editor now, from the dossier as it is."""
    if EVERYTHING in disabled:
        return []
    items = [
        *open_files(snapshot, document),
        *recent_edits(snapshot, document, line),
        *diagnostics(snapshot, document, line),
    ]
    opened = {item.path for item in items if item.whole} | {document.path}
    if dossier is not None:
        items += [item for item in dossier.items if not (item.of_file and item.path in opened)]
    return [item for item in items if item.source not in disabled and may_be_prompted(item.path)]


def _file_tokens(document: Document, most: int, count: Callable[[str], int]) -> int:
    """Tokens of the document, ``most`` where it has more."""
    used = 0
    for line in document.lines:
        used += count(line)
        if used >= most:
            return most
    return used


def _around_anchor(
    document: Document, window: Window, line: int, column: int
) -> tuple[str, tuple[str, ...], str]:
    """The cursor's line's head, the middle part's lines before it, and the blanks given to the prefix.

    The anchor line's indentation ends the prefix: a model that knows how deep it is completes half as often
    again right as one that has to guess (docs/log.md), and typing on the line does not change it.
    """
    text, anchored = document.line(line), document.line(window.anchor)
    head, middle = text[:column], document.lines[window.anchor : line]
    first = middle[0] if middle else head
    blanks = len(anchored) - len(anchored.lstrip(" \t"))
    lead = first[: min(blanks, len(first))]
    if middle:
        return head, (middle[0][len(lead) :], *middle[1:]), lead
    return head[len(lead) :], (), lead


def _gated(
    prefix: Sequence[str], middle: Sequence[str], suffix: Sequence[str]
) -> tuple[list[str], list[str], list[str]]:
    """The three parts without secrets. What typing does not change is remembered as a whole."""
    return clean(tuple(prefix)), plain(redact_lines(middle)), clean(tuple(suffix))


@lru_cache(maxsize=32)
def clean(lines: tuple[str, ...]) -> list[str]:
    """A document's lines as prompts hold them: without secrets, with plain line ends."""
    return plain(redact_lines(lines))


def _is_secret(line: str, column: int) -> bool:
    """Whether the cursor stands in, or right after, something that must not be told."""
    if len(line) > MAX_LINE_CHARACTERS:
        return False
    clean = redact_lines([line])[0]
    return clean[max(0, column - 1) : column + 1] != line[max(0, column - 1) : column + 1]
