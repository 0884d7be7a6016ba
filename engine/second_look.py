"""Reads what follows the cursor after each candidate: the one that belongs there makes it likelier."""

from __future__ import annotations

from collections.abc import Sequence

from engine.backend import Backend, StopCheck
from engine.candidate_branch import CandidateBranch
from engine.radix_tree import common_prefix
from engine.request import SecondLook

FOLLOWING_TOKENS = 24  # of what follows: a line or two


def look_again(
    backend: Backend,
    look: SecondLook,
    branches: Sequence[CandidateBranch],
    held: Sequence[int],
    scratch: int,
    stop: StopCheck,
) -> None:
    """Set ``fit`` of each candidate; of one that is too long to be read in a batch, None.

    ``held`` is what the first branch's sequence holds: what ``look.before`` shares with it is not read again.
    """
    if not look.following:
        return
    encode = backend.tokenizer.encode
    following = encode(look.following)[:FOLLOWING_TOKENS]
    source = branches[0].sequence
    shared = backend.restorable(source, common_prefix(look.before, held))
    scores: dict[str, float] = {}
    for branch in branches:
        text = look.shown(branch.text)
        if text and text not in scores:
            read = (*look.before[shared:], *encode(f"{look.head}{text}\n"), *following)
            if len(read) > backend.chunk_tokens or shared + len(read) > backend.context_tokens:
                return
            backend.fork(source, scratch, shared)
            found = backend.score(scratch, read, len(following), stop)
            backend.rewind(scratch, 0)
            if found is None:
                return
            scores[text] = sum(found) / len(found)
        branch.fit = scores.get(text)
