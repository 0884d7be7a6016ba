"""Goes on training a model with examples of which only the answer is learned.

Examples are token ids; what they are of, and in what words, is their maker's affair. Time is given, and the
learning rate comes down with it. Knows no files.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor, nn

from engine.errors import BackendError
from engine.training.loop_model import LoopTransformer
from engine.training.place import Place
from engine.training.recipe import rate_share

_STEPS, _LEAST_STEP, _MOST_STEP = 100, 512, 8192  # about so many updates, each of so many tokens
_SORTED = 128  # examples that are put in order of length before they are put together
_IGNORED = -100  # torch's own sign for a target that does not count


@dataclass(frozen=True, slots=True)
class Example:
    """``ids``, of which those from ``answer`` on are learned; ``text_bytes``: what these stand for."""

    ids: tuple[int, ...]
    answer: int
    text_bytes: int


@dataclass(frozen=True, slots=True)
class Tuning:
    """How: ``passes`` over the examples at most, in ``seconds`` at most; ``tokens`` a step, or 0 for as many
    as make about a hundred steps. A step takes a hundredth of the time at most."""

    learning_rate: float
    passes: int
    seconds: float
    tokens: int = 0
    micro_tokens: int = 2048
    clip: float = 1.0
    warmup: float = 0.05
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Tuned:
    """What was done: steps, tokens read, seconds, how often each example was seen."""

    steps: int
    tokens: int
    seconds: float
    passes: float


def tune(
    model: LoopTransformer,
    parameters: Sequence[nn.Parameter],
    examples: Sequence[Example],
    place: Place,
    how: Tuning,
    report: Callable[[float, float], None],
) -> Tuned:
    """Train ``parameters``; ``report`` is told the share done, 0 to 1, and the latest loss in nats a token.

    Raises BackendError where the loss is no number any more.
    """
    optimiser = torch.optim.AdamW(parameters, lr=how.learning_rate, weight_decay=0.0, betas=(0.9, 0.95))
    begun, random = time.monotonic(), np.random.default_rng(how.seed)
    total = how.passes * len(examples)
    a_hundredth = how.passes * sum(len(one.ids) for one in examples) // _STEPS
    each = how.tokens or min(_MOST_STEP, max(_LEAST_STEP, a_hundredth))
    steps = seen = tokens = learned = pending = 0
    share, loss, stepped_at = 0.0, 0.0, begun
    model.train()
    for batch in _batches(examples, how.passes, min(how.micro_tokens, each), random):
        place.follow_load()
        nats = answer_nats(model, batch, place).sum()
        nats.backward()
        loss += nats.item()
        learned += sum(len(one.ids) - one.answer for one in batch)
        pending += sum(len(one.ids) for one in batch)
        seen += len(batch)
        now = time.monotonic()
        if pending < each and seen < total and now - stepped_at < how.seconds / _STEPS:
            continue
        if not math.isfinite(loss):
            raise BackendError(f"training failed: the loss of step {steps + 1} is {loss}")
        for settings in optimiser.param_groups:
            settings["lr"] = how.learning_rate * rate_share(share * _STEPS, _STEPS, how.warmup, 0.1)
        for weight in parameters:
            if weight.grad is not None:
                weight.grad /= learned
        nn.utils.clip_grad_norm_(parameters, how.clip)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        steps, tokens = steps + 1, tokens + pending
        share = max(seen / total, (now - begun) / how.seconds)
        report(min(1.0, share), loss / learned)
        loss, learned, pending, stepped_at = 0.0, 0, 0, now
        if share >= 1:
            break
    return Tuned(steps, tokens, time.monotonic() - begun, seen / max(1, len(examples)))


def nats_per_byte(
    model: LoopTransformer,
    examples: Sequence[Example],
    place: Place,
    *,
    micro_tokens: int = 2048,
    report: Callable[[float], None] | None = None,
) -> list[float]:
    """Of each example's answer, in order; ``report`` is told the share done."""
    found = [0.0] * len(examples)
    order = sorted(range(len(examples)), key=lambda n: len(examples[n].ids))
    model.eval()
    done = 0
    with torch.inference_mode():
        for batch in _micro_batches([examples[n] for n in order], micro_tokens):
            place.follow_load()
            sums = answer_nats(model, batch, place).tolist()
            for n, nats in zip(order[done : done + len(batch)], sums, strict=True):
                found[n] = nats / max(1, examples[n].text_bytes)
            done += len(batch)
            if report is not None:
                report(done / len(examples))
    return found


def answer_nats(model: LoopTransformer, examples: Sequence[Example], place: Place) -> Tensor:
    """The answers' losses, summed over each one's tokens (N,). The head computes for answers alone."""
    longest = max(len(one.ids) for one in examples)
    ids = torch.zeros(len(examples), longest, dtype=torch.long)
    targets = torch.full((len(examples), longest), _IGNORED)
    for row, one in enumerate(examples):
        ids[row, : len(one.ids)] = torch.tensor(one.ids)
        targets[row, one.answer - 1 : len(one.ids) - 1] = torch.tensor(one.ids[one.answer :])
    ids, targets = ids.to(place.device), targets.to(place.device)
    wanted = targets != _IGNORED
    with place.autocast():
        logits = model.logits(model.hidden(ids)[wanted])
    nats = F.cross_entropy(logits.float(), targets[wanted], reduction="none")
    rows = wanted.nonzero()[:, 0]
    return nats.new_zeros(len(examples)).index_add(0, rows, nats)


def _batches(
    examples: Sequence[Example], passes: int, most_tokens: int, random: np.random.Generator
) -> Iterator[list[Example]]:
    """All examples, each pass in another order; what is evaluated together is of like length."""
    for _ in range(passes):
        order = [examples[n] for n in random.permutation(len(examples))]
        for start in range(0, len(order), _SORTED):
            batches = list(_micro_batches(order[start : start + _SORTED], most_tokens))
            for n in random.permutation(len(batches)):
                yield batches[n]


def _micro_batches(examples: Sequence[Example], most_tokens: int) -> Iterator[list[Example]]:
    """Examples of like length together, so that little of a batch is padding; order is kept where sorted."""
    batch: list[Example] = []
    for one in sorted(examples, key=lambda one: len(one.ids)):
        if batch and len(one.ids) * (len(batch) + 1) > most_tokens:
            yield batch
            batch = []
        batch.append(one)
    if batch:
        yield batch
