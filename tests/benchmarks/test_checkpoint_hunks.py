"""Past changes are asked for as the server would ask, of any checkpoint."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from tests.benchmarks.checkpoint_hunks import measure, newest, opened_to_ask
from tests.benchmarks.waiting import own_cache
from tests.context.git_repository import Repository
from tests.engine.flow.models import written as flow_written
from tests.training.test_trainer import trained
from tests.training.tiny_data import texts, thorough, write_data

CHANGES = 6
BUDGET = 64  # tokens of a prompt: as the texts that the model has learned
LAST_LINE = "    return item.net * rate\n"


def _without(text: str) -> str:
    """The fourth of seven functions without its last line."""
    parts = text.split(LAST_LINE)
    return LAST_LINE.join(parts[:4]) + LAST_LINE.join(parts[4:])


def test_who_has_learned_such_lines_completes_them(tmp_path: Path) -> None:
    """A model that knows the line completes it, one of random weights does not; both are asked for all."""
    data = write_data(tmp_path / "data", texts(60), texts(4, 1000), filled=True)
    trained("standard", thorough(150), data, tmp_path / "learned")
    flow_written(tmp_path / "random" / "model", window=64)
    made = Repository(tmp_path / "shop")
    files = {f"price_{n}.py": text for n, text in enumerate(texts(CHANGES))}
    made.commit("First", {path: _without(text) for path, text in files.items()})
    for path, text in files.items():
        made.commit("Prices are in net", {path: text})
    hunks = newest(made.root, 2 * CHANGES)
    assert [hunk.text for hunk in hunks] == [LAST_LINE.strip()] * CHANGES
    assert [hunk.query.uri.rsplit("/")[-1] for hunk in hunks] == [*files][::-1]
    with own_cache(), ExitStack() as stack:
        models = [opened_to_ask(tmp_path / name / "model", BUDGET, stack) for name in ("learned", "random")]
        measure(models, hunks, "shop")
    learned, random = (model.row("shop") for model in models)
    assert (learned["model"], learned["hunks"], random["hunks"]) == ("learned", CHANGES, CHANGES)
    assert learned["exact"] == CHANGES and random["exact"] == 0
    assert learned["nats_per_byte"] < 2 < random["nats_per_byte"]
