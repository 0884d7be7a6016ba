"""Which licence a project states: the file's name, and an SPDX guess from phrases its text is known by."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from context.history.git import Git

TEXT_BYTES = 128 << 10  # the longest licence in use, with its exceptions, takes 35 KB
_NAME = re.compile(r"(?i)(licen[cs]e|copying|unlicense)(?:[-._].*)?")
_SPDX_LINE = re.compile(r"SPDX-License-Identifier:\s*([\w.+-]+(?: (?:AND|OR|WITH) [\w.+-]+)*)")
_PHRASES = (
    # the first whose phrases all occur, in words with single spaces, in lower case
    ("Apache-2.0", ("apache license", "version 2.0")),
    ("MPL-2.0", ("mozilla public license", "2.0")),
    ("AGPL-3.0", ("gnu affero general public license", "version 3")),
    ("LGPL-3.0", ("gnu lesser general public license", "version 3")),
    ("LGPL-2.1", ("gnu lesser general public license", "version 2.1")),
    ("GPL-3.0", ("gnu general public license", "version 3")),
    ("GPL-2.0", ("gnu general public license", "version 2")),
    ("EPL-2.0", ("eclipse public license", "2.0")),
    ("BSL-1.0", ("boost software license",)),
    ("Unlicense", ("this is free and unencumbered software released into the public domain",)),
    ("CC0-1.0", ("cc0 1.0",)),
    ("BSD-3-Clause", ("redistribution and use in source and binary forms", "neither the name")),
    ("BSD-2-Clause", ("redistribution and use in source and binary forms",)),
    ("ISC", ("permission to use, copy, modify, and/or distribute this software",)),
    ("MIT", ("permission is hereby granted, free of charge", "the above copyright notice")),
)


@dataclass(frozen=True, slots=True)
class Licence:
    """The licence file at the top of a repository, "" where there is none; ``spdx`` is "" if not known."""

    file: str
    spdx: str


def licence_of(git: Git, commit: str) -> Licence:
    """The licence stated at a commit. Raises GitError."""
    names = [
        name
        for entry in git.run("ls-tree", "-z", commit).decode("utf-8", "replace").split("\0")
        if " blob " in entry and _NAME.fullmatch(name := entry.partition("\t")[2])
    ]
    found = Licence("", "")
    for name in sorted(names, key=lambda name: (len(name), name)):
        for _, content in git.blobs([f"{commit}:{name}"], TEXT_BYTES):
            spdx = spdx_of(content.decode("utf-8", "replace"))
            if spdx:
                return Licence(name, spdx)
            found = found if found.file else Licence(name, "")
    return found


def spdx_of(text: str) -> str:
    """The SPDX identifier of a licence text; "" where no phrase is known."""
    stated = _SPDX_LINE.search(text)
    if stated:
        return stated[1]
    flat = " ".join(text.lower().split())
    return next((spdx for spdx, phrases in _PHRASES if all(phrase in flat for phrase in phrases)), "")
