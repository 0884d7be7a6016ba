"""What follows the cursor has moved down: evaluate it again, or move its cells in the KV cache?

    python -m tests.benchmarks.suffix_shift [--model NAME] [--limit N] [--lines N]

Each row of the tuning set is taken as if the last lines before the cursor had just been typed. Three ways to
the next word: *exact*, the lines become part of the prefix and all behind them is evaluated again; *moved*,
the suffix's cells are kept and their positions shifted (llama.cpp corrects the rotary embedding), though they
never saw the new lines; *behind*, as CodeFlow does, the lines stand behind the middle marker and nothing is
evaluated again. Quality is the first line being exactly right; time is that from the typed lines to the first
logits.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np

from engine.catalog import resolve
from engine.llama.library import llama_cpp
from engine.llama.model import LlamaModel
from engine.llama.threads import FreeCores
from tests.benchmarks.infilling import rows_of
from tests.benchmarks.reporting import report

TUNING = "humaneval_infill_singleline_tune100"
CELLS, ANSWER = 4096, 48
WAYS = ("exact", "moved", "behind")


class Pool:
    """A llama.cpp context whose two sequences share their cells, which can be copied and moved."""

    def __init__(self, path: Path) -> None:
        self.model = LlamaModel(path)
        self._lib = lib = llama_cpp()
        params = lib.llama_context_default_params()
        params.n_ctx, params.n_batch, params.n_ubatch, params.n_seq_max = CELLS, 512, 512, 2
        params.n_threads = params.n_threads_batch = FreeCores().cores
        params.kv_unified, params.flash_attn_type = True, lib.LLAMA_FLASH_ATTN_TYPE_DISABLED
        self._context = lib.llama_init_from_model(self.model.pointer, params)
        self._memory = lib.llama_get_memory(self._context)
        self._batch = lib.llama_batch_init(512, 0, 1)
        self.length = 0

    def clear(self, length: int = 0) -> None:
        """Keep the first ``length`` tokens."""
        self._lib.llama_memory_seq_rm(self._memory, 0, length, -1)
        self.length = length

    def evaluate(self, tokens: tuple[int, ...]) -> np.ndarray:
        """Append tokens; the logits after the last."""
        batch = self._batch
        for start in range(0, len(tokens), 128):
            part = tokens[start : start + 128]
            for i, token in enumerate(part):
                batch.token[i], batch.pos[i], batch.n_seq_id[i] = token, self.length + i, 1
                batch.seq_id[i][0], batch.logits[i] = 0, i == len(part) - 1
            batch.n_tokens = len(part)
            if code := self._lib.llama_decode(self._context, batch):
                raise RuntimeError(f"llama.cpp: {code}")
            self.length += len(part)
        pointer = self._lib.llama_get_logits_ith(self._context, batch.n_tokens - 1)
        return np.ctypeslib.as_array(pointer, shape=(self.model.vocabulary_size,))

    def insert(self, at: int, tokens: tuple[int, ...]) -> None:
        """Evaluate ``tokens`` at ``at``; what stood there is moved behind them as it is."""
        lib, memory, end = self._lib, self._memory, self.length
        lib.llama_memory_seq_cp(memory, 0, 1, at, end)
        self.clear(at)
        self.evaluate(tokens)
        lib.llama_memory_seq_add(memory, 1, at, end, len(tokens))
        lib.llama_memory_seq_cp(memory, 1, 0, at + len(tokens), end + len(tokens))
        lib.llama_memory_seq_rm(memory, 1, -1, -1)
        self.length = end + len(tokens)


def run(model: str, limit: int = 0, lines: int = 4) -> list[dict[str, Any]]:
    """One row for each way."""
    pool = Pool(resolve(model).path)
    encode = pool.model.encode
    markers = {name: encode(f"<|fim_{name}|>", special=True) for name in ("prefix", "suffix", "middle")}
    right: dict[str, int] = dict.fromkeys(WAYS, 0)
    took: dict[str, list[float]] = {way: [] for way in WAYS}
    asked = 0
    for row in rows_of(TUNING)[: limit or None]:
        before = str(row["prompt"]).splitlines(True)
        if len(before) <= lines + 2:
            continue
        asked += 1
        wanted = str(row["canonical_solution"]).partition("\n")[0]
        blanks = wanted[: len(wanted) - len(wanted.lstrip())]
        old = (*markers["prefix"], *encode("".join(before[:-lines])))
        new = encode("".join(before[-lines:]))
        lead = encode(blanks)
        suffix = (*markers["suffix"], *encode("\n" + str(row["suffix"])))
        first = before[-lines]
        indent = first[: len(first) - len(first.lstrip())]
        for way in WAYS:
            pool.clear()
            if way == "behind":  # its prefix ends with the first new line's indentation
                pool.evaluate((*old, *encode(indent), *suffix))
                behind = "".join(before[-lines:])[len(indent) :] + blanks
                started = time.perf_counter()
                logits = pool.evaluate((*markers["middle"], *encode(behind)))
            else:
                pool.evaluate((*old, *suffix))
                started = time.perf_counter()
                if way == "moved":
                    pool.insert(len(old), (*new, *lead))
                    logits = pool.evaluate(markers["middle"])
                else:
                    pool.clear(len(old))
                    logits = pool.evaluate((*new, *lead, *suffix, *markers["middle"]))
            took[way].append(time.perf_counter() - started)
            right[way] += _line(pool, logits) == wanted.strip()
    return [
        {
            "way": way,
            "rows": asked,
            "typed_lines": lines,
            "right_percent": round(100 * right[way] / max(1, asked), 1),
            "median_s": round(statistics.median(took[way]), 3),
        }
        for way in WAYS
    ]


def _line(pool: Pool, logits: np.ndarray) -> str:
    """The greedy answer up to its first line break."""
    text = b""
    for _ in range(ANSWER):
        token = int(logits.argmax())
        if token in pool.model.stop_tokens:
            break
        text += pool.model.piece(token)
        if b"\n" in text.lstrip():
            break
        logits = pool.evaluate((token,))
    return text.decode("utf-8", "replace").strip().partition("\n")[0]


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.suffix_shift")
    parser.add_argument("--model", default="qwen2.5-coder-0.5b")
    parser.add_argument("--limit", type=int, default=0, help="rows; 0 is all")
    parser.add_argument("--lines", type=int, default=4, help="typed since")
    options = parser.parse_args()
    report({"suffix shift": run(options.model, options.limit, options.lines)}, "suffix_shift")


if __name__ == "__main__":
    main()
