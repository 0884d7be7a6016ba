"""A small Llama with a vocabulary like SmolLM2's: control tokens first, digits alone, no markers of holes."""

from __future__ import annotations

import json
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from engine.training.architectures import new_model, write_checkpoint
from tests.engine.loop.tiny_tokenizer import CHATML, corpus

CONTROL = (
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<repo_name>", "<reponame>", "<file_sep>", "<filename>",
    "<jupyter_start>", "<jupyter_text>", "<jupyter_code>",
)  # fmt: skip
SHAPE = {
    "layers": 2,
    "hidden_size": 64,
    "intermediate_size": 128,
    "heads": 4,
    "kv_heads": 2,
    "head_dim": 16,
}


def write_llama(
    folder: Path,
    *,
    tied: bool = True,
    seed: int = 1,
    control: tuple[str, ...] = CONTROL,
    vocabulary: int = 480,
) -> Path:
    """A checkpoint with fresh weights in ``folder``/model, its tokenizer beside it."""
    tokens = folder / "tokens"
    tokens.mkdir(parents=True)
    tokenizer = Tokenizer(models.BPE())
    steps = [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(steps)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    usual = {"vocab_size": vocabulary, "initial_alphabet": alphabet, "show_progress": False}
    tokenizer.train_from_iterator(corpus(), trainers.BpeTrainer(special_tokens=list(control), **usual))
    tokenizer.save(str(tokens / "tokenizer.json"))
    described = {"add_bos_token": False, "eos_token": "<|im_end|>", "chat_template": CHATML}
    (tokens / "tokenizer_config.json").write_text(json.dumps(described), "utf-8")
    size = tokenizer.get_vocab_size()
    model = new_model("standard", SHAPE | {"tied": tied}, vocabulary=size, context=512, seed=seed)
    write_checkpoint(model, tokens, folder / "model")
    return folder / "model"
