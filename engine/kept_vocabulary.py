"""A model's vocabulary kept on disk between starts: the bytes of its tokens, and their order.

Asking llama.cpp for 150,000 pieces and sorting them takes half a second in which nobody gets an answer. The
file is read on a thread of its own while the weights are loaded. It is the model's and holds nothing of the
user's; a damaged or foreign one is as if there were none.

    magic, number of tokens                 12 bytes
    lengths of the pieces                   uint32 each
    tokens by their pieces                  int32 each, those without a piece left out
    pieces                                  one after the other
    digest                                  blake2b over all the rest, 32 bytes
"""

from __future__ import annotations

import hashlib
import logging
import os
import struct
import tempfile
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from threading import Thread

import numpy as np

from engine.demanded_text import DemandedText

logger = logging.getLogger(__name__)
_BEGIN = struct.Struct("<8sI")
_MAGIC = b"CFVOCAB1"
_DIGEST_BYTES = 32


class KeptVocabulary:
    """One model's file, being read. ``identity`` names the model and whoever reads its vocabulary."""

    def __init__(self, folder: Path, identity: str) -> None:
        name = hashlib.blake2b(identity.encode("utf-8", "replace"), digest_size=16).hexdigest()
        self._path = folder / f"{name}.bin"
        self._read: Future[DemandedText | None] = Future()
        Thread(target=self._run, name="vocabulary", daemon=True).start()

    def of(self, size: int) -> DemandedText | None:
        """The vocabulary of a model with ``size`` tokens, waited for; None where none is kept."""
        found = self._read.result()
        return found if found is not None and len(found.pieces) == size else None

    def keep(self, vocabulary: DemandedText) -> None:
        """Write it for the next start; a disk that does not take it is logged."""
        try:
            write(self._path, vocabulary.pieces, vocabulary.order)
        except OSError as error:
            logger.warning("the vocabulary is not kept for the next start: %s", error)

    def _run(self) -> None:
        try:
            found = read(self._path)
        except Exception:  # whatever is wrong with a file that can be made again
            logger.warning("%s is damaged, and will be made again", self._path)
            found = None
        self._read.set_result(found)


def read(path: Path) -> DemandedText | None:
    """What ``write`` wrote; None where there is no file. Raises ValueError for anything else."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    body, digest = data[:-_DIGEST_BYTES], data[-_DIGEST_BYTES:]
    if len(data) < _BEGIN.size + _DIGEST_BYTES or _digest(body) != digest:
        raise ValueError("the digest is another")
    magic, size = _BEGIN.unpack_from(body)
    if magic != _MAGIC:
        raise ValueError("this is no vocabulary")
    lengths = np.frombuffer(body, "<u4", size, _BEGIN.size)
    order = np.frombuffer(body, "<i4", int(np.count_nonzero(lengths)), _BEGIN.size + 4 * size)
    ends = np.cumsum(lengths, dtype=np.int64) + (_BEGIN.size + 4 * (size + len(order)))
    starts = ends - lengths
    pieces = [body[a:b] for a, b in zip(starts.tolist(), ends.tolist(), strict=True)]
    return DemandedText(pieces, order.tolist())


def write(path: Path, pieces: Sequence[bytes], order: Sequence[int]) -> None:
    """Write the file whole, then give it its name. Raises OSError."""
    lengths = np.array([len(piece) for piece in pieces], "<u4")
    body = b"".join(
        (
            _BEGIN.pack(_MAGIC, len(pieces)),
            lengths.tobytes(),
            np.array(order, "<i4").tobytes(),
            b"".join(pieces),
        )
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(body + _digest(body))
        Path(name).replace(path)
    except OSError:
        with suppress(OSError):
            Path(name).unlink()
        raise


def _digest(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=_DIGEST_BYTES).digest()
