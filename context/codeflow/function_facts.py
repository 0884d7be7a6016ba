"""What the head of a function says, from its tokens: its parameters, its result, its decorators.

The same few rules for every language; where a language differs, a set of names at the top says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from context.codeflow.brackets import OPEN, angle_end, matching, spaced, split_at_commas
from context.codeflow.code_tokens import BLOCK, COMMENT, DOC, WORD, Token, code

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


class Parameter(NamedTuple):
    """Name and whole text of a parameter, white space aside."""

    name: str
    text: str
    typed: bool


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
    closing = matching(kept, opening) if opening is not None else at
    opens = _body_start(kept, closing + 1, language)
    parameters = ()
    if opening is not None:
        parameters = tuple(_parameters(kept[opening + 1 : closing], language))
    result = "" if language in NO_RESULT_TYPE else spaced(_result(kept, at, closing, opens, language))
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
            index = (angle_end if text == "<" else matching)(tokens, index) + 1
        elif text in ("{", ";") or tokens[index].kind == BLOCK:
            return None
        else:
            index += 1
    return None


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
                index = matching(tokens, index) + 1
                continue
            return index
        if text == "=" and language in ("kotlin", "scala", "csharp"):
            return index
        if text in ("(", "["):
            index = matching(tokens, index) + 1
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
                    index = matching(tokens, index) + 1
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
        if end < len(tokens) and tokens[end].text in OPEN:
            end = matching(tokens, end) + 1
        yield "".join(code(tokens[index + 1 : end]))
        index = max(end, index + 1)


def _parameters(tokens: Sequence[Token], language: str) -> Iterator[Parameter]:
    for part in split_at_commas(tokens):
        texts = [token.text for token in part]
        if not texts or texts in (["*"], ["/"], ["&", "self"], ["&", "mut", "self"], ["mut", "self"]):
            continue
        name = _parameter_name(part, language)
        if name not in RECEIVERS:
            yield Parameter(name, spaced(part), ":" in texts if language in COLON_TYPES else False)


def _parameter_name(part: Sequence[Token], language: str) -> str:
    words = [token.text for token in part if token.kind == WORD and token.text not in MODIFIERS]
    before = []
    for token in part:
        if token.text in (":", "="):
            break
        before.append(token)
    named = [token.text for token in before if token.kind == WORD and token.text not in MODIFIERS | {"mut"}]
    if part and part[0].text in ("{", "[") and language not in TYPE_FIRST:
        return spaced(before)  # taken apart where it is received
    if language in TYPE_FIRST or language == "swift":
        return named[-1] if named else spaced(part)
    return (named or words or [spaced(part)])[0]
