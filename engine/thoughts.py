"""What a reasoning model thinks before it answers, kept out of the answer.

From text, whole or in a stream, to the text after ``<think>...</think>``. Only blocks that come first are
thoughts: what stands in the answer itself may be code that holds these very words.
"""

from __future__ import annotations

OPEN, CLOSE = "<think>", "</think>"


def thinks_already(prompt: str) -> bool:
    """Whether a prompt ends inside a block, which some templates open for the model."""
    return prompt.rstrip().endswith(OPEN)


def without_thoughts(text: str, *, inside: bool = False) -> str:
    """``text`` as ``ThoughtFilter`` lets it through; "" where a block is never closed."""
    thoughts = ThoughtFilter(inside=inside)
    return thoughts.feed(text) + thoughts.end()


class ThoughtFilter:
    """Lets an answer through as it comes, once the thoughts before it have ended.

    ``inside``: the text begins inside a block (``thinks_already``). Line breaks that end a block are dropped
    with it; an answer without thoughts comes through as it is.
    """

    def __init__(self, *, inside: bool = False) -> None:
        self.thinking = inside
        self._held, self._answering, self._blocks = "", False, 0

    def feed(self, text: str) -> str:
        """What may be used of the text so far and was not given before."""
        if self._answering:
            return text
        self._held += text
        while self._pass_tag():
            pass
        if self.thinking:
            self._held = self._held[1 - len(CLOSE) :]  # may be the beginning of the closing tag
            return ""
        return "" if OPEN.startswith(self._held.lstrip()) else self._answer()

    def end(self) -> str:
        """What was held back because it might have become a tag."""
        return "" if self.thinking else self._answer()

    def _pass_tag(self) -> bool:
        """Step over the next tag, if all of it is there."""
        before, tag, after = self._held.partition(CLOSE if self.thinking else OPEN)
        if not tag or (before.strip() and not self.thinking):
            return False
        self._held, self._blocks, self.thinking = after, self._blocks + 1, not self.thinking
        return True

    def _answer(self) -> str:
        answer, self._held, self._answering = self._held, "", True
        return answer.lstrip("\r\n") if self._blocks else answer
