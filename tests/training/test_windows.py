"""Batches: settled by numbers alone, and nothing of the data twice in a pass."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from engine.errors import BackendError
from engine.training.data.shards import Encoded, SplitWriter, read_shards, write_index
from engine.training.windows import Windows
from tests.training.tiny_data import texts, write_data


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data(tmp_path_factory.mktemp("data"), texts(20), texts(3, 1000), shard_tokens=700)


def test_the_same_numbers_give_the_same_batch_whoever_asks(data: Path) -> None:
    """One process that takes four runs takes what two processes take together."""
    whole = Windows(data, "train").batch(8, 4, 16, seed=3)
    again = Windows(data, "train")
    again.batch(0, 2, 16, seed=9)
    parts = [again.batch(8 + rank, 2, 16, seed=3, step=2) for rank in range(2)]
    assert torch.equal(whole.ids[0::2], parts[0].ids) and torch.equal(whole.ids[1::2], parts[1].ids)
    assert torch.equal(whole.positions[0::2], parts[0].positions)
    assert not torch.equal(whole.ids, again.batch(8, 4, 16, seed=4).ids)


def test_a_pass_takes_each_run_once_and_the_next_pass_others(tmp_path: Path) -> None:
    """But for what is left over at the ends of shards; no run crosses from one shard into another."""
    writer = SplitWriter(tmp_path, "train", 500)
    nothing = np.zeros(100, np.uint8)
    for first in range(0, 2000, 100):  # every id of its own
        ids = np.arange(first, first + 100, dtype=np.uint16)
        axes = (nothing, nothing.astype(np.uint16), nothing, nothing)
        writer.add(Encoded(ids, *axes, kind="file", answer=0, text_bytes=1))
    np.zeros(2000, np.uint8).tofile(tmp_path / "token_bytes.bin")
    write_index(tmp_path, 2000, {"<|endoftext|>": 0}, {"train": writer.close()})
    windows = Windows(tmp_path, "train")
    most = 4 * (499 // 16) - 4
    first, second = (windows.batch(start, most, 16, seed=1).ids for start in (0, most))
    for ids in (first, second):
        assert len(ids[:, :-1].unique()) == most * 16
        assert ((ids[:, 1:] - ids[:, :-1]) == 1).all() and (ids[:, 0] // 500 == ids[:, -1] // 500).all()
    assert not torch.equal(first.sort(0).values, second.sort(0).values)


def test_what_is_known_of_tokens_stands_beside_them(data: Path) -> None:
    batch = Windows(data, "train").batch(0, 3, 24, seed=1)
    inputs, targets, flags, positions = batch.part(0, 24)
    assert torch.equal(inputs[:, 1:], targets[:, :-1])
    shards = list(read_shards(data, "train"))
    for row in range(3):
        wanted = inputs[row].tolist()
        places = [(one, n) for one in shards for n in range(len(one.ids) - 24)]
        found = [(one, n) for one, n in places if one.ids[n : n + 24].tolist() == wanted]
        known = [(one.flags[n : n + 24].tolist(), one.line[n : n + 24].tolist()) for one, n in found]
        assert (flags[row].tolist(), positions[row, :, 0].tolist()) in known
    assert flags.max() == 3 and positions[..., 0].max() > 0


def test_too_little_data_is_a_sentence(data: Path, tmp_path: Path) -> None:
    with pytest.raises(BackendError, match=r"too few for runs of 99,999"):
        Windows(data, "valid").batch(0, 1, 99_999, seed=1)
    with pytest.raises(BackendError, match=r"no index\.json"):
        Windows(tmp_path, "train")
