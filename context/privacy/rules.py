"""One file of ignore rules: its lines to the verdict on a path. It knows patterns, not directories.

The patterns themselves are pathspec's. A file of rules comes from a stranger's repository, so it is read as
text and no more, and nothing in it can raise or take long: what is too large to be understood ignores
everything.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

MOST_BYTES = 1 << 20  # the largest real .gitignore files are some 50 KB; git itself reads up to 100 MB
MOST_PATTERNS = 4_000  # compiling one takes some 100 µs; large collections of templates stay below 1,000
LONGEST = 4_096  # letters in a pattern: no path is longer
MOST_STARS = 2  # in one segment: a third one costs a regular expression 30 ms on a name of 255 letters
MOST_DOUBLE_STARS = 2  # `**` in one pattern, for the same reason

EVERYTHING = re.compile("")
NOTHING = re.compile(r"(?!)")
_GROUP_NAME = re.compile(r"\(\?P<\w+>")
_STARS = re.compile(r"\*{2,}")  # mean one star wherever they are not a whole segment
_SPECIAL = re.compile(r"[*?\[\\]")
_CLASSES = {
    "[:alpha:]": "a-zA-Z", "[:digit:]": "0-9", "[:alnum:]": "a-zA-Z0-9", "[:upper:]": "A-Z",
    "[:lower:]": "a-z", "[:xdigit:]": "0-9a-fA-F", "[:space:]": " \t",
}  # fmt: skip  # git knows them, pathspec does not
_ODD_SET = re.compile(r"\[[!^]?\]?[^\]]*(?:\[|--|&&|\|\||~~)")  # means something else to Python's expressions


@dataclass(frozen=True, slots=True)
class Rule:
    """One line: what it matches, whether it ignores or includes again, whether only directories are meant."""

    regex: re.Pattern[str]
    ignores: bool
    directories_only: bool
    by_name: bool  # without a slash: the last segment decides, and looking at that alone is ten times as fast


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one file in the order of their lines, and expressions that say whether any may match.

    Most files match no rule at all, and with dozens of rules that has to be cheap to see.
    """

    rules: tuple[Rule, ...]
    any_name: re.Pattern[str]
    any_path: re.Pattern[str]

    def verdict(self, path: str, is_directory: bool) -> bool | None:
        """True for ignored, False for included again, None where no line speaks of this very path.

        `path` is relative to the directory of the file of rules. A match of one of the path's parents is no
        match: who asks goes down from the root and never gets below an ignored directory.
        """
        name = path[path.rfind("/") + 1 :]
        if not self.any_name.search(name) and not self.any_path.search(path):
            return None
        for rule in reversed(self.rules):
            if rule.directories_only and not is_directory:
                continue
            found = rule.regex.search(name if rule.by_name else path)
            if (
                found and found.lastindex is None
            ):  # pathspec's only group says that a parent directory matched
                return rule.ignores
        return None


NO_RULES = Rules((), NOTHING, NOTHING)
ALL_IGNORED = Rules((Rule(EVERYTHING, True, False, False),), NOTHING, EVERYTHING)


def read_rules(file: Path) -> Rules:
    """The rules in a file; none where there is no regular file (links are not followed, as in git)."""
    try:
        found = os.lstat(file)
        if not stat.S_ISREG(found.st_mode):
            return NO_RULES
        if found.st_size > MOST_BYTES:
            return ALL_IGNORED
        with file.open("rb") as opened:
            content = opened.read(MOST_BYTES + 1)
    except (OSError, ValueError):
        return NO_RULES
    return parse_rules(content.decode("utf-8-sig", errors="replace"))


def parse_rules(text: str) -> Rules:
    """The rules in a text of .gitignore syntax; lines that mean nothing are left out, as git does."""
    lines = [line for line in text.split("\n") if line.strip() and not line.startswith("#")]
    if len(lines) > MOST_PATTERNS:
        return ALL_IGNORED
    rules = tuple(rule for line in lines if (rule := _rule(line)) is not None)
    if not rules:
        return NO_RULES
    names = [rule for rule in rules if rule.by_name]
    paths = [rule for rule in rules if not rule.by_name]
    return Rules(rules, _any_of(names), _any_of(paths))


def _any_of(rules: Sequence[Rule]) -> re.Pattern[str]:
    if not rules:
        return NOTHING
    try:
        return re.compile("|".join(f"(?:{_GROUP_NAME.sub('(?:', rule.regex.pattern)})" for rule in rules))
    except (re.error, RecursionError, OverflowError):
        return EVERYTHING  # then each rule is asked by itself


@lru_cache(maxsize=4_096)  # the same lines stand in many nested files
def _rule(line: str) -> Rule | None:
    from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

    line = line.removesuffix("\r")
    line = _without_trailing_spaces(line)
    ignores = not line.startswith("!")
    body = line if ignores else line[1:]
    directories_only = body.endswith("/")
    if "//" in body or body in ("", "/"):
        return None  # no path has an empty segment
    if len(body) > LONGEST:
        return None
    body = "/".join(segment if segment == "**" else _STARS.sub("*", segment) for segment in body.split("/"))
    body = body.removesuffix("/")
    for posix, letters in _CLASSES.items():
        body = body.replace(posix, letters)
    if body[-1].isspace() and body[-1] != " ":
        body = f"{body[:-1]}[{body[-1]}]"  # pathspec would strip it; git strips spaces alone
    if _is_slow(body) or _ODD_SET.search(body):
        return Rule(_widened(body), True, directories_only, False) if ignores else None
    try:
        # `!` and `#` have had their meaning: at the head of the rest they are letters
        pattern = GitIgnoreSpecPattern("\\" + body if body[0] in "!#" else body)
    except (ValueError, re.error, RecursionError, OverflowError):
        return None
    if pattern.include is None or pattern.regex is None:
        return None
    return Rule(pattern.regex, ignores, directories_only, "/" not in body)


def _without_trailing_spaces(line: str) -> str:
    bare = line.rstrip(" ")
    backslashes = len(bare) - len(bare.rstrip("\\"))
    return bare + " " if backslashes % 2 and len(bare) < len(line) else bare


def _is_slow(pattern: str) -> bool:
    segments = pattern.split("/")
    return segments.count("**") > MOST_DOUBLE_STARS or any(
        segment != "**" and segment.count("*") > MOST_STARS for segment in segments
    )


def _widened(pattern: str) -> re.Pattern[str]:
    """Everything between the letters before the first wildcard and those after the last: more than was asked.

    Ignoring too much is the safe side; a pattern like this is seen in attacks, not in projects.
    """
    anchored = "/" in pattern
    first = _SPECIAL.search(pattern)
    before = pattern[: first.start()].removeprefix("/") if first else ""
    after = re.split(r"[*?\]\\]", pattern)[-1].removeprefix("/")
    head = "^" if anchored else "^(?:.+/)?"
    return re.compile(f"{head}{re.escape(before)}.*{re.escape(after)}$", re.DOTALL)
