"""config.json to a LoopConfig: what is published is read, and what is not understood is refused by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.errors import ModelCorrupt
from engine.loop.config import LoopConfig, read_config
from tests.gpu.random_weights import SHAPE_40B

MISSING = object()
PUBLISHED: dict[str, Any] = {  # IQuest-Coder-V1-40B-Loop-Instruct, revision 61e8589
    "architectures": ["IQuestLoopCoderForCausalLM"],
    "model_type": "iquestloopcoder",
    "vocab_size": 76800,
    "hidden_size": 5120,
    "intermediate_size": 27648,
    "num_hidden_layers": 80,
    "num_attention_heads": 40,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "hidden_act": "silu",
    "max_position_embeddings": 131072,
    "rms_norm_eps": 1e-05,
    "rope_theta": 500000,
    "tie_word_embeddings": False,
    "attention_bias": False,
    "mlp_bias": False,
    "attention_dropout": 0.0,
    "loop_num": 2,
    "loop_window_size": 64,
    "eos_token_id": [2, 75864, 75869],
    "bos_token_id": 1,
}
LLAMA: dict[str, Any] = {  # as transformers 5 writes it
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "vocab_size": 32,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": None,
    "hidden_act": "silu",
    "max_position_embeddings": 2048,
    "rms_norm_eps": 1e-06,
    "rope_parameters": {"rope_theta": 10000.0, "rope_type": "default"},
    "tie_word_embeddings": True,
    "attention_bias": False,
    "mlp_bias": False,
    "pretraining_tp": 1,
    "eos_token_id": 2,
    "bos_token_id": None,
}


def read(folder: Path, base: dict[str, Any], **changes: Any) -> LoopConfig:
    raw = {name: value for name, value in (base | changes).items() if value is not MISSING}
    (folder / "config.json").write_text(json.dumps(raw), encoding="utf-8")
    return read_config(folder)


def test_the_published_config_of_the_40b_loop_model_is_read(tmp_path: Path) -> None:
    assert read(tmp_path, PUBLISHED) == SHAPE_40B


@pytest.mark.parametrize("kind", ["llama", "iquestcoder"])
def test_a_dense_model_runs_its_layers_once_without_a_window(kind: str, tmp_path: Path) -> None:
    assert read(tmp_path, LLAMA, model_type=kind, loop_window_size=64) == LoopConfig(
        vocabulary_size=32,
        hidden_size=16,
        intermediate_size=24,
        layers=2,
        heads=4,
        kv_heads=2,
        head_dim=4,
        rms_norm_eps=1e-6,
        rope_theta=1e4,
        loops=1,
        window=0,
        trained_context=2048,
        tied=True,
        stop_tokens=(2,),
        begin_token=None,
    )


def test_what_a_dense_config_may_leave_out(tmp_path: Path) -> None:
    left_out = dict.fromkeys(
        ("head_dim", "num_key_value_heads", "tie_word_embeddings", "eos_token_id"), MISSING
    )
    config = read(tmp_path, LLAMA, **left_out, rope_parameters=MISSING, rope_theta=5e5, rope_scaling=None)
    assert (config.head_dim, config.kv_heads, config.tied) == (4, 4, False)
    assert (config.rope_theta, config.stop_tokens) == (5e5, ())


def test_stop_tokens_are_those_of_both_files_each_once(tmp_path: Path) -> None:
    (tmp_path / "generation_config.json").write_text('{"eos_token_id": [75869, 7]}')
    assert read(tmp_path, PUBLISHED).stop_tokens == (2, 75864, 75869, 7)
    assert read(tmp_path, PUBLISHED, eos_token_id=9).stop_tokens == (9, 75869, 7)


SCALED = "positions are scaled"
REFUSED: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "LoopCoder-V2": (
        PUBLISHED,
        {"model_type": "iquestpltcoder"},
        r"describes LoopCoder-V2 \(iquestpltcoder\)",
    ),
    "unknown": (PUBLISHED, {"model_type": "qwen3"}, "model_type is 'qwen3'"),
    "no type": (PUBLISHED, {"model_type": MISSING}, "model_type is None"),
    "a list for a type": (PUBLISHED, {"model_type": ["llama"]}, r"model_type is \['llama'\]"),
    **{
        f"without {name}": (PUBLISHED, {name: MISSING}, f"{name} is missing")
        for name in PUBLISHED
        if name.startswith(
            ("vocab", "hidden_size", "inter", "num_", "head_dim", "max_", "rms", "rope", "loop_")
        )
    },
    "no loop": (PUBLISHED, {"loop_num": 0}, "loop_num should be a whole number of at least 1, not 0"),
    "half a loop": (PUBLISHED, {"loop_num": 1.5}, "loop_num should be"),
    "true for a number": (PUBLISHED, {"num_hidden_layers": True}, "num_hidden_layers should be"),
    "no width": (PUBLISHED, {"hidden_size": -5120}, "hidden_size should be"),
    "text for a number": (PUBLISHED, {"rms_norm_eps": "1e-5"}, "rms_norm_eps should be a number above 0"),
    "no eps": (PUBLISHED, {"rms_norm_eps": 0}, "rms_norm_eps should be a number above 0, not 0"),
    "no theta": (LLAMA, {"rope_parameters": {"rope_type": "default"}}, "rope_theta is missing"),
    "window below 1": (PUBLISHED, {"loop_window_size": 0}, "loop_window_size should be"),
    "odd heads": (PUBLISHED, {"head_dim": 127}, "head_dim is 127"),
    "uneven heads": (
        PUBLISHED,
        {"num_key_value_heads": 3},
        r"\(40\) is no multiple of num_key_value_heads \(3\)",
    ),
    "loops of a dense model": (
        LLAMA,
        {"loop_num": 2},
        "loop_num is 2, but model_type llama runs its layers once",
    ),
    "biased attention": (PUBLISHED, {"attention_bias": True}, "attention_bias is True"),
    "biased feed-forward": (LLAMA, {"mlp_bias": True}, "mlp_bias is True"),
    "another activation": (PUBLISHED, {"hidden_act": "gelu"}, "hidden_act is 'gelu'"),
    "clipping": (PUBLISHED, {"clip_qkv": 8.0}, "clip_qkv is 8.0"),
    "a window everywhere": (PUBLISHED, {"use_sliding_window": True}, "use_sliding_window is True"),
    "part of each head turned": (LLAMA, {"partial_rotary_factor": 0.5}, "partial_rotary_factor is 0.5"),
    "scaled": (PUBLISHED, {"rope_scaling": {"rope_type": "yarn", "factor": 4}}, rf"{SCALED} \(yarn\)"),
    "scaled, older": (PUBLISHED, {"rope_scaling": {"type": "linear", "factor": 4}}, rf"{SCALED} \(linear\)"),
    "scaled, newer": (LLAMA, {"rope_parameters": {"rope_theta": 1e4, "rope_type": "llama3"}}, SCALED),
    "tied or not": (
        PUBLISHED,
        {"tie_word_embeddings": "false"},
        "tie_word_embeddings should be true or false",
    ),
    "stops that are texts": (PUBLISHED, {"eos_token_id": ["</s>"]}, "eos_token_id should hold token ids"),
    "a beginning below 0": (PUBLISHED, {"bos_token_id": -1}, "bos_token_id should hold token ids, not -1"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_understood_is_refused_by_name(name: str, tmp_path: Path) -> None:
    base, changes, sentence = REFUSED[name]
    with pytest.raises(ModelCorrupt, match=sentence) as found:
        read(tmp_path, base, **changes)
    assert str(found.value).startswith(str(tmp_path / "config.json"))
    assert str(found.value).endswith(".")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "is missing: the folder is no complete checkpoint"),
        (b"[1]", "should be a JSON object, not list"),
        (b"{", "cannot be read"),
        (b'{"a": "\xff"}', "cannot be read"),
        (b"[" * 100_000, "cannot be read"),
    ],
    ids=["missing", "a list", "torn", "no UTF-8", "endlessly nested"],
)
def test_a_file_that_is_no_config_is_refused(content: bytes | None, sentence: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(ModelCorrupt, match=sentence):
        read_config(tmp_path)


def test_a_generation_config_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "generation_config.json").write_text("nonsense")
    with pytest.raises(ModelCorrupt, match=r"generation_config\.json cannot be read"):
        read(tmp_path, PUBLISHED)
