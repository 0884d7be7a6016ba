"""A Llama's GGUF file to a checkpoint of whole weights, which can be trained and which the loop engine opens.

Quantised weights are made whole as llama.cpp does; the tokenizer and the chat template come from the file's
own metadata. What is not known for certain is refused by name. Needs the package gguf.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from engine.errors import BackendError, ModelCorrupt

_SPLITTING = {  # how llama.cpp cuts text before it looks up tokens: whether each digit stands alone
    "gpt-2": False,
    "smollm": True,
    "starcoder": True,
}
_CONTROL, _USER_DEFINED = 3, 4  # kinds of tokens


def whole_checkpoint(file: Path) -> Path:
    """The checkpoint made of ``file``, in the cache directory; made now where it is not there yet.

    Raises BackendError or ModelCorrupt.
    """
    from engine.catalog import cache_dir

    folder = cache_dir() / "whole" / file.stem
    if (folder / "config.json").is_file() and _source(file) == _noted(folder):
        return folder
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        checkpoint_of(file, part)
        (part / "codeflow-source.json").write_text(json.dumps(_source(file)), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return folder


def checkpoint_of(file: Path, folder: Path) -> None:
    """Write config.json, weights and tokenizer of the GGUF ``file`` into ``folder``."""
    try:
        from gguf import GGUFReader
    except ModuleNotFoundError:
        raise BackendError(
            "Making a checkpoint of a GGUF file needs the package gguf: pip install 'codeflow-lsp[train]'."
        ) from None
    try:
        reader = GGUFReader(file)
    except (OSError, ValueError) as error:
        raise ModelCorrupt(f"{file} cannot be read as a GGUF file: {error}.") from None
    facts = {name: field.contents() for name, field in reader.fields.items()}
    kind = facts.get("general.architecture")
    if kind != "llama" or any(name.startswith("llama.rope.scaling") for name in facts):
        raise BackendError(
            f"{file.name} is of the kind {kind!r}, which the loop engine cannot run; it runs plain Llamas "
            "(smollm2-135m is one), or a checkpoint's folder."
        )
    _write_tokenizer(facts, file, folder)
    _write_weights(reader, facts, file, folder)


def _write_weights(reader: Any, facts: dict[str, Any], file: Path, folder: Path) -> None:
    import numpy as np
    import torch
    from gguf import dequantize
    from safetensors.torch import save_file

    heads, kv_heads = facts["llama.attention.head_count"], facts["llama.attention.head_count_kv"]
    hidden, layers = facts["llama.embedding_length"], facts["llama.block_count"]
    half = hidden // heads // 2
    tensors = {one.name: one for one in reader.tensors}

    def whole(name: str) -> torch.Tensor:
        if name not in tensors:
            raise ModelCorrupt(f"{file} lacks {name}.")
        one = tensors.pop(name)
        return torch.from_numpy(dequantize(one.data, one.tensor_type).astype(np.float32))

    def halves(weight: torch.Tensor, count: int) -> torch.Tensor:
        """llama.cpp has the elements of a head that turn together side by side."""
        return weight.view(count, half, 2, -1).transpose(1, 2).reshape(weight.shape)

    found = {"model.embed_tokens.weight": whole("token_embd.weight")}
    found["model.norm.weight"] = whole("output_norm.weight")
    tied = "output.weight" not in tensors
    if not tied:
        found["lm_head.weight"] = whole("output.weight")
    for index in range(layers):
        there, here = f"blk.{index}", f"model.layers.{index}"
        found[f"{here}.input_layernorm.weight"] = whole(f"{there}.attn_norm.weight")
        found[f"{here}.post_attention_layernorm.weight"] = whole(f"{there}.ffn_norm.weight")
        for part, count in (("q", heads), ("k", kv_heads)):
            found[f"{here}.self_attn.{part}_proj.weight"] = halves(
                whole(f"{there}.attn_{part}.weight"), count
            )
        found[f"{here}.self_attn.v_proj.weight"] = whole(f"{there}.attn_v.weight")
        found[f"{here}.self_attn.o_proj.weight"] = whole(f"{there}.attn_output.weight")
        for part in ("gate", "up", "down"):
            found[f"{here}.mlp.{part}_proj.weight"] = whole(f"{there}.ffn_{part}.weight")
    if tensors:
        raise BackendError(f"{file.name} holds {next(iter(tensors))}, which a plain Llama does not have.")
    save_file({name: one.contiguous() for name, one in found.items()}, folder / "model.safetensors")
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": len(found["model.embed_tokens.weight"]),
        "hidden_size": hidden,
        "intermediate_size": facts["llama.feed_forward_length"],
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "max_position_embeddings": facts["llama.context_length"],
        "rms_norm_eps": facts["llama.attention.layer_norm_rms_epsilon"],
        "rope_theta": facts["llama.rope.freq_base"],
        "tie_word_embeddings": tied,
        "bos_token_id": facts.get("tokenizer.ggml.bos_token_id"),
        "eos_token_id": facts.get("tokenizer.ggml.eos_token_id"),
    }
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def _write_tokenizer(facts: dict[str, Any], file: Path, folder: Path) -> None:
    """tokenizer.json and tokenizer_config.json of a byte-level vocabulary."""
    splitting = facts.get("tokenizer.ggml.pre")
    if facts.get("tokenizer.ggml.model") != "gpt2" or splitting not in _SPLITTING:
        raise BackendError(
            f"{file.name} has a tokenizer of the kind {splitting!r}, which cannot be written anew; known are "
            f"{', '.join(_SPLITTING)}."
        )
    tokens, kinds = facts["tokenizer.ggml.tokens"], facts["tokenizer.ggml.token_type"]
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    digits = [{"type": "Digits", "individual_digits": True}] if _SPLITTING[splitting] else []
    as_is = dict.fromkeys(("lstrip", "normalized", "rstrip", "single_word"), False)
    added = [
        {"id": token, "content": text, **as_is, "special": kind == _CONTROL}
        for token, (text, kind) in enumerate(zip(tokens, kinds, strict=True))
        if kind in (_CONTROL, _USER_DEFINED)
    ]
    raw = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [*digits, level]},
        "post_processor": None,
        "decoder": level,
        "model": {
            "type": "BPE",
            "vocab": {text: token for token, text in enumerate(tokens)},
            "merges": facts["tokenizer.ggml.merges"],
        },
    }
    (folder / "tokenizer.json").write_text(json.dumps(raw, ensure_ascii=False), encoding="utf-8")
    config = {"add_bos_token": bool(facts.get("tokenizer.ggml.add_bos_token", False))}
    for role in ("bos", "eos"):
        if (token := facts.get(f"tokenizer.ggml.{role}_token_id")) is not None:
            config[f"{role}_token"] = tokens[token]
    if template := facts.get("tokenizer.chat_template"):
        config["chat_template"] = template
    text = json.dumps(config, indent=2, ensure_ascii=False) + "\n"
    (folder / "tokenizer_config.json").write_text(text, encoding="utf-8")


def _source(file: Path) -> list[Any]:
    """What tells a file from another one in its place."""
    status = file.stat()
    return [str(file), status.st_size, status.st_mtime_ns]


def _noted(folder: Path) -> Any:
    try:
        return json.loads((folder / "codeflow-source.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
