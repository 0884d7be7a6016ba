"""What the typist types into: an editor with something that suggests, as ``ours`` and ``llama_vim`` are."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tests.benchmarks.cases import At
from tests.benchmarks.replay.buffer import Buffer, Change

MODEL = "model"  # the source of an answer that a model was waited for
TYPED_ALONG = "typed along"  # the source of one that was had already


@dataclass(frozen=True, slots=True)
class Offer:
    """Ghost text: ``text`` in place of so many characters ``before`` and ``after`` the cursor."""

    text: str
    before: int = 0
    after: int = 0


@dataclass(frozen=True, slots=True)
class Cost:
    """What an answer took; ``source`` is ``MODEL`` or says how it was had without one.

    ``ahead_tokens`` were evaluated since the request before, unasked; None if that is not told.
    """

    source: str
    prompt_tokens: int = 0
    evaluated_tokens: int = 0
    generated_tokens: int = 0
    ahead_tokens: int | None = None


class System(Protocol):
    """An editor and what suggests in it. ``change`` comes after the buffer has it."""

    name: str

    def session(self, root: Path) -> AbstractAsyncContextManager[None]:
        """An editor in a folder."""
        ...

    async def open(self, path: str, buffer: Buffer) -> None:
        """Go to a file."""
        ...

    def come(self, at: At) -> None:
        """The cursor is at ``at``; nothing is typed yet."""
        ...

    def change(self, change: Change) -> None:
        """The buffer was changed."""
        ...

    async def suggest(self, at: At) -> Offer | None:
        """The cursor stands at ``at``, after a key."""
        ...

    async def cost(self) -> Cost:
        """What the latest suggestion took."""
        ...

    async def save(self) -> None:
        """The file is finished."""
        ...

    async def rest(self, seconds: float) -> None:
        """No key for a while; what is done in the background goes on."""
        ...

    def suspend(self) -> None:
        """Compute nothing until ``resume``."""
        ...

    def resume(self) -> None:
        """Go on."""
        ...
