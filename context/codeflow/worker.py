"""``python -m context.codeflow.worker ROOT CACHE``: reads the past of a workspace folder into the cache.

A process of its own, for parsing holds the interpreter longer than a server may wait. It says nothing on its
standard streams, works at low priority, and ends early when the process that started it is gone.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from context.codeflow.read import Limits, read_flows
from context.codeflow.store import head_of, is_fresh, load_flows, save_flows

NICE = 10  # people's own work goes first


class Orphaned(Exception):
    """The process that asked is gone."""


def main(arguments: list[str]) -> int:
    """Bring the cache up to HEAD; 0 when it is."""
    if len(arguments) != 2:
        return 2
    root, cache = Path(arguments[0]), Path(arguments[1])
    if hasattr(os, "nice"):
        os.nice(NICE)
    parent = os.getppid()

    def look_after(done: int, total: int) -> None:
        if os.name == "posix" and os.getppid() != parent:
            raise Orphaned

    try:
        head = head_of(root)
        if not head or is_fresh(root, cache):
            return 0
        known = {flow.sha: flow for flow in load_flows(root, cache)}
        flows = read_flows(root, limits=Limits(), known=known, on_progress=look_after)
        save_flows(root, cache, head, flows)
    except (Orphaned, OSError):
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
