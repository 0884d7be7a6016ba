"""Small models side by side: ``python -m tests.benchmarks.small_models MODEL ... [--rows N] [--texts FILE]``.

For each model, a name of the catalog or a checkpoint's folder: its size; bits per byte of text that no
model of ours was trained on (``texts-valid.jsonl`` of ``engine.training.data``, whatever the model's
tokenizer); tokens per second; and single-line infilling through the server, exact and executed
(``infilling``). Bits per byte are those of the first ``EACH_BYTES`` of each file; a file's first token is not
counted, since not every model has one to stand before it.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.backend import Backend
from engine.catalog import resolve
from engine.speed import measure
from tests.benchmarks import infilling
from tests.benchmarks.likelihood import nats, read
from tests.benchmarks.reporting import OUT, report

DEFAULTS = ("smollm2-135m", "qwen2.5-coder-0.5b")
TUNING = "humaneval_infill_singleline_tune100"
TEXTS = Path("~/codeflow-training/data/texts-valid.jsonl").expanduser()
CONTEXT = 2048  # tokens: more than any tokenizer makes of EACH_BYTES of code
EACH_BYTES = 4_000  # of a text: cut by bytes, so that every model is asked for the same
TEXT_BYTES = 120_000  # of all texts together, for every model the same ones


@dataclass(frozen=True, slots=True)
class Loss:
    """``bits`` that ``bytes`` bytes of text cost, in ``tokens`` tokens."""

    bits: float
    bytes: int
    tokens: int

    @property
    def per_byte(self) -> float:
        """Bits a byte."""
        return self.bits / max(1, self.bytes)


def loss_of(backend: Backend, texts: Iterator[str]) -> Loss:
    """What texts cost a model; each is evaluated anew. Bytes are those that the counted tokens stand for."""
    tokenizer = backend.tokenizer
    bits, size, count = 0.0, 0, 0
    for text in texts:
        ids = [*tokenizer.bos_tokens, *tokenizer.encode(text)][: min(CONTEXT, backend.context_tokens)]
        head = max(1, len(tokenizer.bos_tokens))
        backend.rewind(0, 0)
        bits += nats(backend, 0, ids[head:], read(backend, 0, ids[:head])) / math.log(2)
        size += sum(len(tokenizer.piece(token)) for token in ids[head:])
        count += len(ids) - head
    return Loss(bits, size, count)


def texts_of(file: Path, most_bytes: int) -> Iterator[str]:
    """The texts of ``texts-valid.jsonl`` up to so many bytes."""
    left = most_bytes
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            if left <= 0:
                return
            text = json.loads(line)["text"][: min(left, EACH_BYTES)]
            left -= len(text.encode())
            yield text


def opened(path: Path) -> Backend:
    """A model's file or folder as a backend on the processor, for one sequence."""
    if path.is_file():
        from engine.llama.opening import open_llama

        return open_llama(path, sequences=1, context_tokens=CONTEXT, gpu_layers=0)
    from engine.loop.opening import open_loop, plan_for

    plan = plan_for(path, sequences=1, context_tokens=CONTEXT, device="cpu", quantise="none")
    return open_loop(path, plan, sequences=1)


def row_of(name: str, *, rows: int, texts: Path | None, out: Path) -> dict[str, Any]:
    """One model's figures; ``rows`` of infilling, 0 for none."""
    path = resolve(name).path
    files = [path] if path.is_file() else [*path.glob("*.safetensors")]
    backend = opened(path)
    try:
        speed = measure(backend)
        found: dict[str, Any] = {
            "model": path.name if path.is_dir() else name,
            "size_mb": round(sum(file.stat().st_size for file in files) / 1e6, 1),
            "prefill_tokens_per_s": round(speed.prefill),
            "decode_tokens_per_s": round(speed.decode),
        }
        if texts is not None:
            loss = loss_of(backend, texts_of(texts, TEXT_BYTES))
            found |= {
                "bits_per_byte": round(loss.per_byte, 3),
                "bytes_per_token": round(loss.bytes / max(1, loss.tokens), 2),
                "text_bytes": loss.bytes,
            }
    finally:
        backend.close()
    if rows:
        filled = infilling.run(name, TUNING, limit=rows, invoked=True, out=out)
        for key in ("rows", "first_line_exact", "pass_at_1", "interval", "shown", "ghost_text_p50_ms"):
            found[key] = filled[key]
    return found


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.small_models")
    parser.add_argument("models", nargs="*", default=DEFAULTS, help=f"default: {' '.join(DEFAULTS)}")
    parser.add_argument("--rows", type=int, default=100, help="of infilling; 0 leaves it out")
    parser.add_argument("--texts", type=Path, default=TEXTS, help=f"held-back texts (default: {TEXTS})")
    options = parser.parse_args()
    texts: Path | None = options.texts
    if texts is not None and not texts.is_file():
        print(f"there is no {texts}, so no bits per byte: build it by python -m engine.training.data.build")
        texts = None
    rows = options.rows if (infilling.SHARED / "data").is_dir() else 0
    found = [row_of(name, rows=rows, texts=texts, out=OUT) for name in options.models]
    report({"small models": found}, "small_models")


if __name__ == "__main__":
    main()
