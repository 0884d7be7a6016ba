"""`python -m engine.training.fill_in begin|learn`: teaches a model that only goes on to fill in.

`begin` makes a checkpoint whose vocabulary has the markers of a hole, by giving two control tokens that mean
nothing in code other names. They come in Mistral's order, [SUFFIX] what follows [PREFIX] what precedes: so a
model goes on with the text before the cursor as it always did, and has only to learn to look at what it was
shown before. `learn` goes on training all weights with holes in source texts, of which only the answers are
learned.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
from pathlib import Path
from typing import Any, NamedTuple

from engine.errors import BackendError, EngineError
from engine.training.fine_tune import Example, Tuning, nats_per_byte, tune
from engine.training.instruct import FILLED, INTERRUPTED, documents, progress

MOST_EXAMPLES = 40_000  # that are drawn from; more are not read in the hours that this is meant for
MOST_HELD_BACK = 200
MICRO_TOKENS = 1024  # evaluated at once: 135 million weights take up to 8 GB with that


class Spare(NamedTuple):
    """A control token that becomes a marker; its weights begin as those of ``like``."""

    token: str
    marker: str
    like: str


SPARE = (  # of SmolLM2, which was trained on notebooks with them; files as what they are alike
    Spare("<jupyter_start>", "[SUFFIX]", "<file_sep>"),
    Spare("<jupyter_code>", "[PREFIX]", "<filename>"),
)


def main(arguments: list[str] | None = None) -> int:
    """Begin or learn; 0, 1 with a sentence on stderr, or 130 after Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m engine.training.fill_in", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    begun = commands.add_parser("begin", help="a checkpoint with markers, of a Llama without")
    begun.add_argument("--model", required=True, help="a name (smollm2-135m), a GGUF file or a folder")
    begun.add_argument("--out", required=True, type=Path, help="the new checkpoint's folder")
    learnt = commands.add_parser("learn", help="train it with holes to fill")
    learnt.add_argument("--model", required=True, type=Path, help="a checkpoint's folder")
    learnt.add_argument("--data", required=True, type=Path, help="of engine.training.data.build")
    learnt.add_argument("--out", required=True, type=Path, help="the new checkpoint's folder")
    learnt.add_argument("--minutes", type=float, default=45.0)
    learnt.add_argument("--passes", type=int, default=1)
    learnt.add_argument("--learning-rate", type=float, default=2e-4)
    learnt.add_argument("--step-tokens", type=int, default=2048, help="read for an update")
    learnt.add_argument("--most-tokens", type=int, default=512, help="longer examples are left out")
    learnt.add_argument("--device", default="auto", choices=["auto", "cuda", "cpu"])
    learnt.add_argument("--threads", type=int, default=0, help="of a processor; 0: follows the load")
    learnt.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    try:
        found = begin(options.model, options.out) if options.command == "begin" else learn(options)
        sys.stdout.write(json.dumps(found) + "\n")
    except EngineError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"{options.out} cannot be written: {error.strerror or error}.\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped; no model was written.\n")
        return INTERRUPTED
    return 0


def begin(model: str, out: Path) -> dict[str, Any]:
    """Write the checkpoint with markers; where it is. Raises EngineError."""
    from safetensors.torch import load_file, save_file

    from engine.catalog import resolve
    from engine.training.gguf_checkpoint import whole_checkpoint

    path = resolve(model, allow_smaller=False).path
    folder = path if path.is_dir() else whole_checkpoint(path)
    raw = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    ids = {one["content"]: one["id"] for one in raw["added_tokens"]}
    if not all({spare.token, spare.like} <= ids.keys() for spare in SPARE):
        needed = ", ".join(name for spare in SPARE for name in (spare.token, spare.like))
        raise BackendError(
            f"{folder.name} has no control tokens to spare (known are those of SmolLM2: {needed}), so it "
            "cannot be given markers. If it has markers already, `learn` takes it as it is."
        )
    _refuse_what_is_there(out)
    out.mkdir(parents=True, exist_ok=True)
    named = {spare.token: spare.marker for spare in SPARE}
    for one in raw["added_tokens"]:
        one["content"] = named.get(one["content"], one["content"])
    vocabulary = raw["model"]["vocab"]
    raw["model"]["vocab"] = {named.get(text, text): token for text, token in vocabulary.items()}
    weights = load_file(folder / "model.safetensors")
    for name in ("model.embed_tokens.weight", "lm_head.weight"):
        for spare in SPARE if name in weights else ():
            weights[name][ids[spare.token]] = weights[name][ids[spare.like]]
    save_file(weights, out / "model.safetensors", {"format": "pt"})
    (out / "tokenizer.json").write_text(json.dumps(raw, ensure_ascii=False), encoding="utf-8")
    for name in ("tokenizer_config.json", "config.json"):  # config.json last: it says that all is there
        shutil.copyfile(folder / name, out / name)
    return {"model": str(out), "markers": [spare.marker for spare in SPARE]}


def learn(options: argparse.Namespace) -> dict[str, Any]:
    """Read, train, write; what came out as plain values. Raises EngineError."""
    from engine.training.architectures import write_checkpoint
    from engine.training.loop_model import read_trainable
    from engine.training.place import training_place

    _refuse_what_is_there(options.out)
    model = read_trainable(options.model)
    draw = random.Random(options.seed)  # noqa: S311 - an order is no secret
    learned = _drawn(options, "train", MOST_EXAMPLES, draw, model.config.vocabulary_size)
    held = _drawn(options, "valid", MOST_HELD_BACK, draw, model.config.vocabulary_size)
    if not learned or not held:
        raise BackendError(
            f"{options.data} has no holes of at most {options.most_tokens} tokens, or holds none back: build "
            "it with more sources, or give more --most-tokens."
        )
    how = Tuning(
        options.learning_rate,
        options.passes,
        options.minutes * 60,
        tokens=options.step_tokens,
        micro_tokens=MICRO_TOKENS,
        seed=options.seed,
    )
    with training_place("auto", options.device, threads=options.threads) as place:
        model.to(place.device)
        before = nats_per_byte(model, held, place, micro_tokens=MICRO_TOKENS)
        done = tune(model, list(model.parameters()), learned, place, how, progress("learning"))
        after = nats_per_byte(model, held, place, micro_tokens=MICRO_TOKENS)
    write_checkpoint(model, options.model, options.out)
    return {
        "model": str(options.out),
        "steps": done.steps,
        "tokens": done.tokens,
        "examples": round(done.passes * len(learned)),
        "seconds": round(done.seconds, 1),
        "nats_per_byte": {
            "before": sum(before) / len(held),
            "after": sum(after) / len(held),
            "examples": len(held),
        },
    }


def _drawn(
    options: argparse.Namespace, split: str, most: int, draw: random.Random, vocabulary: int
) -> list[Example]:
    """Holes of one split in an order of their own, at most so many. Raises BackendError."""
    from engine.training.data.shards import ShardsError, read_index

    try:
        found = int(read_index(options.data)["vocabulary_size"])
    except ShardsError as error:
        raise BackendError(str(error)) from None
    if found != vocabulary:
        raise BackendError(
            f"{options.data} was built with a tokenizer of {found:,} tokens, {options.model.name} has "
            f"{vocabulary:,}: build it with --tokenizer {options.model}."
        )
    holes = [one for kind, one in documents(options.data, split, options.most_tokens) if kind in FILLED]
    draw.shuffle(holes)
    return holes[:most]


def _refuse_what_is_there(out: Path) -> None:
    if out.exists() and any(out.iterdir()):
        raise BackendError(f"{out} is not empty; give another folder, or remove it first.")


if __name__ == "__main__":
    raise SystemExit(main())
