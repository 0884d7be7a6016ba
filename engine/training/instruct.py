"""`python -m engine.training.instruct`: a model that edits as it is asked, from one that only completes.

Examples are tasks (`codeflow-lsp flow tasks`) and the documents of training data that have an answer; only
answers are learned. Some fill-in-the-middle examples are among them, so that it does not forget that. The
losses of a part that is held back are said before and after.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from engine.errors import BackendError, EngineError
from engine.training.fine_tune import Example, Tuning, nats_per_byte, tune
from engine.training.place import training_place

ASKED = ("edit", "next_edit", "judgement")  # kinds of documents that answer somebody
FILLED = ("character", "line", "expression", "statement", "function", "hunk")
HELD_BACK, MOST_HELD_BACK = 0.05, 200
INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> int:
    """Fine-tune; 0, 1 with a sentence on stderr, or 130 after Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m engine.training.instruct", description=__doc__)
    parser.add_argument("--model", required=True, type=Path, help="a checkpoint's folder")
    parser.add_argument("--out", required=True, type=Path, help="the new checkpoint's folder")
    parser.add_argument("--tasks", type=Path, action="append", default=[], help="of codeflow-lsp flow tasks")
    parser.add_argument("--data", type=Path, help="training data, for its edits and for what is repeated")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--passes", type=int, default=2)
    parser.add_argument("--learning-rate", type=float, default=2e-4)
    parser.add_argument("--repeated", type=float, default=0.3, help="share of fill-in-the-middle examples")
    parser.add_argument("--most-tokens", type=int, default=1024, help="longer examples are left out")
    parser.add_argument("--device", default="auto", choices=["auto", "cuda", "cpu"])
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    try:
        sys.stdout.write(json.dumps(instruct(options)) + "\n")
    except EngineError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped; no model was written.\n")
        return INTERRUPTED
    return 0


def instruct(options: argparse.Namespace) -> dict[str, Any]:
    """Read, train, write; what came out as plain values. Raises EngineError."""
    from engine.training.architectures import write_checkpoint
    from engine.training.loop_model import read_trainable

    model = read_trainable(options.model)
    asked, filled = _examples(options, model.config.vocabulary_size)
    if not asked:
        raise BackendError("There are no examples: give --tasks or --data with edits, or more --most-tokens.")
    draw = random.Random(options.seed)  # noqa: S311 - an order is no secret
    draw.shuffle(asked)
    draw.shuffle(filled)
    held = min(MOST_HELD_BACK, max(1, round(len(asked) * HELD_BACK)))
    valid, learned = asked[:held], asked[held:]
    repeated = filled[: round(len(learned) * options.repeated / max(1e-9, 1 - options.repeated))]
    kept = filled[len(repeated) : len(repeated) + held]
    with training_place("auto", options.device) as place:
        model.to(place.device)

        def per_byte(examples: Sequence[Example]) -> float | None:
            found = nats_per_byte(model, examples, place) if examples else []
            return sum(found) / len(found) if found else None

        before = per_byte(valid), per_byte(kept)
        how = Tuning(options.learning_rate, options.passes, options.minutes * 60, seed=options.seed)
        done = tune(model, list(model.parameters()), [*learned, *repeated], place, how, progress("tuning"))
        after = per_byte(valid), per_byte(kept)
    write_checkpoint(model, options.model, options.out)
    return {
        "model": str(options.out),
        "examples": len(learned),
        "repeated": len(repeated),
        "steps": done.steps,
        "passes": round(done.passes, 2),
        "seconds": round(done.seconds, 1),
        "answers_nats_per_byte": {"before": before[0], "after": after[0], "examples": len(valid)},
        "filled_nats_per_byte": {"before": before[1], "after": after[1], "examples": len(kept)},
    }


def progress(what: str, number: str = "loss {:.3f}") -> Any:
    """A function of (share done, a number, by default the loss) that says so on stderr at every tenth."""
    said = -1

    def report(share: float, value: float) -> None:
        nonlocal said
        if (tenth := int(share * 10)) > said:
            said = tenth
            sys.stderr.write(f"{what}: {10 * tenth} %, {number.format(value)}\n")

    return report


def _examples(options: argparse.Namespace, vocabulary: int) -> tuple[list[Example], list[Example]]:
    """What is asked and answered, and what is filled in."""
    from engine.chat import read_chat_template
    from engine.loop.config import read_config
    from engine.loop.tokenizer import open_tokenizer
    from engine.training.tasks import example_of, read_tasks

    asked, filled = list[Example](), list[Example]()
    if options.tasks:
        config = read_config(options.model)
        tokenizer = open_tokenizer(options.model, vocabulary, config.stop_tokens)
        template = read_chat_template(options.model)
        end = answer_end(tokenizer, config.stop_tokens)
        for file in options.tasks:
            asked += [example_of(task, tokenizer, template, end) for task in read_tasks(file)]
    if options.data is not None:
        for kind, example in documents(options.data, "train", options.most_tokens):
            if kind in ASKED:
                asked.append(example)
            elif kind in FILLED:
                filled.append(example)
    return [one for one in asked if len(one.ids) <= options.most_tokens], filled


def documents(data: Path, split: str, most_tokens: int) -> Iterator[tuple[str, Example]]:
    """The documents of training data that have an answer, with their kinds. Raises BackendError."""
    import numpy as np

    from engine.training.data.shards import ShardsError, read_shards

    try:
        sizes = np.fromfile(data / "token_bytes.bin", np.uint8).astype(np.int64)
        for shard in read_shards(data, split):
            for kind, (start, answer, end) in zip(shard.kinds, shard.documents(), strict=True):
                if answer > start and end - start <= most_tokens:
                    ids = np.asarray(shard.ids[start:end], np.int64)
                    example = Example(
                        tuple(ids.tolist()), answer - start, int(sizes[ids[answer - start :]].sum())
                    )
                    yield kind, example
    except (ShardsError, OSError) as error:
        raise BackendError(str(error)) from None


def answer_end(tokenizer: Any, stop_tokens: Sequence[int]) -> int:
    """The token that ends an answer in a conversation. Raises BackendError where there is none."""
    for text in ("<|im_end|>", "<|endoftext|>", "</s>"):
        if (token := tokenizer.marker_token(text)) is not None:
            return token
    if stop_tokens:
        return stop_tokens[0]
    raise BackendError("The model's tokenizer has no token that ends an answer.")


if __name__ == "__main__":
    raise SystemExit(main())
