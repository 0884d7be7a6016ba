"""From a fresh clone to a working virtual environment: `python3 -m lsp_server.bootstrap --dev`.

Runs on the system's Python before any dependency exists, so it knows the standard library and nothing else.
llama.cpp is compiled first and as a phase of its own: it takes minutes and deserves a progress line.
The stamp is written last: without it, or where it does not fit, the next run installs what is missing.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import itertools
import os
import queue
import re
import shlex
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

ROOT = Path(__file__).resolve().parents[1]
PYTHON_NEEDED = (3, 11)  # the syntax here is that of 3.8, so that an older Python can be told so
STAMP = "codeflow-setup.txt"  # in the venv: what was installed, written when all of it was
BUILT_WITH = "llama-cmake-args.txt"  # in the venv: the user's CMAKE_ARGS that llama.cpp was compiled with
LOG = "install.log"
# With these parts the same build takes 10 min 40 s on two cores instead of 3 min 43 s.
OFF = "LLAVA_BUILD LLAMA_BUILD_TOOLS LLAMA_BUILD_EXAMPLES LLAMA_BUILD_TESTS LLAMA_BUILD_SERVER LLAMA_CURL"
PACKAGES = """\
On Debian or Ubuntu: sudo apt-get install gcc g++ cmake make python3-venv
(macOS: xcode-select --install; Windows: the Visual Studio Build Tools with C++). Then run this again."""
ADVICE = {  # what pip's log says: what to do about it; the first that fits, so the more telling come first
    "No space left on device": "The disk is full: free some space, or point TMPDIR to where there is more.",
    "Killed signal": "The compiler ran out of memory. Set CMAKE_BUILD_PARALLEL_LEVEL=1 and run this again.",
    r"CMAKE_C(XX)?_COMPILER|not able to compile|stdlib\.h|xcrun: error": "No working compiler.\n" + PACKAGES,
    "CERTIFICATE_VERIFY_FAILED": "Give pip the certificate of your network: pip config set global.cert FILE",
    "Retrying|ConnectionError|name resolution|ProxyError|No matching distribution": """\
No package index that has this could be reached. Check the network, or name your network's own index:
pip config set global.index-url URL. Then run this again; it goes on where it stopped.""",
    "": "If these lines do not help, please report them together with the full log.",
}


class SetupError(Exception):
    """Set-up cannot go on; the message is for the user to act on."""


def parse_progress(line: str) -> tuple[int, int] | None:
    """Find (done, total) in ninja's "[12/345] Building ..." or in make's "[ 12%] Building ..."."""
    found = re.match(r"\s*\[ *(\d+)(?:%|/(\d+))\] ", line)
    return (int(found[1]), int(found[2] or 100)) if found else None


def duration(seconds: float) -> str:
    """Say a time as people do: 8 s, 1 min 20 s."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def to_go(done: int, total: int, elapsed_s: float) -> str:
    """Guess the time left, no finer than a guess can be; empty while it is too early to tell."""
    if elapsed_s < 10 or done * 20 < total:
        return ""
    left_s = elapsed_s * (total - done) / done
    if left_s >= 90:
        return f", about {round(left_s / 60)} min to go"
    return f", about {duration(round(left_s, -1))} to go" if left_s >= 10 else ", a few seconds to go"


def explain(log: str, count: int = 8) -> str:
    """Quote the last lines of pip's log that say what went wrong, and say what a user can do about it."""
    dull = re.compile(r"\[ *\d|note:|error: \S+-|Building wheel|\W*(ERROR: )?Failed (to )?build")
    lines = [line.strip() for line in log.splitlines() if line.strip() and not dull.match(line.strip())]
    telling = re.compile(r"\berror\b|fatal|failed|broken|not found|no such|no space", re.IGNORECASE)
    last = list(dict.fromkeys(list(filter(telling.search, lines)) or lines))[-count:]
    advice = next(sentence for pattern, sentence in ADVICE.items() if re.search(pattern, log))
    return "".join(f"    {line[:200]}\n" for line in last) + advice


def python_too_old(version: Sequence[int]) -> str:
    """Return the sentence for a Python that is too old, or an empty string."""
    if tuple(version[:2]) >= PYTHON_NEEDED:
        return ""
    names = (f"python3.{minor}" for minor in range(PYTHON_NEEDED[1], 20))  # the lowest has all its wheels
    newer = next(filter(shutil.which, names), "")
    hint = f"Run: make setup PYTHON={newer}" if newer else "Install a newer one and run this again."
    needed, found = (".".join(map(str, numbers)) for numbers in (PYTHON_NEEDED, version))
    return f"CodeFlow needs Python {needed} or newer, and this is Python {found}. {hint}"


def compiler_missing(env: Mapping[str, str]) -> str:
    """Return the sentence for a missing compiler, or an empty string. pip brings CMake and ninja itself."""
    for language, variable, names in (("C", "CC", "cc gcc clang"), ("C++", "CXX", "c++ g++ clang++")):
        candidates = shlex.split(env.get(variable, ""))[:1] or names.split()
        known = any(shutil.which(name, path=env.get("PATH", os.defpath)) for name in candidates)
        if not known and os.name != "nt":  # Visual Studio is never in PATH; CMake knows where it lives
            return f"llama.cpp needs a {language} compiler: found no {', '.join(candidates)}.\n{PACKAGES}"
    return ""


def llama_requirement(pyproject: str) -> str:
    """Return the requirement for llama-cpp-python as pyproject.toml states it."""
    import tomllib  # here, since the Pythons that are too old lack it

    dependencies: list[str] = tomllib.loads(pyproject)["project"]["dependencies"]
    return next(entry for entry in dependencies if entry.startswith("llama-cpp-python"))


def fingerprint(pyproject: bytes, python: Sequence[int], dev: bool) -> str:
    """Return what the stamp says: while it is unchanged, there is nothing to install."""
    minor = ".".join(map(str, python[:2]))  # packages survive 3.11.7 -> 3.11.8, but not 3.11 -> 3.12
    return f"pyproject {hashlib.sha256(pyproject).hexdigest()} python {minor}{' dev' if dev else ''}\n"


def in_place(venv: Path, wanted: str) -> bool:
    """Tell whether the stamp fits. An install with the development tools also serves who wants none."""
    return read(venv / STAMP) in (wanted, wanted.rstrip() + " dev\n")


def read(path: Path) -> str:
    """Return a small file's text; empty if there is none, for neither record of ours is ever empty."""
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


def without_amx(env: Mapping[str, str]) -> str:
    """Return compiler flags that keep llama.cpp off Intel's AMX, where this machine has it: K-quant models
    crash there (ggml-org/llama.cpp#20824). Empty elsewhere, and for compilers too old to know of it."""
    if "amx_int8" not in read(Path("/proc/cpuinfo")):
        return ""
    flags = "-mno-amx-tile -mno-amx-int8 -mno-amx-bf16"
    compiler = [*shlex.split(env.get("CC", "") or "cc"), *flags.split(), "-E", "-x", "c", os.devnull]
    try:
        known = subprocess.run(compiler, capture_output=True, check=False).returncode == 0
    except OSError:
        return ""
    return flags if known else ""


def built_with_amx(venv: Path) -> bool:
    """Tell whether the installed llama.cpp would use AMX: pip may have kept a build from before."""
    ask = "import llama_cpp; print(b'AMX_INT8 = 1' in llama_cpp.llama_print_system_info())"
    said = subprocess.run([str(venv_python(venv)), "-c", ask], capture_output=True, text=True, check=False)
    return "True" in said.stdout


def build_environment(env: Mapping[str, str]) -> dict[str, str]:
    """Return pip's environment: our build flags in front, so that the user's own have the last word."""
    ours = "".join(f"-D{part}=OFF " for part in OFF.split())
    plain = {"PYTHONUNBUFFERED": "1", "PIP_NO_INPUT": "1", "LC_ALL": "C"}  # explain() reads English
    amx = without_amx(env)
    flags = {name: f"{env.get(name, '')} {amx}".strip() for name in ("CFLAGS", "CXXFLAGS") if amx}
    return {**env, **plain, **flags, "CMAKE_ARGS": (ours + env.get("CMAKE_ARGS", "")).strip()}


class Progress:
    """One phase on the screen: a line that rewrites itself on a terminal, one line per tenth when piped."""

    def __init__(self, title: str, out: IO[str]) -> None:
        self.title, self.out, self.started = title, out, time.monotonic()
        self.live = out.isatty() and os.environ.get("TERM") != "dumb"
        self.done, self.total, self.step = 0, 0, ""
        if not self.live:
            print(f"{title} ...", file=out, flush=True)

    def line(self, elapsed_s: float) -> str:
        """Return the line as it stands."""
        if not self.total:
            return f"{self.title} ({duration(elapsed_s)} so far) {self.step}"
        times = f"{duration(elapsed_s)} so far{to_go(self.done, self.total, elapsed_s)}"
        return f"{self.title} {self.done}/{self.total} ({times})"

    def take(self, pip_line: str) -> None:
        """Take in a line of pip's output, or an empty one when a second passed without any."""
        counted, tenths = parse_progress(pip_line), 10 * self.done // max(self.total, 1)
        if counted and counted[0] >= self.done:
            self.done, self.total = counted
        elif step := re.match(r"\s*((?:Collecting|Building|Preparing|Installing) [^(<>=;:]+)", pip_line):
            self.step = step[1].strip()
        text, tenths_now = self.line(time.monotonic() - self.started), 10 * self.done // max(self.total, 1)
        if self.live:
            self.show(text)
        elif tenths_now > tenths:
            print(f"{10 * tenths_now:4}%  {text}", file=self.out, flush=True)

    def show(self, text: str, end: str = "") -> None:
        """Rewrite the line on the terminal; spaces wipe the rest, since not every console knows escapes."""
        width = shutil.get_terminal_size().columns - 1  # the last column would wrap
        print("\r" + text[:width].ljust(width), end=end, file=self.out, flush=True)

    def finish(self, word: str) -> None:
        """Leave a last line with the time it took."""
        text = f"{self.title}: {word} ({duration(time.monotonic() - self.started)})"
        self.show(text, end="\n") if self.live else print(text, file=self.out, flush=True)


def lines_of(output: Iterable[str]) -> Iterator[str]:
    """Yield the lines as they come, and an empty string after each second of silence."""
    arrived: queue.Queue[str | None] = queue.Queue()
    everything = itertools.chain(output, [None])
    threading.Thread(target=lambda: [*map(arrived.put, everything)], daemon=True).start()
    line: str | None = ""
    while line is not None:
        yield line
        line = ""
        with contextlib.suppress(queue.Empty):
            line = arrived.get(timeout=1)


def pip_install(title: str, venv: Path, *arguments: str) -> None:
    """Run one pip install as a phase: progress on the screen, everything in the log."""
    command = [str(venv_python(venv)), "-m", "pip", "install", *arguments]
    progress, said = Progress(title, sys.stdout), ""
    env, out, err = build_environment(os.environ), subprocess.PIPE, subprocess.STDOUT
    process = subprocess.Popen(command, env=env, stdout=out, stderr=err, text=True, errors="replace")
    with process, (venv / LOG).open("a", encoding="utf-8") as log:
        print("$", shlex.join(command), file=log)
        try:
            for line in lines_of(process.stdout or ()):
                said += line
                log.write(line)
                log.flush()
                progress.take(line)
        except KeyboardInterrupt:
            progress.finish("stopped")
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=10)  # Ctrl-C reached pip too: it removes its temporary files
            process.terminate()
            raise
    progress.finish("failed" if process.returncode else "done")
    if process.returncode:
        raise SetupError(f"{explain(said)}\nThe full log is {venv / LOG}")


def venv_python(venv: Path) -> Path:
    """Return the path of the environment's Python."""
    return venv / "Scripts" / "python.exe" if os.name == "nt" else venv / "bin" / "python"


def version_of(python: Path | str, modules: str) -> tuple[int, ...]:
    """Return a Python's version; empty if it is missing, does not run, or lacks one of the modules."""
    ask = [str(python), "-Ic", f"import sys, {modules}; print(*sys.version_info[:3])"]
    try:
        said = subprocess.run(ask, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return ()
    return tuple(map(int, said.split()))


def make_venv(venv: Path, python: str) -> None:
    """Create the environment anew."""
    if venv.is_dir() and any(venv.iterdir()) and not (venv / "pyvenv.cfg").exists():
        raise SetupError(f"{venv} exists and is no virtual environment; name another directory with --venv.")
    if not version_of(python, "venv, ensurepip"):
        raise SetupError(f"{python} cannot make virtual environments.\n{PACKAGES}")
    made = subprocess.run([python, "-m", "venv", "--clear", str(venv)], capture_output=True, text=True)
    if made.returncode:
        raise SetupError(f"{made.stdout}{made.stderr}{venv} could not be made; see above.")


def set_up(venv: Path, python: str, dev: bool) -> None:
    """Bring the environment to what pyproject.toml asks for; do nothing where it is there already."""
    started, cmake_args = time.monotonic(), os.environ.get("CMAKE_ARGS", "").strip()
    asked_for = version_of(python, "sys") if python else ()
    if python and not asked_for:
        raise SetupError(f"{python} does not run; --python names a Python of this machine.")
    if too_old := python_too_old(sys.version_info[:3]) or (python and python_too_old(asked_for)):
        raise SetupError(too_old)
    pyproject, version = Path("pyproject.toml").read_bytes(), version_of(venv_python(venv), "pip")
    usable = version >= PYTHON_NEEDED and asked_for[:2] in ((), version[:2])
    stale = cmake_args not in ("", read(venv / BUILT_WITH))  # CUDA is turned on, say
    if usable and not stale and in_place(venv, fingerprint(pyproject, version, dev)):
        print(f"CodeFlow is in place in {venv}.")
        return
    built = usable and any(venv.glob("[Ll]ib/**/llama_cpp_python-*.dist-info"))
    if (stale or not built) and (missing := compiler_missing(os.environ)):
        raise SetupError(missing)
    if not usable:  # inside an active venv, _base_executable is the Python which that one was made from
        make_venv(venv, python or getattr(sys, "_base_executable", sys.executable))
        version = version_of(venv_python(venv), "pip")
    print(f"Setting up CodeFlow in {venv} with Python {'.'.join(map(str, version))}.", flush=True)
    for leftover in (STAMP, LOG):
        (venv / leftover).unlink(missing_ok=True)
    pip_install("Updating pip", venv, "pip>=25.1")  # the first that knows --group
    stale = cmake_args not in ("", read(venv / BUILT_WITH))
    anew, requirement = (
        ("--force-reinstall", "--no-cache-dir", "--no-deps"),
        llama_requirement(pyproject.decode()),
    )
    pip_install("Building llama.cpp", venv, "-v", *(anew if stale else ()), requirement)
    if without_amx(os.environ) and built_with_amx(venv):
        pip_install("Building llama.cpp without AMX", venv, "-v", *anew, requirement)
    if cmake_args:
        (venv / BUILT_WITH).write_text(cmake_args, encoding="utf-8")
    pip_install("Installing CodeFlow", venv, "--editable", ".", *(("--group", "dev") if dev else ()))
    (venv / STAMP).write_text(fingerprint(pyproject, version, dev), encoding="utf-8")
    program = venv_python(venv).with_name("codeflow-lsp")
    print(f"CodeFlow is set up ({duration(time.monotonic() - started)}). Try: {program} demo")


def main() -> int:
    """Run set-up from the command line; return the exit status."""
    parser = argparse.ArgumentParser(prog="python3 -m lsp_server.bootstrap", description="Set up CodeFlow.")
    parser.add_argument("--dev", action="store_true", help="with the tools for working on CodeFlow itself")
    parser.add_argument("--venv", type=Path, default=Path(".venv"), help="the virtual environment")
    parser.add_argument("--python", default="", help="the Python to make it with (the one that runs this)")
    options = parser.parse_args()
    try:
        os.chdir(ROOT)  # paths in messages stay short
        set_up(options.venv, options.python, options.dev)
    except SetupError as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nSet-up was stopped. Run it again to go on; what is installed stays.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
