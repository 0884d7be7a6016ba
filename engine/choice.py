"""``auto``: the largest catalogued model that is quick enough on this machine, and why.

The smallest candidate is measured; a larger one is obtained only where that measurement promises enough
speed, and chosen only where its own measurement keeps the promise.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass

import psutil

from engine.catalog import ModelEntry, Progress, ResolvedModel, cache_dir, load_catalog, resolve
from engine.errors import ModelError
from engine.llama.opening import open_llama, version
from engine.llama.threads import FreeCores
from engine.speed import Speed, SpeedBook, measure

LIMIT_S = 1.0  # a ghost text later than this is typed past
_HOPE = 1.25  # how far over the limit a prediction may be and still be worth a measurement
_QUIET_LOAD = 0.5  # load average below which a measurement is worth repeating
_FREE_MEMORY = 2.0  # times the file's size: weights, repacked weights, KV cache


@dataclass(frozen=True, slots=True)
class Choice:
    """A model on this machine, its speed, and why it serves."""

    model: ResolvedModel
    speed: Speed
    reason: str


def speed_book() -> SpeedBook:
    """The measurements of this machine."""
    return SpeedBook(cache_dir() / "speeds.json", version())


def speed_of(model: ResolvedModel, book: SpeedBook, *, again: bool = False) -> Speed:
    """The kept speed of a model; measured now where there is none, or where ``again`` is set.

    A measurement taken beside other work is repeated at the first start that finds the machine quiet.
    """
    key = model.entry.sha256 if model.entry else str(model.path)
    known = None if again else book.get(key)
    if known is not None and (not book.is_provisional(key) or psutil.getloadavg()[0] > _QUIET_LOAD):
        return known
    backend, load = open_llama(model.path, sequences=1, context_tokens=512), FreeCores()
    try:
        speed = measure(backend)
    finally:
        backend.close()
    book.put(key, speed, provisional=load() < load.cores)
    return speed


def choose_model(
    *, allow_pull: bool, report: Callable[[Progress], None], cancelled: threading.Event | None = None
) -> Choice:
    """Choose, obtaining what the choice needs. Raises what ``resolve`` raises for the smallest candidate."""
    candidates = sorted(
        (e for e in load_catalog() if e.automatic and e.fim and e.pullable and e.engine == "llama"),
        key=lambda entry: entry.parameters,
    )
    book = speed_book()
    smallest = resolve(candidates[0].name, allow_pull=allow_pull, report=report, cancelled=cancelled)
    chosen = Choice(smallest, speed_of(smallest, book), smallest.notice or "")
    if smallest.entry != candidates[0]:
        return chosen
    turned_down = ""
    for entry in candidates[1:]:
        turned_down = _reason_against(entry, candidates[0], chosen.speed, book)
        if turned_down:
            break
        try:
            model = resolve(entry.name, allow_pull=allow_pull, report=report, cancelled=cancelled)
        except ModelError as error:  # what is here serves meanwhile
            turned_down = f"{entry.name} could not be had: {error}"
            break
        if model.entry != entry:
            turned_down = model.notice or ""
            break
        speed = speed_of(model, book)
        if speed.ghost_text_s > LIMIT_S:
            turned_down = f"{entry.name} would take {speed.ghost_text_s:.2f} s"
            break
        chosen = Choice(model, speed, "")
    name = chosen.model.entry.name if chosen.model.entry else str(chosen.model.path)
    reason = (
        f"{name}: a typical ghost text takes {chosen.speed.ghost_text_s:.2f} s here (limit {LIMIT_S:.0f} s)"
    )
    return Choice(chosen.model, chosen.speed, f"{reason}; {turned_down}" if turned_down else reason)


def _reason_against(entry: ModelEntry, measured: ModelEntry, speed: Speed, book: SpeedBook) -> str:
    """Why not even to obtain ``entry``; "" where it is worth a measurement."""
    if (known := book.get(entry.sha256)) is not None:
        return "" if known.ghost_text_s <= LIMIT_S else f"{entry.name} would take {known.ghost_text_s:.2f} s"
    share = math.sqrt(
        entry.parameters / measured.parameters
    )  # 1.8 times the time was seen for 3.1 times the size
    expected = speed.scaled(share).ghost_text_s
    if expected > LIMIT_S * _HOPE:
        return f"{entry.name} would take about {expected:.1f} s"
    if psutil.virtual_memory().available < entry.size_bytes * _FREE_MEMORY:
        return f"{entry.name} needs {entry.size_bytes * _FREE_MEMORY / 1e9:.1f} GB of free memory"
    return ""
