"""What a watch tells of changes below a folder: one batch for what belongs together."""

from __future__ import annotations

import errno
import logging
import os
import queue
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from context import watch as watching
from context.watch import Batch, Watch

NOTHING_S = 0.8  # longer than the quiet that ends a batch


class Heard:
    """The batches of one watch, as they come."""

    def __init__(self, *roots: Path) -> None:
        self._batches: queue.Queue[Batch] = queue.Queue()
        self.watch = Watch(roots, self._batches.put)

    def next(self, within_s: float = 10) -> Batch:
        return self._batches.get(timeout=within_s)

    def nothing(self) -> bool:
        try:
            batch = self._batches.get(timeout=NOTHING_S)
        except queue.Empty:
            return True
        raise AssertionError(batch)

    def until_quiet(self) -> list[Batch]:
        batches = [self.next()]
        while True:
            try:
                batches.append(self._batches.get(timeout=NOTHING_S))
            except queue.Empty:
                return batches


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "store" / "deep").mkdir(parents=True)
    (root / "store" / "cart.py").write_text("a = 1\n")
    (root / "store" / "deep" / "item.py").write_text("b = 2\n")
    (root / ".gitignore").write_text("build/\n*.tmp\n")
    return root


@pytest.fixture
def heard(root: Path) -> Iterator[Heard]:
    heard = Heard(root)
    yield heard
    heard.watch.close()


def git(root: Path, *arguments: str) -> None:
    subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main", *arguments],
        cwd=root,
        check=True,
        capture_output=True,
        env=os.environ | {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull},
    )


def test_each_kind_of_change(root: Path, heard: Heard) -> None:
    """Created, modified and deleted files are told apart, in one batch, with paths relative to the root."""
    (root / "store" / "new.py").write_text("c = 3\n")
    (root / "store" / "cart.py").write_text("a = 2\n")
    (root / "store" / "deep" / "item.py").unlink()
    assert heard.next() == Batch(
        root,
        created=frozenset({"store/new.py"}),
        modified=frozenset({"store/cart.py"}),
        deleted=frozenset({"store/deep/item.py"}),
    )
    assert heard.nothing()


def test_a_rename(root: Path, heard: Heard) -> None:
    """A renamed file is one that is gone and one that is new."""
    (root / "store" / "cart.py").rename(root / "store" / "basket.py")
    batch = heard.next()
    assert (batch.created, batch.deleted) == ({"store/basket.py"}, {"store/cart.py"})


def test_an_atomic_save(root: Path, heard: Heard) -> None:
    """A file written beside and renamed over, as editors do, is there; the file beside was never heard of."""
    (root / "store" / "cart.py.new").write_text("a = 3\n")
    (root / "store" / "cart.py.new").replace(root / "store" / "cart.py")
    batch = heard.next()
    assert batch.created | batch.modified == {"store/cart.py"}
    assert not batch.deleted


def test_replaced_is_modified(root: Path, heard: Heard) -> None:
    """A file that is deleted and made again, as git does, is a modified one."""
    (root / "store" / "cart.py").unlink()
    (root / "store" / "cart.py").write_text("a = 4\n")
    assert heard.next() == Batch(root, modified=frozenset({"store/cart.py"}))


def test_what_is_ignored(root: Path, heard: Heard) -> None:
    """Ignored files and folders, tools' folders and git's insides make no batch."""
    for name in ("build/out.py", "store/x.tmp", "node_modules/left/index.js", "store/__pycache__/cart.pyc"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("x\n")
    assert heard.nothing()


def test_rules_changed(root: Path, heard: Heard) -> None:
    """New ignore rules call for looking at everything, and hold from then on."""
    (root / ".gitignore").write_text("store/deep/\n")
    assert heard.next().overflow
    (root / "store" / "deep" / "item.py").write_text("b = 3\n")
    assert heard.nothing()


def test_new_folders(root: Path, heard: Heard) -> None:
    """A new folder below another tells its files, one at the top calls for a rescan; both are watched."""
    (root / "store" / "fresh").mkdir()
    (root / "store" / "fresh" / "a.py").write_text("a\n")
    batches = heard.until_quiet()
    assert "store/fresh/a.py" in frozenset().union(*(batch.created for batch in batches))
    (root / "top").mkdir()
    (root / "top" / "a.py").write_text("a\n")
    batch = heard.until_quiet()[0]
    assert batch.overflow or "top/a.py" in batch.created
    (root / "top" / "a.py").write_text("b\n")
    assert heard.next().modified == {"top/a.py"}


def test_a_folder_that_came_back(root: Path, heard: Heard) -> None:
    """A folder at the top that is moved away and made anew is still watched, under its own name."""
    (root / "store").rename(root / "shop")
    (root / "store").mkdir()
    heard.until_quiet()
    (root / "store" / "one.py").write_text("1\n")
    assert heard.next().created == {"store/one.py"}
    (root / "shop" / "cart.py").write_text("1\n")
    assert heard.next().modified == {"shop/cart.py"}


def test_a_deleted_folder(root: Path, heard: Heard) -> None:
    """Of a folder moved out of sight at least its own path is told as deleted."""
    (root / "store" / "deep").rename(root.parent / "elsewhere")
    deleted = heard.next().deleted
    assert deleted & {"store/deep", "store/deep/item.py"}


def test_links_are_not_followed(root: Path, tmp_path: Path) -> None:
    """What happens behind a link that leaves the folder is not heard of."""
    outside = tmp_path / "outside"
    outside.mkdir()
    try:
        (root / "link").symlink_to(outside, target_is_directory=True)
        (root / "store" / "link").symlink_to(outside, target_is_directory=True)
    except OSError:
        pytest.skip("this system does not let its user make links")
    heard = Heard(root)
    try:
        (outside / "a.py").write_text("a\n")
        assert heard.nothing()
    finally:
        heard.watch.close()


def test_two_roots(root: Path, tmp_path: Path) -> None:
    """Each root has batches of its own."""
    other = tmp_path / "other"
    other.mkdir()
    heard = Heard(root, other)
    try:
        (root / "a.py").write_text("a\n")
        (other / "b.py").write_text("b\n")
        batches = {batch.root: batch.created for batch in (heard.next(), heard.next())}
        assert batches == {root: {"a.py"}, other: {"b.py"}}
    finally:
        heard.watch.close()


def test_a_commit_moves_head(root: Path) -> None:
    """A commit is told as a move of HEAD and touches no path."""
    git(root, "init")
    git(root, "add", ".")
    heard = Heard(root)
    try:
        git(root, "commit", "-m", "one")
        batches = heard.until_quiet()
        assert any(batch.head_moved for batch in batches)
        assert not any(batch.created | batch.modified | batch.deleted for batch in batches)
    finally:
        heard.watch.close()


def test_a_worktree(root: Path, tmp_path: Path) -> None:
    """In a worktree, whose .git is a file, HEAD is found in the repository it belongs to."""
    git(root, "init")
    git(root, "add", ".")
    git(root, "commit", "-m", "one")
    git(root, "worktree", "add", "-b", "side", str(tmp_path / "side"))
    heard = Heard(tmp_path / "side")
    try:
        git(tmp_path / "side", "commit", "--allow-empty", "-m", "two")
        assert any(batch.head_moved for batch in heard.until_quiet())
        git(tmp_path / "side", "checkout", "--detach", "HEAD~1")
        assert heard.next().head_moved
    finally:
        heard.watch.close()


def test_a_branch_switch(root: Path) -> None:
    """A branch switch that touches 5,000 files is one batch: look at everything, HEAD moved."""
    git(root, "init")
    git(root, "add", ".")
    git(root, "commit", "-m", "one")
    git(root, "checkout", "-b", "large")
    for folder in range(50):
        (root / "many" / str(folder)).mkdir(parents=True)
        for number in range(100):
            (root / "many" / str(folder) / f"{number}.py").write_text(f"x = {number}\n")
    git(root, "add", ".")
    git(root, "commit", "-m", "two")
    heard = Heard(root)
    try:
        git(root, "checkout", "main")
        assert heard.next(30) == Batch(root, head_moved=True, overflow=True)
        assert heard.nothing()
        git(root, "checkout", "large")
        assert heard.next(30) == Batch(root, head_moved=True, overflow=True)
        assert heard.nothing()
        (root / "many" / "7" / "3.py").write_text("x = 0\n")
        assert heard.next().modified == {"many/7/3.py"}
    finally:
        heard.watch.close()


def test_a_branch_switch_that_is_done_before_it_is_heard_of(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events that come more slowly than git works are one batch all the same."""
    is_out = watching._Folder._is_out

    def slowly(self: watching._Folder, path: str, is_directory: bool) -> bool:
        time.sleep(0.002)
        return is_out(self, path, is_directory)

    git(root, "init")
    git(root, "add", ".")
    git(root, "commit", "-m", "one")
    git(root, "checkout", "-b", "large")
    for number in range(800):
        (root / "store" / f"{number}.py").write_text(f"x = {number}\n")
    git(root, "add", ".")
    git(root, "commit", "-m", "two")
    git(root, "checkout", "main")
    monkeypatch.setattr(watching._Folder, "_is_out", slowly)
    heard = Heard(root)
    try:
        git(root, "checkout", "large")
        batch = heard.next(30)
        assert batch.head_moved
        assert len(batch.created) == 800
        assert heard.nothing()
    finally:
        heard.watch.close()


def test_a_long_burst_is_told_of(root: Path, heard: Heard) -> None:
    """Writes that never pause are told of after two seconds all the same."""
    began = time.monotonic()
    while time.monotonic() < began + watching.LONGEST_S + 0.5:
        (root / "store" / "cart.py").write_text(str(time.monotonic()))
        time.sleep(watching.QUIET_S / 4)
    assert heard.next(0.1).modified == {"store/cart.py"}


def test_a_callback_that_raises(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What the callback raises is logged, and the next batch comes."""
    batches: queue.Queue[Batch] = queue.Queue()

    def take(batch: Batch) -> None:
        batches.put(batch)
        raise ValueError(batch)

    watch = Watch([root], take)
    try:
        (root / "a.py").write_text("a\n")
        batches.get(timeout=10)
        (root / "b.py").write_text("b\n")
        assert batches.get(timeout=10).created == {"b.py"}
    finally:
        watch.close()
    assert "could not be taken in" in caplog.text


def test_after_close(root: Path) -> None:
    """After close nothing is told, and no thread is left."""
    heard = Heard(root)
    heard.watch.close()
    (root / "a.py").write_text("a\n")
    assert heard.nothing()
    heard.watch.close()


def test_limit_reached(root: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Where the system's limit of watches is reached, the log says what to do and rescans take over."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "inotify watch limit reached")

    monkeypatch.setattr(watching, "probe", full)  # a real limit is the whole machine's
    monkeypatch.setattr(watching, "RESCAN_EVERY_S", 0.2)
    with caplog.at_level(logging.WARNING):
        heard = Heard(root)
    try:
        assert "fs.inotify.max_user_watches" in caplog.text
        assert heard.next() == Batch(root, head_moved=True, overflow=True)
        assert heard.next() == Batch(root, head_moved=True, overflow=True)
    finally:
        heard.watch.close()
