"""What a chat model is for, and how its publisher suggests to sample from it.

From a model's name to plain numbers. Runs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.request import Sampling


@dataclass(frozen=True, slots=True)
class Role:
    """``thinks``: its answers begin with thoughts (see ``engine.thoughts``)."""

    name: str
    sampling: Sampling
    thinks: bool = False


# IQuest-Coder-V1's README names these for Instruct, and none for Thinking
_SUGGESTED = Sampling(temperature=0.6, top_k=20, top_p=0.85)
INSTRUCT = Role("instruct", _SUGGESTED)
THINKING = Role("thinking", _SUGGESTED, thinks=True)


def role_of(model_name: str) -> Role:
    """By the name of a model, a folder or a file, where publishers say which of the two it is."""
    return THINKING if "thinking" in model_name.lower() else INSTRUCT
