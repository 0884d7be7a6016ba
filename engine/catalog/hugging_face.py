"""One file of a Hugging Face repository into a Partial, from where it stands.

Uses huggingface_hub for addresses, sign-in, mirrors (HF_ENDPOINT) and the transfer, not for its cache:
its own downloads no longer resume, and they retry a host that does not exist for 23 seconds.
"""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TYPE_CHECKING, Any, TypeVar

from engine.catalog.entries import HuggingFaceSource
from engine.catalog.partial import Partial, SourceFailed
from engine.errors import EngineError, ModelCorrupt

if TYPE_CHECKING:
    from engine.catalog.checkpoint import RemoteFile

REACH_SECONDS = 8.0  # for the first answer, in all: a firewall that drops packets costs 5 s for each address
CONNECT_SECONDS = 5.0
POLL_SECONDS = 0.1  # how soon a cancelled pull returns

_Answer = TypeVar("_Answer")


def fetch(source: HuggingFaceSource, partial: Partial) -> None:
    """Append the rest of the file to ``partial``, which reports and is cancelled by itself.

    Raises SourceFailed, ModelCorrupt, NotEnoughDisk or PullCancelled.
    """
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE"):
        raise SourceFailed("HF_HUB_OFFLINE forbids it")
    try:
        url, size = _within(REACH_SECONDS, lambda: _locate(source), partial)
        if partial.total_bytes and size and size != partial.total_bytes:
            raise ModelCorrupt(f"its file has {size:,} bytes, expected are {partial.total_bytes:,}")
        partial.total_bytes = partial.total_bytes or size
        partial.require_room()
        partial.what = "Hugging Face"
        _within(None, lambda: _transfer(url, partial), partial)
    except EngineError:
        raise
    except (
        Exception
    ) as error:  # the library's exceptions, and those of the HTTP client below it, differ by version
        raise SourceFailed(_first_line(error)) from error


def list_files(repo: str) -> list[RemoteFile]:
    """Every file of a repository's main branch. Raises SourceFailed."""
    from engine.catalog.checkpoint import RemoteFile

    if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE"):
        raise SourceFailed("HF_HUB_OFFLINE forbids it")
    _quiet()
    from huggingface_hub import HfApi, constants

    try:
        api = HfApi(endpoint=constants.ENDPOINT)
        found = api.model_info(repo, files_metadata=True, timeout=REACH_SECONDS).siblings or []
    except Exception as error:  # as in ``fetch``
        raise SourceFailed(_first_line(error)) from error
    return [
        RemoteFile(one.rfilename, one.size or 0, one.lfs.sha256 if one.lfs is not None else "")
        for one in found
    ]


def _locate(source: HuggingFaceSource) -> tuple[str, int]:
    """The file's address and its size in bytes; 0 where the server does not say."""
    _quiet()
    from huggingface_hub import get_hf_file_metadata, hf_hub_url

    url = hf_hub_url(source.repo, source.file)
    return url, get_hf_file_metadata(url, timeout=CONNECT_SECONDS).size or 0


def _quiet() -> None:
    """No telemetry, no bars, and short waits."""
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    for name, value in (
        ("HF_HUB_DISABLE_PROGRESS_BARS", "1"),  # a language server's stderr is a log
        ("HF_HUB_ETAG_TIMEOUT", "5"),
        ("HF_HUB_DOWNLOAD_TIMEOUT", "10"),
    ):
        os.environ.setdefault(name, value)  # read once, when huggingface_hub is imported
    from huggingface_hub import constants

    constants.HF_HUB_DISABLE_TELEMETRY = (
        True  # where it was imported before: it would ask for more than the file
    )


def _transfer(url: str, partial: Partial) -> None:
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers

    sink: Any = partial  # it has what http_get uses of a file: write, tell, seek, truncate
    http_get(
        url,
        sink,
        resume_size=partial.length,
        headers=build_hf_headers(),
        expected_size=partial.total_bytes or None,
    )


def _within(seconds: float | None, call: Callable[[], _Answer], partial: Partial) -> _Answer:
    """What ``call`` returns or raises; gives up on it after ``seconds``, or when the pull is cancelled.

    It runs in a thread of its own, since a connection attempt cannot be interrupted from outside. One
    that is given up ends at its next write, if not before: its Partial is closed by then.
    """
    answer: Future[_Answer] = Future()

    def run() -> None:
        try:
            answer.set_result(call())
        except Exception as error:
            answer.set_exception(error)

    threading.Thread(target=run, name="codeflow-hugging-face", daemon=True).start()
    until = math.inf if seconds is None else time.monotonic() + seconds
    while time.monotonic() < until:
        partial.check_cancelled()
        if wait([answer], POLL_SECONDS).done:
            return answer.result()
    raise SourceFailed(f"no answer within {seconds:.0f} seconds")


def _first_line(error: Exception) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[0].strip().rstrip(".") if lines else type(error).__name__
