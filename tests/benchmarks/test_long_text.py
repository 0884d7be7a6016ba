"""What is said of long contexts is what the models say, and a model that copies finds every needle."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine.backend import Backend, Logits
from engine.flow.config import is_flow, read_flow_config
from engine.flow.opening import load_flow
from engine.flow.reading import Marks, Reading
from engine.flow.reading import read as read_marks
from engine.loop.tokenizer import LoopTokenizer, open_tokenizer
from engine.training.data.documents import Source, plain
from engine.training.data.encoding import encoded
from engine.training.data.structure import Structure
from engine.training.data.tokenizer import CodeTokenizer, train
from engine.training.loop_model import read_trainable
from tests.benchmarks import long_text
from tests.benchmarks.held_text import LongText, long_texts
from tests.benchmarks.likelihood import Checkpoint, nats, opened, read
from tests.benchmarks.long_text import LAST, NEAR, Results, loss_of, measure_losses, measure_needles
from tests.benchmarks.planted import CALL, find, needles, planted
from tests.engine.flow.models import written as flow_written
from tests.training.test_trainer import trained
from tests.training.tiny_data import recipe, write_data
from tests.training.tiny_data import texts as functions

LENGTH = 1400


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """texts-valid.jsonl of two packages."""
    file = tmp_path_factory.mktemp("held") / "texts-valid.jsonl"
    found = [
        {"package": package, "path": f"{package}/{n}.py", "text": text}
        for package, count in (("shop", 12), ("bank", 30))
        for n, text in enumerate(functions(count, 7 * count))
        for text in [text + "".join(functions(3, 1000 + 21 * n))]
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in found), encoding="utf-8")
    return file


@pytest.fixture(scope="module", params=["loop", "standard", "flow"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "flow":  # its pinned tokens and its memory are far from fresh
        flow_written(folder / "model", window=48, pinned_tokens=16)
    else:
        data = write_data(folder / "data", functions(20), functions(2, 500))
        trained(request.param, recipe(), data, folder)
    return folder / "model"


def at_once(folder: Path, backend: Backend, ids: list[int]) -> float:
    """Bits of the last tokens by the model as it is trained: whole, without a cache."""
    if is_flow(folder):
        flags, positions, _ = read_marks(Marks.of(backend.tokenizer), Reading(), ids)
        known = load_flow(folder, read_flow_config(folder)).eval()
        logits, _ = known(torch.tensor([ids]), torch.tensor([flags]), torch.tensor([positions]))
    else:
        logits, _ = read_trainable(folder)(torch.tensor([ids]))
    logs = logits[0, -LAST - 1 : -1].log_softmax(-1)
    return -logs.gather(1, torch.tensor(ids[-LAST:])[:, None]).sum().item() / float(np.log(2))


@torch.no_grad()
def test_a_loss_by_chunks_is_the_loss_at_once(model: Path, held: Path) -> None:
    """As served, in whatever chunks; beyond the context that the model was trained for, too."""
    checkpoint = opened(model, LENGTH)
    text = long_texts(held, checkpoint.backend.tokenizer, LENGTH, 1)[0]
    found, size = loss_of(checkpoint, text, LENGTH)
    assert checkpoint.trained_context < LENGTH or is_flow(model)
    assert found == pytest.approx(at_once(model, checkpoint.backend, text.end(LENGTH)), abs=0.05)
    assert size == sum(len(checkpoint.backend.tokenizer.piece(one)) for one in text.ids[-LAST:])
    checkpoint.backend.chunk_tokens = 37  # pyright: ignore[reportAttributeAccessIssue]
    assert loss_of(checkpoint, text, LENGTH)[0] == pytest.approx(found, abs=0.05)


def test_a_needle_costs_what_it_costs_at_the_end_of_its_whole_text(model: Path, held: Path) -> None:
    """Calls and answers on forks; the second reading has the other values, and the room of the first."""
    backend = opened(model, LENGTH + long_text.ROOM).backend
    text, group = long_texts(held, backend.tokenizer, LENGTH, 1)[0], needles(0)[:2]
    found, costs = find(backend, text, LENGTH, group)[1], list[float]()
    for values in ([(one.name, one.value) for one in group], [(one.name, one.other) for one in group]):
        ids = planted(text, LENGTH, backend.tokenizer, values)
        assert len(ids) == LENGTH
        backend.rewind(0, 0)
        before = read(backend, 0, [*ids, *backend.tokenizer.encode(CALL.format(name=group[1].name))])
        costs.append(nats(backend, 0, backend.tokenizer.encode(group[1].value), before))
    assert (found.nats, found.nats_without) == pytest.approx(costs, abs=1e-2)
    assert costs[0] != costs[1]


def test_texts_are_laid_out_as_in_training(held: Path, tmp_path: Path) -> None:
    """Files of one package, none twice; their ends behind any number of tokens begin as repositories do."""
    train(functions(40), tmp_path, 400)
    codes = CodeTokenizer(tmp_path)
    tokenizer = open_tokenizer(tmp_path, codes.size, ())
    rows = [json.loads(line) for line in held.read_text("utf-8").splitlines()]
    texts = long_texts(held, tokenizer, LENGTH, 10)
    assert [text.package for text in texts[:2]] == ["bank", "shop"] and len(texts) > 3
    assert all(len(text.ids) == LENGTH for text in texts)
    seen = [path for text in texts for _, path in text.files]
    assert len(seen) == len(set(seen))
    named = sorted((row["path"], row["text"]) for row in rows if row["package"] == "bank")
    sources = [Source("bank", path, Structure(text.encode(), "python")) for path, text in named]
    (document,) = encoded([plain("bank", sources)], codes)
    first = texts[0]
    assert [*first.head, *first.ids] == document.ids[: LENGTH + len(first.head)].tolist()
    for count in (LAST + NEAR, LENGTH - 100):
        end = first.end(count)
        assert len(end) == count and end[-LAST:] == list(first.ids[-LAST:])
        (path,) = [path for begin, path in first.files if begin <= LENGTH - count][-1:]
        front = [*first.head, *path]
        assert end[: len(front)] == front and end[len(front) :] == list(
            first.ids[LENGTH - count + len(front) :]
        )


class Copying:
    """A model that goes on as its last tokens went on before, ``reach`` tokens back at most; a backend."""

    def __init__(self, tokenizer: LoopTokenizer, size: int, reach: int) -> None:
        self.tokenizer, self.chunk_tokens, self._size, self._reach = tokenizer, 64, size, reach
        self._held: list[list[int]] = [[], [], []]

    def prefill(self, sequence: int, tokens: Sequence[int], stop: object) -> Logits:
        self._held[sequence] += tokens
        return self._logits(self._held[sequence])

    def verify(self, sequence: int, tokens: Sequence[int], stop: object) -> list[Logits]:
        return [self.prefill(sequence, [token], stop) for token in tokens]

    def length(self, sequence: int) -> int:
        return len(self._held[sequence])

    def rewind(self, sequence: int, length: int) -> bool:
        del self._held[sequence][length:]
        return True

    def fork(self, source: int, target: int, length: int) -> None:
        self._held[target] = self._held[source][:length]

    def _logits(self, ids: list[int]) -> Logits:
        """The token that followed where the most of the last 24 tokens stood before is e^9 times likelier."""
        ids, found = ids[-self._reach :], np.zeros(self._size, np.float32)
        best, then = 0, 0
        for end in range(len(ids) - 1, 0, -1):
            if ids[end - 1] == ids[-1]:
                alike = next((n for n in range(24) if ids[end - 1 - n] != ids[-1 - n] or n >= end - 1), 24)
                best, then = max((best, then), (alike, ids[end]), key=lambda one: one[0])
        found[then] = 9.0 if best else 0.0
        return found


@pytest.mark.parametrize(("reach", "finds"), [(1 << 20, True), (256, False)])
def test_a_model_that_copies_finds_every_needle_within_its_reach(
    reach: int, finds: bool, held: Path, tmp_path: Path
) -> None:
    """And one whose reach ends before gains nothing by them, and guesses among what it cannot tell apart."""
    train(functions(40), tmp_path, 400)
    size = CodeTokenizer(tmp_path).size
    tokenizer = open_tokenizer(tmp_path, size, ())
    toy: Any = Copying(tokenizer, size, reach)
    results = Results()
    texts = long_texts(held, tokenizer, LENGTH, 2)
    model = Checkpoint("toy", 512, toy)
    measure_needles([model], texts, [LENGTH], 15, results)
    short, long = results.rows([model])["needles"]
    assert (short["tokens"], long["tokens"], long["needles"]) == (NEAR + LAST, LENGTH, 15)
    if finds:
        assert long["nats"] < 1 and long["gain_nats"] > 20
        assert (long["first_of_10"], long["first_of_those_there"]) == ("100%", "100%")
    else:
        assert abs(long["gain_nats"]) < 0.01 and long["first_of_10"] != "100%"


def test_rows_are_of_texts_that_all_models_have_read(held: Path, tmp_path: Path) -> None:
    """Where a second model stops in the second text, both are reported by the first one."""
    flow_written(tmp_path, window=48)
    first = opened(tmp_path, LENGTH)
    texts = long_texts(held, first.backend.tokenizer, LENGTH, 2)
    first, second = (Checkpoint(name, 512, first.backend) for name in ("a", "b"))
    results, plainly = Results(), long_text.loss_of

    def stopping(checkpoint: Checkpoint, text: LongText, length: int) -> tuple[float, int]:
        if checkpoint is second and text is texts[1]:
            raise KeyboardInterrupt
        return plainly(checkpoint, text, length)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(long_text, "loss_of", stopping)
        measure_losses([first, second], texts, [LENGTH], results)
    rows = results.rows([first, second])["loss of the last 512 tokens"]
    assert [(row["model"], row["texts"]) for row in rows] == [("a", 1), ("b", 1)]
    assert rows[0]["bits_per_byte"] == rows[1]["bits_per_byte"]
    assert rows[0]["gain"] == pytest.approx(rows[0]["with_512_before"] - rows[0]["bits_per_byte"], abs=2e-4)
