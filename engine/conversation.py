"""A conversation to token ids, so that what is said in it stays text.

Messages may hold a workspace's files, and these may hold a model's markers. So the template is rendered with
a stand-in for each message, and what stands between the stand-ins alone is read for markers.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine.chat import ChatTemplate
from engine.errors import ModelCorrupt
from engine.thoughts import thinks_already

Encode = Callable[..., tuple[int, ...]]  # ``Tokenizer.encode``


@dataclass(frozen=True, slots=True)
class Said:
    """One message: ``role`` "system", "user" or "assistant"."""

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class Turn:
    """The prompt at which it is the model's turn; ``thinking``: it begins inside its thoughts."""

    tokens: tuple[int, ...]
    thinking: bool


def next_turn(template: ChatTemplate, said: Sequence[Said], encode: Encode) -> Turn:
    """The conversation so far as ``template`` writes it.

    Raises ModelCorrupt where it fails, or leaves a message out.
    """
    sign = secrets.token_hex(8)
    names = [f"{sign}x{number}x" for number in range(len(said))]
    messages = [{"role": one.role, "content": name} for one, name in zip(said, names, strict=True)]
    rendered = template.render(messages)
    tokens: list[int] = []
    seen: list[int] = []
    for n, part in enumerate(re.split(rf"{sign}x(\d+)x", rendered)):
        if n % 2:
            seen.append(int(part))
            tokens += encode(said[seen[-1]].text)
        elif part:
            tokens += encode(part, special=True)
    if sorted(set(seen)) != list(range(len(said))):
        raise ModelCorrupt(f"The chat template of {template.where} leaves out a part of this conversation.")
    return Turn(tuple(tokens), thinks_already(rendered))
