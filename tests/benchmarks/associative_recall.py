"""Is a long context looked up in? Tiny models learn to, and are asked far beyond what they learned at.

    python -m tests.benchmarks.associative_recall [--models NAME ...] [--lengths N ...] [--texts N]

A text holds definitions (a token that gives a key its value, pinned as a signature is), noise, and questions
(a key), each asked once; only their values are learned (associative recall as in Arora et al. 2023,
"Zoology", with a definition of one token, so that one layer can look it up). All is random: nothing can be
known but by looking back. Models have two layers of 64; `flow` sees a window of 64 tokens, and beyond it what
its variant leaves. All learn the same texts in the same order, of 128, of 512 and of 4,096 tokens.

Reported by length: how many questions in the last 256 tokens are answered right, whose definitions stand in
the first 256; one in 16 by chance. Three quarters of an hour on one core.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor

from engine.training.architectures import new_model
from tests.benchmarks.reporting import report

if TYPE_CHECKING:
    from engine.training.architectures import Trainable

KEYS, VALUES, NOISE, PAIRS = 16, 16, 128, 8
ASK = KEYS * VALUES  # the first of the questions; before them stand definitions, key by key
ANSWER = ASK + KEYS  # the first of the answers
VOCABULARY = ANSWER + VALUES + NOISE
EDGE = 256  # tokens at the beginning, and at the end, where a test defines and asks
PINNED = 3  # the rank of a signature's tokens
WINDOW = 64

SHAPE = {"layers": 2, "hidden_size": 64, "intermediate_size": 128, "heads": 4, "kv_heads": 4, "head_dim": 16}
FAR = {"window": WINDOW, "far_layers": [0, 1], "memory_slots": 16, "memory_size": 64, "pinned_tokens": 64}
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "standard": ("standard", {}),
    "loop": ("loop", {"loops": 2, "window": WINDOW}),
    "flow": ("flow", FAR),
    "flow, pinned tokens alone": ("flow", FAR | {"memory_slots": 0}),
    "flow, memory alone": ("flow", FAR | {"pinned_tokens": 0}),
    "flow, its window alone": ("flow", FAR | {"memory_slots": 0, "pinned_tokens": 0}),
}


@dataclass(frozen=True, slots=True)
class Texts:
    """``ids`` and ``flags`` (B, T); at ``asked`` (B, PAIRS) stand keys that the next token answers."""

    ids: Tensor
    flags: Tensor
    asked: Tensor


@dataclass(frozen=True, slots=True)
class Stage:
    """Steps of so many texts of ``length`` tokens."""

    steps: int
    texts: int
    length: int


@dataclass(frozen=True, slots=True)
class Answered:
    """Of one model at ``tokens``: the share of questions it answers; what it learned at, and for how long."""

    model: str
    tokens: int
    right: float
    parameters: int
    trained_s: float


def texts(count: int, length: int, random: torch.Generator, edge: int | None = None) -> Texts:
    """Random texts; with ``edge`` all definitions stand in the first ``edge`` tokens and all questions in the
    last, otherwise both stand wherever a definition comes before its question."""
    ids = ANSWER + VALUES + torch.randint(NOISE, (count, length), generator=random)
    flags, asked = torch.zeros_like(ids), torch.zeros(count, PAIRS, dtype=torch.int64)
    for row in range(count):
        keys = torch.randperm(KEYS, generator=random)[:PAIRS]
        values = torch.randint(VALUES, (PAIRS,), generator=random)
        if edge is None:
            places, questions = _apart(2 * PAIRS, length, random).view(2, PAIRS)
        else:
            places = _apart(PAIRS, edge, random)
            questions = length - edge + _apart(PAIRS, edge, random)
        order = torch.randperm(PAIRS, generator=random)
        ids[row, places], flags[row, places] = keys * VALUES + values, PINNED
        ids[row, questions], ids[row, questions + 1] = ASK + keys[order], ANSWER + values[order]
        asked[row] = questions
    return Texts(ids, flags, asked)


def _apart(count: int, length: int, random: torch.Generator) -> Tensor:
    """Rising places in ``length`` tokens, each with room for a question and its answer."""
    return (torch.randperm(length // 2, generator=random)[:count] * 2).sort().values


def _widen(model: Trainable) -> None:
    """Larger fresh weights: those for usual widths leave attention even for long at a width of 64."""
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name.endswith(("proj.weight", "embed_tokens.weight")):
                weight *= 6.0


def answers(model: Trainable, given: Texts) -> tuple[Tensor, Tensor]:
    """Logits (B * PAIRS, V) of what comes after the keys that are asked for, and what does."""
    logits, _ = model(given.ids[:, :-1], given.flags[:, :-1], None, None)
    rows = torch.arange(len(given.ids))[:, None]
    return logits[rows, given.asked].flatten(0, 1), given.ids[rows, given.asked + 1].flatten()


def learn(model: Trainable, stages: list[Stage], rate: float, said: Callable[[str], None]) -> None:
    """AdamW with a warm-up and a cosine over all stages."""
    random, total = torch.Generator().manual_seed(1), sum(stage.steps for stage in stages)
    optimiser = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.1, betas=(0.9, 0.95))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total, pct_start=0.05)
    step = 0
    for stage in stages:
        for _ in range(stage.steps):
            logits, values = answers(model, texts(stage.texts, stage.length, random))
            loss = F.cross_entropy(logits, values)
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            step += 1
            if step % 50 == 0:
                right = (logits.argmax(-1) == values).float().mean().item()
                said(f"step {step} of {total}, {stage.length} tokens: loss {loss.item():.3f}, {right:.2f}")


def right(model: Trainable, length: int, count: int) -> float:
    """Share of questions answered, of ``count`` texts whose definitions stand first and questions last."""
    random, found = torch.Generator().manual_seed(2), 0
    with torch.inference_mode():
        for _ in range(count):
            logits, values = answers(model, texts(1, length, random, min(EDGE, length // 2)))
            found += int((logits.argmax(-1) == values).sum())
    return found / (count * PAIRS)


def main() -> None:
    """Learn, ask and report."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.associative_recall")
    parser.add_argument("--models", nargs="+", choices=list(MODELS), default=list(MODELS))
    parser.add_argument("--lengths", type=int, nargs="+", default=[512, 2048, 8192, 32_768])
    parser.add_argument(
        "--steps", type=int, default=400, help="of 128 tokens; half as many of 512 follow, a quarter of 4,096"
    )
    parser.add_argument("--rate", type=float, default=5e-3)
    parser.add_argument("--texts", type=int, default=16, help="asked at each length")
    options = parser.parse_args()
    stages = [
        Stage(options.steps, 32, 128),
        Stage(options.steps // 2, 16, 512),
        Stage(options.steps // 4, 2, 4096),
    ]
    found: list[Answered] = []
    for name in options.models:
        architecture, own = MODELS[name]
        model = new_model(architecture, SHAPE | own, vocabulary=VOCABULARY, context=4096, seed=0)
        _widen(model)
        began = time.monotonic()
        learn(
            model.train(),
            stages,
            options.rate,
            lambda text, name=name: print(f"{name}: {text}", file=sys.stderr, flush=True),
        )
        took = round(time.monotonic() - began, 1)
        model.eval()
        weights = sum(one.numel() for one in model.parameters())
        for length in options.lengths:
            found.append(Answered(name, length, round(right(model, length, options.texts), 3), weights, took))
            print(found[-1], file=sys.stderr, flush=True)
    report({"associative recall": [asdict(one) for one in found]}, "associative_recall")


if __name__ == "__main__":
    main()
