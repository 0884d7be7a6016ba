"""In which batches a prompt is evaluated, so that what is reused equals what is evaluated anew, bit for bit.

llama.cpp's repacked kernels take rows in blocks and odd rows another way, so a token's values depend on the
batch it stood in: not in batches of at least two whole blocks (docs/log.md). So the *body* of a prompt, as
many whole blocks as it has, is evaluated in such batches, and the few tokens of its *tail* one at a time.
Where a prompt is cut into batches then makes no difference. A block of 1 stands for backends without blocks.
"""

from __future__ import annotations

from collections.abc import Iterator


def body_length(length: int, block: int) -> int:
    """How many leading tokens of a prompt of ``length`` tokens are its body."""
    return 0 if length < 2 * block and block > 1 else length - length % block


def usable(shared: int, body: int, length: int, block: int) -> int:
    """How many tokens of a cached sequence serve a prompt of ``length`` tokens.

    ``shared`` leading tokens are equal; the sequence's first ``body`` were evaluated in blocks, the rest one
    at a time. The whole length may be the answer.
    """
    wanted = body_length(length, block)
    if shared >= wanted and body == wanted:
        return min(shared, length)
    reached = min(shared, body, wanted)
    return reached - reached % block


def batches(cached: int, length: int, *, most: int, block: int) -> Iterator[tuple[int, int]]:
    """The ranges of tokens to evaluate, in order, none longer than ``most`` (at least four blocks).

    The first may begin before ``cached``, where what is missing is less than two blocks, or where nothing is
    missing but the logits after the last token.
    """
    body = body_length(length, block)
    if cached == length:
        cached = length - 1 if length > body or block == 1 else body - 2 * block
    at = max(0, min(cached, body - 2 * block)) if cached < body and block > 1 else cached
    while at < body:
        size = min(most, body - at)
        if 0 < body - at - size < 2 * block and block > 1:
            size -= block
        yield at, at + size
        at += size
    while at < length:
        yield at, at + 1
        at += 1
