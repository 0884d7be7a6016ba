"""config.json of a checkpoint to the few numbers that the model's maths needs.

Refuses what it does not know, by name: a setting that is ignored gives answers that are wrong and look right.
Reads nothing but JSON; knows no tensors.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import ModelCorrupt

LOOP = "iquestloopcoder"
DENSE = ("iquestcoder", "llama")  # the same maths with one loop
_UNLIKE = {  # settings that change the maths, and the values that leave it alone
    "attention_bias": (False, None),
    "mlp_bias": (False, None),
    "hidden_act": ("silu",),
    "clip_qkv": (None,),
    "use_sliding_window": (False, None),
    "partial_rotary_factor": (1, None),
}


@dataclass(frozen=True, slots=True)
class LoopConfig:
    """A model's shape. ``loops`` is 1 and ``window`` 0 for a dense one.

    ``window`` counts the tokens that a token sees in the later loops, itself included.
    """

    vocabulary_size: int
    hidden_size: int
    intermediate_size: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    rms_norm_eps: float
    rope_theta: float
    loops: int
    window: int
    trained_context: int
    tied: bool
    stop_tokens: tuple[int, ...]
    begin_token: int | None


def read_config(folder: Path) -> LoopConfig:
    """The config of the checkpoint in ``folder``. Raises ModelCorrupt, naming the file and the setting."""
    file = folder / "config.json"
    raw = read_object(file)
    values = _Values(raw, file)
    kind = raw.get("model_type")
    if kind == "iquestpltcoder":
        raise ModelCorrupt(
            f"{file} describes LoopCoder-V2 (iquestpltcoder), which computes otherwise than V1's models; "
            "CodeFlow cannot run it."
        )
    if kind != LOOP and kind not in DENSE:
        known = ", ".join((LOOP, *DENSE))
        raise ModelCorrupt(f"{file}: model_type is {kind!r}; CodeFlow's loop engine runs {known}.")
    for name, allowed in _UNLIKE.items():
        if name in raw and raw[name] not in allowed:
            raise ModelCorrupt(
                f"{file}: {name} is {raw[name]!r}, which CodeFlow's loop engine does not have."
            )
    looped = kind == LOOP
    heads, hidden = values.count("num_attention_heads"), values.count("hidden_size")
    config = LoopConfig(
        vocabulary_size=values.count("vocab_size"),
        hidden_size=hidden,
        intermediate_size=values.count("intermediate_size"),
        layers=values.count("num_hidden_layers"),
        heads=heads,
        kv_heads=values.count("num_key_value_heads", None if looped else heads),
        head_dim=values.count("head_dim", None if looped else max(1, hidden // heads)),
        rms_norm_eps=values.number("rms_norm_eps", raw),
        rope_theta=_rope_theta(values, raw, file),
        loops=values.count("loop_num", None if looped else 1),
        window=values.count("loop_window_size") if looped else 0,
        trained_context=values.count("max_position_embeddings"),
        tied=values.flag("tie_word_embeddings"),
        stop_tokens=_stop_tokens(raw, folder, file),
        begin_token=next(iter(_tokens(raw, "bos_token_id", file)), None),
    )
    if config.loops > 1 and not looped:
        raise ModelCorrupt(f"{file}: loop_num is {config.loops}, but model_type {kind} runs its layers once.")
    if config.heads % config.kv_heads:
        raise ModelCorrupt(
            f"{file}: num_attention_heads ({config.heads}) is no multiple of num_key_value_heads "
            f"({config.kv_heads})."
        )
    if config.head_dim % 2:
        raise ModelCorrupt(f"{file}: head_dim is {config.head_dim}; rotary positions need an even one.")
    return config


def read_object(file: Path) -> dict[str, Any]:
    """A JSON object from a file. Raises ModelCorrupt."""
    try:
        raw = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelCorrupt(f"{file} is missing: the folder is no complete checkpoint.") from None
    except (OSError, ValueError, RecursionError) as error:  # bad UTF-8 and bad JSON are ValueErrors
        raise ModelCorrupt(f"{file} cannot be read: {error}.") from None
    if not isinstance(raw, dict):
        raise ModelCorrupt(f"{file} should be a JSON object, not {type(raw).__name__}.")
    return raw


@dataclass(frozen=True, slots=True)
class _Values:
    raw: Mapping[str, Any]
    file: Path

    def count(self, name: str, default: int | None = None) -> int:
        """A whole number of at least 1; required where there is no default."""
        value = self.raw.get(name)
        value = default if value is None else value  # transformers writes null for what it derives
        if value is None:
            raise ModelCorrupt(f"{self.file}: {name} is missing.")
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ModelCorrupt(f"{self.file}: {name} should be a whole number of at least 1, not {value!r}.")
        return value

    def flag(self, name: str) -> bool:
        """True or false; false where it is not given."""
        value = self.raw.get(name, False)
        if not isinstance(value, bool):
            raise ModelCorrupt(f"{self.file}: {name} should be true or false, not {value!r}.")
        return value

    def number(self, name: str, where: Mapping[str, Any]) -> float:
        """A number above 0; required."""
        value = where.get(name)
        if value is None:
            raise ModelCorrupt(f"{self.file}: {name} is missing.")
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
            raise ModelCorrupt(f"{self.file}: {name} should be a number above 0, not {value!r}.")
        return float(value)


def _rope_theta(values: _Values, raw: Mapping[str, Any], file: Path) -> float:
    """Newer checkpoints have it in rope_parameters; any scaling of positions is refused."""
    newer = raw.get("rope_parameters")
    for scaling in (raw.get("rope_scaling"), newer):
        kind = scaling.get("rope_type", scaling.get("type")) if isinstance(scaling, dict) else scaling
        if kind not in (None, "default"):
            raise ModelCorrupt(
                f"{file}: positions are scaled ({kind}), which CodeFlow's loop engine does not do."
            )
    where = newer if isinstance(newer, dict) and "rope_theta" in newer else raw
    return values.number("rope_theta", where)


def _stop_tokens(raw: Mapping[str, Any], folder: Path, file: Path) -> tuple[int, ...]:
    """Where a generation ends, by config.json and generation_config.json together."""
    found = _tokens(raw, "eos_token_id", file)
    generation = folder / "generation_config.json"
    if generation.is_file():
        found += _tokens(read_object(generation), "eos_token_id", generation)
    return tuple(dict.fromkeys(found))


def _tokens(raw: Mapping[str, Any], name: str, file: Path) -> tuple[int, ...]:
    """Token ids, given as one or as a list; empty where there are none."""
    value = raw.get(name)
    ids = value if isinstance(value, list) else [] if value is None else [value]
    for token in ids:
        if isinstance(token, bool) or not isinstance(token, int) or token < 0:
            raise ModelCorrupt(f"{file}: {name} should hold token ids, not {token!r}.")
    return tuple(ids)
