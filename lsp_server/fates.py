"""What became of each suggestion that was given to the client, by its key: shown, accepted in part, accepted.

Turns what clients report, in any order and more than once, into what is new of it: a suggestion is shown
once, and accepted whole or in part, with the characters that nobody had to type. It may be given anew under
its key, shorter by what was typed or accepted since. Knows nothing of LSP, nor of what is counted.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from context.document import Position, end_of

_FOLLOWED = 500  # suggestions whose fate is still awaited


class Offer(NamedTuple):
    """One text that was given to the client, and where it begins."""

    uri: str
    start: Position
    text: str
    known: int = 0  # characters of ``text`` that are in the document already


class Acceptance(NamedTuple):
    """What is new: ``text`` stands ``start`` to ``end`` of a document now."""

    language: str
    characters: int
    accepted: int  # 1 where the suggestion is accepted whole by now
    partly: int  # 1 where it is accepted in part, -1 where that became the whole
    uri: str
    text: str
    start: Position
    end: Position


@dataclass(slots=True)
class _Text:
    """A suggestion at its longest, and how much of it is accepted."""

    whole: str
    reached: int = 0


@dataclass(slots=True)
class _Fate:
    language: str
    offers: list[tuple[Offer, _Text]] = field(default_factory=list)  # as given last
    was_shown: bool = False
    is_partly: bool = False
    is_accepted: bool = False


class Fates:
    """The suggestions given last."""

    def __init__(self) -> None:
        self._fates: OrderedDict[str, _Fate] = OrderedDict()

    def offered(self, key: str, language: str, offers: Sequence[Offer]) -> bool:
        """Texts were given under ``key``, the candidates of one suggestion; whether it is a new one."""
        is_new = key not in self._fates
        fate = self._fates.setdefault(key, _Fate(language))
        texts = [text for _, text in fate.offers]
        fate.offers = []
        for offer in offers:
            plain = _plain(offer.text)
            text = next((one for one in texts if one.whole.endswith(plain)), None) or _Text(plain)
            fate.offers.append((offer._replace(text=plain), text))
        while len(self._fates) > _FOLLOWED:
            self._fates.popitem(last=False)
        return is_new

    def shown(self, key: str) -> str | None:
        """It was shown; its language where that is news, None where it is known or the key is not."""
        fate = self._fates.get(key)
        if fate is None or fate.was_shown:
            return None
        fate.was_shown = True
        return fate.language

    def accepted(self, key: str, number: int = 0) -> Acceptance | None:
        """One of its candidates was accepted, all that was left of it; None where that is no news."""
        if (fate := self._fates.get(key)) is None or fate.is_accepted or not fate.offers:
            return None
        offer, text = fate.offers[number if 0 <= number < len(fate.offers) else 0]
        return _accepted_to(fate, offer, text, len(text.whole))

    def partly_accepted(
        self, key: str, number: int = 0, *, item: str | None, units: int
    ) -> Acceptance | None:
        """The first ``units`` UTF-16 units of ``item`` are accepted by now (its text as it was given, now or
        earlier; None: as given last); None where that is no news."""
        if (fate := self._fates.get(key)) is None or fate.is_accepted or not fate.offers:
            return None
        offer, text = fate.offers[number if 0 <= number < len(fate.offers) else 0]
        given = offer.text if item is None else item
        left = len(_plain(given)) - len(_plain(_first_units(given, units)))
        end = len(text.whole) - left
        if end <= max(text.reached, len(text.whole) - len(offer.text)):
            return None
        return _accepted_to(fate, offer, text, end)


def _accepted_to(fate: _Fate, offer: Offer, text: _Text, end: int) -> Acceptance:
    given = len(text.whole) - len(offer.text)  # where what was given last begins
    start, last = max(text.reached, given), len(text.whole) - offer.known
    whole = end >= last
    accepted = Acceptance(
        fate.language,
        characters=max(0, min(end, last) - start),
        accepted=int(whole),
        partly=int(not whole) - int(fate.is_partly),
        uri=offer.uri,
        text=text.whole[start:end],
        start=end_of(offer.start, text.whole[given:start]),
        end=end_of(offer.start, text.whole[given:end]),
    )
    text.reached = end
    fate.is_partly, fate.is_accepted = not whole, whole
    return accepted


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _first_units(text: str, units: int) -> str:
    """The beginning of a text, by UTF-16 units."""
    return text.encode("utf-16-le", "surrogatepass")[: 2 * max(0, units)].decode("utf-16-le", "ignore")
