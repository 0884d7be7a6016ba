"""A checkpoint's folder to a backend as it is served on a processor, and token ids to what they cost it.

Tokens are read in the chunks that the server reads, in float32. Unlike the server, a model may be read beyond
the context that it was trained for: what comes of that is a question here. Knows no texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from engine.backend import Backend, Logits
from engine.loop.opening import open_loop, plan_for
from engine.sampling import log_probability


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """An opened checkpoint; ``trained_context`` in tokens."""

    name: str
    trained_context: int
    backend: Backend


def opened(folder: Path, tokens: int, *, sequences: int = 3) -> Checkpoint:
    """The checkpoint in ``folder`` with room for ``tokens`` tokens. Raises ModelCorrupt or BackendError."""
    plan = plan_for(folder, sequences=sequences, context_tokens=tokens, device="cpu", quantise="none")
    plan = replace(plan, fit=replace(plan.fit, context_tokens=tokens))
    name = folder.parent.name if folder.name == "model" else folder.name  # as training writes it: NAME/model
    return Checkpoint(name, plan.config.trained_context, open_loop(folder, plan, sequences=sequences))


def read(backend: Backend, sequence: int, ids: Sequence[int]) -> Logits:
    """Append ``ids``, at least one; the logits (V,) after the last of them."""
    found = None
    for at in range(0, len(ids), backend.chunk_tokens):
        found = backend.prefill(sequence, ids[at : at + backend.chunk_tokens], never)
    assert found is not None
    return found.copy()


def nats(backend: Backend, sequence: int, ids: Sequence[int], before: Logits) -> float:
    """Append ``ids``; what they cost, each given all before it. ``before``: the logits that precede them."""
    found = 0.0
    for at in range(0, len(ids), backend.chunk_tokens):
        chunk = ids[at : at + backend.chunk_tokens]
        rows = backend.verify(sequence, chunk, never)
        assert rows is not None
        found -= sum(log_probability(row, one) for row, one in zip((before, *rows), chunk, strict=False))
        before = rows[-1].copy()
    return found


def never() -> bool:
    """Nothing is stopped."""
    return False
