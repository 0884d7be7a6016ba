"""What a sequence holds as bytes (safetensors), to be loaded again by the same model in another session.

Of the earlier states that it keeps only the last one goes along, where an answer may have crossed the end of
a window since: a prompt is what is asked for again. Reads and writes tensors alone.
"""

from __future__ import annotations

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from engine.flow.config import FlowConfig
from engine.flow.pinned import Pool
from engine.flow.sequence import Sequence
from engine.flow.state import FlowState, Rows

_ANSWER = 512  # tokens: hardly an answer is longer


def save_state(held: Sequence, config: FlowConfig) -> bytes:
    """All that ``held`` needs to go on, and to be cut back by an answer."""
    tensors = {"ids": torch.tensor(held.ids, dtype=torch.int64), **_tensors(held.state, "now")}
    last = max(held.kept, default=0)
    if last and 0 < len(held.ids) - last * config.window < _ANSWER:
        tensors |= _tensors(held.kept[last], "earlier")
    return save({name: one.contiguous().cpu() for name, one in tensors.items()})


def load_state(held: Sequence, config: FlowConfig, state: bytes | memoryview) -> bool:
    """Let the empty ``held`` hold a saved state; False, and it stays empty, where that is none of its."""
    device = held.state.ranks.device
    try:
        tensors = {name: one.to(device) for name, one in load(bytes(state)).items()}
        ids = tensors["ids"].tolist()
        now = _state(tensors, "now", config)
        earlier = _state(tensors, "earlier", config) if "earlier.tokens" in tensors else None
    except (SafetensorError, KeyError, ValueError, TypeError):
        return False
    if now.tokens != len(ids):
        return False
    held.restore(ids, now, earlier)
    return True


def _tensors(state: FlowState, name: str) -> dict[str, Tensor]:
    found = {
        f"{name}.tokens": torch.tensor(state.tokens),
        f"{name}.ranks": state.ranks,
        f"{name}.pool.ranks": state.pool.ranks,
        f"{name}.pool.places": state.pool.places,
    }
    for number, layer in enumerate(state.layers):
        parts = {"keys": layer.keys, "values": layer.values, "attended": layer.attended}
        parts |= {f"later{n}.{i}": rows for n, pair in enumerate(layer.later) for i, rows in enumerate(pair)}
        held = {part: rows.held for part, rows in parts.items() if rows.length}
        if layer.slots is not None and layer.read is not None:
            held |= {"slots": layer.slots, "read.0": layer.read[0], "read.1": layer.read[1]}
        if layer.pinned is not None:
            held |= {"pinned.0": layer.pinned[0], "pinned.1": layer.pinned[1]}
        found |= {f"{name}.{number}.{part}": one for part, one in held.items()}
    return found


def _state(tensors: dict[str, Tensor], name: str, config: FlowConfig) -> FlowState:
    """Raises KeyError or ValueError where the tensors are of another model."""
    tokens, ranks = int(tensors[f"{name}.tokens"]), tensors[f"{name}.ranks"]
    pool = Pool(tensors[f"{name}.pool.ranks"], tensors[f"{name}.pool.places"])
    state = FlowState.empty(config, 1, ranks.device)
    state.tokens, state.ranks, state.pool = tokens, ranks, pool
    inside = (tokens - 1) % config.window + 1
    near, slots = ranks.shape[1], config.memory_slots
    if near != min(tokens, inside + config.window) or pool.ranks.shape != pool.places.shape:
        raise ValueError("a state of another window")

    def checked(number: int, part: str, count: int, *, hidden: bool = False) -> Tensor:
        one = tensors[f"{name}.{number}.{part}"]
        form = (1, count, config.hidden_size) if hidden else (1, config.kv_heads, count, config.head_dim)
        if tuple(one.shape) != form:
            raise ValueError("a state of another model")
        return one

    def rows(number: int, part: str, count: int, room: int, *, hidden: bool = False) -> Rows:
        return Rows(room, checked(number, part, count, hidden=hidden), count)

    for number, layer in enumerate(state.layers):
        layer.keys = rows(number, "keys", near, layer.keys.room)
        layer.values = rows(number, "values", near, layer.values.room)
        layer.later = [
            (rows(number, f"later{n}.0", later, room), rows(number, f"later{n}.1", later, room))
            for n, pair in enumerate(layer.later)
            for room, later in [(pair[0].room, min(tokens, inside + config.loop_window))]
        ]
        if number not in config.far_layers:
            continue
        if slots:
            layer.attended = rows(number, "attended", inside, config.window, hidden=True)
            layer.slots = tensors[f"{name}.{number}.slots"]
            if tuple(layer.slots.shape) != (1, slots, config.memory_size):
                raise ValueError("a state of another memory")
            layer.read = checked(number, "read.0", slots), checked(number, "read.1", slots)
        if config.pinned_tokens and f"{name}.{number}.pinned.0" in tensors:
            pinned = pool.ranks.shape[1]
            layer.pinned = checked(number, "pinned.0", pinned), checked(number, "pinned.1", pinned)
    return state
