"""The architectures that can be trained: what their tables in a recipe mean, and how they become checkpoints.

`loop` and `standard` are checkpoints of the loop engine (iquestloopcoder with two loops; a Llama), `flow` is
`engine.flow`'s own. Knows nothing of training itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cattrs
import torch
from safetensors.torch import save_file
from torch import nn

from engine.flow.config import FlowConfig, write_config
from engine.loop.config import LOOP, LoopConfig
from engine.loop.tokenizer import open_tokenizer
from engine.training.loop_model import LoopTransformer, published
from engine.training.recipe import RecipeError

if TYPE_CHECKING:
    from engine.flow.model import FlowModel

    Trainable = LoopTransformer | FlowModel

ARCHITECTURES = ("loop", "standard", "flow")
_ENDS = ("<|endoftext|>", "<|im_end|>", "<|file_sep|>", "<|repo_name|>")  # an answer ends at any of them
_TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "tokenizer_config.json", "chat_template.jinja")


@dataclass(frozen=True, slots=True)
class LoopShape:
    """The tables of `loop` and of `standard`, which has no loops and no window."""

    layers: int
    hidden_size: int
    intermediate_size: int
    heads: int
    kv_heads: int
    head_dim: int
    loops: int = 2
    window: int = 64
    tied: bool = True
    rope_theta: float = 500_000.0
    rms_norm_eps: float = 1e-5


def new_model(
    architecture: str, table: Mapping[str, Any], *, vocabulary: int, context: int, seed: int
) -> Trainable:
    """A model with fresh weights. ``context``: the longest window it will see. Raises RecipeError."""
    model = (_new_flow if architecture == "flow" else _new_loop)(architecture, table, vocabulary, context)
    model.begin(seed)
    return model


def _new_flow(architecture: str, table: Mapping[str, Any], vocabulary: int, context: int) -> FlowModel:
    from engine.flow.model import build

    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in table.items()
    }
    try:
        return build(FlowConfig(vocabulary_size=vocabulary, trained_context=context, **values))
    except (TypeError, ValueError) as error:  # a setting is unknown, missing or wrong
        raise RecipeError(f"the table of {architecture}: {error}.") from None


def _new_loop(architecture: str, table: Mapping[str, Any], vocabulary: int, context: int) -> LoopTransformer:
    looped = architecture == "loop"
    table = table if looped else {name: one for name, one in table.items() if name not in ("loops", "window")}
    try:
        shape = cattrs.Converter(forbid_extra_keys=True).structure(table, LoopShape)
    except cattrs.BaseValidationError as error:
        said = "; ".join(cattrs.transform_error(error))
        raise RecipeError(f"the table of {architecture}: {said}.") from None
    if shape.heads % shape.kv_heads or shape.head_dim % 2 or shape.loops < 2 or shape.window < 1:
        raise RecipeError(
            f"the table of {architecture}: heads is a multiple of kv_heads, head_dim is even, loops is at "
            "least 2 and window at least 1."
        )
    sizes = {name: value for name, value in asdict(shape).items() if name not in ("loops", "window")}
    return LoopTransformer(
        LoopConfig(
            **sizes,
            vocabulary_size=vocabulary,
            loops=shape.loops if looped else 1,
            window=shape.window if looped else 0,
            trained_context=context,
            stop_tokens=(),
            begin_token=None,
        )
    )


def flops_per_token(model: Trainable, context: int) -> float:
    """Of one token's forward and backward pass, as it is usually counted: 6 a weight that it is multiplied
    with, in every loop, and its attention to the tokens before it in windows of ``context``."""
    config = model.config
    inner = sum(one.numel() for one in model.model.layers.parameters() if one.dim() == 2)
    seen = min(context, config.window) if isinstance(config, FlowConfig) else context
    attention = 6 * config.layers * config.heads * config.head_dim * seen
    return config.loops * (6 * inner + attention) + 6 * config.vocabulary_size * config.hidden_size


def write_checkpoint(model: Trainable, tokenizer: Path, folder: Path) -> None:
    """A checkpoint that the engines open: weights in bfloat16, config.json, the files of ``tokenizer``.

    ``tokenizer``: a folder of training data, or another checkpoint. Written beside ``folder`` and renamed.
    """
    part = folder.with_name(folder.name + ".part")
    part.mkdir(parents=True, exist_ok=True)
    for name in _TOKENIZER_FILES:
        if (file := tokenizer / name).is_file():
            (part / name).write_bytes(file.read_bytes())
    if isinstance(model, LoopTransformer):
        _write_loop(model, part)
    else:
        _write_flow(model, part)
    for old in folder.glob("*"):
        old.unlink()
    folder.mkdir(exist_ok=True)
    for file in sorted(
        part.iterdir(), key=lambda one: one.name == "config.json"
    ):  # it says that all is there
        file.replace(folder / file.name)
    part.rmdir()


def _write_weights(model: nn.Module, folder: Path) -> None:
    weights = {
        name: one.to(torch.bfloat16).contiguous() for name, one in published(model.state_dict()).items()
    }
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def _write_flow(model: FlowModel, folder: Path) -> None:
    _write_weights(model, folder)
    ends = tuple(model.config.stop_tokens or end_tokens(folder, model.config.vocabulary_size))
    write_config(replace(model.config, stop_tokens=ends), folder)


def _write_loop(model: LoopTransformer, folder: Path) -> None:
    config = model.config
    _write_weights(model, folder)
    looped = config.loops > 1
    raw = {
        "architectures": ["IQuestLoopCoderForCausalLM" if looped else "LlamaForCausalLM"],
        "model_type": LOOP if looped else "llama",
        "vocab_size": config.vocabulary_size,
        "hidden_size": config.hidden_size,
        "intermediate_size": config.intermediate_size,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
        "num_key_value_heads": config.kv_heads,
        "head_dim": config.head_dim,
        "hidden_act": "silu",
        "max_position_embeddings": config.trained_context,
        "rms_norm_eps": config.rms_norm_eps,
        "rope_theta": config.rope_theta,
        "tie_word_embeddings": config.tied,
        "attention_bias": False,
        "mlp_bias": False,
        "torch_dtype": "bfloat16",
        "eos_token_id": list(config.stop_tokens) or end_tokens(folder, config.vocabulary_size),
    }
    if config.begin_token is not None:
        raw["bos_token_id"] = config.begin_token
    if looped:
        raw |= {"loop_num": config.loops, "loop_window_size": config.window}
    (folder / "config.json").write_text(json.dumps(raw, indent=2) + "\n", encoding="utf-8")


def end_tokens(folder: Path, vocabulary: int) -> list[int]:
    """The ids of a tokenizer's tokens at which an answer ends. Raises ModelCorrupt."""
    tokenizer = open_tokenizer(folder, vocabulary, ())
    return [token for text in _ENDS if (token := tokenizer.marker_token(text)) is not None]
