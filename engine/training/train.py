"""`python -m engine.training.train`: trains a small model from nothing, in as many slices as it takes.

The command line of `trainer`: reads the recipe, shows progress on a terminal or as lines, says what came out.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from engine.errors import EngineError
from engine.training.architectures import ARCHITECTURES
from engine.training.place import Place, training_place
from engine.training.recipe import Recipe, read_recipe
from engine.training.trainer import CURVE, MODEL, Progress, Training, read_log

_PLAIN_EVERY = 20  # steps between two lines, where there is no terminal
INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> int:
    """Train; 0 at the end of the recipe or of the slice, 1 with a sentence on stderr, 130 after Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m engine.training.train", description=__doc__)
    parser.add_argument("--arch", required=True, choices=ARCHITECTURES)
    parser.add_argument("--data", required=True, type=Path, help="a folder of engine.training.data.build")
    parser.add_argument("--out", required=True, type=Path, help="a folder; goes on with what it holds")
    parser.add_argument("--config", type=Path, default=Path("tiny"), help="a TOML file, or: tiny, small")
    parser.add_argument("--minutes", type=float, help="stop after so long; the next call goes on")
    parser.add_argument("--steps", type=int, help="of the last stage, in place of the recipe's")
    parser.add_argument("--seed", type=int, help="in place of the recipe's")
    parser.add_argument("--device", default="auto", choices=["auto", "cuda", "cpu"])
    parser.add_argument("--threads", type=int, default=0, help="of a processor; 0: follows the load")
    options = parser.parse_args(arguments)
    try:
        recipe = _changed(read_recipe(options.config), options.steps, options.seed)
        options.out.mkdir(parents=True, exist_ok=True)
        with training_place(recipe.precision, options.device, threads=options.threads) as place:
            return _train(options, recipe, place)
    except EngineError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"{options.out} cannot be written: {error.strerror or error}.\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped; the same command goes on from here.\n")
        return INTERRUPTED


def _changed(recipe: Recipe, steps: int | None, seed: int | None) -> Recipe:
    if steps is not None:
        last = dataclasses.replace(recipe.stage[-1], steps=steps)
        recipe = dataclasses.replace(recipe, stage=(*recipe.stage[:-1], last))
    return recipe if seed is None else dataclasses.replace(recipe, seed=seed)


def _train(options: argparse.Namespace, recipe: Recipe, place: Place) -> int:
    training = Training(options.arch, recipe, options.data, options.out, place)
    parameters = sum(weight.numel() for weight in training.model.parameters())
    if place.leads:
        sys.stderr.write(
            f"{options.arch}: {parameters / 1e6:.1f}M parameters, {recipe.tokens / 1e6:.1f}M tokens in "
            f"{recipe.steps:,} steps, on {place.device} in {str(place.precision).removeprefix('torch.')}; "
            f"step {training.step:,} is done\n"
        )
    with _reporter(place) as report:
        ended = training.run(minutes=options.minutes, report=report)
    if place.leads:
        valid = [row for row in read_log(options.out) if "valid_per_byte" in row]
        found = {
            "step": training.step,
            "ended": ended,
            "seconds": round(training.seconds, 1),
            "parameters": parameters,
            "valid_per_byte": valid[-1]["valid_per_byte"] if valid else None,
            "model": str(options.out / MODEL),
            "curve": str(options.out / CURVE),
        }
        sys.stdout.write(json.dumps(found) + "\n")
    return 0


@contextlib.contextmanager
def _reporter(place: Place) -> Iterator[Callable[[Progress], None]]:
    """A function that shows progress on stderr: a bar on a terminal, otherwise a line now and then."""
    if not place.leads:
        yield lambda progress: None
        return
    if not sys.stderr.isatty():
        yield _plain
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True)) as bar:
        task, latest = bar.add_task("training", total=None), ""

        def draw(progress: Progress) -> None:
            nonlocal latest
            if progress.per_byte is not None:
                latest = f", {progress.per_byte:.4f} nats a byte in validation"
            said = f"loss {progress.loss:.3f}{latest}, {progress.tokens_per_s:,.0f} tokens/s"
            bar.update(task, completed=progress.step, total=progress.steps, description=said)

        yield draw


def _plain(progress: Progress) -> None:
    if progress.step % _PLAIN_EVERY and progress.per_byte is None and progress.step < progress.steps:
        return
    valid = f", validation {progress.per_byte:.4f} nats a byte" if progress.per_byte is not None else ""
    sys.stderr.write(
        f"step {progress.step:,} of {progress.steps:,}: loss {progress.loss:.4f}{valid}, "
        f"{progress.tokens_per_s:,.0f} tokens/s\n"
    )


if __name__ == "__main__":
    raise SystemExit(main())
