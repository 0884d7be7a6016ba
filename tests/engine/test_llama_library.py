"""llama.cpp's Python binding, loaded by whoever comes first."""

from __future__ import annotations

import threading
import time
from importlib import import_module
from typing import Any

import pytest

from engine.llama import library


def test_threads_that_load_it_at_once_leave_one_callback(monkeypatch: pytest.MonkeyPatch):
    """C holds a bare pointer to it. Of two, one would be freed, and called at the next error: a crash."""
    llama_cpp, given = library.llama_cpp(), []

    def import_slowly(name: str) -> Any:
        time.sleep(0.05)
        return import_module(name)

    monkeypatch.setattr(library, "import_module", import_slowly)
    monkeypatch.setattr(llama_cpp, "llama_log_set", lambda callback, _: given.append(callback))
    monkeypatch.setattr(llama_cpp, "_codeflow_log_callback", llama_cpp._codeflow_log_callback)
    library._loaded.cache_clear()
    threads = [threading.Thread(target=library.llama_cpp) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert given == [llama_cpp._codeflow_log_callback]
