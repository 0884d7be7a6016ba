"""Which brackets, strings and comments are open at the end of a piece of text, in the manner of a language.

A lexer that knows just enough to tell a bracket from one in a string. It reads text that is still being
written, token by token, so it must not depend on what comes later; that is why it is not a syntax tree.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from context.language import Language

OPENERS, CLOSERS = "([{", ")]}"
QUOTES = ("'''", '"""', '"', "'", "`")
_PAIR = dict(zip(CLOSERS, OPENERS, strict=True))
_CHARACTER_LITERALS = {"c", "cpp", "csharp", "go", "java", "kotlin", "rust", "scala", "swift"}
_REGEX_LITERALS = {"javascript", "javascriptreact", "typescript", "typescriptreact", "ruby"}
_LONG_QUOTES = {"rust"}
_LONG_BACKTICKS = {"javascript", "javascriptreact", "typescript", "typescriptreact", "go"}
_SPACED_HASH = {"shellscript", "sh", "bash", "yaml"}  # $# and ${#x} begin no comment there
LONG_COMMENTS = {"/*": "*/", "--[[": "]]"}
_LONG_ENDS = LONG_COMMENTS | {"[[": "]]"}  # of a string in Lua


class State(NamedTuple):
    """Openers without a closer so far, outermost first, and what opened the string or comment we are in."""

    opened: str = ""
    inside: str = ""


class Token(NamedTuple):
    """A bracket, quote or comment sign that begins ``at`` a place in the text."""

    at: int
    text: str
    before: State
    after: State

    @property
    def closes_nothing(self) -> bool:
        """Whether this is a closing bracket that no opener waits for."""
        return self.text in CLOSERS and self.before == self.after


def tokens(text: str, language: Language, state: State = State()) -> Iterator[Token]:  # noqa: B008  a value
    """Read ``text`` on from ``state``."""
    end = 0
    while found := (_end_of(state.inside, language) if state.inside else _code(language)).search(text, end):
        end = found.end()
        after = _after(found[0], state)
        if after is not None:
            yield Token(found.start(), found[0], state, after)
            state = after


def state_after(text: str, language: Language, state: State = State()) -> State:  # noqa: B008  a value
    """What is open at the end of ``text``."""
    for token in tokens(text, language, state):
        state = token.after
    return state


def is_comment(state: State) -> bool:
    """Whether text in ``state`` is a comment."""
    return state.inside in ("#", "//", "--") or state.inside in LONG_COMMENTS


@cache
def comment_signs(language: Language) -> tuple[str, ...]:
    """What comments begin with, the long ones last."""
    if language.comment == "//":
        return ("//", "#", "/*") if language.name == "php" else ("//", "/*")
    return ("--", "--[[") if language.name == "lua" else (language.comment,)


def end_of_long(inside: str) -> str:
    """What ends a comment or string that goes on at the end of a line."""
    return _LONG_ENDS.get(inside, inside)


def is_long(inside: str, language: Language) -> bool:
    """Whether a string or comment that ``inside`` opened goes on at the end of a line."""
    return (
        inside in ("'''", '"""')
        or inside in _LONG_ENDS
        or (inside == "`" and language.name in _LONG_BACKTICKS)
        or (inside[:1] == '"' and language.name in _LONG_QUOTES)
    )


def _after(token: str, state: State) -> State | None:
    """The state after a token; None where it is one that means nothing."""
    if state.inside:
        return None if token[0] == "\\" else state._replace(inside="")
    if token in OPENERS:
        return State(state.opened + token)
    if token in CLOSERS:
        opener = state.opened.rfind(_PAIR[token])
        return State(state.opened[:opener]) if opener >= 0 else state
    if token in QUOTES or token in ("#", "//", "--") or token in _LONG_ENDS:
        return State(state.opened, token)
    if token.startswith("r#"):
        return State(state.opened, token[:0:-1])  # Rust's r#" ends with "#
    return None  # an escape, a character or a regular expression


@cache
def _code(language: Language) -> re.Pattern[str]:
    """What to look for in code. Literals that may still grow are read as if they ended with the text."""
    parts = [r"\\.", re.escape('"""')]
    if language.indented_blocks:
        parts.append("'''")
    if language.name in _CHARACTER_LITERALS:
        parts.append(r"'(?:[^'\\\n]|\\[^'\n]{1,8}|\\')'|'(?:[^'\\\n]|\\.{0,8})?\Z")
        quotes = '["`]'
        parts.append(r'\br#+"')
    else:
        quotes = "[\"'`]"
    if language.comment == "#":
        parts.append(r"(?<!\S)#" if language.name in _SPACED_HASH else "#")
    elif language.comment == "//":
        parts += ["//", r"/\*"]
        if language.name == "php":
            parts.append(r"#(?!\[)")
    else:
        if language.name == "lua":
            parts += [r"--\[\[", r"\[\["]
        parts.append(re.escape(language.comment))
    if language.name in _REGEX_LITERALS:
        body = r"/(?![/*])(?:\\.|\[(?:\\.|[^\]\\\n])*(?:\]|\Z)|[^/\\\n\[])+(?:/|\Z)"
        parts += [rf"(?<=[(,=:\[!&|?;]){body}", rf"(?<=[(,=:\[!&|?;] ){body}"]
    return re.compile("|".join([*parts, quotes, r"[()\[\]{}]"]), re.DOTALL)


@cache
def _end_of(inside: str, language: Language) -> re.Pattern[str]:
    if inside in ("#", "//", "--"):
        return re.compile("\n")
    if inside in _LONG_ENDS:
        return re.compile(re.escape(_LONG_ENDS[inside]))
    end = re.escape(inside)
    if inside.startswith('"#'):
        return re.compile(end)
    # an unfinished string is an apostrophe more often than a long string
    return re.compile(rf"\\.|{end}" if is_long(inside, language) else rf"\\.|{end}|\n", re.DOTALL)
