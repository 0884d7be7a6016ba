"""Where a suggestion meets the rest of its line: nothing twice, nothing missing.

Closing characters that the editor put in by itself are replaced, so those that the model left out come back.
Any other rest of the line stays, so an end of the suggestion that says the same again is dropped.
"""

from __future__ import annotations

from lsp_server.brackets import CLOSERS, LONG_COMMENTS, QUOTES, State, is_comment, tokens
from lsp_server.place import Place, indentation


def without_overlap(place: Place, text: str) -> str:
    """``text`` without an end that the rest of the line begins with."""
    tail = place.tail.rstrip()
    if tail[0] in CLOSERS and place.language.grammar:
        return text  # it ends before a closer that is not its own; one that is its own stays
    for size in range(min(len(text), len(tail)), 0, -1):
        if text.endswith(tail[:size]) and (size > 1 or not tail[0].isalnum()):
            return text[:-size]
    return text


def with_tail(place: Place, text: str) -> str:
    """``text`` with those characters of the replaced rest of the line that it does not bring itself."""
    tail = place.tail.rstrip()
    missing = tail[_brought(place, text, tail) :]
    if not missing:
        return text
    comment = None
    for token in tokens(text, place.language, _start(place)):
        if not is_comment(token.before) and is_comment(token.after) and token.text not in LONG_COMMENTS:
            comment = token.at
        elif token.text == "\n":
            comment = None
    if comment is not None:
        text = text[:comment].rstrip()
    if text.startswith("\n") and missing[0] in CLOSERS:
        return f"{text}\n{indentation(place.head)}{missing}"
    return text + missing


def _start(place: Place) -> State:
    return State(place.unclosed, place.at_cursor.inside)


def _brought(place: Place, text: str, tail: str) -> int:
    """How many characters of ``tail`` the text brings itself, in their order."""
    closing = _closings(place, text)
    at = None  # in text, after what was last found
    for index, character in enumerate(tail):
        if character.isspace():
            continue
        if character in CLOSERS or character in QUOTES:
            found = next((i for i, closer in closing if i >= (at or 0) and character in closer), None)
        elif character == ">":
            found = next((i for i in _angles(text) if i >= (at or 0)), None)
        elif at is None:
            first = text.split("\n", 1)[0].rstrip()
            found = len(first) - 1 if first.endswith(character) else None
        else:
            rest = text[at:].lstrip(" ")
            found = len(text) - len(rest) if rest.startswith(character) else None
        if found is None:
            return index
        at = found + 1
    return len(tail)


def _closings(place: Place, text: str) -> list[tuple[int, str]]:
    """Places where ``text`` closes what was open at the cursor, character by character."""
    found: list[tuple[int, str]] = []
    depth, inside = len(place.unclosed), place.at_cursor.inside
    for token in tokens(text, place.language, _start(place)):
        if inside:
            if token.text == inside:
                found += [(token.at + n, character) for n, character in enumerate(token.text)]
            inside = ""
        elif token.text in QUOTES and not place.at_cursor.inside:
            found.append((token.at, token.text))  # the tail may be an empty string that this one replaces
        elif len(token.after.opened) < depth:
            depth = len(token.after.opened)
            found.append((token.at, token.text))
    return found


def _angles(text: str) -> list[int]:
    """Places of closing angle brackets that no opening one in ``text`` belongs to."""
    found, depth = [], 0
    for index, character in enumerate(text):
        if character == "<":
            depth += 1
        elif character == ">" and text[index - 1 : index] not in ("-", "="):
            if depth:
                depth -= 1
            else:
                found.append(index)
    return found
