"""``python -m engine.training.data.build``: the command line of ``pipeline``."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from engine.training.data.evaluation import EvaluationError
from engine.training.data.flows import FlowsError
from engine.training.data.pipeline import VOCABULARY, BuildError, build
from engine.training.data.sources import SourceError
from engine.training.data.units import Recipe


def main() -> int:
    """The command line; 0, or 1 with a sentence on stderr."""
    parser = argparse.ArgumentParser(prog="python -m engine.training.data.build", description=__doc__)
    parser.add_argument("--out", metavar="DIR", type=Path, required=True, help="the folder to make")
    parser.add_argument(
        "--sources", metavar="PATH", type=Path, nargs="+", required=True,
        help="site-packages, the standard library's folder, node_modules, a project, archives or a folder of "
        "them, *.jsonl of `codeflow-lsp flow export`",
    )  # fmt: skip
    parser.add_argument(
        "--megabytes", type=float, default=0, help="of text kept at most; 0, the default: all"
    )
    parser.add_argument(
        "--evaluation", metavar="DIR", type=Path, nargs="+", default=[], help="nothing of these files gets in"
    )
    parser.add_argument("--vocabulary", type=int, default=VOCABULARY, help=f"tokens (default: {VOCABULARY})")
    parser.add_argument(
        "--tokenizer", metavar="DIR", type=Path, help="a folder with one, instead of a new one"
    )
    parser.add_argument("--hole-share", type=float, default=0.5, help="of text in documents with a hole")
    parser.add_argument(
        "--suffix-first", type=float, default=0.0, help="of holes, those with the suffix first"
    )
    parser.add_argument(
        "--repeat",
        metavar="NAME=TIMES",
        nargs="+",
        default=[],
        type=_repeat,
        help="packages to take so often",
    )
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    try:
        with Progress(*columns, console=console) as progress:
            said = build(
                options.out, options.sources,
                recipe=Recipe(options.seed, options.hole_share, options.suffix_first, dict(options.repeat)),
                megabytes=options.megabytes, evaluation=options.evaluation, vocabulary=options.vocabulary,
                tokenizer=options.tokenizer, progress=progress,
            )  # fmt: skip
    except (BuildError, SourceError, FlowsError, EvaluationError) as error:
        console.print(str(error), style="red", markup=False)
        return 1
    except KeyboardInterrupt:
        console.print("Stopped; the same command goes on.")
        return 130
    if not options.evaluation:
        console.print("Nothing was compared with an evaluation (--evaluation DIR).", style="yellow")
    sys.stdout.write(
        json.dumps({key: said[key] for key in ("vocabulary_size", "splits", "dropped", "evaluation")}) + "\n"
    )
    return 0


def _repeat(written: str) -> tuple[str, int]:
    name, _, times = written.rpartition("=")
    return name, int(times)


if __name__ == "__main__":
    sys.exit(main())
