"""A syntax tree's leaves as a flat list of tokens, the same shape for every language.

Strings and comments are one token each; docstrings are told from other strings; a block that only its
indentation shows is opened and closed by a token of its own, so that code equal but for its nesting is not
equal here. Knows grammars, not what the tokens mean.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from context.language import Language, grammar_of

if TYPE_CHECKING:
    from tree_sitter import Node

WORD, KEYWORD, SIGN, STRING, COMMENT, DOC, BLOCK = (
    "word",
    "keyword",
    "sign",
    "string",
    "comment",
    "doc",
    "block",
)

_STRING_NODE = re.compile(
    r"string(?!_content|_start|_end|_fragment)|(char|character|rune)_literal|heredoc|regex$"
)
_WORD_START = re.compile(r"[^\W\d]|[$@#]")  # PHP's $x, Ruby's @x, JavaScript's #x
_QUOTES = re.compile(r"'([^'\"\\\n]*)'")
_CLOSERS = frozenset(")]}")


class Token(NamedTuple):
    """A leaf: its text, what it is (the constants above), its first and last line (zero-based)."""

    text: str
    kind: str
    line: int
    end_line: int


class Source:
    """A text with its syntax tree; tokens are made for the lines asked for."""

    def __init__(self, language: Language, text: str) -> None:
        self.language = language
        self.lines: list[str] = text.split("\n")
        self._bytes = text.encode("utf-8", "replace")
        self._line_starts: list[int] = [0]
        for line in self._bytes.split(b"\n"):
            self._line_starts.append(self._line_starts[-1] + len(line) + 1)
        grammar = grammar_of(language)
        self.root: Node | None = None
        if grammar is not None:
            from tree_sitter import Parser

            self._tree = Parser(grammar).parse(self._bytes)
            self.root = self._tree.root_node

    def tokens(self, first: int, last: int) -> tuple[Token, ...]:
        """The tokens that reach into lines ``first`` to ``last`` (zero-based, inclusive)."""
        if self.root is None or last < first:
            return ()
        starts = self._line_starts
        start = starts[min(first, len(starts) - 1)]
        end = starts[min(last + 1, len(starts) - 1)]
        found: list[Token] = []
        self._collect(start, end, found)
        return tuple(found)

    def _collect(self, start: int, end: int, found: list[Token]) -> None:
        assert self.root is not None  # noqa: S101
        cursor = self.root.walk()
        blocks = self.language.indented_blocks
        # a block opens and closes beside code, so that a comment or docstring at its edge moves neither
        last_code: int | None = None
        while True:
            node = cursor.node
            assert node is not None  # noqa: S101
            if node.end_byte <= start or node.start_byte >= end:
                inside = False
            else:
                kind = _whole(node) if node.child_count else _leaf(node)
                if kind:
                    if node.end_byte > node.start_byte:
                        text = self._bytes[node.start_byte : node.end_byte].decode("utf-8", "replace")
                        line = node.start_point[0]
                        found.append(Token(text, kind, line, line + text.count("\n")))
                        if kind not in (COMMENT, DOC):
                            last_code = found[-1].end_line
                    inside = False
                else:
                    if blocks and node.type == "block" and node.start_byte >= start:
                        line = node.start_point[0] if last_code is None else last_code
                        found.append(Token("{", BLOCK, line, line))
                    inside = True
            if inside and cursor.goto_first_child():
                continue
            while not cursor.goto_next_sibling():
                if not cursor.goto_parent():
                    return
                left = cursor.node
                if blocks and left is not None and left.type == "block" and left.end_byte <= end:
                    line = left.end_point[0] if last_code is None else last_code
                    found.append(Token("}", BLOCK, line, line))


def _whole(node: Node) -> str:
    """The kind of a node whose children do not matter; "" for one to be entered."""
    if not node.is_named:
        return ""
    kind = node.type
    if "comment" in kind:
        return COMMENT
    if kind == "concatenated_string":
        return ""
    if _STRING_NODE.search(kind):
        return DOC if _is_docstring(node) else STRING
    return ""


def _leaf(node: Node) -> str:
    kind = node.type
    if node.is_named:
        if "comment" in kind:
            return COMMENT
        if _STRING_NODE.search(kind):
            return STRING
        text = node.text or b""
        return WORD if _WORD_START.match(text[:1].decode("utf-8", "replace")) else SIGN
    return KEYWORD if kind[:1].isalpha() else SIGN


def _is_docstring(node: Node) -> bool:
    statement = node.parent
    if node.type != "string" or statement is None or statement.type != "expression_statement":
        return False
    block = statement.parent
    if block is None or block.type not in ("block", "module"):
        return False
    first = next((child for child in block.named_children if child.type != "comment"), None)
    return first is not None and first.id == statement.id


def code(tokens: Sequence[Token]) -> tuple[str, ...]:
    """What runs: without comments and docstrings, and without what formatters add, drop or replace."""
    texts: list[str] = []
    kept = [token for token in tokens if token.kind not in (COMMENT, DOC)]
    for index, token in enumerate(kept):
        if token.text == ";":
            continue
        if token.text == "," and index + 1 < len(kept):
            following = kept[index + 1]
            if following.text in _CLOSERS and following.line != token.line:
                continue  # a comma that only a list over several lines has
        texts.append(_QUOTES.sub(r'"\1"', token.text) if token.kind == STRING else token.text)
    return tuple(texts)


def prose(tokens: Sequence[Token]) -> tuple[str, ...]:
    """The comments and docstrings, their white space made even."""
    return tuple(" ".join(token.text.split()) for token in tokens if token.kind in (COMMENT, DOC))
