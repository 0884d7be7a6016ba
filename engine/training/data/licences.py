"""Whether a package's licence is permissive: what its metadata says, to an SPDX expression or nothing.

Read are Python's core metadata, package.json, pyproject.toml and the words that authors write in them.
What is not said, said in unknown words, or ambiguous counts as not permissive. Knows no files but by
their text.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Sequence
from email.parser import HeaderParser
from typing import Any, NamedTuple

PERMISSIVE = frozenset(
    (
        "0BSD", "Apache-2.0", "BSD", "BSD-1-Clause", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0",
        "BlueOak-1.0.0", "CC0-1.0", "HPND", "ISC", "MIT", "MIT-0", "MIT-CMU", "NCSA", "PSF-2.0", "Python-2.0",
        "UPL-1.0", "Unlicense", "Zlib",
    )
)  # fmt: skip
_EXCEPTIONS = frozenset(("LLVM-exception",))  # that give more than the licence does
_CLASSIFIERS = {
    "MIT License": "MIT", "MIT No Attribution License (MIT-0)": "MIT-0", "BSD License": "BSD",
    "Apache Software License": "Apache-2.0", "Python Software Foundation License": "PSF-2.0",
    "ISC License (ISCL)": "ISC", "zlib/libpng License": "Zlib", "The Unlicense (Unlicense)": "Unlicense",
    "Boost Software License 1.0 (BSL-1.0)": "BSL-1.0", "CMU License (MIT-CMU)": "MIT-CMU",
    "Historical Permission Notice and Disclaimer (HPND)": "HPND",
}  # fmt: skip
_WORDS = (  # what authors write where an SPDX identifier belongs, the first that fits the whole of it
    (re.compile(r"(the )?(mit|expat)( license| licence)?( \(mit\))?", re.I), "MIT"),
    (
        re.compile(r"apache([ -]software)?([ -]licen[cs]e)?,?[ -]v?(ersion )?2(\.0)?([ -]licen[cs]e)?", re.I),
        "Apache-2.0",
    ),
    (re.compile(r"(3-clause |new |modified |simplified |2-clause )?bsd([ -]licen[cs]e)?", re.I), "BSD"),
    (re.compile(r"bsd[ -]3([ -]clause)?([ -]licen[cs]e)?", re.I), "BSD-3-Clause"),
    (re.compile(r"bsd[ -]2([ -]clause)?([ -]licen[cs]e)?", re.I), "BSD-2-Clause"),
    (re.compile(r"(psf|psfl|psf-2.0|python software foundation)( licen[cs]e)?", re.I), "PSF-2.0"),
    (re.compile(r"isc( licen[cs]e)?( \(iscl\))?", re.I), "ISC"),
)
_TEXTS = (  # a licence's own text
    ("MIT", ("permission is hereby granted, free of charge", "the software is provided \"as is\"")),
    ("Apache-2.0", ("apache license", "version 2.0", "licensor")),
    ("BSD", ("redistribution and use in source and binary forms", "with or without modification")),
)  # fmt: skip
_FOREIGN = re.compile(
    r"GNU (?:Lesser |Affero |Library )?General Public|SPDX-License-Identifier:\s*(\S[^\n*]*)"
)


class Said(NamedTuple):
    """A licence as SPDX writes it ("BSD" where it is not said which), and where that is said."""

    licence: str
    where: str


def of_python(metadata: str) -> Said:
    """From METADATA or PKG-INFO; empty where it is not said, or not in words that are known."""
    headers = HeaderParser().parsestr(metadata)
    if expression := headers.get("License-Expression"):
        return Said(expression.strip(), "License-Expression")
    named = [
        value.rpartition(" :: ")[2]
        for value in headers.get_all("Classifier", [])
        if value.startswith("License :: ") and value != "License :: OSI Approved"
    ]
    if named:
        known = [_CLASSIFIERS.get(name, "") for name in named]
        return Said(" AND ".join(dict.fromkeys(known)) if all(known) else "", "Classifier")
    return Said(_in_words(headers.get("License") or ""), "License")


def of_npm(package: dict[str, Any]) -> Said:
    """From package.json as it was parsed."""
    value = package.get("license")
    if isinstance(value, dict):  # npm's older form
        value = value.get("type")
    return Said(_in_words(value) if isinstance(value, str) else "", "package.json")


def of_folder(read: dict[str, str]) -> Said:
    """Of a project's top folder, from the texts of pyproject.toml, package.json, PKG-INFO or LICENSE."""
    if "PKG-INFO" in read and (said := of_python(read["PKG-INFO"])).licence:
        return said
    if "package.json" in read:
        try:
            if (said := of_npm(json.loads(read["package.json"]))).licence:
                return said
        except ValueError:
            pass
    if "pyproject.toml" in read:
        try:
            value = tomllib.loads(read["pyproject.toml"]).get("project", {}).get("license", "")
        except tomllib.TOMLDecodeError:
            value = ""
        value = value.get("text", "") if isinstance(value, dict) else value
        if isinstance(value, str) and (known := _in_words(value)):
            return Said(known, "pyproject.toml")
    for name in ("LICENSE", "LICENSE.txt", "LICENSE.md", "LICENSE.rst", "LICENCE", "license", "COPYING"):
        if name in read:
            return Said(_of_text(read[name]), name)
    return Said("", "")


def is_permissive(expression: str) -> bool:
    """Whether an SPDX expression lets everybody use the text: of an "OR" one part, of an "AND" every one."""
    if not expression.strip():
        return False
    if "(" in expression:  # nested: all that is named has to be permissive
        return _all_permissive(re.split(r"\s+(?:AND|OR)\s+", re.sub(r"[()]", " ", expression)))
    return any(_all_permissive(re.split(r"\s+AND\s+", part)) for part in re.split(r"\s+OR\s+", expression))


def foreign_header(text: str) -> str:
    """A licence that the head of a file names and that is not permissive; "" where there is none."""
    for found in _FOREIGN.finditer(text[:4000]):
        if found[1] is None:
            return "GPL"
        if not is_permissive(found[1].strip().rstrip("*/ -")):
            return found[1].strip()
    return ""


def _all_permissive(parts: Sequence[str]) -> bool:
    for part in parts:
        licence, _, exception = part.strip().partition(" WITH ")
        if licence not in PERMISSIVE or (exception and exception.strip() not in _EXCEPTIONS):
            return False
    return True


def _in_words(value: str) -> str:
    value = value.strip()
    if len(value) > 200:
        return _of_text(value)
    if is_permissive(value):
        return value
    return next((spdx for pattern, spdx in _WORDS if pattern.fullmatch(value)), "")


def _of_text(text: str) -> str:
    flat = " ".join(text.lower().split())
    if "general public license" in flat:
        return ""
    return next((spdx for spdx, phrases in _TEXTS if all(phrase in flat for phrase in phrases)), "")
