"""`python -m engine.training.think`: rejection sampling, a model learns from its own right answers.

Of every task it draws several answers; those that pass the task's check, run apart (`sandbox`), are learned.
How many tasks of a part that is held back its first answer solves is said before and after. Needs tasks with
checks: exercises of `codeflow-lsp flow tasks`, which are made up. No code of a workspace is run.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import BackendError, EngineError
from engine.training.fine_tune import Tuning, tune
from engine.training.instruct import INTERRUPTED, answer_end, documents, progress
from engine.training.place import training_place
from engine.training.sandbox import passes

if TYPE_CHECKING:
    import numpy as np

    from engine.loop.backend import LoopBackend
    from engine.request import Sampling
    from engine.training.fine_tune import Example
    from engine.training.tasks import Task

_MOST_ANSWER = 160  # tokens
_KEPT = 2  # different right answers of one task


def main(arguments: list[str] | None = None) -> int:
    """Draw, check, learn; 0, 1 with a sentence on stderr, or 130 after Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m engine.training.think", description=__doc__)
    parser.add_argument("--model", required=True, type=Path, help="a checkpoint's folder, after instruct")
    parser.add_argument("--out", required=True, type=Path, help="the new checkpoint's folder")
    parser.add_argument("--tasks", required=True, type=Path, help="of codeflow-lsp flow tasks --exercises N")
    parser.add_argument("--held-back", type=int, default=80, help="tasks that are only asked")
    parser.add_argument(
        "--seen",
        type=Path,
        action="append",
        default=[],
        help="tasks that the model was taught: none is held back",
    )
    parser.add_argument("--answers", type=int, default=8, help="drawn of each task")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=5.0, help="of learning, each round")
    parser.add_argument("--learning-rate", type=float, default=1e-4)
    parser.add_argument("--temperature", type=float, default=0.8)
    parser.add_argument("--data", type=Path, help="training data, of which as many examples are repeated")
    parser.add_argument("--device", default="auto", choices=["auto", "cuda", "cpu"])
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    try:
        sys.stdout.write(json.dumps(think(options)) + "\n")
    except EngineError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped; no model was written.\n")
        return INTERRUPTED
    return 0


def think(options: argparse.Namespace) -> dict[str, Any]:
    """All rounds; what came out as plain values. Raises EngineError."""
    from engine.request import Sampling
    from engine.training.tasks import read_tasks

    tasks = [task for task in read_tasks(options.tasks) if task.check]
    seen = {task.user for file in options.seen for task in read_tasks(file)}
    held = [task for task in tasks if task.user not in seen][: options.held_back]
    asked = {task.user for task in held}
    learned = [task for task in tasks if task.user not in asked]
    if len(held) < max(1, options.held_back) or not learned:
        raise BackendError(
            f"{options.tasks} has {len(tasks)} tasks with a check; {options.held_back} new ones, to be held "
            "back, and more to learn from are needed."
        )
    drawing = Sampling(temperature=options.temperature, top_k=50, top_p=0.95)
    rounds: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="codeflow-think-") as scratch:
        latest = options.model
        first = solved(latest, held, options.device)
        for number in range(options.rounds):
            right, drawn = _right_answers(latest, learned, options, drawing, options.seed + number)
            if not right:
                raise BackendError(
                    f"None of {drawn} drawn answers passes its check: the model is not far enough."
                )
            into = Path(scratch) / str(number)
            steps = _learn(latest, right, options, into)
            rounds.append({"drawn": drawn, "kept": len(right), "steps": steps})
            latest = into
        last = solved(latest, held, options.device)
        _moved(latest, options.out)
    kinds = {
        kind: {"tasks": n, "before": first[kind], "after": last[kind]} for kind, n in _kinds(held).items()
    }
    return {
        "model": str(options.out),
        "rounds": rounds,
        "held_back": len(held),
        "solved": {"before": sum(first.values()), "after": sum(last.values())},
        "kinds": kinds,
    }


def solved(folder: Path, tasks: Sequence[Task], device: str) -> Counter[str]:
    """How many tasks of each kind the likeliest answer solves."""
    import numpy as np

    from engine.training.answers import GREEDY, opened

    found: Counter[str] = Counter()
    backend = opened(folder, answers=1, context=2048, device=device)
    try:
        for task in tasks:
            answers = _answers(backend, folder, task, 1, GREEDY, np.random.default_rng(0))
            found[task.kind] += any(_is_right(task, answer) for answer in answers)
    finally:
        backend.close()
    return found


def _right_answers(
    folder: Path, tasks: Sequence[Task], options: argparse.Namespace, drawing: Sampling, seed: int
) -> tuple[list[tuple[Task, str]], int]:
    """Tasks with answers that passed, and how many were drawn."""
    import numpy as np

    from engine.training.answers import opened

    random, found, drawn = np.random.default_rng(seed), list[tuple["Task", str]](), 0
    say = progress("drawing", "{} right answers")
    backend = opened(folder, answers=options.answers, context=2048, device=options.device)
    try:
        for number, task in enumerate(tasks):
            answers = _answers(backend, folder, task, options.answers, drawing, random)
            drawn += options.answers
            right = [answer for answer in dict.fromkeys(answers) if _is_right(task, answer)]
            found += [(task, answer) for answer in right[:_KEPT]]
            say((number + 1) / len(tasks), len(found))
    finally:
        backend.close()
    return found, drawn


def _answers(
    backend: LoopBackend,
    folder: Path,
    task: Task,
    count: int,
    sampling: Sampling,
    random: np.random.Generator,
) -> list[str]:
    from engine.chat import read_chat_template
    from engine.training.answers import drawn_answers
    from engine.training.tasks import prompt_of

    prompt = prompt_of(task, backend.tokenizer, read_chat_template(folder))  # type: ignore[arg-type]
    return drawn_answers(
        backend, prompt, count, mark=task.mark, most_tokens=_MOST_ANSWER, sampling=sampling, random=random
    )


def _is_right(task: Task, answer: str) -> bool:
    return passes(answer.removesuffix(task.mark), task.check)


def _learn(folder: Path, right: Sequence[tuple[Task, str]], options: argparse.Namespace, into: Path) -> int:
    """Train on right answers, and on as many repeated examples; write the checkpoint; the steps done."""
    from engine.chat import read_chat_template
    from engine.loop.tokenizer import open_tokenizer
    from engine.training.architectures import write_checkpoint
    from engine.training.loop_model import read_trainable
    from engine.training.tasks import example_of

    model = read_trainable(folder)
    config, template = model.config, read_chat_template(folder)
    tokenizer = open_tokenizer(folder, config.vocabulary_size, config.stop_tokens)
    end = answer_end(tokenizer, config.stop_tokens)
    examples: list[Example] = [
        example_of(task, tokenizer, template, end, answer=answer) for task, answer in right
    ]
    if options.data is not None:
        for (_, example), _ in zip(documents(options.data, "train", 1024), right, strict=False):
            examples.append(example)
    with training_place("auto", options.device) as place:
        model.to(place.device)
        how = Tuning(options.learning_rate, 1, options.minutes * 60, seed=options.seed)
        done = tune(model, list(model.parameters()), examples, place, how, progress("learning"))
    write_checkpoint(model, folder, into)
    return done.steps


def _moved(folder: Path, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for file in sorted(folder.iterdir(), key=lambda one: one.name == "config.json"):
        shutil.move(str(file), out / file.name)


def _kinds(tasks: Sequence[Task]) -> Counter[str]:
    return Counter(task.kind for task in tasks)


if __name__ == "__main__":
    raise SystemExit(main())
