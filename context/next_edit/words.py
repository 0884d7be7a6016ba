"""Lines as words and tokens, by their letters alone, and where in a text a word stands.

Each line is read once in its life (a cache by its text); a text is searched by ``str.find``, so that twenty
thousand lines cost a millisecond.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from functools import cached_property, lru_cache
from itertools import accumulate, pairwise

from context.sources.similar_code import NO_NAMES

_WORD = re.compile(r"[^\W\d]\w+")
_TOKEN = re.compile(r"\w+|[^\w\s]")
_MOST_HITS = 100  # of one word in one text: a commoner one says nothing
LONGEST_LINE = 1000  # characters: longer lines are data
_COMMENTS = ("#", "//", "/*", "*", "--", '"""', "'''")
_DEFINES = re.compile(
    r"^\s*(?:export\s+|default\s+|pub(?:\([^)]*\))?\s+|async\s+|static\s+|public\s+|private\s+|protected\s+"
    r"|abstract\s+|final\s+|override\s+)*(?:def|class|func|fn|function|interface|struct|enum|trait|type|impl"
    r"|module)\b[\s(*]*([^\W\d]\w*)?"
)
_IMPORTS = re.compile(r"^\s*(?:import|from|use|using|require|#include)\b|^.*\brequire\(")


@lru_cache(65_536)
def words_of(line: str) -> frozenset[str]:
    """The names on a line: no reserved words, none of one letter."""
    return frozenset(_WORD.findall(line[:LONGEST_LINE])) - NO_NAMES


@lru_cache(65_536)
def tokens_of(line: str) -> tuple[str, ...]:
    """Words, numbers and signs, in order, without white space."""
    return tuple(_TOKEN.findall(line[:LONGEST_LINE]))


@lru_cache(65_536)
def _pairs_of(line: str) -> frozenset[tuple[str, str]]:
    tokens = ("", *tokens_of(line), "")
    return frozenset(pairwise(tokens))


def likeness(one: str, other: str) -> float:
    """How alike two lines are, 0 to 1: the share of neighbouring tokens they have in common."""
    a, b = _pairs_of(one), _pairs_of(other)
    return 2 * len(a & b) / (len(a) + len(b))


@lru_cache(65_536)
def defined_on(line: str) -> str | None:
    """The name that a line defines a function, class or type by; "" where it has none, None elsewhere."""
    found = _DEFINES.match(line[:LONGEST_LINE])
    return (found[1] or "") if found else None


@lru_cache(65_536)
def is_import(line: str) -> bool:
    """Whether a line is, or begins, an import."""
    return bool(_IMPORTS.match(line[:LONGEST_LINE]))


@lru_cache(65_536)
def is_comment(line: str) -> bool:
    """Whether a line is a comment or begins a docstring."""
    return line.lstrip().startswith(_COMMENTS)


@lru_cache(65_536)
def indent_of(line: str) -> int:
    """Columns before a line's first letter; -1 where it is blank."""
    text = line.lstrip()
    return len(line) - len(text) if text else -1


class SearchedText:
    """A text's lines, and on which of them a word stands."""

    def __init__(self, lines: Sequence[str], text: str, words: frozenset[str] | None = None) -> None:
        self.lines = lines
        self.text = text
        self._words = words  # all of them, where somebody had the time to look
        self._found: dict[str, list[int]] = {}

    @classmethod
    def with_words(cls, lines: Sequence[str], text: str) -> SearchedText:
        """A text of which it is known at once whether it holds a word; takes milliseconds to make."""
        return cls(lines, text, frozenset(_WORD.findall(text)))

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *accumulate(map(len, self.lines))]

    def lines_with(self, word: str) -> list[int]:
        """The numbers of the lines that hold a word, at most 100 occurrences, in order."""
        if self._words is not None and word not in self._words:
            return []
        if word not in self._found:
            self._found[word] = self._search(word)
        return self._found[word]

    def _search(self, word: str) -> list[int]:
        text, starts, size = self.text, self._starts, len(word)
        found: list[int] = []
        at = text.find(word)
        for _ in range(_MOST_HITS):
            if at < 0:
                break
            end = at + size
            whole = (at == 0 or not _in_word(text[at - 1])) and (end >= len(text) or not _in_word(text[end]))
            if whole:
                number = bisect_right(starts, at) - 1
                if not found or found[-1] != number:
                    found.append(number)
            at = text.find(word, end)
        return found

    def scope(self, number: int) -> int:
        """The line that begins the innermost function, class or type around a line; -1 at the top level.

        By indentation, which is how people and formatters show it in every language; no tree is needed.
        """
        lines = self.lines
        at = min(number, len(lines) - 1)
        while at > 0 and indent_of(lines[at]) < 0:
            at -= 1
        depth = indent_of(lines[at]) if at >= 0 else 0
        if defined_on(lines[at]) is not None:
            return at
        while at > 0 and depth > 0:
            at -= 1
            here = indent_of(lines[at])
            if 0 <= here < depth:
                depth = here
                if defined_on(lines[at]) is not None:
                    return at
        return -1


def _in_word(letter: str) -> bool:
    return letter == "_" or letter.isalnum()
