"""Does the last suggestion still fit what was typed since? Then its rest is shown, without the model.

Remembers the latest suggestions of each document, so that deleting back shows an earlier one again.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from context.assemble import closed_by_editor
from context.document import Document, Position
from lsp_server.place import Place
from lsp_server.trim import Shown

_REMEMBERED = 16  # suggestions per document; a human deletes back a few words, not a page


@dataclass(frozen=True, slots=True)
class _Offer:
    """What was shown where; ``key`` is the caller's own, to account for it."""

    document: Document
    position: Position
    shown: Shown
    key: str


@dataclass(slots=True)
class TypedAlong:
    """The suggestions last shown, by document."""

    _offers: dict[str, deque[_Offer]] = field(default_factory=dict)

    def remember(self, place: Place, shown: Shown, key: str) -> None:
        """Note a suggestion that is about to be shown."""
        offers = self._offers.setdefault(place.document.uri, deque(maxlen=_REMEMBERED))
        offers.appendleft(_Offer(place.document, place.position, shown, key))

    def forget(self, uri: str) -> None:
        """Drop what was shown in a document."""
        self._offers.pop(uri, None)

    def find(self, place: Place) -> tuple[Shown, str] | None:
        """What is left of a suggestion at ``place``, and its key; None where none fits."""
        for offer in self._offers.get(place.document.uri, ()):
            if (rest := _rest(offer, place)) is not None:
                return rest, offer.key
        return None


def _rest(offer: _Offer, place: Place) -> Shown | None:
    """The part of ``offer`` that is not typed yet, if everything typed since agrees with it."""
    old, new = offer.document, place.document
    first, line = offer.position.line, place.position.line
    if (
        line < first
        or old.lines[:first] != new.lines[:first]
        or old.lines[first + 1 :] != new.lines[line + 1 :]
    ):
        return None
    old_head, old_tail = (
        old.line(first)[: offer.position.column],
        old.line(first)[offer.position.column :],
    )
    typed = "".join([*new.lines[first:line], place.head])
    if not typed.startswith(old_head):
        return None
    typed, whole = _plain(typed[len(old_head) :]), _plain(offer.shown.text)
    rest = whole[len(typed) :]
    if not whole.startswith(typed) or not rest.strip():
        return None
    kept = old_tail[offer.shown.replaced :]
    if not place.tail.endswith(kept):
        return None
    added = place.tail[: len(place.tail) - len(kept)]  # by the editor, while it closed what was typed
    if not (closed_by_editor(added) and _is_subsequence(added.strip(), rest)):
        return None
    return Shown(rest.replace("\n", place.line_end), len(added))


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _is_subsequence(part: str, whole: str) -> bool:
    characters = iter(whole)
    return all(character in characters for character in part)
