"""One sequence as the backend holds it: its state now, and some earlier ones, so that it can be cut back.

A state goes back within its last window by itself; a copy is kept at the ends of windows, ever fewer the
longer ago: about one for each doubling of the distance. The last two go back within their windows, too; older
ones hold only what going on from there takes. Knows no model.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from engine.flow.config import FlowConfig
from engine.flow.reading import Marks, Reading, read
from engine.flow.state import FlowState


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a sequence was: enough to go back to as long as nothing but ``extend`` was done since."""

    length: int
    state: FlowState
    reading: Reading
    kept: dict[int, FlowState]


class Sequence:
    """``ids`` are evaluated, ``state`` is after them, ``reading`` where their reading has come to.

    ``kept`` are states, never written to, by how many windows were full; ``readings`` are where the reading
    of each window began.
    """

    def __init__(self, config: FlowConfig, marks: Marks, device: torch.device) -> None:
        self._config, self._marks, self._device = config, marks, device
        self.ids: list[int] = []
        self.state, self.reading = FlowState.empty(config, 1, device), Reading()
        self.kept: dict[int, FlowState] = {}
        self.readings: list[Reading] = []

    @property
    def room(self) -> int:
        """How many tokens end the present window, or make a whole one."""
        return self._config.window - len(self.ids) % self._config.window

    def extend(self, ids: list[int], reading: Reading, state: FlowState) -> None:
        """Take in tokens that were evaluated, no more than there is ``room`` for."""
        if len(self.ids) % self._config.window == 0:
            self.readings.append(self.reading)
        self.ids += ids
        self.state, self.reading = state, reading
        full, rest = divmod(len(self.ids), self._config.window)
        if not rest:
            kept = {one: held for one, held in self.kept.items() if _is_kept(one, full)}
            if (thinned := kept.get(full - 2)) is not None:
                kept[full - 2] = thinned.thin(self._config)
            self.kept = kept | {full: state.copy()}

    def mark(self) -> Mark:
        """To be given to ``undo``."""
        return Mark(len(self.ids), self.state, self.reading, self.kept)

    def undo(self, mark: Mark) -> None:
        """Be as before the extensions since ``mark``, each of which went on from a ``trial`` of the state."""
        del self.ids[mark.length :]
        del self.readings[-(-mark.length // self._config.window) :]
        self.state, self.reading, self.kept = mark.state, mark.reading, mark.kept

    def restorable(self, length: int) -> int:
        """The longest beginning, of at most ``length`` tokens, that ``cut`` can keep. Any thread may ask."""
        length, kept = min(length, len(self.ids)), self.kept
        if length == 0 or self._source(length) is not None:
            return length
        return max((window for one in kept if (window := one * self._config.window) < length), default=0)

    def cut(self, length: int) -> bool:
        """Keep the first ``length`` tokens; False, and nothing is changed, where that cannot be exact."""
        if length >= len(self.ids):
            return True
        source = self._source(length) if length else FlowState.empty(self._config, 1, self._device)
        if source is None:
            return False
        if source is not self.state:
            source = source.copy()
        source.cut(length)
        window = self._config.window
        begun = -(-length // window)
        self.state, self.ids = source, self.ids[:length]
        self.kept = {one: held for one, held in self.kept.items() if one * window <= length}
        start = self.readings[begun - 1] if begun else Reading()
        del self.readings[begun:]
        self.reading = read(self._marks, start, self.ids[max(0, begun - 1) * window :])[2]
        return True

    def forked(self, length: int) -> Sequence:
        """Another one that holds the first ``length`` tokens, which is ``restorable``."""
        other = Sequence(self._config, self._marks, self._device)
        other.ids, other.state, other.reading = self.ids.copy(), self.state.trial(), self.reading
        other.kept, other.readings = self.kept, self.readings.copy()
        other.cut(length)
        other.state = other.state.copy()
        return other

    def restore(self, ids: list[int], state: FlowState, earlier: FlowState | None) -> None:
        """Hold what was saved; ``earlier`` ends the window before the present one."""
        self.ids, self.state, window = ids, state, self._config.window
        self.kept = {earlier.tokens // window: earlier} if earlier is not None else {}
        self.reading, self.readings = Reading(), []
        for start in range(0, len(ids), window):
            self.readings.append(self.reading)
            self.reading = read(self._marks, self.reading, ids[start : start + window])[2]

    def _source(self, length: int) -> FlowState | None:
        """A state that goes back to ``length`` tokens: one whose last window is that of the last of them."""
        window = self._config.window
        last = -(-length // window)
        found = self.state if last == -(-len(self.ids) // window) else self.kept.get(last)
        return found if found is not None and found.first <= max(0, length - window) else None


def _is_kept(one: int, full: int) -> bool:
    """Whether the state after ``one`` windows is worth its bytes once there are ``full``."""
    distance = full - one
    return distance < 2 or one % (1 << (distance.bit_length() - 1)) == 0
