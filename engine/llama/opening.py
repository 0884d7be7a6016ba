"""A GGUF file and a few plain numbers to a backend that is ready to evaluate."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from engine.llama.backend import LlamaBackend
from engine.llama.library import llama_cpp
from engine.llama.model import LlamaModel
from engine.llama.threads import FreeCores


def open_llama(
    path: Path,
    *,
    sequences: int,
    context_tokens: int,
    threads: int = 0,
    gpu_layers: int = -1,
    report: Callable[[float], None] | None = None,
    cancelled: threading.Event | None = None,
) -> LlamaBackend:
    """Open ``path`` and set up ``context_tokens`` of KV cache. ``report`` is told the share loaded, 0 to 1.

    ``gpu_layers`` counts only where llama.cpp was built for a GPU. Raises ModelCorrupt or BackendError.
    """
    on_gpu = gpu_layers != 0 and has_gpu()
    model = LlamaModel(path, gpu_layers=gpu_layers if on_gpu else 0, report=report, cancelled=cancelled)
    try:
        return LlamaBackend(
            model,
            context_tokens=context_tokens,
            sequences=sequences,
            threads=FreeCores(threads),
            on_gpu=on_gpu,
        )
    except Exception:
        model.close()
        raise


def has_gpu() -> bool:
    """Whether this llama.cpp can put layers on a GPU."""
    return bool(llama_cpp().llama_supports_gpu_offload())


def version() -> str:
    """llama-cpp-python's version."""
    return str(llama_cpp().__version__)
