"""What can be said of one function from its tokens: its parameters, what it returns, whom it calls, its
conditions.

The same few rules for every language; where a language differs, a set of names at the top says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from context.codeflow.code_tokens import BLOCK, COMMENT, DOC, KEYWORD, STRING, WORD, Token, code

TYPE_FIRST = frozenset({"java", "c", "cpp", "csharp"})  # "int a", and the result's type before the name
COLON_TYPES = frozenset({"python", "typescript", "typescriptreact", "rust", "kotlin", "swift", "scala"})
NO_RESULT_TYPE = frozenset({"ruby", "lua", "shellscript", "bash", "sh", "javascript", "javascriptreact"})
RECEIVERS = frozenset({"self", "cls", "this"})
MODIFIERS = frozenset(
    [
        "public",
        "private",
        "protected",
        "internal",
        "static",
        "final",
        "abstract",
        "override",
        "virtual",
        "async",
        "await",
        "suspend",
        "inline",
        "const",
        "readonly",
        "synchronized",
        "native",
        "default",
        "extern",
        "unsafe",
        "pub",
        "export",
        "open",
        "sealed",
        "lateinit",
        "partial",
        "new",
        "constexpr",
        "explicit",
        "friend",
        "mutable",
        "fileprivate",
        "convenience",
        "required",
        "mutating",
        "func",
        "fun",
        "fn",
        "def",
        "function",
        "get",
        "set",
    ]
)
DEFINES = frozenset({"def", "function", "fn", "func", "fun", "class", "sub"})
LEAVES = frozenset({"return", "raise", "throw", "continue", "break", "yield", "panic", "exit"})
_CONDITIONAL = frozenset({"if", "elif", "elsif", "elseif", "unless", "while", "until", "guard"})
_LINKS = frozenset({".", "?.", "::", "->", "!!"})
_OPEN, _CLOSE = frozenset("([{"), frozenset(")]}")
_LOGGING = re.compile(
    r"(?i)^(self\.|this\.|_)*(log|logger|logging|slog|zap|klog|glog|tracing|console|syslog|warnings)\b"
    r"|^(trace|debug|info|warn|error|log)!$|(^|\.)_?(log|logger)\.\w+$"
)


class Parameter(NamedTuple):
    """Name and whole text of a parameter, white space aside."""

    name: str
    text: str
    typed: bool


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


@dataclass(frozen=True, slots=True)
class FunctionFacts:
    """One function on one side of a change."""

    parameters: tuple[Parameter, ...]
    result: str
    is_async: bool
    decorators: tuple[str, ...]
    head_end: int  # line on which the head ends
    body: tuple[Token, ...]


def function_facts(language: str, name: str, tokens: Sequence[Token]) -> FunctionFacts:
    """The facts of the function ``name`` whose tokens these are; empty where its head is not understood."""
    kept = [token for token in tokens if token.kind not in (COMMENT, DOC)]
    at = _name_index(kept, name)
    if at is None:
        return FunctionFacts((), "", False, (), kept[0].line if kept else 0, tuple(kept))
    opening = _parameters_start(kept, at)
    closing = _matching(kept, opening) if opening is not None else at
    opens = _body_start(kept, closing + 1, language)
    parameters = ()
    if opening is not None:
        parameters = tuple(_parameters(kept[opening + 1 : closing], language))
    result = "" if language in NO_RESULT_TYPE else _text(_result(kept, at, closing, opens, language))
    head = kept[: max(opens, at + 1)]
    decorators = tuple(_decorators(kept[:at]))
    return FunctionFacts(
        parameters,
        result,
        any(token.text in ("async", "suspend") for token in head),
        decorators,
        kept[min(opens, len(kept) - 1)].line,
        tuple(kept[opens:]),
    )


def calls(tokens: Sequence[Token]) -> Iterator[Call]:
    """The calls in ``tokens`` by their parentheses; a language's keywords and definitions are none."""
    for index, token in enumerate(tokens):
        if token.text != "(" or index == 0:
            continue
        last = index - 1
        if tokens[last].text == "!" and last > 0:
            last -= 1  # a Rust macro
        elif tokens[last].text == ">":
            last = _angle_start(tokens, last) - 1
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
        closing = _matching(tokens, index)
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
        yield Condition(_text(tokens[index + 1 : end]), token.line, leaves)


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


def _name_index(tokens: Sequence[Token], name: str) -> int | None:
    plain = name.rpartition(".")[2]
    for index, token in enumerate(tokens):
        if token.text == plain and (index == 0 or tokens[index - 1].text not in ("@", ".")):
            return index
    return None


def _parameters_start(tokens: Sequence[Token], at: int) -> int | None:
    index = at + 1
    while index < len(tokens) and index < at + 200:  # 200: beyond, it is no head
        text = tokens[index].text
        if text == "(":
            return index
        if text in ("<", "["):
            index = (_angle_end if text == "<" else _matching)(tokens, index) + 1
        elif text in ("{", ";") or tokens[index].kind == BLOCK:
            return None
        else:
            index += 1
    return None


def _matching(tokens: Sequence[Token], at: int) -> int:
    depth = 0
    for index in range(at, len(tokens)):
        text = tokens[index].text
        if text in _OPEN:
            depth += 1
        elif text in _CLOSE:
            depth -= 1
            if depth == 0:
                return index
    return len(tokens) - 1


def _angle_end(tokens: Sequence[Token], at: int) -> int:
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


def _angle_start(tokens: Sequence[Token], at: int) -> int:
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


def _body_start(tokens: Sequence[Token], start: int, language: str) -> int:
    """Index of the first token of the body (its opener included, a Python colon too)."""
    index = start
    while index < len(tokens):
        token = tokens[index]
        text = token.text
        if token.kind == BLOCK or text in ("=>", ";"):
            return index
        if text == "{":
            before = tokens[index - 1].text
            if before in ("interface", "struct") or (before == ":" and language.startswith("typescript")):
                index = _matching(tokens, index) + 1
                continue
            return index
        if text == "=" and language in ("kotlin", "scala", "csharp"):
            return index
        if text in ("(", "["):
            index = _matching(tokens, index) + 1
            continue
        if language == "python" and text == ":":
            return index
        if language in NO_RESULT_TYPE and token.line != tokens[max(start - 1, 0)].line:
            return index
        index += 1
    return index


def _result(tokens: Sequence[Token], at: int, closing: int, opens: int, language: str) -> Sequence[Token]:
    if language in TYPE_FIRST:
        kept: list[Token] = []
        index = 0
        while index < at:
            if tokens[index].text == "@":
                index += 2
                if index < at and tokens[index].text == "(":
                    index = _matching(tokens, index) + 1
                continue
            if tokens[index].text not in MODIFIERS:
                kept.append(tokens[index])
            index += 1
        return kept
    found = [token for token in tokens[closing + 1 : opens] if token.text not in ("async", "throws", "const")]
    return found[1:] if found and found[0].text in ("->", ":") else found


def _decorators(tokens: Sequence[Token]) -> Iterator[str]:
    index = 0
    while index < len(tokens):
        if tokens[index].text not in ("@", "#"):
            index += 1
            continue
        end = index + 1
        while end < len(tokens) and (tokens[end].kind == WORD or tokens[end].text == "."):
            end += 1
            if tokens[end - 1].kind == WORD and end < len(tokens) and tokens[end].text != ".":
                break
        if end < len(tokens) and tokens[end].text in _OPEN:
            end = _matching(tokens, end) + 1
        yield "".join(code(tokens[index + 1 : end]))
        index = max(end, index + 1)


def _parameters(tokens: Sequence[Token], language: str) -> Iterator[Parameter]:
    for part in split_at_commas(tokens):
        texts = [token.text for token in part]
        if not texts or texts in (["*"], ["/"], ["&", "self"], ["&", "mut", "self"], ["mut", "self"]):
            continue
        name = _parameter_name(part, language)
        if name not in RECEIVERS:
            yield Parameter(name, _text(part), ":" in texts if language in COLON_TYPES else False)


def split_at_commas(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    """The pieces between commas that stand in no brackets."""
    depth, part = 0, []
    for token in tokens:
        if token.text in _OPEN or token.text == "<":
            depth += 1
        elif token.text in _CLOSE or token.text == ">":
            depth -= 1
        if token.text == "," and depth <= 0:
            yield part
            part = []
        else:
            part.append(token)
    if part:
        yield part


def _parameter_name(part: Sequence[Token], language: str) -> str:
    words = [token.text for token in part if token.kind == WORD and token.text not in MODIFIERS]
    before = []
    for token in part:
        if token.text in (":", "="):
            break
        before.append(token)
    named = [token.text for token in before if token.kind == WORD and token.text not in MODIFIERS | {"mut"}]
    if part and part[0].text in ("{", "[") and language not in TYPE_FIRST:
        return _text(before)  # taken apart where it is received
    if language in TYPE_FIRST or language == "swift":
        return named[-1] if named else _text(part)
    return (named or words or [_text(part)])[0]


def _condition_end(tokens: Sequence[Token], start: int, language: str) -> int:
    if (
        start < len(tokens)
        and tokens[start].text == "("
        and language not in ("python", "go", "rust", "ruby", "swift")
    ):
        return _matching(tokens, start)
    depth = 0
    for index in range(start, len(tokens)):
        token = tokens[index]
        if token.kind == BLOCK or (depth == 0 and token.text in ("{", ":", "else", "then")):
            return index
        if token.text in _OPEN:
            depth += 1
        elif token.text in _CLOSE:
            depth -= 1
            if depth < 0:
                return index
        if depth == 0 and language == "ruby" and token.line != tokens[start].line:
            return index
    return len(tokens)


def _is_link_end(token: Token) -> bool:
    return token.kind == WORD or token.text in ("this", "self", "super", "crate")


def _text(tokens: Sequence[Token]) -> str:
    return " ".join(token.text for token in tokens)
