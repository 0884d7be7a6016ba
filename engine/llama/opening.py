"""A GGUF file and a few plain numbers to a backend that is ready to evaluate."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from engine.kept_vocabulary import KeptVocabulary
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
    kept: KeptVocabulary | None = None,
) -> LlamaBackend:
    """Open ``path`` and set up ``context_tokens`` of KV cache. ``report`` is told the share loaded, 0 to 1.

    ``gpu_layers`` counts only where llama.cpp was built for a GPU; ``kept``: see LlamaModel. Raises
    ModelCorrupt or BackendError.
    """
    on_gpu = gpu_layers != 0 and has_gpu()
    layers = gpu_layers if on_gpu else 0
    model = LlamaModel(path, gpu_layers=layers, report=report, cancelled=cancelled, kept=kept)
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


def state_identity(path: Path, sha256: str, *, context_tokens: int, sequences: int) -> str:
    """What a saved state belongs to: the model, this build of llama.cpp on this processor, the context.

    A model without a proven hash is told by its path, size and time.
    """
    system = llama_cpp().llama_print_system_info().decode("utf-8", "replace")
    cells = f"{sequences} sequences of {context_tokens} tokens"
    return " | ".join((vocabulary_identity(path, sha256), system, cells))


def vocabulary_identity(path: Path, sha256: str) -> str:
    """What a kept vocabulary belongs to: the model, and this build of llama.cpp."""
    facts = path.stat()
    model = sha256 or f"{path} {facts.st_size} {facts.st_mtime_ns}"
    return f"{model} | {version()}"


def has_gpu() -> bool:
    """Whether this llama.cpp can put layers on a GPU."""
    return bool(llama_cpp().llama_supports_gpu_offload())


def version() -> str:
    """llama-cpp-python's version."""
    return str(llama_cpp().__version__)
