"""`python -m engine.training.gguf_file FOLDER --out FILE.gguf`: a Llama's checkpoint as a file for llama.cpp.

The reverse of `gguf_checkpoint`, with weights rounded to blocks of 32 as llama.cpp does (package gguf).
What is not known for certain is refused by name.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import BackendError, EngineError

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

KINDS = ("Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "F16")
_EMBEDDING = "Q8_0"  # one row is read a token, and all of them for the logits: worth more bits
_CONTROL, _USER_DEFINED, _NORMAL = 3, 4, 1


def main(arguments: list[str] | None = None) -> int:
    """Write the file; 0, or 1 with a sentence on stderr."""
    parser = argparse.ArgumentParser(prog="python -m engine.training.gguf_file", description=__doc__)
    parser.add_argument("folder", type=Path, help="a checkpoint of a plain Llama")
    parser.add_argument("--out", required=True, type=Path, help="the file to write, *.gguf")
    parser.add_argument("--kind", default="Q4_0", choices=KINDS, help="of the layers' matrices (Q4_0)")
    options = parser.parse_args(arguments)
    part = options.out.with_name(options.out.name + ".part")
    try:
        write_gguf(options.folder, part, options.kind)
        part.replace(options.out)
    except EngineError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"{options.out} cannot be written: {error.strerror or error}.\n")
        return 1
    finally:
        part.unlink(missing_ok=True)
    sys.stdout.write(json.dumps({"file": str(options.out), "bytes": options.out.stat().st_size}) + "\n")
    return 0


def write_gguf(folder: Path, file: Path, kind: str) -> None:
    """Write the checkpoint in ``folder`` to ``file``. Raises EngineError."""
    from engine.loop.config import read_config

    try:
        from gguf import GGMLQuantizationType, GGUFWriter, quantize
    except ModuleNotFoundError:
        raise BackendError(
            "Writing a GGUF file needs the package gguf: pip install 'codeflow-lsp[train]'."
        ) from None
    config = read_config(folder)
    if config.loops > 1:
        raise BackendError(f"{folder.name} is a Loop model, which llama.cpp cannot run.")
    writer = GGUFWriter(file, "llama")
    try:
        writer.add_name(folder.name)
        writer.add_block_count(config.layers)
        writer.add_context_length(config.trained_context)
        writer.add_embedding_length(config.hidden_size)
        writer.add_feed_forward_length(config.intermediate_size)
        writer.add_head_count(config.heads)
        writer.add_head_count_kv(config.kv_heads)
        writer.add_key_length(config.head_dim)
        writer.add_value_length(config.head_dim)
        writer.add_rope_dimension_count(config.head_dim)
        writer.add_rope_freq_base(config.rope_theta)
        writer.add_layer_norm_rms_eps(config.rms_norm_eps)
        writer.add_vocab_size(config.vocabulary_size)
        _add_tokenizer(writer, folder, config.vocabulary_size)
        for name, values in _weights(folder, config.heads, config.kv_heads, config.head_dim):
            if values.ndim == 1:
                writer.add_tensor(name, values)
                continue
            wanted = _EMBEDDING if name in ("token_embd.weight", "output.weight") and kind != "F16" else kind
            form = GGMLQuantizationType[wanted]
            writer.add_tensor(name, quantize(values, form), raw_dtype=form)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
    finally:
        writer.close()


def _weights(folder: Path, heads: int, kv_heads: int, head_dim: int) -> Iterator[tuple[str, np.ndarray]]:
    """All of a checkpoint's weights in float32, under llama.cpp's names."""
    import torch

    from engine.loop.config import read_config
    from engine.loop.tensor_files import PLAIN, TensorFiles
    from engine.loop.weights import expected_shapes

    def pairs(weight: Tensor, count: int) -> Tensor:
        """llama.cpp has the elements of a head that turn together side by side."""
        return weight.view(count, 2, head_dim // 2, -1).transpose(1, 2).reshape(weight.shape)

    names = {
        "model.embed_tokens.weight": "token_embd.weight",
        "model.norm.weight": "output_norm.weight",
        "lm_head.weight": "output.weight",
    }
    parts = {
        "input_layernorm": "attn_norm",
        "post_attention_layernorm": "ffn_norm",
        "self_attn.q_proj": "attn_q",
        "self_attn.k_proj": "attn_k",
        "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output",
        "mlp.gate_proj": "ffn_gate",
        "mlp.up_proj": "ffn_up",
        "mlp.down_proj": "ffn_down",
    }
    with TensorFiles(sorted(folder.glob("*.safetensors"))) as files:
        for name, shape in expected_shapes(read_config(folder)).items():
            entry = files.entries.get(name)
            if entry is None or entry.shape != shape or entry.kind not in PLAIN:
                raise BackendError(f"{folder}: {name} is missing or not of the form {list(shape)}.")
            weight = files.read(name).to(torch.float32)
            if name in names:
                yield names[name], weight.numpy()
                continue
            _, _, layer, part = name.removesuffix(".weight").split(".", 3)
            if part in ("self_attn.q_proj", "self_attn.k_proj"):
                weight = pairs(weight, heads if part == "self_attn.q_proj" else kv_heads)
            yield f"blk.{layer}.{parts[part]}.weight", weight.contiguous().numpy()


def _add_tokenizer(writer: Any, folder: Path, size: int) -> None:
    """The vocabulary of a byte-level tokenizer.json. Raises BackendError for any other."""
    raw = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    described = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))
    texts = {token: text for text, token in raw["model"].get("vocab", {}).items()}
    added = {one["id"]: one for one in raw["added_tokens"]}
    texts |= {token: one["content"] for token, one in added.items()}
    if (
        raw["model"].get("type") != "BPE"
        or (kind := _splitting(raw)) is None
        or set(texts) != set(range(size))
    ):
        raise BackendError(f"{folder.name} has a tokenizer that llama.cpp's names are not known for.")
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(kind)
    writer.add_token_list([texts[token] for token in range(size)])
    writer.add_token_types(
        [
            _NORMAL if token not in added else _CONTROL if added[token]["special"] else _USER_DEFINED
            for token in range(size)
        ]
    )
    merges = raw["model"]["merges"]
    writer.add_token_merges([one if isinstance(one, str) else " ".join(one) for one in merges])
    writer.add_add_bos_token(bool(described.get("add_bos_token", False)))
    ids = {text: token for token, text in texts.items()}
    for role, add in (("bos", writer.add_bos_token_id), ("eos", writer.add_eos_token_id)):
        if (text := described.get(f"{role}_token")) in ids:
            add(ids[text])
    if template := described.get("chat_template"):
        writer.add_chat_template(template)


def _splitting(raw: dict[str, Any]) -> str | None:
    """llama.cpp's name for how text is cut before tokens are looked up, as `gguf_checkpoint` writes it."""
    steps = (raw.get("pre_tokenizer") or {}).get("pretokenizers") or [raw.get("pre_tokenizer") or {}]
    found = [(one.get("type"), bool(one.get("individual_digits") or one.get("use_regex"))) for one in steps]
    if found == [("Digits", True), ("ByteLevel", True)]:
        return "smollm"
    return "gpt-2" if found == [("ByteLevel", True)] else None


if __name__ == "__main__":
    raise SystemExit(main())
