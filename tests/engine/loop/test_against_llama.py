"""Trained weights: a Llama that llama.cpp runs, run by the loop engine with one loop, says the same."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.catalog import resolve
from engine.errors import ModelUnavailable
from engine.llama.opening import open_llama
from engine.training.gguf_checkpoint import checkpoint_of
from tests.engine.loop.checkpoints import opened
from tests.engine.loop.test_model import backend, chunks, never

pytest.importorskip("gguf", reason="gguf is not installed")
TEXT = (Path(__file__).parents[3] / "context" / "window.py").read_text(encoding="utf-8")[:900]


@pytest.mark.model
def test_a_trained_llama_says_what_it_says_in_llama_cpp(tmp_path: Path) -> None:
    """As nearly as llama.cpp's 8-bit activations allow: a text is as likely, the next tokens are the same."""
    try:
        file = resolve("smollm2-135m", allow_smaller=False).path
    except ModelUnavailable as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
    checkpoint_of(file, tmp_path)
    other = open_llama(file, sequences=1, context_tokens=1024)
    try:
        ids = list(other.tokenizer.encode(TEXT))
        theirs = [
            row.copy()
            for at in range(0, len(ids), 64)
            for row in other.verify(0, ids[at : at + 64], never) or []
        ]
    finally:
        other.close()
    ours = chunks(backend(opened(tmp_path)), ids, [100, len(ids) - 101, 1])
    scores = [torch.from_numpy(rows).double().log_softmax(-1).numpy() for rows in (ours, np.stack(theirs))]
    likely = [np.mean([rows[i][token] for i, token in enumerate(ids[1:])]) for rows in scores]
    assert abs(likely[0] - likely[1]) < 0.02
    assert (np.exp(scores[0]) * (scores[0] - scores[1])).sum(-1).mean() < 0.02
    assert (ours.argmax(-1) == np.stack(theirs).argmax(-1)).mean() > 0.9
