"""A byte-level BPE tokenizer of our own, with the markers that the published loop models were trained with.

Trained on source texts, saved as tokenizer.json and tokenizer_config.json, which the loop engine opens. The
bytes of a text's tokens are the text. Markers are the last ids, as in the published vocabulary, and are never
read out of a text: source code that holds their letters is letters. Training gives the same file every time.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

END, START_OF_TURN, END_OF_TURN = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
PREFIX, MIDDLE, SUFFIX, PAD = "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>"
REPOSITORY, FILE = "<|repo_name|>", "<|file_sep|>"
MARKERS = (START_OF_TURN, END_OF_TURN, PREFIX, MIDDLE, SUFFIX, PAD, END, REPOSITORY, FILE)
MOST_TOKEN_LETTERS = 24  # longer ones are rulers and blanks

# A word with the blank or sign before it, one digit, signs, line ends with the blanks before them, blanks. A
# sign takes no line end with it: what is completed ends at line ends, and a token must not cross that.
_PIECES = r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+|\s*[\r\n]+|\s+(?!\S)|\s+"
TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] "
    "+ '<|im_end|>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)  # ChatML, as the published models have it


SUFFIX_FIRST = {PREFIX: (), SUFFIX: ("[SUFFIX]",), MIDDLE: ("[PREFIX]",)}  # Mistral's form, of two markers
OTHER_NAMES = {REPOSITORY: "<repo_name>", FILE: "<file_sep>"}  # StarCoder's and SmolLM's


class CodeTokenizer:
    """Texts to ids, many at once; ``ids`` of a vocabulary's own markers by their text.

    ``marker_ids``: what each of ``MARKERS`` is in this vocabulary; nothing where it goes without.
    ``suffix_first``: holes can be written with the suffix first alone.
    """

    def __init__(self, folder: Path) -> None:
        raw = json.loads((folder / "tokenizer.json").read_text("utf-8"))
        self.ids: dict[str, int] = {one["content"]: one["id"] for one in raw["added_tokens"]}
        self._plain = Tokenizer.from_str(json.dumps(raw | {"added_tokens": []}))
        self.size = max(*self._plain.get_vocab().values(), *self.ids.values()) + 1
        self.suffix_first = PREFIX not in self.ids
        self.marker_ids: dict[str, tuple[int, ...]] = {}
        for marker in MARKERS:
            names = (marker if marker in self.ids else OTHER_NAMES.get(marker, marker),)
            names = SUFFIX_FIRST.get(marker, names) if self.suffix_first else names
            if all(name in self.ids for name in names):
                self.marker_ids[marker] = tuple(self.ids[name] for name in names)

    def encode(self, texts: Sequence[str]) -> list[np.ndarray]:
        """Ids of each text; markers in it are their letters."""
        return [
            np.asarray(found.ids, dtype=np.uint16)
            for found in self._plain.encode_batch_fast(texts, add_special_tokens=False)
        ]

    @cached_property
    def token_bytes(self) -> np.ndarray:
        """How many bytes of text each id stands for; 0 for markers."""
        found = np.zeros(self.size, dtype=np.uint8)
        markers = set(self.ids.values())  # which some vocabularies have among their plain tokens, too
        for name, token in self._plain.get_vocab().items():
            if token not in markers:
                found[token] = len(name)  # byte-level: a printable letter a byte
        return found


def train(texts: Iterable[str], folder: Path, vocabulary_size: int) -> CodeTokenizer:
    """Train on texts and save to a folder; ``vocabulary_size`` counts the markers too."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_PIECES), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=vocabulary_size - len(MARKERS),
            initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
            max_token_length=MOST_TOKEN_LETTERS,
            show_progress=False,
        ),
    )
    tokenizer.add_special_tokens([AddedToken(marker, special=True, normalized=False) for marker in MARKERS])
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    described = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "add_bos_token": False,
        "clean_up_tokenization_spaces": False,
        "eos_token": END_OF_TURN,
        "pad_token": END,
        "chat_template": TEMPLATE,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")
    return CodeTokenizer(folder)
