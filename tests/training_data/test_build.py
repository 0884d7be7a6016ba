"""The whole build: packages and commits in, a folder of training data out."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.training.data.pipeline import BuildError, build
from engine.training.data.shards import AXES, KINDS, ShardsError, age_of, read_index, read_shards
from engine.training.data.sources import SourceError, packages_of
from engine.training.data.units import Recipe
from tests.training_data.packed import commit, export, module, npm, tar, wheel

NAMES = ("amber", "birch", "cedar", "dogwood", "elder", "fir")
SCRIPT = (
    "import { join } from 'path';\nexport class Walker {\n"
    "  walk(steps: number): string {\n    return join('walk', String(steps));\n  }\n}\n"
) * 2


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Wheels, an sdist and an npm package in one folder; a project; commits; what must not get in."""
    folder = tmp_path_factory.mktemp("sources")
    archives = folder / "archives"
    archives.mkdir()
    for name in NAMES:
        wheel(
            archives,
            name,
            {f"{name}/{part}.py": module(f"{name}{part}") for part in ("core", "more", "last")},
        )
    wheel(archives, "copyleft", {"copyleft/a.py": module("copyleft")}, "License: GPL-3.0-or-later\n")
    wheel(archives, "copies", {"copies/a.py": module("ambercore"), "copies/b.py": module("tested")})
    tar(archives, "gorse-1.0.tar.gz", "gorse-1.0", {"PKG-INFO": "Name: gorse\nVersion: 1.0\nLicense: MIT\n",
                                                    "gorse.py": module("gorse")})  # fmt: skip
    npm(archives, "walker", {"src/walk.ts": SCRIPT, "dist/walk.min.js": SCRIPT, "types.d.ts": SCRIPT})
    project = folder / "heath"
    project.mkdir()
    (project / "pyproject.toml").write_text('[project]\nlicense = "MIT"\n')
    (project / "heath.py").write_text(module("heath"))
    before, after = module("flow"), module("flow").replace("number 2", "number two")
    at = next(n for n, line in enumerate(before.split("\n")) if "number 2" in line)
    commits = [
        commit(before, after, (at, at + 1), (at, at + 1), date=1_700_000_000 + n * 86_400) for n in range(20)
    ]
    return [archives, project, export(folder, commits)]


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A benchmark that one of the files was copied from."""
    folder = tmp_path_factory.mktemp("evaluation")
    (folder / "rows.jsonl").write_text(json.dumps({"prompt": module("tested", 1)}) + "\n")
    return folder


@pytest.fixture(scope="module")
def built(sources: list[Path], evaluation: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is made of them."""
    out = tmp_path_factory.mktemp("built") / "data"
    build(out, sources, evaluation=[evaluation], vocabulary=600)
    return out


def files_of(folder: Path) -> dict[str, bytes]:
    """What training reads, by name."""
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir()) if file.is_file()}


def test_the_arrays_are_what_the_index_says(built: Path) -> None:
    """Every axis as long as the ids, documents from the first token to the last, each with its own end."""
    index = read_index(built)
    ends = {index["special_tokens"][name] for name in ("<|endoftext|>", "<|im_end|>")}
    for split in ("train", "valid"):
        for shard in read_shards(built, split):
            assert {len(axis) for axis in (shard.flags, shard.line, shard.age, shard.level)} == {
                len(shard.ids)
            }
            assert shard.starts[0] == 0
            assert int(shard.ids.max()) < index["vocabulary_size"]
            for start, answer, end in shard.documents():
                assert start <= answer < end
                assert int(shard.ids[end - 1]) in ends
        entry = index["splits"][split]
        assert entry["tokens"] == sum(len(shard.ids) for shard in read_shards(built, split)) > 0
    sizes = np.fromfile(built / "token_bytes.bin", np.uint8)
    ids = np.concatenate([shard.ids for shard in read_shards(built, "train")])
    assert sizes[ids].sum() == index["splits"]["train"]["bytes"]


def test_there_is_something_of_every_kind(built: Path) -> None:
    """Files, repositories, holes of every level, commits in their three forms; pinned and aged tokens."""
    shards = [shard for split in ("train", "valid") for shard in read_shards(built, split)]
    kinds = {kind for shard in shards for kind in shard.kinds}
    assert kinds >= {"file", "repository", "line", "statement", "function", "hunk", "edit"}
    assert kinds <= set(KINDS)
    assert {int(rank) for shard in shards for rank in np.unique(shard.flags)} == {0, 1, 2, 3, 4}
    assert max(int(shard.age.max()) for shard in shards) == age_of(19)


def test_what_must_not_get_in_does_not(built: Path) -> None:
    """No text of the evaluation or under another licence, and no copy; all of it is counted."""
    index = read_index(built)
    dropped = index["dropped"]
    assert dropped["like the evaluation"] == 1
    assert dropped["package without a permissive licence"] == 1
    assert dropped["generated"] == 1
    assert dropped["duplicate"] == 1
    by_name = {source["name"]: source for source in index["sources"]}
    assert by_name["amber"]["licence"] == "MIT"
    assert by_name["walker"]["bytes"].keys() == {"typescript"}
    assert by_name["demo (commits)"]["commits"] == 20
    text = "".join(file.read_text("utf-8") for file in (built / "work").glob("*.jsonl"))
    assert "copyleft_0" not in text
    tokens = _decoded(built)
    assert "gorse_0" in tokens
    assert "tested_0" not in tokens


def test_packages_are_held_back_whole(built: Path) -> None:
    """No package has files on both sides."""
    rows = [json.loads(line) for line in (built / "texts-valid.jsonl").read_text("utf-8").splitlines()]
    held = {row["package"] for row in rows}
    assert held
    train_text = _decoded(built, "train")
    for row in rows:
        assert row["text"].split("\n")[8] not in train_text
    assert not held & {name for name in NAMES if f"{name}core_0" in train_text}


def test_the_same_build_again_is_the_same(
    built: Path, sources: list[Path], evaluation: Path, tmp_path: Path
) -> None:
    """Byte for byte, also where it was stopped in the middle; another seed is another order."""
    again = tmp_path / "again"
    shutil.copytree(built / "work", again / "work")
    for file in sorted((again / "work").glob("0*.jsonl"))[3:]:
        file.unlink()
    build(again, sources, evaluation=[evaluation], vocabulary=600)
    assert files_of(again) == files_of(built)


def test_a_build_goes_on_only_as_it_was_begun(built: Path, sources: list[Path], tmp_path: Path) -> None:
    """Other options are refused with a sentence that names the file, and a finished folder is left alone."""
    shutil.copytree(built / "work", tmp_path / "data/work")
    with pytest.raises(BuildError, match="begun with other options"):
        build(tmp_path / "data", sources)
    with pytest.raises(BuildError, match="is finished"):
        build(built, sources)


def test_packages_can_be_taken_several_times(built: Path, sources: list[Path], tmp_path: Path) -> None:
    """As often as is asked for, with holes in other places each time; what is held back stays once."""
    out = tmp_path / "often"
    recipe = Recipe(repeat=dict.fromkeys(NAMES, 3))
    build(out, sources[:1], recipe=recipe, tokenizer=built, vocabulary=600)
    documents = [
        tuple(shard.ids[start:end].tolist())
        for shard in read_shards(out, "train")
        for start, _, end in shard.documents()
    ]
    times = [documents.count(one) for one in set(documents)]
    assert max(times) == 3
    assert times.count(1) > times.count(3)
    held = [
        tuple(shard.ids[a:b].tolist()) for shard in read_shards(out, "valid") for a, _, b in shard.documents()
    ]
    assert len(set(held)) == len(held)


def test_room_is_shared(sources: list[Path], tmp_path: Path) -> None:
    """With so many megabytes no package fills the corpus, and what came too late is counted."""
    said: dict[str, Any] = build(tmp_path / "small", sources[:1], megabytes=0.02, vocabulary=400)
    kept = sum(source["bytes"].get("python", 0) for source in said["sources"])
    assert kept < 0.02e6 * 0.75 + 8_000
    assert said["dropped"]["enough of one package"] + said["dropped"].get("enough", 0) > 5


@pytest.mark.parametrize(
    ("named", "why"), [("nowhere", "There is no source"), ("page.txt", "neither a folder")]
)
def test_a_source_that_is_none_is_refused(tmp_path: Path, named: str, why: str) -> None:
    """With a sentence that names it."""
    (tmp_path / "page.txt").write_text("words")
    with pytest.raises(SourceError, match=why):
        list(packages_of(tmp_path / named))


def test_a_torn_folder_is_refused(built: Path, tmp_path: Path) -> None:
    """Shards of another length than the index says, and a folder without one."""
    torn = tmp_path / "torn"
    shutil.copytree(built, torn)
    for axis in AXES:
        file = torn / f"train-00000{axis}.bin"
        file.write_bytes(file.read_bytes()[:-4])
        with pytest.raises(ShardsError, match=r"train-00000"):
            list(read_shards(torn, "train"))
    with pytest.raises(ShardsError, match="no split"):
        list(read_shards(built, "test"))
    (torn / "index.json").unlink()
    with pytest.raises(ShardsError, match=r"no index\.json"):
        read_index(torn)


def _decoded(folder: Path, split: str = "") -> str:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    splits = [split] if split else ["train", "valid"]
    return "".join(
        tokenizer.decode(shard.ids.tolist()) for one in splits for shard in read_shards(folder, one)
    )
