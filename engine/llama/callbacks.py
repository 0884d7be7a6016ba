"""What llama.cpp calls back, by functions that are never freed.

A callback made by ctypes is machine code in memory of its own; C holds a bare pointer to it, and executes
whatever lies there once Python has freed it. So there is one for each purpose, kept for good, and what it is
to ask is looked up by the number that C passes along. A number of which nothing is known answers "go on".
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from itertools import count
from typing import Any

_numbers = count(1)  # 0 would be a null pointer
_stops: dict[int, Callable[[], bool]] = {}
_loads: dict[int, Callable[[float], bool]] = {}


class Called:
    """A function of ours under a number; ``callback`` and ``data`` are what C is given for it."""

    def __init__(self, callback: Any, known: dict[int, Any], function: Callable[..., bool]) -> None:
        self.callback, self.data = callback, next(_numbers)
        self._known = known
        known[self.data] = function

    def close(self) -> None:
        """Forget the function. Idempotent."""
        self._known.pop(self.data, None)


def asked_to_stop(stop: Callable[[], bool]) -> Called:
    """``stop`` as a ``ggml_abort_callback``: asked between the operations of an evaluation."""
    return Called(_on_abort, _stops, stop)


def told_of_loading(go_on: Callable[[float], bool]) -> Called:
    """``go_on`` as a ``llama_progress_callback``: told the share that is loaded, 0 to 1; False ends it."""
    return Called(_on_progress, _loads, go_on)


@ctypes.CFUNCTYPE(ctypes.c_bool, ctypes.c_void_p)
def _on_abort(data: int | None) -> bool:
    stop = _stops.get(data or 0)
    return stop is not None and stop()


@ctypes.CFUNCTYPE(ctypes.c_bool, ctypes.c_float, ctypes.c_void_p)
def _on_progress(share: float, data: int | None) -> bool:
    go_on = _loads.get(data or 0)
    return go_on is None or go_on(share)
