"""Private keys that span lines: PEM, OpenSSH, PGP, PuTTY, inside files, strings, comments and diffs.

The lines that begin and end a block stay, so that a reader sees what was there; the letters between become
stars. A text that is cut in the middle of a block is masked as far as its lines look like a key.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

MOST_LINES = 400  # a 16,384-bit RSA key has 200
LONGEST_LINE = 1_000  # letters; a key's lines have 64 to 76, in a string or a diff a few more
SURE_LETTERS = 16  # a line this long of base64 alone is no word of a programming language
STAR = "*"

BEGIN = re.compile(r"BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?[ -]*")
END = re.compile(r"END [A-Z0-9 ]{0,30}PRIVATE KEY")
PUTTY = re.compile(r"^\W*Private-Lines:\s*(\d{1,3})")

_BODY = re.compile(r"^([\s\"'`+>#*/|-]*)([A-Za-z0-9+/=*]+)((?:\\[nr])*[\"'`\s,;+.\\)]*)$")
_HEADER = re.compile(r"^[\s\"'`+>#*-]*[A-Za-z][A-Za-z-]{2,20}: \S")  # Proc-Type, DEK-Info, Version, Comment
_BLANK = re.compile(r"^[\s\"'`+>#*\\nr-]*$")
_LETTER = re.compile(r"[A-Za-z0-9+/=]")
_LONG_RUN = re.compile(rf"[A-Za-z0-9+/=*]{{{SURE_LETTERS},}}")


def mask_key_blocks(lines: Sequence[str]) -> list[str]:
    """The lines with stars for every letter of a private key between its first and its last line."""
    masked = list(lines)
    for place, line in enumerate(lines):
        if "PRIVATE KEY" in line:
            begin, end = BEGIN.search(line), END.search(line)
            if begin:
                masked[place] = _mask_behind(masked[place], begin.end(), end)
            if begin and not (end and end.start() > begin.start()):
                _mask_down(masked, place + 1)
            elif end and not begin:
                _mask_up(masked, place - 1)
        elif "Private-Lines" in line and (putty := PUTTY.match(line)):
            for below in range(place + 1, min(place + 1 + int(putty[1]), len(masked))):
                masked[below] = _LETTER.sub(STAR, masked[below])
    return masked


def _mask_behind(line: str, start: int, end: re.Match[str] | None) -> str:
    if end and end.start() >= start:  # the whole block on one line, its line ends escaped
        stop = max(start, len(line[: end.start()].rstrip("- ")))
        return line[:start] + re.sub(r"[^\s\"'`]", STAR, line[start:stop]) + line[stop:]
    return line[:start] + _LONG_RUN.sub(lambda run: STAR * len(run[0]), line[start:])


def _mask_down(lines: list[str], first: int) -> None:
    sure = False
    for place in range(first, min(first + MOST_LINES, len(lines))):
        line = lines[place]
        if END.search(line):
            return
        body = _BODY.match(line) if len(line) < LONGEST_LINE else None
        if body and (sure or len(body[2]) >= SURE_LETTERS):
            lines[place] = body[1] + STAR * len(body[2]) + body[3]
            sure = True
        elif not (_HEADER.match(line) or _BLANK.match(line)):
            return


def _mask_up(lines: list[str], last: int) -> None:
    for place in range(last, max(last - MOST_LINES, -1), -1):
        body = _BODY.match(lines[place]) if len(lines[place]) < LONGEST_LINE else None
        if not body or (
            len(body[2]) < SURE_LETTERS and place < last - 1
        ):  # a key's last line, and a PGP sum below it
            return
        lines[place] = body[1] + STAR * len(body[2]) + body[3]
