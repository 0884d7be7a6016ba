"""A virtual environment: made, held by one set-up at a time, filled by pip, checked.

Knows the standard library alone, and not what is installed or why. What pip says becomes progress, goes into
a log, and where it fails, becomes a sentence to act on.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import subprocess
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING

from lsp_server.bootstrap_compiler import (
    PACKAGES,
    ZIG,
    build_environment,
    compiler_missing,
    zig_environment,
    zig_may_serve,
)
from lsp_server.bootstrap_progress import Reporter, lines_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LOG = "install.log"
SCRATCH = "tmp"  # in the venv: what a killed pip leaves behind
COMPILER = "compiler"  # in the venv, until llama.cpp is compiled
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
    """Set-up cannot go on; the message is for the user to act on, ``details`` is what it was read from."""

    def __init__(self, message: str, details: str = "") -> None:
        super().__init__(message)
        self.details = details


class Environment:
    """The virtual environment that is set up, and whom it is reported to."""

    def __init__(self, venv: Path, reporter: Reporter, lock: IO[str] | None) -> None:
        self.venv, self.reporter, self._lock = venv, reporter, lock
        self.env: Mapping[str, str] = os.environ  # which names the compiler
        self.scratch = venv / SCRATCH
        shutil.rmtree(self.scratch, ignore_errors=True)

    def pip(self, title: str, *arguments: str) -> None:
        """Run one pip install as a phase: progress on the screen, everything in the log."""
        command = [str(venv_python(self.venv)), "-m", "pip", "install", *arguments]
        progress, said = self.reporter.phase(title), ""
        env, out, err = build_environment(self.env, self.venv), subprocess.PIPE, subprocess.STDOUT
        if " " not in str(self.scratch.resolve()):  # compilers are not used to it
            self.scratch.mkdir(exist_ok=True)
            env.setdefault("TMPDIR", str(self.scratch.resolve()))
        # pip holds the lock too: where this is killed and pip lives on, the next one waits for it
        lock = (self._lock.fileno(),) if self._lock and os.name == "posix" else ()
        process = subprocess.Popen(
            command, env=env, stdout=out, stderr=err, text=True, errors="replace", pass_fds=lock
        )
        with process, (self.venv / LOG).open("a", encoding="utf-8") as log:
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
            quoted, advice = explain(said)
            raise SetupError(advice, f"{quoted}The full log is {self.venv / LOG}\n")

    def find_compiler(self) -> None:
        """Fetch a compiler where this machine has none. Raises SetupError where that would not help."""
        missing = compiler_missing(self.env)
        if not missing:
            return
        if not zig_may_serve(self.env):
            raise SetupError(missing)
        folder = self.venv / COMPILER
        self.pip("Fetching a compiler", "--upgrade", "--no-deps", "--target", str(folder), ZIG)
        self.env = zig_environment(self.env, folder.resolve())

    def clean(self) -> None:
        """Remove what only the set-up needs."""
        for folder in (self.scratch, self.venv / COMPILER):
            shutil.rmtree(folder, ignore_errors=True)


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
    command = [python, "-m", "venv", "--clear", str(venv)]
    made = subprocess.run(command, env=build_environment(os.environ), capture_output=True, text=True)
    if made.returncode:
        raise SetupError(f"{venv} could not be made: {made.stderr.strip() or made.stdout.strip()}")


def program_of(venv: Path) -> Path:
    """Return where the language server is."""
    return venv_python(venv).with_name("codeflow-lsp.exe" if os.name == "nt" else "codeflow-lsp")


def built_with_amx(venv: Path) -> bool:
    """Tell whether the installed llama.cpp would use AMX: pip may have kept a build from before."""
    ask = "import llama_cpp; print(b'AMX_INT8 = 1' in llama_cpp.llama_print_system_info())"
    said = subprocess.run([str(venv_python(venv)), "-Ic", ask], capture_output=True, text=True, check=False)
    return "True" in said.stdout


def check(venv: Path) -> None:
    """Raise SetupError where what was installed does not run: a run that was killed may have lost files."""
    ask = [
        str(venv_python(venv)),
        "-Ic",
        "import llama_cpp, lsp_server.server, engine.catalog, context.dossier",
    ]
    ran = subprocess.run(ask, env=build_environment(os.environ), capture_output=True, text=True, check=False)
    if ran.returncode:
        wrong = (ran.stderr.strip().splitlines() or ["it was ended"])[-1]
        raise SetupError(
            f"What was installed in {venv} does not run ({wrong}). Delete it and run this again."
        )


def explain(log: str, count: int = 8) -> tuple[str, str]:
    """The last lines of pip's log that say what went wrong, and what a user can do about it."""
    dull = re.compile(r"\[ *\d|note:|error: \S+-|Building wheel|\W*(ERROR: )?Failed (to )?build")
    lines = [line.strip() for line in log.splitlines() if line.strip() and not dull.match(line.strip())]
    telling = re.compile(r"\berror\b|fatal|failed|broken|not found|no such|no space", re.IGNORECASE)
    last = list(dict.fromkeys(list(filter(telling.search, lines)) or lines))[-count:]
    advice = next(sentence for pattern, sentence in ADVICE.items() if re.search(pattern, log))
    return "".join(f"    {line[:200]}\n" for line in last), advice


@contextlib.contextmanager
def alone(venv: Path, reporter: Reporter) -> Iterator[IO[str] | None]:
    """Hold the lock of ``venv``, which lies beside it. No file where this system has no such locks."""
    try:
        import fcntl
    except ImportError:
        yield None
        return
    venv.parent.mkdir(parents=True, exist_ok=True)
    with venv.with_name(venv.name + ".lock").open("w") as lock:
        waiting = None
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                waiting = waiting or reporter.phase("Waiting for another set-up of the same environment")
                waiting.take("")
                time.sleep(1)
            except OSError:  # a file system without locks
                break
        if waiting:
            waiting.finish("done")
        yield lock
