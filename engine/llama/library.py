"""The one place that imports llama_cpp; its log becomes lines of ours.

OpenMP's waiting policy is left alone: its default spins for a moment and then sleeps. "passive" halves the
decode speed of an idle machine, "active" burns a core between requests (docs/log.md).
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from functools import cache
from importlib import import_module
from typing import Any

logger = logging.getLogger(__name__)
_ERROR_LEVEL = 4  # GGML_LOG_LEVEL_ERROR
_recent_errors: deque[str] = deque(maxlen=8)
_loading = threading.Lock()


def llama_cpp() -> Any:
    """The llama_cpp module, imported once, quiet: its errors go to the log and to ``last_error``."""
    with _loading:  # two threads that both came first would leave C with a callback that nothing keeps
        return _loaded()


@cache
def _loaded() -> Any:
    library: Any = import_module("llama_cpp")

    @library.llama_log_callback
    def on_log(level: int, text: bytes, _: Any) -> None:
        if level == _ERROR_LEVEL:
            line = text.decode("utf-8", "replace").strip()
            _recent_errors.append(line)
            logger.debug("llama.cpp: %s", line)  # a cancelled request leaves three of them: no news

    library.llama_log_set(on_log, None)
    library._codeflow_log_callback = on_log  # C keeps a bare pointer, so something here must keep the object
    library.llama_backend_init()
    return library


def amx_is_broken() -> bool:
    """Whether this build would multiply with Intel AMX, which crashes on K-quants (ggml-org/llama.cpp#20824).

    Such a build must not use repacked weights, at a third of its prefill speed; `make setup` builds without.
    """
    return b"AMX_INT8 = 1" in llama_cpp().llama_print_system_info()


def last_error() -> str:
    """The first of llama.cpp's latest error lines (the later ones are its consequences), or ""."""
    error = _recent_errors[0] if _recent_errors else ""
    _recent_errors.clear()
    return error
