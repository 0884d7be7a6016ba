"""What a function does, from its tokens: its calls and conditions, the errors it handles and raises."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from context.codeflow.brackets import CLOSE, OPEN, angle_start, matching, spaced
from context.codeflow.code_tokens import BLOCK, KEYWORD, STRING, WORD, Token, code

DEFINES = frozenset({"def", "function", "fn", "func", "fun", "class", "sub"})
LEAVES = frozenset({"return", "raise", "throw", "continue", "break", "yield", "panic", "exit"})
_CONDITIONAL = frozenset({"if", "elif", "elsif", "elseif", "unless", "while", "until", "guard"})
_LINKS = frozenset({".", "?.", "::", "->", "!!"})
_LOGGING = re.compile(
    r"(?i)^(self\.|this\.|_)*(log|logger|logging|slog|zap|klog|glog|tracing|console|syslog|warnings)\b"
    r"|^(trace|debug|info|warn|error|log)!$|(^|\.)_?(log|logger)\.\w+$"
)


class Call(NamedTuple):
    """A call: the callee as written ("requests.get"; ".get" after another call), and its tokens' indices."""

    callee: str
    first: int
    last: int
    arguments: str
    words: frozenset[str]  # in the arguments, and in what it is called on
    line: int
    end_line: int
    tokens: int  # of the arguments
    nested: bool  # whether there is a call among the arguments


class Condition(NamedTuple):
    """The condition of an if or a while, and whether its block begins by leaving (return, raise, ...)."""

    text: str
    line: int
    leaves: bool


def calls(tokens: Sequence[Token]) -> Iterator[Call]:
    """The calls in ``tokens`` by their parentheses; a language's keywords and definitions are none."""
    for index, token in enumerate(tokens):
        if token.text != "(" or index == 0:
            continue
        last = index - 1
        if tokens[last].text == "!" and last > 0:
            last -= 1  # a Rust macro
        elif tokens[last].text == ">":
            last = angle_start(tokens, last) - 1
            if last > 0 and tokens[last].text == "::":
                last -= 1
        if last < 0 or tokens[last].kind != WORD:
            continue
        first = last
        while first >= 2 and tokens[first - 1].text in _LINKS and _is_link_end(tokens[first - 2]):
            first -= 2
        if first >= 1 and tokens[first - 1].text in DEFINES:
            continue
        callee = "".join(part.text for part in tokens[first:index])
        if first >= 1 and tokens[first - 1].text in _LINKS:
            callee = "." + callee  # what it is called on is itself a call or an index
        closing = matching(tokens, index)
        inside = tokens[index + 1 : closing]
        words = {part.text for part in (*tokens[first:last], *inside) if part.kind == WORD}
        nested = any(
            part.text == "(" and at and inside[at - 1].kind == WORD for at, part in enumerate(inside)
        )
        yield Call(
            callee,
            first,
            last,
            " ".join(code(inside)),
            frozenset(words),
            tokens[first].line,
            tokens[closing].end_line,
            len(inside),
            nested,
        )


def conditions(tokens: Sequence[Token], language: str) -> Iterator[Condition]:
    """The conditions of if and while in ``tokens``, in order."""
    for index, token in enumerate(tokens):
        if token.text not in _CONDITIONAL or token.kind not in (KEYWORD, WORD):
            continue
        end = _condition_end(tokens, index + 1, language)
        after = end
        while after < len(tokens) and tokens[after].text in (":", "{", ")", "then"):
            after += 1
        leaves = after < len(tokens) and tokens[after].text in LEAVES
        yield Condition(spaced(tokens[index + 1 : end]), token.line, leaves)


def is_logging(callee: str) -> bool:
    """Whether a call with this callee writes to a log."""
    return bool(_LOGGING.search(callee))


def handled_errors(tokens: Sequence[Token], language: str, result: str = "") -> int:
    """How many places in ``tokens`` handle an error in the language's way."""
    texts = [token.text for token in tokens]
    if language == "go":
        return sum(
            1
            for index in range(len(texts) - 2)
            if texts[index + 1] in ("!=", "==")
            and texts[index + 2] == "nil"
            and "err" in texts[index].lower()
        ) + texts.count("recover")
    if language == "rust":
        handlers = (
            "map_err",
            "unwrap_or",
            "unwrap_or_else",
            "unwrap_or_default",
            "ok_or",
            "ok_or_else",
            "Err",
        )
        questions = sum(1 for token in tokens if token.text == "?")
        return questions + sum(texts.count(word) for word in handlers) + ("Result" in result)
    if language in ("lua",):
        return texts.count("pcall") + texts.count("xpcall")
    if language in ("shellscript", "bash", "sh"):
        return texts.count("||") + texts.count("trap")
    caught = sum(
        1 for token in tokens if token.text in ("except", "catch", "rescue") and token.kind != STRING
    )
    return caught + texts.count("runCatching") + (texts.count("suppress") if language == "python" else 0)


def raised_errors(tokens: Sequence[Token], language: str) -> int:
    """How many places in ``tokens`` raise or make an error."""
    texts = [token.text for token in tokens]
    if language == "go":
        return texts.count("Errorf") + texts.count("panic")
    if language == "rust":
        return sum(texts.count(word) for word in ("panic", "bail", "anyhow"))
    return sum(
        1
        for index, token in enumerate(tokens)
        if token.text in ("raise", "throw") and token.kind != STRING and not _passes_on(tokens, index)
    )


def _passes_on(tokens: Sequence[Token], index: int) -> bool:
    """Whether a raise or throw only passes on what was caught: alone, or with one word in lower case."""
    line = [token.text for token in tokens[index + 1 : index + 4] if token.line == tokens[index].line]
    return (
        not line or line[0] in (";", "}") or (len(line) > 1 and line[1] in (";", "}") and line[0].islower())
    )


def _condition_end(tokens: Sequence[Token], start: int, language: str) -> int:
    if (
        start < len(tokens)
        and tokens[start].text == "("
        and language not in ("python", "go", "rust", "ruby", "swift")
    ):
        return matching(tokens, start)
    depth = 0
    for index in range(start, len(tokens)):
        token = tokens[index]
        if token.kind == BLOCK or (depth == 0 and token.text in ("{", ":", "else", "then")):
            return index
        if token.text in OPEN:
            depth += 1
        elif token.text in CLOSE:
            depth -= 1
            if depth < 0:
                return index
        if depth == 0 and language == "ruby" and token.line != tokens[start].line:
            return index
    return len(tokens)


def _is_link_end(token: Token) -> bool:
    return token.kind == WORD or token.text in ("this", "self", "super", "crate")
