"""Pieces and a cursor to token ids, with an account of what they are and cost.

Every text is tokenised in blocks that no token crosses (a line and the blank lines after it), so equal text
gives equal ids wherever it stands, and ``encode`` can remember each block for good.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from context.items import ContextItem

Encode = Callable[[str], tuple[int, ...]]
Ids = tuple[int, ...]

MAX_LINE_CHARACTERS = 2_000  # of a longer line only the part nearest the cursor is prompted


@dataclass(frozen=True, slots=True)
class PromptFormat:
    """A model family's markers as token ids; ``prefix`` is empty where it has no fill-in-the-middle."""

    begin: Ids = ()
    prefix: Ids = ()
    suffix: Ids = ()
    middle: Ids = ()
    file_separator: Ids = ()
    repository: Ids = ()
    suffix_first: bool = False

    @property
    def fills_in(self) -> bool:
        """Whether the model can be shown what follows the cursor."""
        return bool(self.prefix and self.suffix)


@dataclass(frozen=True, slots=True)
class Piece:
    """One entry of a prompt's account: where it came from, from which commits, and why it is in."""

    source: str
    path: str
    tokens: int
    commits: tuple[str, ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True)
class Prompt:
    """Token ids, and what they are. The generation must begin with ``begin_with`` (UTF-8; see the engine).

    ``left`` is the same up to the cursor's line read from left to right, without what follows, and ``head``
    the text after it up to the cursor: what comes next can be judged by them. ``left`` begins as ``tokens``
    do, so most of it is cached; it is empty for a format that puts the suffix first. ``stable`` counts the
    leading tokens that do not come from the file itself.
    """

    tokens: Ids
    begin_with: bytes
    pieces: tuple[Piece, ...]
    left: Ids = ()
    head: str = ""
    stable: int = 0


def blocks(lines: Sequence[str]) -> Iterator[str]:
    """Join each line with the blank lines after it: a tokenizer may merge line ends, but never past those."""
    block = ""
    for line in lines:
        if block and line.strip():
            yield block
            block = ""
        block += line
    if block:
        yield block


def encode_lines(lines: Sequence[str], encode: Encode) -> Ids:
    """Token ids of lines, block by block."""
    found: list[int] = []
    for block in blocks(lines):
        found.extend(encode(block))
    return tuple(found)


def cut_for_healing(head: str, encode: Encode) -> tuple[Ids, bytes]:
    """Ids of ``head`` without its last token, and that token's text.

    The cursor may stand inside a word or after blanks that belong to the next token, so the last token is
    not to be trusted; the model writes it again, in its own way.
    """
    if not head:
        return (), b""
    cut = len(head.rstrip(" \t"))
    if cut == len(head):
        cut -= 1
        while cut > 0 and head[cut].isalnum() == head[cut - 1].isalnum() and len(head) - cut < _HEALED:
            cut -= 1
        if cut > 0 and head[cut - 1] == " " and head[cut] not in " \t":
            cut -= 1  # most tokenizers put a word's leading blank into its token
    return encode(head[:cut]) if cut else (), head[cut:].encode("utf-8", "replace")


_HEALED = 24  # characters: longer words are many tokens anyway


def render(
    *,
    form: PromptFormat,
    encode: Encode,
    items: Sequence[tuple[ContextItem, Sequence[int]]],
    repository: str,
    path: str,
    prefix: Sequence[str],
    middle: Sequence[str],
    head: str,
    suffix: Sequence[str],
) -> Prompt:
    """Token ids of a fill-in-the-middle prompt; of a prefix-only one where the model has no markers.

    ``prefix``, ``middle`` and ``suffix`` are lines with their ends; ``head`` is the cursor's line up to it;
    ``items`` come with their ids (``context.tokenised``).
    """
    pieces: list[Piece] = []
    before: list[int] = list(form.begin)
    if items and form.file_separator and form.repository:
        before += (*form.repository, *encode(repository + "\n"))
    for item, ids in items:
        pieces.append(Piece(item.source, item.path, len(ids), item.commits, item.why))
        before += ids
    if items:
        heading = path if form.file_separator else f"# {path}"
        before += (*form.file_separator, *encode(heading + "\n"))
    prefix_ids, suffix_ids = encode_lines(prefix, encode), encode_lines(suffix, encode)
    healed, begin_with = cut_for_healing(head[-MAX_LINE_CHARACTERS:], encode)
    middle_lines = encode_lines(middle, encode)
    middle_ids = (*middle_lines, *healed)
    if not form.fills_in:
        tokens = (*before, *prefix_ids, *middle_ids)
    elif form.suffix_first:
        tokens = (*before, *form.suffix, *suffix_ids, *form.prefix, *prefix_ids, *form.middle, *middle_ids)
    else:
        tokens = (*before, *form.prefix, *prefix_ids, *form.suffix, *suffix_ids, *form.middle, *middle_ids)
    pieces += [
        Piece("prefix", path, len(prefix_ids)),
        *([Piece("suffix", path, len(suffix_ids))] if form.fills_in else []),
        Piece("middle", path, len(middle_ids)),
    ]
    left = () if form.suffix_first else (*before, *form.prefix, *prefix_ids, *middle_lines)
    return Prompt(tokens or encode("\n"), begin_with, tuple(pieces), left, head, len(before))


def plain(lines: Sequence[str]) -> list[str]:
    """Lines as models know them: \\n at the end, cut to a sane length, never half a surrogate pair."""
    return [_plain_line(line) for line in lines]


def _plain_line(line: str) -> str:
    if line.endswith(("\r\n", "\r")):
        line = line.rstrip("\r\n") + "\n"
    if len(line) > MAX_LINE_CHARACTERS:
        line = line[:MAX_LINE_CHARACTERS] + ("\n" if line.endswith("\n") else "")
    return line
