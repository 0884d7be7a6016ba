"""Commits typed key by key through this server, and through llama.vim with llama-server.

    python -m tests.benchmarks.replay [--requests N] [--busy] [--model NAME] [--only SYSTEM] [--seed TEXT]
                                      [--out FILE] [--llama-server PROGRAM]
    python -m tests.benchmarks.replay --summarise FILE

Every request goes to a file of JSON lines as it comes, under bench-results unless --out says otherwise, and
the summary is printed in the end, also where the run was stopped. Both systems get the same hunks, the same
pause after each answer and the same quiet time around each hunk; while one's turn lasts the other one is
stopped.

llama.cpp's server is that of the package xllamacpp, unless --llama-server names one. The package is
compiled for any x86-64 machine with AVX2; one with AVX-512 evaluates prompts 1.5 times as fast with a
server compiled for it.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from engine.catalog import resolve
from tests.benchmarks.infilling import SHARED
from tests.benchmarks.llama_vim.server import HOW_TO_INSTALL, is_installed
from tests.benchmarks.llama_vim.system import LlamaVim
from tests.benchmarks.replay.ours import Ours
from tests.benchmarks.replay.pausing import continued_in_the_end
from tests.benchmarks.replay.results import Table, read, summary, written
from tests.benchmarks.replay.run import SEED, Course, Run, header
from tests.benchmarks.replay.system import System
from tests.benchmarks.reporting import OUT, report
from tests.benchmarks.waiting import own_cache

REQUESTS = 300  # of each system: half an hour on two cores
NAMES = (Ours.name, LlamaVim.name)


def measure(model: str, course: Course, out: Path, *, only: str = "", program: str = "") -> dict[str, Table]:
    """One run, its rows in a new file ``out``; the summary's tables. Stopping it (Ctrl-C) ends it early."""
    file = resolve(model).path
    with own_cache() as home, continued_in_the_end(str(home)), ExitStack() as stack:
        systems: list[System] = []
        if only != LlamaVim.name:
            systems.append(Ours(model))
        if only != Ours.name:
            systems.append(stack.enter_context(closing(LlamaVim(file, program))))
        note = stack.enter_context(written(out))
        tell = stack.enter_context(_progress(course))
        note(header(model, systems, course))
        with suppress(KeyboardInterrupt, asyncio.CancelledError):
            asyncio.run(_stoppable(Run(systems, course, note, tell)))
    return summary(read(out))


def new_file() -> Path:
    """Where a run goes that has not been told."""
    return OUT / f"replay-{time.strftime('%Y%m%d-%H%M%S')}.jsonl"


def main() -> None:
    """Measure and report, or report."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.replay", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    asked = f"at least so many requests of each system, over three repositories (default: {REQUESTS})"
    parser.add_argument("--requests", type=int, default=REQUESTS, metavar="N", help=asked)
    parser.add_argument("--busy", action="store_true", help="every other hunk while one core is kept busy")
    parser.add_argument("--model", default="qwen2.5-coder-0.5b", metavar="NAME")
    parser.add_argument("--only", default="", choices=NAMES, help="one system alone")
    parser.add_argument("--seed", default=SEED, help="another one draws other commits and hunks")
    parser.add_argument("--out", type=Path, metavar="FILE", help="a new file for the JSON lines")
    parser.add_argument("--llama-server", default="", metavar="PROGRAM", help="instead of xllamacpp's")
    parser.add_argument(
        "--summarise", type=Path, metavar="FILE", help="report what a run wrote, also a stopped one"
    )
    options = parser.parse_args()
    if options.summarise is not None:
        try:
            report(summary(read(options.summarise)), _name(options.summarise))
        except OSError as error:
            parser.error(f"{options.summarise} cannot be read: {error.strerror}")
        return
    out = (options.out or new_file()).absolute()
    if out.exists():
        parser.error(f"{out} is there already: name another, or see it with --summarise")
    if options.only != Ours.name and not (options.llama_server or is_installed()):
        sys.exit(f"{HOW_TO_INSTALL} (or measure without it: --only {Ours.name})")
    if not (SHARED / "data").is_dir():
        sys.exit(f"the commits to be typed are missing: {SHARED / 'data'}")
    found = measure(
        options.model,
        Course(options.requests, options.busy, options.seed),
        out,
        only=options.only,
        program=options.llama_server,
    )
    report(found, _name(out))
    print(f"every request is in {out}")


def _name(rows: Path) -> str:
    """The summary stands beside the rows."""
    return str(rows.absolute().with_suffix("")) + ".summary"


async def _stoppable(run: Run) -> None:
    """End by SIGTERM as by Ctrl-C, so that no stopped server is left behind."""
    running = asyncio.current_task()
    assert running is not None
    with suppress(NotImplementedError):  # Windows
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
    await run.go()


@contextmanager
def _progress(course: Course) -> Iterator[Callable[[str, float], None]]:
    """A line for each hunk; in a terminal a bar below them."""
    console, started = Console(soft_wrap=True, highlight=False), time.monotonic()
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(f"{course.requests} requests", total=1.0)

        def tell(sentence: str, share: float) -> None:
            bar.update(task, completed=share)
            passed = time.monotonic() - started
            left = f", {passed / share * (1 - share) / 60:.0f} min to go" if share else ""
            console.print(f"{passed / 60:4.0f} min{left} | {sentence}", markup=False)

        yield tell


if __name__ == "__main__":
    main()
