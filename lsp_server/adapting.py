"""A workspace's history and a model to an adapter that helps, or a sentence that says why there is none.

The newest changes are held back: a low-rank adapter (LoRA) learns the older ones, and is kept only if it
makes the newer ones likelier and completes no fewer of them than the model alone. Losses are the trainer's,
which computes what the engine does; completions are the served engine's. Nothing of the workspace is run, and
its texts pass the same gate as prompts.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lsp_server.past_hunks import PastHunk, read_hunks, without_repeated
from lsp_server.past_questions import Filling, edit_tasks, filling, filling_example
from lsp_server.settings import (
    CompletionSettings,
    ContextSettings,
    EngineSettings,
    ModelSettings,
    Settings,
)

if TYPE_CHECKING:
    from engine.catalog import ResolvedModel
    from engine.chat import ChatTemplate
    from engine.training.fine_tune import Example
    from lsp_server.model_session import ModelSession

Report = Callable[[str, float | None], None]  # what is being done, and the share done

MOST_COMMITS = 2_000  # the newest; older code is hardly alive
_MOST_LEARNED = 3_000  # completions, the newest; more than an hour on a CPU sees
_HELD_SHARE, _LEAST_HELD, _MOST_HELD = 0.2, 10, 60  # completions
_LEAST_LEARNED = 40
_EDITS_EACH = 3  # one edit by instruction to so many completions, where the model answers messages
_PROMPT_TOKENS = 512  # on a CPU a longer prompt costs more than it teaches
_LEAST_BETTER = 0.01  # share of the loss per byte that an adapter has to take away
_RANK, _ALPHA = 8, 16.0
_RATE, _PASSES = 3e-4, 3
_MICRO_TOKENS = 1024  # at once: a model of 135 million weights takes some 4 GB with them


class NotAdapted(Exception):
    """There is no adapter; the message is a sentence for the user."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Of the changes held back: nats per byte of what was written, and first lines completed exactly."""

    nats_per_byte: float
    exact: int


@dataclass(frozen=True, slots=True)
class Adapted:
    """What came of it. ``installed``: the adapter's folder, "" where it did not help."""

    workspace: str
    model: str
    learned: int
    held_back: int
    edits: int
    passes: float
    seconds: float
    before: Figures
    after: Figures
    installed: str

    @property
    def helps(self) -> bool:
        """Whether it makes the newest changes likelier, and completes no fewer of them."""
        return helps(self.before, self.after)

    def as_json(self) -> dict[str, Any]:
        """As plain values."""
        return {**asdict(self), "helps": self.helps}


def helps(before: Figures, after: Figures) -> bool:
    """See ``Adapted.helps``."""
    likelier = after.nats_per_byte <= before.nats_per_byte * (1 - _LEAST_BETTER)
    return likelier and after.exact >= before.exact


def adapt(root: Path, model: ResolvedModel, staged: Path, *, minutes: float, report: Report) -> Adapted:
    """Read, learn, compare, install. ``staged``: an empty folder for the adapter while it is none.

    Raises NotAdapted, ExportError or EngineError.
    """
    from lsp_server.installed_adapters import install, name_of

    learned, held = _split(root, report)
    examples = _Examples(model, root.name)
    learning = [one for asked in learned if (one := examples.filling(asked[1])) is not None]
    pairs = [(asked, one) for _, asked in held if (one := examples.filling(asked)) is not None]
    edits = [
        one for n, (hunk, _) in enumerate(learned) if n % _EDITS_EACH == 0 for one in examples.edits(hunk)
    ]
    if len(learning) < _LEAST_LEARNED or len(pairs) < _LEAST_HELD:
        raise _too_little(len(learning), len(pairs))
    losses, tuned = _train(
        model.path, learning + edits, [one for _, one in pairs], staged, minutes=minutes, report=report
    )
    gc.collect()  # the trained model's weights make room for the engine's
    name = name_of(root, model.path)
    exact = _completed(model, [asked for asked, _ in pairs], name, staged, report)
    before, after = (Figures(loss, count) for loss, count in zip(losses, exact, strict=True))
    found = Adapted(
        workspace=str(root),
        model=str(model.path),
        learned=len(learning),
        held_back=len(pairs),
        edits=len(edits),
        passes=round(tuned.passes, 2),
        seconds=round(tuned.seconds, 1),
        before=before,
        after=after,
        installed="",
    )
    if not found.helps:
        return found
    return replace(found, installed=str(install(staged, root, model.path, found.as_json())))


def _split(
    root: Path, report: Report
) -> tuple[list[tuple[PastHunk, Filling]], list[tuple[PastHunk, Filling]]]:
    """Completions to learn and, from newer commits, those to hold back. Raises NotAdapted or ExportError."""

    def on_progress(done: int, total: int) -> None:
        report(f"reading the history of {root.name}", done / total if total else None)

    hunks = read_hunks(root, MOST_COMMITS, on_progress)
    asked = [(hunk, found) for hunk in hunks if (found := filling(hunk)) is not None]
    asked = list({(found.query.uri, found.text): (hunk, found) for hunk, found in asked}.values())
    wanted = min(_MOST_HELD, max(_LEAST_HELD, round(len(asked) * _HELD_SHARE)))
    commits = [list(of) for _, of in groupby(asked, key=lambda one: one[0].sha)]
    held: list[tuple[PastHunk, Filling]] = []
    while commits and len(held) < wanted:
        held = commits.pop() + held
    learned = [one for of in commits for one in of][-_MOST_LEARNED:]
    fresh = {id(hunk) for hunk in without_repeated([hunk for hunk, _ in held], [hunk for hunk, _ in learned])}
    held = [one for one in held if id(one[0]) in fresh][-_MOST_HELD:]
    if len(learned) < _LEAST_LEARNED or len(held) < _LEAST_HELD:
        raise _too_little(len(learned), len(held))
    return learned, held


def _too_little(learned: int, held: int) -> NotAdapted:
    return NotAdapted(
        f"This history has {learned} changes to learn from and {held} newer ones to check that with; at "
        f"least {_LEAST_LEARNED} and {_LEAST_HELD} are needed. Try again once more has been committed."
    )


class _Examples:
    """Questions to token ids of one model."""

    def __init__(self, model: ResolvedModel, repository: str) -> None:
        from engine.loop.config import read_config
        from engine.loop.tokenizer import open_tokenizer
        from engine.training.instruct import answer_end
        from lsp_server.model_session import prompt_format

        config = read_config(model.path)
        self._tokenizer = open_tokenizer(model.path, config.vocabulary_size, config.stop_tokens)
        self._form, self._repository = prompt_format(self._tokenizer), repository
        self._encode = lru_cache(1 << 16)(self._tokenizer.encode)
        self._end = answer_end(self._tokenizer, config.stop_tokens)
        self._template = _template(model.path)

    def filling(self, asked: Filling) -> Example | None:
        """A completion; None where it is a secret's or does not fit."""
        found = filling_example(
            asked,
            form=self._form,
            encode=self._encode,
            budget_tokens=_PROMPT_TOKENS,
            repository=self._repository,
            end=self._end,
        )
        return found if found is not None and len(found.ids) <= 2 * _PROMPT_TOKENS else None

    def edits(self, hunk: PastHunk) -> list[Example]:
        """Edits by instruction, where the model answers messages."""
        from engine.training.tasks import example_of

        if self._template is None:
            return []
        found = [example_of(task, self._tokenizer, self._template, self._end) for task in edit_tasks(hunk)]
        return [one for one in found if len(one.ids) <= 2 * _PROMPT_TOKENS][:1]


def _template(folder: Path) -> ChatTemplate | None:
    from engine.chat import read_chat_template
    from engine.errors import ModelCorrupt

    try:
        return read_chat_template(folder)
    except ModelCorrupt:
        return None  # it completes text, and is asked nothing


def _train(
    folder: Path,
    learning: Sequence[Example],
    held: Sequence[Example],
    staged: Path,
    *,
    minutes: float,
    report: Report,
) -> tuple[tuple[float, float], Any]:
    """Nats per byte of what is held back, before and after; the adapter is written to ``staged``."""
    from engine.training.fine_tune import Tuning, nats_per_byte, tune
    from engine.training.loop_model import read_trainable
    from engine.training.low_rank import Adapted as Changed
    from engine.training.place import training_place

    report(f"loading {folder.name}", None)
    model = read_trainable(folder)
    with training_place() as place:
        model.to(place.device)
        changed = Changed(model, rank=_RANK, alpha=_ALPHA)

        def mean(what: str) -> float:
            found = nats_per_byte(model, held, place, report=lambda share: report(what, share))
            return sum(found) / len(found)

        with changed.off():
            before = mean("reading the newest changes")
        how = Tuning(_RATE, _PASSES, minutes * 60, micro_tokens=_MICRO_TOKENS)
        tuned = tune(
            model,
            changed.parameters,
            learning,
            place,
            how,
            lambda share, loss: report(f"learning {len(learning):,} examples, loss {loss:.2f}", share),
        )
        after = mean("reading the newest changes again")
    changed.write(staged, str(folder))
    return (before, after), tuned


def _completed(
    model: ResolvedModel, asked: Sequence[Filling], name: str, staged: Path, report: Report
) -> tuple[int, int]:
    """How many first lines the served engine completes exactly, without and with the adapter."""
    from lsp_server.loop_session import open_loop_session

    settings = Settings(
        model=ModelSettings(name=str(model.path)),
        engine=EngineSettings(adapters=(f"{name}={staged}",), saved_mb=0, quantise="none"),
        completion=CompletionSettings(timeout_ms=120_000, deadline_ms=0),
        context=ContextSettings(budget_tokens=_PROMPT_TOKENS),
    )
    session = open_loop_session(settings, model, report)
    try:
        counts = []
        for adapter, words in (("none", "completing the newest changes"), (name, "completing them again")):
            with_it = replace(settings, completion=replace(settings.completion, adapter=adapter))
            right = 0
            for number, one in enumerate(asked):
                right += asyncio.run(is_completed(one, session, with_it))
                report(words, (number + 1) / len(asked))
            counts.append(right)
    finally:
        session.engine.close()
    return counts[0], counts[1]


async def is_completed(asked: Filling, session: ModelSession, settings: Settings) -> bool:
    """Whether what is shown, where a change is about to be typed, begins with the line that was written."""
    from lsp_server.ask import Ask
    from lsp_server.ghost_text import GhostText

    found = await GhostText().suggest(Ask(asked.snapshot, asked.query, session, settings))
    if not found:
        return False
    wanted = asked.text.split("\n", 1)[0].rstrip()
    return found[0].shown.text.replace("\r\n", "\n").split("\n", 1)[0].rstrip() == wanted
