"""Evaluated prompts set aside in memory, as copies of a sequence's state, up to a number of bytes.

What is worth least goes first. Knows states and token ids; what they are copied from and to is
``prefix_store``'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from engine.radix_tree import RadixTree, common_prefix


@dataclass(slots=True, eq=False)
class ParkedPrompt:
    """A copy of a sequence's state; only its body counts. One with a ``name`` stays until that is dropped.

    ``saved``: tokens of it that are on disk.
    """

    tokens: tuple[int, ...]
    state: bytes
    owner: str
    saved: int
    uses: int = 1
    worth: float = 0.0
    name: str = ""


class ParkedPrompts:
    """At most ``most_bytes`` of them beside those with a name; each is in ``tree`` too, while it is here."""

    def __init__(self, tree: RadixTree, most_bytes: int) -> None:
        self._tree = tree
        self.most_bytes = most_bytes
        self._prompts: list[ParkedPrompt] = []
        self._aged = 0.0  # worth of the last state that was let go: what came later is worth more

    def __iter__(self) -> Iterator[ParkedPrompt]:
        return iter(tuple(self._prompts))

    @property
    def bytes(self) -> int:
        """What they take together."""
        return sum(len(one.state) for one in self._prompts)

    def keep(self, parked: ParkedPrompt) -> None:
        """Take one in, in place of those that are beginnings of it, and let go what there is no room for."""
        for older in self:
            if not older.name and older.tokens == parked.tokens[: len(older.tokens)]:
                parked.uses += older.uses
                self._drop(older)
        self._prompts.append(parked)
        self._tree.insert(parked.tokens, parked)
        self._weigh(parked)
        while (others := [one for one in self if not one.name]) and self._is_over(others):
            least = min(others, key=lambda one: one.worth)
            self._aged = least.worth
            self._drop(least)

    def use(self, parked: ParkedPrompt) -> None:
        """Note that one was of use."""
        parked.uses += 1
        self._weigh(parked)

    def drop_named(self, name: str) -> None:
        """Let go what was kept under a name."""
        for one in self:
            if one.name == name:
                self._drop(one)

    def _is_over(self, others: list[ParkedPrompt]) -> bool:
        return sum(len(one.state) for one in others) > self.most_bytes

    def _weigh(self, parked: ParkedPrompt) -> None:
        """GreedyDual-Size-Frequency (Cherkasova 1998): age + uses x cost / bytes; the cost is in tokens that
        nothing else holds."""
        shared = (common_prefix(one.tokens, parked.tokens) for one in self if one is not parked)
        own = len(parked.tokens) - max(shared, default=0)
        parked.worth = self._aged + parked.uses * max(1, own) / len(parked.state) * 1e4

    def _drop(self, parked: ParkedPrompt) -> None:
        self._prompts.remove(parked)
        self._tree.remove(parked.tokens, parked)
