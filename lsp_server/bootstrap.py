"""From a fresh clone, or from the wheel alone, to a working virtual environment.

`python3 -m lsp_server.bootstrap --dev` in a clone, or without one:
`PYTHONPATH=WHEEL python3 -m lsp_server.bootstrap --venv DIR --wheel WHEEL --json`. Runs on the system's
Python before any dependency exists, so it knows the standard library and nothing else. llama.cpp is compiled
first and as a phase of its own: it takes minutes. The stamp is written last: without it, or where it does not
fit, the next run installs what is missing.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import signal
import sys
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from lsp_server.bootstrap_compiler import compiler_missing, without_amx, zig_may_serve
from lsp_server.bootstrap_environment import (
    LOG,
    Environment,
    SetupError,
    alone,
    built_with_amx,
    check,
    make_venv,
    program_of,
    venv_python,
    version_of,
)
from lsp_server.bootstrap_progress import Reporter, duration

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parents[1]
PYTHON_NEEDED = (3, 11)  # the syntax here is that of 3.8, so that an older Python can be told so
STAMP = "codeflow-setup.txt"  # in the venv: what was installed, written when all of it was
BUILT_WITH = "llama-cmake-args.txt"  # in the venv: the user's CMAKE_ARGS that llama.cpp was compiled with


class Source(NamedTuple):
    """What is installed: a clone, or a wheel."""

    kind: str  # "pyproject" or "wheel"
    content: bytes  # of which the stamp has the hash
    llama: str  # the requirement for llama-cpp-python
    arguments: Sequence[str]  # pip's


def python_too_old(version: Sequence[int]) -> str:
    """Return the sentence for a Python that is too old, or an empty string."""
    if tuple(version[:2]) >= PYTHON_NEEDED:
        return ""
    names = (f"python3.{minor}" for minor in range(PYTHON_NEEDED[1], 20))  # the lowest has all its wheels
    newer = next(filter(shutil.which, names), "")
    hint = f"Run: make setup PYTHON={newer}" if newer else "Install a newer one and run this again."
    needed, found = (".".join(map(str, numbers)) for numbers in (PYTHON_NEEDED, version))
    return f"CodeFlow needs Python {needed} or newer, and this is Python {found}. {hint}"


def checkout(dev: bool) -> Source:
    """The clone that this file lies in."""
    import tomllib  # here, since the Pythons that are too old lack it

    content = Path("pyproject.toml").read_bytes()
    dependencies: list[str] = tomllib.loads(content.decode())["project"]["dependencies"]
    llama = next(entry for entry in dependencies if entry.startswith("llama-cpp-python"))
    return Source("pyproject", content, llama, ("--editable", ".", *(("--group", "dev") if dev else ())))


def wheel(path: Path) -> Source:
    """A wheel of CodeFlow."""
    try:
        with zipfile.ZipFile(path) as archive:
            name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
            metadata = archive.read(name).decode()
        llama = re.search(r"^Requires-Dist: *(llama[-_]cpp[-_]python[^;\n]*)", metadata, re.MULTILINE)
        if not llama:
            raise ValueError
    except (OSError, ValueError, StopIteration, zipfile.BadZipFile):
        raise SetupError(f"{path} is no wheel of CodeFlow.") from None
    return Source("wheel", path.read_bytes(), llama[1].strip(), (str(path),))


def fingerprint(source: Source, python: Sequence[int], dev: bool) -> str:
    """Return what the stamp says: while it is unchanged, there is nothing to install."""
    minor = ".".join(map(str, python[:2]))  # packages survive 3.11.7 -> 3.11.8, but not 3.11 -> 3.12
    digest = hashlib.sha256(source.content).hexdigest()
    return f"{source.kind} {digest} python {minor}{' dev' if dev else ''}\n"


def in_place(venv: Path, wanted: str) -> bool:
    """Tell whether the stamp fits. An install with the development tools also serves who wants none."""
    return read(venv / STAMP) in (wanted, wanted.rstrip() + " dev\n")


def read(path: Path) -> str:
    """Return a small file's text; empty if there is none, for neither record of ours is ever empty."""
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


def set_up(venv: Path, python: str, source: Source, dev: bool, reporter: Reporter) -> None:
    """Bring the environment to what ``source`` asks for; do nothing where it is there already."""
    started, cmake_args = time.monotonic(), os.environ.get("CMAKE_ARGS", "").strip()
    asked_for = version_of(python, "sys") if python else ()
    if python and not asked_for:
        raise SetupError(f"{python} does not run; --python names a Python of this machine.")
    if too_old := python and python_too_old(asked_for):
        raise SetupError(too_old)
    with alone(venv, reporter) as lock:
        version = version_of(venv_python(venv), "pip")
        usable = version >= PYTHON_NEEDED and asked_for[:2] in ((), version[:2])
        stale = cmake_args not in ("", read(venv / BUILT_WITH))  # CUDA is turned on, say
        if usable and not stale and in_place(venv, fingerprint(source, version, dev)):
            reporter.say(f"CodeFlow is in place in {venv}.")
            return
        built = usable and any(venv.glob("[Ll]ib/**/llama_cpp_python-*.dist-info"))
        if (
            (stale or not built)
            and not zig_may_serve(os.environ)
            and (missing := compiler_missing(os.environ))
        ):
            raise SetupError(missing)
        if not usable:  # inside an active venv, _base_executable is the Python which that one was made from
            making = reporter.phase("Making the environment")
            make_venv(venv, python or getattr(sys, "_base_executable", sys.executable))
            making.finish("done")
            version = version_of(venv_python(venv), "pip")
        reporter.say(f"Setting up CodeFlow in {venv} with Python {'.'.join(map(str, version))}.")
        for leftover in (STAMP, LOG):
            (venv / leftover).unlink(missing_ok=True)
        fill(Environment(venv, reporter, lock), source, dev, cmake_args)
        (venv / STAMP).write_text(fingerprint(source, version, dev), encoding="utf-8")
    reporter.say(f"CodeFlow is set up ({duration(time.monotonic() - started)}). Try: {program_of(venv)} demo")


def fill(environment: Environment, source: Source, dev: bool, cmake_args: str) -> None:
    """Install into an environment that has pip."""
    venv = environment.venv
    if dev:
        environment.pip("Updating pip", "pip>=25.1")  # the first that knows --group
    stale = cmake_args not in ("", read(venv / BUILT_WITH))
    if stale or not any(venv.glob("[Ll]ib/**/llama_cpp_python-*.dist-info")):
        environment.find_compiler()
    anew = ("--force-reinstall", "--no-cache-dir", "--no-deps")
    environment.pip("Building llama.cpp", "-v", *(anew if stale else ()), source.llama)
    if without_amx(environment.env) and built_with_amx(venv):
        environment.pip("Building llama.cpp without AMX", "-v", *anew, source.llama)
    if cmake_args:
        (venv / BUILT_WITH).write_text(cmake_args, encoding="utf-8")
    environment.pip("Installing CodeFlow", *source.arguments)
    if source.kind == "wheel":  # pip passes over another build of the same version
        environment.pip("Installing CodeFlow's own files", *anew, *source.arguments)
    environment.clean()
    check(venv)


def main() -> int:
    """Run set-up from the command line; return the exit status."""
    parser = argparse.ArgumentParser(prog="python3 -m lsp_server.bootstrap", description="Set up CodeFlow.")
    parser.add_argument("--dev", action="store_true", help="with the tools for working on CodeFlow itself")
    parser.add_argument("--venv", type=Path, default=Path(".venv"), help="the virtual environment")
    parser.add_argument("--python", default="", help="the Python to make it with (the one that runs this)")
    parser.add_argument("--wheel", type=Path, help="install this wheel of CodeFlow, not the clone")
    parser.add_argument("--json", action="store_true", help="say how far it is as JSON, one object a line")
    options = parser.parse_args()
    reporter, log = Reporter(as_json=options.json), options.venv / LOG
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a client's way to stop it
    try:
        if too_old := python_too_old(sys.version_info[:3]):
            raise SetupError(too_old)
        if options.wheel is None:
            os.chdir(ROOT)  # paths in messages stay short
        source = checkout(options.dev) if options.wheel is None else wheel(options.wheel.resolve())
        set_up(options.venv, options.python, source, options.dev, reporter)
    except SetupError as problem:
        reporter.fail(str(problem), problem.details, log)
        return 1
    except KeyboardInterrupt:
        stopped = "Set-up was stopped. Run it again to go on; what is installed stays."
        reporter.fail(stopped, "" if options.json else "\n", log)
        return 130
    except OSError as error:
        reporter.fail(f"{options.venv} cannot be written: {error.strerror or error}.", "", log)
        return 1
    reporter.end(program_of(options.venv).absolute())
    return 0


if __name__ == "__main__":
    sys.exit(main())
