"""Training data in small: a few texts as shards, with a real tokenizer and the published markers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engine.loop.tokenizer import LoopTokenizer, open_tokenizer
from engine.training.data.shards import Encoded, SplitWriter, write_index
from engine.training.recipe import Recipe, recipe_of
from tests.engine.loop.tiny_tokenizer import CHATML, write_byte_level

SHAPE = {
    "layers": 2,
    "hidden_size": 32,
    "intermediate_size": 64,
    "heads": 2,
    "kv_heads": 1,
    "head_dim": 16,
}


def recipe(**more: Any) -> Recipe:
    """A few steps of a tiny model; ``more`` takes the place of what is said here."""
    usual = {
        "model": SHAPE,
        "loop": {"window": 8},
        "flow": {"window": 16, "far_layers": [1], "memory_slots": 4, "memory_size": 16, "pinned_tokens": 8,
                 "loop_window": 8},
        "stage": [{"context": 32, "sequences": 4, "steps": 10}, {"context": 48, "sequences": 2, "steps": 10}],
        "learning_rate": 3e-3,
        "precision": "float32",
        "compile": False,
        "validate_every": 10,
        "validation_windows": 4,
        "save_every": 100,
        "micro_tokens": 64,
    }  # fmt: skip
    return recipe_of(usual | more, "test")


def thorough(steps: int) -> Recipe:
    """Enough to learn such texts by heart in seconds; one long window, so that the engine allows for it."""
    return recipe(
        model=SHAPE | {"hidden_size": 64, "heads": 4, "intermediate_size": 128},
        stage=[
            {"context": 64, "sequences": 8, "steps": steps},
            {"context": 512, "sequences": 1, "steps": 1},
        ],
        learning_rate=5e-3,
        micro_tokens=1024,
        validate_every=1000,
    )


def function(number: int) -> str:
    """Text that can be learned: much of it is the same each time."""
    return f"def price_{number}(item):\n    rate = {number}\n    return item.net * rate\n\n\n"


def texts(count: int, first: int = 0) -> list[str]:
    return ["".join(function(first + n * 7 + m) for m in range(7)) for n in range(count)]


def write_tokenizer(folder: Path) -> int:
    """The size of the vocabulary."""
    size = write_byte_level(folder)
    (folder / "chat_template.jinja").write_text(CHATML, "utf-8")
    return size


def write_data(
    folder: Path,
    train: Sequence[str],
    valid: Sequence[str],
    *,
    shard_tokens: int = 1500,
    filled: bool = False,
) -> Path:
    """A folder as `engine.training.data.build` makes them, of plain texts; ``filled``: with one line of each
    to be filled in, too."""
    size = write_tokenizer(folder)
    tokenizer = open_tokenizer(folder, size, ())
    token_bytes = np.array([len(piece) for piece in tokenizer.pieces], np.uint8)
    token_bytes.tofile(folder / "token_bytes.bin")
    end = tokenizer.marker_token("<|endoftext|>")
    assert end is not None
    splits = {}
    for split, some in (("train", train), ("valid", valid)):
        writer = SplitWriter(folder, split, shard_tokens)
        for number, text in enumerate(some):
            writer.add(_encoded(text, tokenizer, end))
            if filled:
                for row in range(number % 3, 30, 3):
                    writer.add(_to_fill_in(text, row, tokenizer, end))
        splits[split] = writer.close()
    write_index(folder, size, {"<|endoftext|>": end}, splits)
    return folder


def _encoded(text: str, tokenizer: LoopTokenizer, end: int) -> Encoded:
    ids, flags, line = list[int](), list[int](), list[int]()
    for number, row in enumerate(text.splitlines(keepends=True)):
        found = tokenizer.encode(row)
        ids += found
        flags += [3 if row.startswith("def ") else 0] * len(found)
        line += [number] * len(found)
    ids, flags, line = [*ids, end], [*flags, 0], [*line, 0]
    nothing = np.zeros(len(ids), np.uint8)
    axes = np.array(flags, np.uint8), np.array(line, np.uint16), nothing, nothing
    return Encoded(np.array(ids, np.uint16), *axes, kind="file", answer=0, text_bytes=len(text.encode()))


def _to_fill_in(text: str, row: int, tokenizer: LoopTokenizer, end: int) -> Encoded:
    """One line of seven before and three behind it, as prompts are made: its indentation is given."""
    lines = text.splitlines(keepends=True)
    line = lines[row].rstrip("\n")
    code = line.lstrip()
    before = "".join(lines[max(0, row - 7) : row]) + line[: len(line) - len(code)]
    parts = {"prefix": before, "suffix": "\n" + "".join(lines[row + 1 : row + 4]), "middle": code}
    ids, answer = list[int](), 0
    for name, part in parts.items():
        answer = len(ids) + 1
        ids += (*tokenizer.encode(f"<|fim_{name}|>", special=True), *tokenizer.encode(part))
    ids.append(end)
    nothing = np.zeros(len(ids), np.uint8)
    axes = nothing, nothing.astype(np.uint16), nothing, nothing
    size = sum(len(part.encode()) for part in parts.values())
    return Encoded(np.array(ids, np.uint16), *axes, kind="line", answer=answer, text_bytes=size)
