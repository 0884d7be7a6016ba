"""Past changes of a repository as checkpoints complete them, without the server's process.

python -m tests.benchmarks.checkpoint_hunks MODEL_FOLDER ... [--repo PATH|FILE.jsonl] [--hunks 200]

The newest hunks of a repository's commits, or of its export by `codeflow-lsp flow export`, which takes less
time than to read the history again. Each is asked for where it was typed, in the prompt that the server would
have made (`lsp_server.past_questions`), as `codeflow-lsp adapt` asks for those it holds back. *Exact*: what
the served engine shows begins with the line that was written. *Nats a byte*: what was written, up to 24 lines
and the end, costs so much in that prompt. All models are asked for one hunk before the next one, so that
after Ctrl-C what is reported is of the same hunks for each of them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import signal
import statistics
import sys
from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from context.codeflow.change import Fate
from engine.catalog import ResolvedModel
from engine.loop.opening import plan_for
from engine.training.fine_tune import Example
from engine.training.instruct import answer_end
from lsp_server.adapting import is_completed
from lsp_server.loop_session import open_loop_session
from lsp_server.model_session import ModelSession, prompt_format
from lsp_server.past_hunks import PastHunk, hunks_of, read_hunks
from lsp_server.past_questions import Filling, filling, filling_example
from lsp_server.settings import (
    CompletionSettings,
    ContextSettings,
    EngineSettings,
    ModelSettings,
    Settings,
)
from tests.benchmarks.likelihood import Checkpoint, nats, opened, read
from tests.benchmarks.reporting import report
from tests.benchmarks.waiting import own_cache

COMMITS = 400  # the newest, that hunks are taken from
BUDGET = 512  # tokens of a prompt, as `adapt` has them
_ROOM = 2048  # tokens of an answer: 24 lines
REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(slots=True)
class Asked:
    """A model, opened to be asked and to be read, and what came of each hunk: nats a byte, and exactness."""

    checkpoint: Checkpoint
    session: ModelSession
    settings: Settings
    end: int
    found: list[tuple[float, bool]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """What is encoded once is not encoded again."""
        self._encode = lru_cache(1 << 16)(self.checkpoint.backend.tokenizer.encode)

    _encode: Any = field(init=False)

    def example(self, asked: Filling, repository: str) -> Example | None:
        """The prompt and what was written; None for a secret's place."""
        return filling_example(
            asked,
            form=prompt_format(self.checkpoint.backend.tokenizer),
            encode=self._encode,
            budget_tokens=self.settings.context.budget_tokens,
            repository=repository,
            end=self.end,
        )

    def nats_per_byte(self, one: Example) -> float:
        """What was written, given the prompt."""
        backend = self.checkpoint.backend
        backend.rewind(0, 0)
        before = read(backend, 0, one.ids[: one.answer])
        return nats(backend, 0, one.ids[one.answer :], before) / max(1, one.text_bytes)

    def is_exact(self, asked: Filling) -> bool:
        """Whether the first line is what was written, as it would be shown."""
        return asyncio.run(is_completed(asked, self.session, self.settings))

    def row(self, repository: str) -> dict[str, Any]:
        """For ``report``."""
        losses, exact = [loss for loss, _ in self.found], [right for _, right in self.found]
        return {
            "model": self.checkpoint.name,
            "repository": repository,
            "hunks": len(self.found),
            "nats_per_byte": round(statistics.fmean(losses), 4) if losses else None,
            "error": round(statistics.stdev(losses) / math.sqrt(len(losses)), 4) if len(losses) > 1 else None,
            "exact": sum(exact),
            "exact_percent": round(100 * statistics.fmean(exact), 1) if exact else None,
        }


def newest(source: Path, count: int, commits: int = COMMITS) -> list[Filling]:
    """At most ``count`` places of past changes, the newest first, none twice. Raises ExportError."""
    hunks = _exported(source, commits) if source.is_file() else read_hunks(source, commits, _reading)
    found: dict[tuple[str, str], Filling] = {}
    for hunk in reversed(hunks):
        if len(found) < count and (one := filling(hunk)) is not None:
            found.setdefault((one.query.uri, one.text), one)
    return [*found.values()]


def _exported(file: Path, commits: int) -> list[PastHunk]:
    """As ``read_hunks``, of an export."""
    with file.open(encoding="utf-8") as lines:
        records = [json.loads(line) for line in deque(lines, commits)]
    known = [record for record in records if "files" in record and record["fate"] != Fate.REVERTED]
    return [hunk for record in known for hunk in hunks_of(record)]


def _reading(done: int, total: int) -> None:
    if total and done % max(1, total // 20) == 0:
        print(f"reading the history: {done} of {total} commits", file=sys.stderr, flush=True)


def opened_to_ask(folder: Path, budget: int, opened_by: ExitStack) -> Asked:
    """The checkpoint in ``folder``; its engine is closed with ``opened_by``."""
    settings = Settings(
        model=ModelSettings(name=str(folder)),
        engine=EngineSettings(device="cpu", saved_mb=0, quantise="none"),
        completion=CompletionSettings(timeout_ms=600_000, deadline_ms=0),
        context=ContextSettings(budget_tokens=budget),
    )
    session = open_loop_session(settings, ResolvedModel(folder), lambda *_: None)
    opened_by.callback(session.engine.close)
    checkpoint = opened(folder, budget + _ROOM, sequences=1)
    stops = plan_for(folder, sequences=1, context_tokens=budget, device="cpu").config.stop_tokens
    return Asked(checkpoint, session, settings, answer_end(checkpoint.backend.tokenizer, stops))


def measure(models: Sequence[Asked], hunks: Sequence[Filling], repository: str) -> None:
    """Ask every model for every hunk."""
    for number, asked in enumerate(hunks, 1):
        examples = [model.example(asked, repository) for model in models]
        whole = [one for one in examples if one is not None and len(one.ids) - one.answer <= _ROOM]
        if len(whole) < len(models):
            continue
        found = [
            (model.nats_per_byte(one), model.is_exact(asked))
            for model, one in zip(models, whole, strict=True)
        ]
        for model, one in zip(models, found, strict=True):
            model.found.append(one)
        if number % 20 == 0:
            for model in models:
                print(f"{number} of {len(hunks)}: {model.row(repository)}", file=sys.stderr, flush=True)


def main() -> None:
    """Measure and report; what was measured until Ctrl-C, too."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.checkpoint_hunks")
    parser.add_argument("models", type=Path, nargs="+", help="checkpoints' folders")
    parser.add_argument(
        "--repo", type=Path, default=REPOSITORY, help="its folder or its export (default: this repository)"
    )
    parser.add_argument("--hunks", type=int, default=200, help="the newest")
    parser.add_argument("--commits", type=int, default=COMMITS, help="the newest, where hunks are looked for")
    parser.add_argument("--budget", type=int, default=BUDGET, help="tokens of a prompt")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what ends it in time is like Ctrl-C
    root = options.repo.expanduser().resolve()
    hunks = newest(root, options.hunks, options.commits)
    repository = root.stem if root.is_file() else root.name
    with own_cache(), ExitStack() as stack:
        models = [
            opened_to_ask(folder.expanduser().resolve(), options.budget, stack) for folder in options.models
        ]
        try:
            measure(models, hunks, repository)
        except KeyboardInterrupt:
            print("stopped; what all models were asked is reported", file=sys.stderr)
        finally:
            rows = [model.row(repository) for model in models]
            report({"hunks": rows}, f"checkpoint_hunks-{repository}")


if __name__ == "__main__":
    main()
