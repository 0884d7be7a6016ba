"""Flows on disk, so that a second start reads no history: one file for each workspace folder, JSON lines.

The first line says for which HEAD they were read. Only the owner may read the files; a damaged one counts as
none; files that nobody used for two months are removed. What is written was redacted before.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from context.codeflow.change import Flow, flow_from_json, flow_to_json

VERSION = 1  # of the file's format and of the rules that made the labels; another one is not read
MOST_BYTES = 32 << 20  # 300 commits take some 2 MB; a file that large is not ours
KEPT_SECONDS = 60 * 86_400  # two months unused: the project is finished or gone
MOST_FILES = 64  # workspace folders; the one unused longest goes first
_LOOK_EVERY_S = 0.1  # whether the child is still wanted
SUSPICIOUS_SECONDS = 3_600  # a half-written file of that age belongs to a process that died


def cache_file(root: Path, cache: Path) -> Path:
    """Where the flows of a workspace folder lie, below the cache directory."""
    name = hashlib.sha256(os.fsencode(os.path.realpath(root))).hexdigest()[:24]
    return cache / "codeflow" / f"{name}.jsonl"


def head_of(root: Path) -> str:
    """The commit HEAD names, read without a process; "" where there is none."""
    from context.history import place

    found = place.find(root)
    return place.head_of(found).commit if found is not None else ""


def load_flows(root: Path, cache: Path) -> tuple[Flow, ...]:
    """The stored flows of a workspace folder, newest first, whatever HEAD is now; () where there are none."""
    head, flows = _load(cache_file(root, cache))
    return flows if head else ()


def is_fresh(root: Path, cache: Path) -> bool:
    """Whether the stored flows were read for the present HEAD (also where HEAD names no commit)."""
    head = head_of(root)
    if not head:
        return True
    try:
        with cache_file(root, cache).open(encoding="utf-8") as stored:
            return _head_in(stored.readline(4096)) == head
    except (OSError, ValueError, RecursionError):
        return False


def save_flows(root: Path, cache: Path, head: str, flows: Sequence[Flow]) -> None:
    """Write the flows for HEAD, whole or not at all. Raises OSError."""
    target = cache_file(root, cache)
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if os.name == "posix":
        target.parent.chmod(0o700)
    handle, name = tempfile.mkstemp(dir=target.parent, suffix=".part")  # 0600 where there are modes
    part = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as written:
            written.write(json.dumps({"codeflow": VERSION, "head": head, "flows": len(flows)}) + "\n")
            for flow in flows:
                written.write(json.dumps(flow_to_json(flow), ensure_ascii=True, separators=(",", ":")) + "\n")
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    prune(cache)


def prune(cache: Path) -> None:
    """Remove what was not used for two months, the oldest beyond `MOST_FILES`, and what dead writers left."""
    now = time.time()
    aged: list[tuple[float, Path]] = []
    try:
        for path in (cache / "codeflow").iterdir():
            try:
                age = now - path.stat().st_mtime
                if age > (SUSPICIOUS_SECONDS if path.suffix == ".part" else KEPT_SECONDS):
                    path.unlink(missing_ok=True)
                elif path.suffix == ".jsonl":
                    aged.append((age, path))
            except OSError:
                continue
        for _, path in sorted(aged)[MOST_FILES:]:
            path.unlink(missing_ok=True)
    except OSError:
        return


def refresh(
    root: Path, cache: Path, *, timeout_s: float = 120, cancelled: threading.Event | None = None
) -> tuple[Flow, ...]:
    """The flows of the present HEAD, read by a child process where the stored ones are older.

    Blocks up to ``timeout_s``: call it on a worker thread. A child that fails or is too slow leaves the
    stored ones as they are, and those are returned; ``cancelled`` ends it at once.
    """
    if not is_fresh(root, cache):
        # -P: the folder the server runs in is nobody's package; the workspace is only an argument
        command = [sys.executable, "-P", "-m", "context.codeflow.worker", os.fspath(root), os.fspath(cache)]
        environment = dict(os.environ)
        environment["PYTHONPATH"] = os.fspath(Path(__file__).parents[2])
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            child = subprocess.Popen(
                command,
                env=environment,
                cwd=cache if cache.is_dir() else None,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,  # the server's own carries LSP
                stderr=subprocess.DEVNULL,
            )
            _wait(child, time.monotonic() + timeout_s, cancelled)
    return load_flows(root, cache)


def _wait(child: subprocess.Popen[bytes], until: float, cancelled: threading.Event | None) -> None:
    """Wait for a child; end it where it takes too long or nobody wants it any more."""
    while child.poll() is None:
        if time.monotonic() > until or (cancelled is not None and cancelled.is_set()):
            child.kill()
            child.wait()
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(_LOOK_EVERY_S)


def _load(path: Path) -> tuple[str, tuple[Flow, ...]]:
    """HEAD and flows of a file; "" where it is missing or damaged."""
    try:
        if path.stat().st_size > MOST_BYTES:
            return "", ()
        flows: list[Flow] = []
        with path.open(encoding="utf-8") as stored:
            head = _head_in(stored.readline(4096))
            if not head:
                return "", ()
            flows += (flow_from_json(json.loads(line)) for line in stored)
        os.utime(path)  # used: see `prune`
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return "", ()
    return head, tuple(flows)


def _head_in(line: str) -> str:
    header = json.loads(line)
    if not isinstance(header, dict) or header.get("codeflow") != VERSION:
        return ""
    return str(header.get("head", ""))
