"""A Python text to what ruff finds in it, with the project's own rules where those are plain data.

ruff reads the text from its standard input and writes nothing: no cache, no fixes. It is the one installed
beside this server or on the user's PATH, never one that lies in the workspace. ruff runs no plugins, so a
project's `ruff.toml` or `[tool.ruff]` only chooses rules and may be honoured; one that `extend`s another file
could name any path, on other machines too, and is passed over for ruff's defaults.
"""

from __future__ import annotations

import json
import os
import sys
import tomllib
from pathlib import Path, PurePosixPath

from context.environment import client_environment
from context.history.process import run_bounded
from context.privacy.reading import read_text
from context.verify.checks import Finding

TIMEOUT_S = 5.0  # a megabyte of Python takes a tenth of a second
MOST_BYTES = 8 << 20  # of findings: some 15,000
ALWAYS = "F821,F822,F823,F401,F811"  # names and imports hold whatever rules the project chose
OTHERWISE = "E4,E7,E9,F"  # for a project without rules: ruff's defaults before 0.17, which has many more
_CONFIGS = (".ruff.toml", "ruff.toml", "pyproject.toml")  # ruff's own order
_UNDEFINED = ("F821", "F822", "F823")
# What is wrong whatever the project's taste: formats that do not fit, tests that are always true, code
# outside functions, names defined twice, what pylint calls errors.
_ERRORS = ("E9", "F50", "F52", "F6", "F7", "F81", "PLE", "B002", "B012", "B018", "B021")


class RuffFailed(Exception):
    """ruff could not be asked; the message is a sentence for the user."""


def find_ruff(workspace: Path | None) -> str:
    """The absolute path of ruff: beside the interpreter, or on PATH outside the workspace; "" without one."""
    name = "ruff.exe" if sys.platform == "win32" else "ruff"
    beside = Path(sys.executable).parent / name
    if beside.is_file():
        return str(beside)
    top = Path(os.path.realpath(workspace)) if workspace else None
    for entry in client_environment().get("PATH", "").split(os.pathsep):
        directory = Path(entry)
        if not directory.is_absolute() or (top and Path(os.path.realpath(directory)).is_relative_to(top)):
            continue
        if (directory / name).is_file() and os.access(directory / name, os.X_OK):
            return str(directory / name)
    return ""


def ruff_findings(program: str, path: str, text: str, root: Path | None) -> list[Finding]:
    """What ruff has against a text, by line. ``path``: relative to ``root``. Raises `RuffFailed`."""
    config = find_config(root, path) if root else None
    try:
        return _asked(program, path, text, root, config)
    except RuffFailed:
        if config is None:
            raise
        return _asked(program, path, text, root, None)  # rules of another version of ruff, say


def find_config(root: Path, path: str) -> Path | None:
    """The nearest file of ruff's rules between a file and its folder's top, if nothing but rules is in it."""
    for folder in PurePosixPath(path).parents:
        for name in _CONFIGS:
            text = read_text(root, str(folder / name))
            if text is None:
                continue
            try:
                found = tomllib.loads(text)
            except (tomllib.TOMLDecodeError, RecursionError):
                continue
            rules = found.get("tool", {}).get("ruff") if name == "pyproject.toml" else found
            if rules is not None:
                return None if not isinstance(rules, dict) or "extend" in rules else root / folder / name
    return None


def _asked(program: str, path: str, text: str, root: Path | None, config: Path | None) -> list[Finding]:
    rules = ("--config", str(config)) if config else ("--isolated", "--select", OTHERWISE)
    name = root / path if root else PurePosixPath(path).name
    command = (program, "check", "--no-cache", "--no-fix", "--output-format", "json", "--exit-zero", *rules,
               "--extend-select", ALWAYS, "--stdin-filename", str(name), "-")  # fmt: skip
    try:
        ended = run_bounded(
            command,
            environment=_environment(),
            directory=config.parent if config else Path(program).parent,  # globs of rules are relative to it
            stdin=text.encode("utf-8", "replace") or b"\n",
            timeout_s=TIMEOUT_S,
            most_bytes=MOST_BYTES,
        )
    except OSError as error:
        raise RuffFailed(f"ruff could not be started: {error}") from error
    if ended.limit:
        raise RuffFailed(f"ruff was stopped: it needed more than {ended.limit}")
    if ended.code:
        raise RuffFailed(f"ruff failed: {ended.complaint.partition(chr(10))[0] or ended.code}")
    try:
        rows = json.loads(ended.output or b"[]")
        return [_finding(path, row) for row in rows]
    except (ValueError, KeyError, TypeError) as error:
        raise RuffFailed("ruff answered in a form that this version does not know") from error


def _finding(path: str, row: dict) -> Finding:
    code = row["code"] or "invalid-syntax"
    return Finding(_kind(code), path, row["location"]["row"] - 1, row["message"], code)


def _kind(code: str) -> str:
    if code == "invalid-syntax":
        return "syntax error"
    if code in _UNDEFINED:
        return "undefined name"
    if code == "F401":
        return "unused import"
    return "lint error" if code.startswith(_ERRORS) else "lint warning"


def _environment() -> dict[str, str]:
    """Nothing of the server's own but what Windows needs."""
    return {name: os.environ[name] for name in ("SYSTEMROOT", "TEMP", "TMP") if name in os.environ}
