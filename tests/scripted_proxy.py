"""A proxy to a shared process with a scripted model: ``python -m tests.scripted_proxy [SECONDS_PER_CHUNK]``.

As thin as the real one: what takes time is imported by the process alone, `tests.scripted_server`.
"""

from __future__ import annotations

import os
import sys

from lsp_server.shared import proxy
from lsp_server.shared.rendezvous import Place


def start(place: Place) -> str:
    """In place of ``proxy.start_process``."""
    command = [sys.executable, "-m", "tests.scripted_server", *(sys.argv[1:] or ["0"]), place.name]
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120 - as the real one
    return proxy.started(command, {**os.environ, "PYTHONPATH": root})


if __name__ == "__main__":
    raise SystemExit(proxy.serve("", "warning", start))
