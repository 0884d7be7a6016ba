"""One evaluated prompt as a file: its token ids, the backend's state after them, and a digest over both.

    magic, version, length of the header    16 bytes
    header                                  JSON: identity, label, number of tokens, bytes of state
    token ids                               int32, little-endian
    digest                                  blake2b over all the rest, 32 bytes
    state                                   opaque

It is read in two steps: the head, which says what it is (well under a millisecond), and the state, up to
hundreds of MB, which is given out only where the digest is right. The digest finds damage, not forgery.
Knows no directories and nothing of what a state is made of.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

VERSION = 1  # of this form; a file of another one is left to whoever wrote it
_MAGIC = b"CFPREFIX"
_BEGIN = struct.Struct("<8sII")  # magic, version, bytes of the header
_DIGEST_BYTES = 32
_MOST_HEADER_BYTES = 1 << 16  # identity and label take some hundred; more is no header

State = bytes | bytearray | memoryview


class Damaged(Exception):
    """The file is not what was written; ``str(error)`` continues the sentence "the file ..."."""


@dataclass(frozen=True, slots=True)
class Head:
    """What a file says of itself. ``identity``: whose states these are; ``label``: the caller's own key."""

    identity: str
    label: str
    tokens: tuple[int, ...]
    state_bytes: int

    def packed(self) -> bytes:
        """The file's beginning, up to the digest."""
        facts = {
            "identity": self.identity,
            "label": self.label,
            "tokens": len(self.tokens),
            "state_bytes": self.state_bytes,
        }
        header = json.dumps(facts).encode("ascii")  # json escapes what is not, lone surrogates too
        return _BEGIN.pack(_MAGIC, VERSION, len(header)) + header + _packed_tokens(self.tokens)

    @property
    def key(self) -> str:
        """A name for the file, in hex; the same for all states of a label: the newest replaces the others."""
        key = f"label {self.label}" if self.label else f"tokens {self.tokens}"
        text = f"{self.identity}\0{key}".encode("utf-8", "surrogatepass")
        return hashlib.blake2b(text, digest_size=16).hexdigest()

    @property
    def file_bytes(self) -> int:
        """The size of the whole file."""
        return len(self.packed()) + _DIGEST_BYTES + self.state_bytes


def write_file(file: BinaryIO, head: Head, state: State) -> None:
    """Write all of it. Raises OSError."""
    begin = head.packed()
    file.write(begin)
    file.write(_digest(begin, state))
    file.write(state)


def read_head(path: Path) -> Head | None:
    """What ``path`` says of itself; None where it is of another version. Its size is checked, not its digest.

    Raises Damaged, OSError.
    """
    with path.open("rb") as file:
        found = _read_head(file)
    return found[0] if found else None


def read_whole(path: Path) -> tuple[Head, bytes] | None:
    """Head and state, proven by the digest; None where ``path`` is of another version.

    A quarter of a second for 200 MB. Raises Damaged, OSError.
    """
    with path.open("rb") as file:
        found = _read_head(file)
        if found is None:
            return None
        head, begin, digest = found
        state = file.read(head.state_bytes)
    if _digest(begin, state) != digest:
        raise Damaged("is damaged: its digest is wrong")
    return head, state


def _read_head(file: BinaryIO) -> tuple[Head, bytes, bytes] | None:
    """The head, as values and as it stands, and the digest. Nothing is believed before it is compared with
    the file's size, so that no number in a damaged file makes much be read."""
    size = os.fstat(file.fileno()).st_size
    begin = file.read(_BEGIN.size)
    if len(begin) < _BEGIN.size or not begin.startswith(_MAGIC):
        raise Damaged("is no saved prompt")
    _, version, header_bytes = _BEGIN.unpack(begin)
    if version != VERSION:
        return None
    if header_bytes > min(_MOST_HEADER_BYTES, size):
        raise Damaged("is damaged: its header is too long")
    header = file.read(header_bytes)
    identity, label, count, state_bytes = _facts(header)
    token_bytes = 4 * count
    expected = _BEGIN.size + header_bytes + token_bytes + _DIGEST_BYTES + state_bytes
    if size != expected:
        raise Damaged(f"is damaged: it has {size:,} bytes where {expected:,} are expected")
    packed, digest = file.read(token_bytes), file.read(_DIGEST_BYTES)
    if len(packed) != token_bytes:
        raise Damaged("is damaged: it became shorter while it was read")
    tokens = struct.unpack(f"<{count}i", packed)
    return Head(identity, label, tokens, state_bytes), begin + header + packed, digest


def _facts(header: bytes) -> tuple[str, str, int, int]:
    try:
        facts: Any = json.loads(header)
        identity, label, count, size = (facts[n] for n in ("identity", "label", "tokens", "state_bytes"))
    except (ValueError, LookupError, TypeError, RecursionError):
        raise Damaged("is damaged: its header cannot be read") from None
    texts = isinstance(identity, str) and isinstance(label, str)
    numbers = type(count) is int and type(size) is int and count >= 0 and size >= 0  # True is no number
    if not (texts and numbers):
        raise Damaged("is damaged: its header cannot be read")
    return identity, label, count, size


def _packed_tokens(tokens: tuple[int, ...]) -> bytes:
    return struct.pack(f"<{len(tokens)}i", *tokens)


def _digest(begin: bytes, state: State) -> bytes:
    digest = hashlib.blake2b(begin, digest_size=_DIGEST_BYTES)
    digest.update(state)  # lets other threads run meanwhile
    return digest.digest()
