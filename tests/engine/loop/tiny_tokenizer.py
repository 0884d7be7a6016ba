"""Small real tokenizers, trained here and written as the published ones are."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sentencepiece import SentencePieceTrainer
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

CORPUS = Path(__file__).with_name("tiny_corpus.txt")
PUBLISHED: tuple[tuple[str, bool], ...] = (  # names and ``special``, in the order of ids 75858 to 75879
    *((name, True) for name in ("<CLS>", "<SEP>", "<EOD>", "<MASK>", "<PAD>", "<|im_start|>", "<|im_end|>")),
    *((f"<|fim_{part}|>", True) for part in ("prefix", "middle", "suffix", "pad")),
    *((name, True) for name in ("<|endoftext|>", "<|repo_name|>", "<|file_sep|>")),
    *((name, False) for name in ("<think>", "</think>", "<tools>", "</tools>")),
    *((name, False) for name in ("<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>")),
)
LISTED = ("<|CLS|>", "<|SEP|>", "<|EOD|>", "<|MASK|>", "<|PAD|>")  # names without ids
CHATML = """\
{%- if tools %}
    {{- '<|im_start|>system\\n' }}
    {%- if messages[0].role == 'system' %}
        {{- messages[0].content + '\\n\\n' }}
    {%- else %}
        {{- 'You are a test.' }}
    {%- endif %}
    {{- '# Tools\\n<tools>' }}
    {%- for tool in tools %}
        {{- '\\n' + tool | tojson }}
    {%- endfor %}
    {{- '\\n</tools><|im_end|>\\n' }}
{%- elif messages[0].role == 'system' %}
    {{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}
{%- endif %}
{%- set state = namespace(answers=0) %}
{%- for message in messages %}
    {%- if message.role == 'tool' %}
        {%- if loop.first or messages[loop.index0 - 1].role != 'tool' %}
            {{- '<|im_start|>user' }}
        {%- endif %}
        {{- '\\n<tool_response>\\n' + message.content + '\\n</tool_response>' }}
        {%- if loop.last or loop.nextitem.role != 'tool' %}
            {{- '<|im_end|>\\n' }}
        {%- endif %}
    {%- elif message.role != 'system' or not loop.first %}
        {{- '<|im_start|>' + message.role + '\\n' + (message.content or '') }}
        {%- for call in message.tool_calls or [] %}
            {{- '\\n<tool_call>\\n' }}
            {{- {'name': call.function.name, 'arguments': call.function.arguments} | tojson }}
            {{- '\\n</tool_call>' }}
        {%- endfor %}
        {{- '<|im_end|>\\n' }}
        {%- set state.answers = state.answers + 1 %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}
"""


def corpus() -> list[str]:
    """Lines of code, some with letters beyond ASCII; always the same, so what is learned of them is."""
    lines = CORPUS.read_text(encoding="utf-8").splitlines()
    return [*lines, *["größe = 'naïve'  # → ∑ 漢字"] * 3]


def train_sentencepiece(lines: Iterable[str] | None = None, **options: Any) -> bytes:
    """A model with a token for every byte, as code models have it, unless ``options`` say otherwise."""
    model = io.BytesIO()
    usual = {
        "vocab_size": 480,
        "model_type": "bpe",
        "byte_fallback": True,
        "character_coverage": 0.999,
        "normalization_rule_name": "identity",
        "remove_extra_whitespaces": False,
        "add_dummy_prefix": False,
        "num_threads": 1,
        "minloglevel": 2,
    }
    sentences = iter(corpus() if lines is None else lines)
    SentencePieceTrainer.train(sentence_iterator=sentences, model_writer=model, **(usual | options))
    return model.getvalue()


def write_tokenizer(folder: Path, **options: Any) -> int:
    """tokenizer.model and tokenizer_config.json in the published layout; the vocabulary's size.

    The published names stand at its end, with ids that the table gives them; then come those that are only
    listed, and a few ids without a token. ``options`` are the trainer's.
    """
    folder.mkdir(parents=True, exist_ok=True)
    model = train_sentencepiece(**options)
    (folder / "tokenizer.model").write_bytes(model)
    first = int(options.get("vocab_size", 480))
    beginning = [("<unk>", True), ("<s>", True), ("</s>", True)]
    named = [*enumerate(beginning), *enumerate(PUBLISHED, start=first)]
    as_is = dict.fromkeys(("lstrip", "normalized", "rstrip", "single_word"), False)
    config = {
        "add_bos_token": False,
        "add_eos_token": False,
        "add_prefix_space": False,
        "added_tokens_decoder": {
            str(token): {"content": text, **as_is, "special": special} for token, (text, special) in named
        },
        "additional_special_tokens": [*LISTED, "<|im_start|>", "<|fim_prefix|>"],
        "auto_map": {"AutoTokenizer": ["tokenization_iquestcoder.IQuestCoderTokenizer", None]},
        "bos_token": "<s>",
        "chat_template": CHATML,
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "tokenizer_class": "IQuestCoderTokenizer",
        "unk_token": "<unk>",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")
    return (first + len(PUBLISHED) + len(LISTED) + 31) // 32 * 32


def write_byte_level(folder: Path) -> int:
    """A tokenizer.json as Qwen's: bytes as letters, Unicode brought into one form, markers added after."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=480, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(corpus(), trainer)
    return _with_markers(folder, json.loads(tokenizer.to_str()))


def write_metaspace(folder: Path, *, unigram: bool = False, prepended: bool = False) -> int:
    """A tokenizer.json as converted from SentencePiece: as Llama's by default, or Metaspace of today."""
    unknown: dict[str, Any] = {"unk_token": "<unk>"}
    model = models.Unigram() if unigram else models.BPE(**unknown, fuse_unk=True)
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    usual: dict[str, Any] = {
        "vocab_size": 300,
        "special_tokens": ["<unk>", "<s>", "</s>"],
        "show_progress": False,
    }
    trainer = trainers.UnigramTrainer(**usual, **unknown) if unigram else trainers.BpeTrainer(**usual)
    tokenizer.train_from_iterator(corpus(), trainer)
    begin = ("<s>", tokenizer.token_to_id("<s>"))
    tokenizer.post_processor = processors.TemplateProcessing("<s> $A", special_tokens=[begin])
    raw = json.loads(tokenizer.to_str())
    model = raw["model"]
    known = len(model["vocab"])
    names = [f"<0x{byte:02X}>" for byte in range(256)]
    if unigram:
        model["vocab"] += [[name, -20.0] for name in names]
    else:
        model["vocab"] |= {name: known + place for place, name in enumerate(names)}
    model["byte_fallback"] = True
    if prepended:  # what Metaspace does, in two steps of a normalizer
        steps: list[dict[str, Any]] = [{"type": "Prepend", "prepend": "▁"}]
        steps.append({"type": "Replace", "pattern": {"String": " "}, "content": "▁"})
        raw |= {"normalizer": {"type": "Sequence", "normalizers": steps}, "pre_tokenizer": None}
    return _with_markers(folder, raw)


def _with_markers(folder: Path, raw: dict[str, Any]) -> int:
    first = len(raw["model"]["vocab"])
    as_is = dict.fromkeys(("lstrip", "normalized", "rstrip", "single_word"), False)
    raw["added_tokens"] += [
        {"id": token, "content": text, **as_is, "special": special}
        for token, (text, special) in enumerate(PUBLISHED, start=first)
    ]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.json").write_text(json.dumps(raw), encoding="utf-8")
    return first + len(PUBLISHED)
