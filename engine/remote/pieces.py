"""Text to pieces and back, in place of a tokenizer that is not here: about as many pieces as tokens.

A prompt travels as text, which every server takes, and is tokenised there. Here it only has to be counted,
compared and put together, and pieces do for that: words, numbers, signs and blanks as code models split them.
Joined again they are the text, so nothing depends on the server splitting it in the same way.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence

_LETTERS = 8  # longer words are several tokens as a rule
_PIECE = re.compile(
    rf"[^\r\n\w]?[A-Za-z]{{1,{_LETTERS}}}"  # a word with the blank or sign before it
    r"|[0-9]"
    r"|[^\x00-\x7f]"  # rare scripts take a token or more for a letter
    r"| ?(?:(?![\w\s])[\x00-\x7f]|_){1,3}[\r\n]*"  # signs, with the line's end
    r"|\s*[\r\n]+|[ \t]+(?=[ \t])|\s|.",  # blanks but for the last, which is the next word's
    re.DOTALL,
)
_MARKER_LIKE = r"<\|[^|<>\s]{1,40}\|>|<｜[^｜<>\s]{1,40}｜>"


class Pieces:
    """Numbers for pieces of text, given on sight; any thread may ask. A marker is one piece with a number
    of its own, whatever text looks like it."""

    def __init__(self, markers: Sequence[str] = ()) -> None:
        self._markers = tuple(markers)
        known = "|".join(re.escape(text) for text in self._markers)
        self._like_markers = re.compile(f"{known}|{_MARKER_LIKE}" if known else _MARKER_LIKE)
        self._numbers: dict[str, int] = {}
        self._texts: list[str] = []
        self._lock = threading.Lock()

    def encode(self, text: str, *, special: bool = False) -> tuple[int, ...]:
        """The numbers of a text's pieces. Markers are read as such only where ``special`` is set."""
        if special and text in self._markers:
            return (-1 - self._markers.index(text),)
        known = self._numbers
        return tuple(known[piece] if piece in known else self._new(piece) for piece in _PIECE.findall(text))

    def text(self, numbers: Sequence[int], tail: str = "") -> str:
        """What a server is sent for these pieces, and ``tail`` after them.

        Text that a server would take for a marker gets a blank behind its first letter.
        """
        parts: list[str] = []
        run: list[str] = []
        for number in numbers:
            if number < 0:
                parts += (self._plain("".join(run)), self._markers[-1 - number])
                run = []
            else:
                run.append(self._texts[number])
        return "".join(parts) + self._plain("".join(run) + tail)

    def _plain(self, text: str) -> str:
        broken = self._like_markers.sub(lambda found: f"{found[0][0]} {found[0][1:]}", text)
        return broken.encode("utf-16", "surrogatepass").decode("utf-16", "replace")

    def _new(self, piece: str) -> int:
        with self._lock:
            if piece not in self._numbers:
                self._texts.append(piece)
                self._numbers[piece] = len(self._texts) - 1
            return self._numbers[piece]
