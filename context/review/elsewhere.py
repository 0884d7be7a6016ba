"""The texts of the folder as they are on disk, to be searched for a word. Read once, through the one gate."""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path

from context.imports.paths import PathSet
from context.language import language_of_path
from context.privacy.ignore import Ignore
from context.privacy.reading import read_text, walk

MOST_BYTES = 96 << 20  # of texts held; some 10,000 files of source
_WORD = re.compile(r"\w+")


class Elsewhere:
    """The source files of a folder. ``complete`` is False where there were more than could be held."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.complete = True

    @cached_property
    def paths(self) -> PathSet:
        """Every file that may be read."""
        return PathSet(self.texts)

    @cached_property
    def texts(self) -> dict[str, str]:
        """Path to text, of files in a language with a grammar; line ends are "\\n"."""
        ignore, left, found = Ignore.of(self.root), MOST_BYTES, {}
        for entry in walk(self.root, ignore):
            if not language_of_path(entry.path).grammar:
                continue
            left -= entry.size
            if left < 0:
                self.complete = False
                break
            text = read_text(self.root, entry.path, ignore)
            if text is not None:
                found[entry.path] = text.replace("\r\n", "\n")
        return found

    @cached_property
    def _files_by_word(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for path, text in self.texts.items():
            for word in set(_WORD.findall(text)):
                found.setdefault(word, []).append(path)
        return found

    def mentioning(self, word: str) -> list[str]:
        """The files that hold a word, in order."""
        return sorted(self._files_by_word.get(word, ()))
