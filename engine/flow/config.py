"""The shape of a flow model, and its form in a checkpoint's config.json.

Refuses what it does not know, by name: a setting that is ignored gives answers that are wrong and look right.
Reads and writes nothing but JSON; knows no tensors.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from engine.errors import ModelCorrupt
from engine.loop.config import read_object

FLOW = "codeflow_flow"
_NAMES = {  # ours to config.json's, where other models have the same setting
    "vocabulary_size": "vocab_size",
    "layers": "num_hidden_layers",
    "heads": "num_attention_heads",
    "kv_heads": "num_key_value_heads",
    "loops": "loop_num",
    "loop_window": "loop_window_size",
    "trained_context": "max_position_embeddings",
    "tied": "tie_word_embeddings",
    "stop_tokens": "eos_token_id",
    "begin_token": "bos_token_id",
}
_BESIDE = {"model_type", "architectures", "torch_dtype", "dtype", "transformers_version"}  # change no maths


@dataclass(frozen=True, slots=True)
class FlowConfig:
    """A flow model's shape.

    Every layer sees a token's last ``window`` tokens, itself included. Those named in ``far_layers`` also see
    ``memory_slots`` vectors of ``memory_size``, written once per finished window, and up to ``pinned_tokens``
    older tokens exactly; 0 leaves either out. ``axes``: whether heads know line, age and level beside the
    order of tokens. With ``loops`` above 1 the layers run again: a later loop mixes the first one's
    attention with one over its own last ``loop_window`` tokens. ``memory_dropout`` is the share of training
    texts that are read without memory.
    """

    vocabulary_size: int
    hidden_size: int
    intermediate_size: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    window: int = 1024
    far_layers: tuple[int, ...] = ()
    memory_slots: int = 64
    memory_size: int = 128
    memory_dropout: float = 0.0
    pinned_tokens: int = 4096
    axes: bool = True
    loops: int = 1
    loop_window: int = 64
    rms_norm_eps: float = 1e-5
    trained_context: int = 8192
    tied: bool = True
    stop_tokens: tuple[int, ...] = ()
    begin_token: int | None = None

    def __post_init__(self) -> None:
        if wrong := _what_is_wrong(self):
            raise ValueError(wrong)

    def as_json(self) -> dict[str, Any]:
        """What config.json holds."""
        values = {_NAMES.get(name, name): value for name, value in asdict(self).items()}
        return {"model_type": FLOW, "architectures": ["CodeFlowFlowForCausalLM"], **values}


def write_config(config: FlowConfig, folder: Path) -> None:
    """Write ``folder``/config.json."""
    text = json.dumps(config.as_json(), indent=2) + "\n"
    (folder / "config.json").write_text(text, encoding="utf-8")


def read_flow_config(folder: Path) -> FlowConfig:
    """The config of the checkpoint in ``folder``. Raises ModelCorrupt, naming the file and the setting."""
    file = folder / "config.json"
    raw = read_object(file)
    if raw.get("model_type") != FLOW:
        raise ModelCorrupt(f"{file}: model_type is {raw.get('model_type')!r}, not {FLOW!r}.")
    ours = {_NAMES.get(entry.name, entry.name): entry.name for entry in fields(FlowConfig)}
    if unknown := sorted(set(raw) - set(ours) - _BESIDE):
        raise ModelCorrupt(f"{file}: {unknown[0]} is a setting that CodeFlow's flow model does not have.")
    values = {ours[name]: _value(value) for name, value in raw.items() if name in ours}
    try:
        return FlowConfig(**values)
    except (TypeError, ValueError) as error:  # a setting is missing, or wrong
        raise ModelCorrupt(f"{file}: {error}.") from None


def is_flow(folder: Path) -> bool:
    """Whether ``folder`` says that it holds a flow model."""
    try:
        return read_object(folder / "config.json").get("model_type") == FLOW
    except ModelCorrupt:
        return False


def _value(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _what_is_wrong(config: FlowConfig) -> str:
    """A setting that cannot be, as words; empty where all can."""
    least = {
        **dict.fromkeys(("vocabulary_size", "hidden_size", "intermediate_size", "layers", "heads"), 1),
        **dict.fromkeys(("kv_heads", "loops", "loop_window", "trained_context", "memory_size"), 1),
        **dict.fromkeys(("memory_slots", "pinned_tokens"), 0),
        "window": 2,
        "head_dim": 2,
    }
    for name, low in least.items():
        value = getattr(config, name)
        if isinstance(value, bool) or not isinstance(value, int) or value < low:
            return f"{_NAMES.get(name, name)} should be a whole number of at least {low}, not {value!r}"
    for name in ("axes", "tied"):
        if not isinstance(getattr(config, name), bool):
            return f"{_NAMES.get(name, name)} should be true or false, not {getattr(config, name)!r}"
    for name in ("memory_dropout", "rms_norm_eps"):
        value = getattr(config, name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
            return f"{name} should be a number from 0 to below 1, not {value!r}"
    for name, below in (("far_layers", config.layers), ("stop_tokens", config.vocabulary_size)):
        value = getattr(config, name)
        if not isinstance(value, tuple) or not all(_is_index(one, below) for one in value):
            return f"{_NAMES.get(name, name)} should hold numbers from 0 to below {below}, not {value!r}"
    if config.begin_token is not None and not _is_index(config.begin_token, config.vocabulary_size):
        return f"bos_token_id should be a token, not {config.begin_token!r}"
    if config.heads % config.kv_heads:
        return (
            f"num_attention_heads ({config.heads}) is no multiple of num_key_value_heads ({config.kv_heads})"
        )
    if config.memory_slots and config.memory_size % config.kv_heads:
        return f"memory_size ({config.memory_size}) is no multiple of num_key_value_heads ({config.kv_heads})"
    if config.loop_window > config.window:
        return f"loop_window_size ({config.loop_window}) is more than the window ({config.window})"
    if config.head_dim % (16 if config.axes else 2):
        return f"head_dim is {config.head_dim}; positions need a multiple of {16 if config.axes else 2}"
    return ""


def _is_index(value: object, below: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < below
