"""The training loop: a recipe, data and a place to a trained model, in as many slices as it takes.

State on disk is one file, written whole or not at all, from which training goes on as if it had never
stopped: on one machine, with as many processes, the same numbers bit for bit. Beside it lie the log (JSON
lines), its picture and the latest checkpoint that the engines open.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor, nn

from engine.errors import BackendError
from engine.training.architectures import flops_per_token, new_model, write_checkpoint
from engine.training.curve import drawn
from engine.training.loop_model import published
from engine.training.place import Place
from engine.training.recipe import Recipe
from engine.training.windows import Batch, Windows

STATE, LOG, CURVE, MODEL = "state.pt", "log.jsonl", "curve.svg", "model"
_FORMAT = "codeflow-training/1"


@dataclass(frozen=True, slots=True)
class Progress:
    """After a step: losses in nats; ``per_byte`` of the validation text, where it was evaluated."""

    step: int
    steps: int
    loss: float
    per_byte: float | None
    tokens_per_s: float
    seconds: float


class Training:
    """One training, new or gone on with. Raises BackendError where ``out`` holds another one."""

    def __init__(self, architecture: str, recipe: Recipe, data: Path, out: Path, place: Place) -> None:
        self.recipe, self.place, self._data, self._out = recipe, place, data, out
        self._architecture = architecture
        self._train, self._valid = Windows(data, "train"), Windows(data, "valid")
        vocabulary = int(self._train.index["vocabulary_size"])
        self.model = new_model(
            architecture,
            recipe.shape(architecture),
            vocabulary=vocabulary,
            context=recipe.longest,
            seed=recipe.seed,
        ).to(place.device)
        torch.manual_seed(recipe.seed + place.rank)  # for whatever a model draws while it is trained
        self._optimiser = optimiser(self.model, recipe)
        self.step, self.seconds = 0, 0.0
        self._identity = {"architecture": architecture, "recipe": json.loads(json.dumps(asdict(recipe)))}
        if (out / STATE).exists():
            self._load()
        compiled = recipe.compile if recipe.compile is not None else place.device.type == "cuda"
        whole = torch.compile(self.model) if compiled else self.model
        self._stepped = place.shared(whole)  # type: ignore[arg-type]

    def run(self, *, minutes: float | None, report: Callable[[Progress], None]) -> bool:
        """Train for that long, or to the end; whether that was reached. Saves however it stops."""
        begun = time.monotonic()
        try:
            while self.step < self.recipe.steps:
                report(self._next_step())
                if self.step % self.recipe.save_every == 0:
                    self.save()
                if self._agreed(minutes is not None and time.monotonic() - begun > minutes * 60):
                    break
        finally:
            self.save()
        return self.step >= self.recipe.steps

    def save(self) -> None:
        """Write the state and the checkpoint; only the leading process does."""
        if not self.place.leads:
            return
        state = {
            "format": _FORMAT,
            **self._identity,
            "step": self.step,
            "seconds": self.seconds,
            "model": published(self.model.state_dict()),
            "optimiser": self._optimiser.state_dict(),
            "random": torch.get_rng_state(),
        }
        part = self._out / f"{STATE}.part"
        torch.save(state, part)
        part.replace(self._out / STATE)
        write_checkpoint(self.model, self._data, self._out / MODEL)
        write_curve(self._out)

    def validation(self) -> tuple[float, float]:
        """Nats a token and nats a byte of text, over windows of the validation split that stay the same."""
        recipe = self.recipe
        stage = recipe.stage[recipe.at(min(self.step, recipe.steps - 1))[0]]
        batch = self._valid.spread(recipe.validation_windows, stage.context)
        nats, tokens, text_bytes = 0.0, 0, 0
        self.model.eval()
        with torch.inference_mode():
            for first in range(0, len(batch.ids), rows := self._rows(stage.context)):
                part = _rows(batch, slice(first, first + rows)).to(self.place.device)
                inputs, targets, flags, positions = part.part(0, stage.context)
                with self.place.autocast():
                    logits, _ = self.model(inputs, flags, positions, None)
                nats += _nats(logits, targets).item()
                tokens += targets.numel()
                text_bytes += int(self._valid.token_bytes[targets.cpu()].sum())
        self.model.train()
        return nats / tokens, nats / max(1, text_bytes)

    def _next_step(self) -> Progress:
        self.place.follow_load()
        recipe, begun = self.recipe, time.monotonic()
        number, at = recipe.at(self.step)
        stage = recipe.stage[number]
        rate = recipe.rate(self.step)
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        loss = 0.0
        parts = list(self._micro_batches(number, at))
        for n, (batch, share) in enumerate(parts):
            alone = n + 1 < len(parts) and hasattr(self._stepped, "no_sync")
            with self._stepped.no_sync() if alone else nullcontext():  # type: ignore[operator]
                loss += self._gradients(batch, stage.context, share)
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), recipe.clip).item()
        loss = self.place.mean(loss)
        if not math.isfinite(loss) or not math.isfinite(norm):
            raise BackendError(
                f"the loss of step {self.step} is {loss} (gradient {norm}): lower learning_rate, or clip more"
            )
        self._optimiser.step()
        self._optimiser.zero_grad(set_to_none=True)
        self.step += 1
        took = time.monotonic() - begun
        self.seconds += took
        speed = stage.context * stage.sequences / took
        read = recipe.done(self.step)
        row: dict[str, Any] = {
            "step": self.step, "context": stage.context, "loss": loss, "rate": rate, "norm": norm,
            "tokens": sum(tokens for _, tokens in read),
            "flops": sum(tokens * flops_per_token(self.model, context) for context, tokens in read),
            "tokens_per_s": round(speed, 1), "seconds": round(self.seconds, 2),
        }  # fmt: skip
        per_byte = None
        if self.step % recipe.validate_every == 0 or self.step == recipe.steps:
            row["valid_loss"], per_byte = self.validation()
            row["valid_per_byte"] = per_byte
        self._log(row)
        return Progress(self.step, recipe.steps, loss, per_byte, speed, self.seconds)

    def _gradients(self, batch: Batch, context: int, share: float) -> float:
        """Adds the gradient of one micro-batch, ``share`` of a step; its part of the step's loss.

        The state that a run's windows hand on is cut off from the gradient of the one before.
        """
        total, state = 0.0, None
        for window in range(self.recipe.carried):
            part = batch.part(window * context, (window + 1) * context)
            inputs, targets, flags, positions = (one.to(self.place.device) for one in part)
            with self.place.autocast():
                logits, state = self._stepped(inputs, flags, positions, state)
                loss = _nats(logits, targets) / targets.numel() * share / self.recipe.carried
            loss.backward()
            state = None if state is None else state.detach()
            total += loss.item()
        return total

    def _micro_batches(self, number: int, step: int) -> Iterator[tuple[Batch, float]]:
        """This process's part of a step, in pieces that fit, each with its share."""
        recipe, place = self.recipe, self.place
        stage = recipe.stage[number]
        runs = stage.sequences // recipe.carried
        if runs % place.ranks:
            raise BackendError(f"{runs} runs a step cannot be shared evenly by {place.ranks} processes")
        own, rows = runs // place.ranks, self._rows(stage.context)
        length = stage.context * recipe.carried
        for start in range(0, own, rows):
            count = min(rows, own - start)
            first = step * runs + start * place.ranks + place.rank
            seed = recipe.seed + number
            yield self._train.batch(first, count, length, seed, place.ranks), count / own

    def _rows(self, context: int) -> int:
        return max(1, self.recipe.micro_tokens // context)

    def _agreed(self, stop: bool) -> bool:
        """Whether any process wants to stop: all have to do so after the same step."""
        return self.place.mean(float(stop)) > 0

    def _log(self, row: Mapping[str, Any]) -> None:
        if self.place.leads:
            with (self._out / LOG).open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")

    def _load(self) -> None:
        file = self._out / STATE
        state = torch.load(file, map_location=self.place.device, weights_only=True)
        if state.get("format") != _FORMAT or any(state.get(n) != one for n, one in self._identity.items()):
            raise BackendError(
                f"{file} is of a training with another architecture or recipe; give another folder or remove "
                "it."
            )
        self.model.load_state_dict(state["model"])
        self._optimiser.load_state_dict(state["optimiser"])
        self.step, self.seconds = state["step"], state["seconds"]
        torch.set_rng_state(state["random"].cpu())
        if self.place.leads:
            rows = [row for row in read_log(self._out) if row["step"] <= self.step]
            text = "".join(json.dumps(row) + "\n" for row in rows)
            (self._out / LOG).write_text(text, encoding="utf-8")


def optimiser(model: nn.Module, recipe: Recipe) -> torch.optim.AdamW:
    """AdamW; norms, biases and gates are not drawn to zero."""
    decayed, free = [], []
    for name, weight in model.named_parameters():
        (free if weight.dim() < 2 or "gate_projections" in name else decayed).append(weight)
    groups = [{"params": decayed, "weight_decay": recipe.weight_decay}, {"params": free, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=recipe.betas, fused=True)


def read_log(out: Path) -> list[dict[str, Any]]:
    """The rows of a training's log, one a step; a last one that is torn is left out."""
    file, rows = out / LOG, []
    for line in file.read_text(encoding="utf-8").splitlines() if file.is_file() else ():
        try:
            rows.append(json.loads(line))
        except ValueError:
            break
    return rows


def write_curve(out: Path) -> None:
    """Draw the log's losses: of each step's own text, averaged over some, and of the validation text."""
    rows = read_log(out)
    wide = max(1, len(rows) // 200)
    means = [
        (float(part[-1]["step"]), sum(row["loss"] for row in part) / len(part))
        for part in (rows[n : n + wide] for n in range(0, len(rows), wide))
    ]
    valid = [(float(row["step"]), row["valid_loss"]) for row in rows if "valid_loss" in row]
    picture = drawn("Loss, nats a token", "step", {"training": means, "validation": valid})
    (out / CURVE).write_text(picture, encoding="utf-8")


def _nats(logits: Tensor, targets: Tensor) -> Tensor:
    return F.cross_entropy(logits.flatten(0, 1).float(), targets.flatten(), reduction="sum")


def _rows(batch: Batch, rows: slice) -> Batch:
    return Batch(batch.ids[rows], batch.flags[rows], batch.positions[rows])
