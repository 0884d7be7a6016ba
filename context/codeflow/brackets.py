"""Brackets among the tokens of a piece of code."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from context.codeflow.code_tokens import Token

OPEN, CLOSE = frozenset("([{"), frozenset(")]}")


def matching(tokens: Sequence[Token], at: int) -> int:
    """Index of the bracket that closes the one at ``at``; of the last token where none does."""
    depth = 0
    for index in range(at, len(tokens)):
        text = tokens[index].text
        if text in OPEN:
            depth += 1
        elif text in CLOSE:
            depth -= 1
            if depth == 0:
                return index
    return len(tokens) - 1


def angle_end(tokens: Sequence[Token], at: int) -> int:
    """The same for an angle bracket."""
    depth = 0
    for index in range(at, len(tokens)):
        text = tokens[index].text
        if text == "<":
            depth += 1
        elif text in (">", ">>"):
            depth -= len(text)
            if depth <= 0:
                return index
    return len(tokens) - 1


def angle_start(tokens: Sequence[Token], at: int) -> int:
    """Index of the angle bracket that opens what ends at ``at``; 0 where none does."""
    depth = 0
    for index in range(at, -1, -1):
        text = tokens[index].text
        if text in (">", ">>"):
            depth += len(text)
        elif text == "<":
            depth -= 1
            if depth <= 0:
                return index
        elif text in ("{", "}", ";", ")"):
            break
    return 0


def split_at_commas(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    """The pieces between commas that stand in no brackets."""
    depth, part = 0, []
    for token in tokens:
        if token.text in OPEN or token.text == "<":
            depth += 1
        elif token.text in CLOSE or token.text == ">":
            depth -= 1
        if token.text == "," and depth <= 0:
            yield part
            part = []
        else:
            part.append(token)
    if part:
        yield part


def spaced(tokens: Sequence[Token]) -> str:
    """The tokens with a space between each two."""
    return " ".join(token.text for token in tokens)
