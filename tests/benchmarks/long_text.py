"""What checkpoints gain from long contexts: the loss behind them, and needles in them.

python -m tests.benchmarks.long_text MODEL_FOLDER ... [--lengths 2048 8192 32768] [--texts N] [--needles N]

Folders as `engine.training.train` writes them, of any architecture, read as they are served on a processor
(`likelihood`); all of one tokenizer. *Loss*: bits a byte of the last 512 tokens of held-back texts, the same
ones at every length: with as many tokens in all as the length says, and with 512 tokens before them; the
difference is what the longer context gains. *Needles* (`planted`): what a value costs whose definition stands
near the beginning, and how much more it costs where another definition stands there.

Texts and needles are the same for every model and every run. Every text is read by all models before the next
one, so that after Ctrl-C what is reported is of as many texts for each of them.
"""

from __future__ import annotations

import argparse
import math
import signal
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.benchmarks.held_text import LongText, long_texts
from tests.benchmarks.likelihood import Checkpoint, nats, opened, read
from tests.benchmarks.planted import GROUP, Found, find, needles
from tests.benchmarks.reporting import report
from tests.benchmarks.small_models import TEXTS

LENGTHS = (2048, 8192, 32_768)
LAST, NEAR = 512, 512  # tokens whose loss is taken; tokens before them that every context has
ROOM = 256  # tokens for forks with a call and its answer


@dataclass(frozen=True, slots=True)
class Loss:
    """What the last tokens of a text cost: ``bits``, and ``bits_near`` with only ``NEAR`` tokens before."""

    bits: float
    bits_near: float
    bytes: int


@dataclass(slots=True)
class Results:
    """What was found so far, by the model's name and the length."""

    losses: dict[tuple[str, int], list[Loss]] = field(default_factory=dict)
    needles: dict[tuple[str, int], list[list[Found]]] = field(default_factory=dict)
    seconds: dict[tuple[str, int], list[float]] = field(default_factory=dict)  # of reading a text once

    def rows(self, models: Sequence[Checkpoint]) -> dict[str, list[dict[str, Any]]]:
        """For ``report``."""
        trained = {model.name: model.trained_context for model in models}
        losses = [
            {"model": name, "trained_on": trained[name], "tokens": length} | _losses(found)
            | {"seconds_a_text": round(statistics.median(self.seconds[name, length]), 1)}
            for (name, length), found in sorted(self.losses.items())
        ]  # fmt: skip
        found = [
            {"model": name, "trained_on": trained[name], "tokens": length} | _needles(found)
            for (name, length), found in sorted(self.needles.items())
        ]
        return {"loss of the last 512 tokens": losses, "needles": found}


def loss_of(checkpoint: Checkpoint, text: LongText, length: int) -> tuple[float, int]:
    """Bits of the last tokens of ``text`` with ``length`` tokens in all, and their bytes."""
    backend, ids = checkpoint.backend, text.end(length)
    backend.rewind(0, 0)
    before = read(backend, 0, ids[:-LAST])
    bits = nats(backend, 0, ids[-LAST:], before) / math.log(2)
    backend.rewind(0, 0)
    return bits, sum(len(backend.tokenizer.piece(one)) for one in ids[-LAST:])


def measure_losses(
    models: Sequence[Checkpoint], texts: Sequence[LongText], lengths: Sequence[int], into: Results
) -> None:
    """Of every text at every length, by all models."""
    for number, text in enumerate(texts):
        near = {model.name: loss_of(model, text, NEAR + LAST)[0] for model in models}
        for length in lengths:
            found = list[tuple[str, Loss, float]]()
            for model in models:
                began = time.perf_counter()
                bits, size = loss_of(model, text, length)
                took = time.perf_counter() - began
                found.append((model.name, Loss(bits, near[model.name], size), took))
                _say(
                    f"{text.package} ({number}), {length:,} tokens, {model.name}: {bits / size:.3f} bits a "
                    f"byte, {near[model.name] / size:.3f} with {NEAR} tokens before; {took:.0f} s"
                )
            for name, loss, took in found:
                into.losses.setdefault((name, length), []).append(loss)
                into.seconds.setdefault((name, length), []).append(took)


def measure_needles(
    models: Sequence[Checkpoint], texts: Sequence[LongText], lengths: Sequence[int], count: int, into: Results
) -> None:
    """``count`` needles at every length, by all models."""
    for number in range(-(-count // GROUP)):
        text, group = texts[number % len(texts)], needles(number)[: count - number * GROUP]
        for length in (NEAR + LAST, *lengths):
            found = [(model.name, find(model.backend, text, length, group)) for model in models]
            for name, some in found:
                into.needles.setdefault((name, length), []).append(some)
                _say(f"needles in {text.package} ({number}), {length:,} tokens, {name}: {_needles([some])}")


def _losses(found: Sequence[Loss]) -> dict[str, Any]:
    size = sum(one.bytes for one in found)
    bits, near = sum(one.bits for one in found), sum(one.bits_near for one in found)
    return {
        "texts": len(found),
        "bytes": size,
        "bits_per_byte": round(bits / size, 4),
        "with_512_before": round(near / size, 4),
        "gain": round((near - bits) / size, 4),
        "gain_error": _error([(one.bits_near - one.bits) / one.bytes for one in found]),
        "texts_it_helps": sum(one.bits < one.bits_near for one in found),
    }


def _needles(groups: Sequence[Sequence[Found]]) -> dict[str, Any]:
    """The needles of one text are no more independent than its words, so the error is that of texts."""
    found = [one for group in groups for one in group]
    gains = [statistics.fmean(one.nats_without - one.nats for one in group) for group in groups]
    return {
        "texts": len(groups),
        "needles": len(found),
        "nats": round(statistics.fmean(one.nats for one in found), 3),
        "gain_nats": round(statistics.fmean(one.nats_without - one.nats for one in found), 3),
        "gain_error": _error(gains),
        "first_of_10": f"{100 * statistics.fmean(one.of_wrong for one in found):.0f}%",
        "and_without": f"{100 * statistics.fmean(one.of_wrong_without for one in found):.0f}%",
        "first_of_those_there": f"{100 * statistics.fmean(one.of_others for one in found):.0f}%",
    }


def _error(values: Sequence[float]) -> float | None:
    """Standard error of the mean."""
    return round(statistics.stdev(values) / math.sqrt(len(values)), 4) if len(values) > 1 else None


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


def _opened(folders: Sequence[Path], tokens: int) -> list[Checkpoint]:
    models = [opened(folder.expanduser(), tokens) for folder in folders]
    if len({model.name for model in models}) < len(models):
        raise SystemExit("Two of the models have one name: " + ", ".join(model.name for model in models))
    for model in models[1:]:
        if list(model.backend.tokenizer.pieces) != list(models[0].backend.tokenizer.pieces):
            raise SystemExit(
                f"{model.name} and {models[0].name} have different tokenizers, so a length in tokens is not "
                "the same text for both; tests.benchmarks.small_models compares such models."
            )
    return models


def main() -> None:
    """Measure and report; what was measured until Ctrl-C, too."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.long_text")
    parser.add_argument("models", type=Path, nargs="+", help="checkpoints' folders")
    parser.add_argument("--lengths", type=int, nargs="+", default=LENGTHS, help="in tokens")
    parser.add_argument("--texts", type=int, default=8, help="of which the loss is taken; 0 for none")
    parser.add_argument("--needles", type=int, default=2 * GROUP, help="at each length; 0 for none")
    parser.add_argument("--file", type=Path, default=TEXTS, help=f"held-back texts (default: {TEXTS})")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what ends it in time is like Ctrl-C
    lengths = sorted(set(options.lengths))
    if lengths[0] <= NEAR + LAST:
        parser.error(f"lengths begin above {NEAR + LAST}")
    models = _opened(options.models, lengths[-1] + ROOM)
    wanted = max(options.texts, -(-options.needles // GROUP))
    texts = long_texts(options.file, models[0].backend.tokenizer, lengths[-1], wanted)
    if not texts:
        raise SystemExit(f"No package in {options.file} has {lengths[-1]:,} tokens.")
    results = Results()
    try:
        measure_losses(models, texts[: options.texts], lengths, results)
        measure_needles(models, texts, lengths, options.needles, results)
    except KeyboardInterrupt:
        _say("stopped; what all models have read is reported")
    finally:
        report(results.rows(models), "long_text")


if __name__ == "__main__":
    main()
