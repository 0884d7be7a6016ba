"""Cases from any folder of code: places that use what is defined out of sight.

*Elsewhere*: the only use of a name that one to three other files define; imports may name it. *Far away*: the
only use of a name that its own file defines, a hundred lines away or more. The line is gone from the name on,
the cursor stands there; the truth is the rest of the line. At most two places a file are taken, by hash.

The folder should hold no repository: its history would carry the answers. With folders that nobody evaluates
on, weights can be chosen on hundreds of places.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from context.language import language_of_path
from context.outline import Outline, outline
from context.privacy import read_text, walk
from tests.benchmarks.cases import Case, Opened, part_of
from tests.benchmarks.hunks import is_worth_it

GROUPS = ELSEWHERE, FAR = "defined elsewhere", "defined far away"
MOST_OF_A_FILE = 2
MOST_DEFINING = 3
FAR_LINES = 100
SHORTEST_NAME = 4
LONGEST_TRUTH = 120
_IMPORT = re.compile(r"\s*(import|from|use|export)\b")
_NAME = re.compile(r"[^\W\d]\w*")


def cases_of(root: Path, most: int, *, far: bool = False) -> list[Case]:
    """At most ``most`` places of a folder, the same every time; ``far`` away or elsewhere."""
    texts = {one.path: text for one in walk(root) if (text := read_text(root, one.path))}
    outlines = {path: outline(language_of_path(path), text) for path, text in texts.items()}
    defined: dict[str, set[str]] = {}
    for path, shape in outlines.items():
        for symbol in shape.symbols:
            defined.setdefault(symbol.name, set()).add(path)
    found = []
    for path, text in texts.items():
        if far:
            seen = {symbol.name: {path} for symbol in outlines[path].symbols}
        else:
            seen = {name: files - {path} for name, files in defined.items() if path not in files}
        places = sorted(_places(path, text, outlines[path], seen), key=_hash)[:MOST_OF_A_FILE]
        found += [_case(root, text, FAR if far else ELSEWHERE, *place) for place in places]
    return sorted(found, key=lambda case: _hash(case.key))[:most]


def _places(
    path: str, text: str, shape: Outline, defined: dict[str, set[str]]
) -> Iterator[tuple[str, int, int]]:
    """Path, line and column of the lines of ``text`` that use a name of ``defined`` once and for all."""
    language = language_of_path(path).name
    here = Counter(_NAME.findall(text))
    own = {symbol.name: symbol.line for symbol in shape.symbols}
    heads = {symbol.line for symbol in shape.symbols}
    imported = {one.line for one in shape.imports}
    in_imports = {name for one in shape.imports for name in one.names}
    for number, line in enumerate(text.split("\n")):
        if (
            number in imported | heads
            or not is_worth_it(line)
            or re.match(r"\s*(import|from|use|export)\b", line)
        ):
            continue
        for match in _NAME.finditer(line):
            name, start = match[0], match.start()
            others = [other for other in defined.get(name, ()) if language_of_path(other).name == language]
            if not 0 < len(others) <= MOST_DEFINING or len(name) < SHORTEST_NAME:
                continue
            alone = here[name] == 1 + (name in in_imports or name in own)
            away = abs(number - own.get(name, number + FAR_LINES)) >= FAR_LINES
            short = len(line[start:].rstrip()) <= LONGEST_TRUTH
            if alone and away and short and '"' not in line[:start]:
                yield path, number, start
            break


def _case(root: Path, text: str, group: str, path: str, number: int, column: int) -> Case:
    lines = text.split("\n")
    truth = lines[number][column:].rstrip()
    lines[number] = lines[number][:column]
    key = f"{root.name}/{path}:{number}:{column}"
    opened = (Opened(path, language_of_path(path).name, "\n".join(lines)),)
    return Case(key, group, part_of(key), root, opened, (number, column), truth)


def _hash(of: object) -> bytes:
    return hashlib.sha256(repr(of).encode()).digest()
