"""Saved prompts: what was written comes back to the bit or not at all, within bounds, for its owner alone."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine import saved_prefixes
from engine.prefix_file import Head
from engine.saved_prefixes import DEAD_AFTER_S, SavedPrefixes, Usage, clear, prefixes_dir, usage

GENEROUS = 1 << 30
TOKENS = (1, 2, 3, 151_643, 2**31 - 1)
STATES: dict[tuple[int, ...], bytes] = {(1,): b"one", (2,): b"two"}
STATE = bytes(range(256)) * 4
posix_only = pytest.mark.skipif(os.name != "posix", reason="modes, links and holes")


def opened(directory: Path, identity: str = "model a", limit_bytes: int = GENEROUS) -> SavedPrefixes:
    return SavedPrefixes(directory, identity, limit_bytes)


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def tokens_of(saved: SavedPrefixes) -> list[tuple[int, ...]]:
    return sorted(entry.tokens for entry in saved.entries)


def age(path: Path, seconds: float) -> None:
    at = time.time() - seconds
    os.utime(path, (at, at))


@contextlib.contextmanager
def fresh_directory() -> Iterator[Path]:
    """For hypothesis, whose examples would share a tmp_path."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "prefixes"


# Round trips

ids = st.lists(st.integers(-(2**31), 2**31 - 1), max_size=40)


@settings(max_examples=50, deadline=None)
@given(tokens=ids, state=st.binary(max_size=300), label=st.text(max_size=8), identity=st.text(max_size=8))
@example(tokens=[], state=b"", label="", identity="")
@example(tokens=[1], state=b"x", label="\udc80", identity="\0")
def test_another_process_reads_what_was_written(
    tokens: list[int], state: bytes, label: str, identity: str
) -> None:
    with fresh_directory() as directory:
        assert opened(directory, identity).write(tokens, memoryview(state), label)
        later = opened(directory, identity)
        (entry,) = later.entries
        assert (entry.tokens, entry.label) == (tuple(tokens), label)
        assert entry.size_bytes == entry.path.stat().st_size
        assert later.read(entry) == state


def test_states_of_another_identity_are_never_given_out(tmp_path: Path) -> None:
    saved, other = opened(tmp_path), opened(tmp_path, "model b")
    assert saved.write(TOKENS, STATE, "doc")
    other.refresh()
    assert other.entries == ()
    assert other.write(TOKENS, b"b's", "doc")
    assert saved.read(*saved.entries) == STATE
    assert other.read(*other.entries) == b"b's"
    assert usage(tmp_path).prompts == 2


def test_a_name_tells_nothing(tmp_path: Path) -> None:
    opened(tmp_path).write(TOKENS, STATE, "file:///home/me/secret-project/plan.py")
    (name,) = names(tmp_path)
    stem, suffix = name.split(".")
    assert suffix == "prefix" and len(stem) == 32 and set(stem) <= set("0123456789abcdef")


# What replaces what


@pytest.mark.parametrize(
    ("writes", "left"),
    [
        ([((1, 2), "doc"), ((1, 2, 3), "doc")], [(1, 2, 3)]),
        ([((1, 2, 3), "doc"), ((1, 9), "doc")], [(1, 9)]),  # the newest of a label, whatever it holds
        ([((1, 2), "doc"), ((1, 2, 3), "other")], [(1, 2), (1, 2, 3)]),
        ([((1, 2), ""), ((1, 2, 3), "")], [(1, 2, 3)]),
        ([((1, 2, 3), ""), ((1, 2), "")], [(1, 2), (1, 2, 3)]),
        ([((1, 9), ""), ((1, 2, 3), "")], [(1, 2, 3), (1, 9)]),
        ([((1, 2), "doc"), ((1, 2, 3), "")], [(1, 2), (1, 2, 3)]),
        ([((1, 2), ""), ((1, 2, 3), "doc")], [(1, 2), (1, 2, 3)]),
    ],
)
def test_what_an_entry_replaces(
    tmp_path: Path, writes: list[tuple[tuple[int, ...], str]], left: list[tuple[int, ...]]
) -> None:
    saved = opened(tmp_path)
    for tokens, label in writes:
        assert saved.write(tokens, str(tokens).encode(), label)
    for view in (saved, opened(tmp_path)):
        assert tokens_of(view) == left
        assert [view.read(entry) for entry in view.entries] == [
            str(entry.tokens).encode() for entry in view.entries
        ]
    assert usage(tmp_path).prompts == len(left)


def test_what_is_saved_already_is_only_marked_as_used(tmp_path: Path) -> None:
    saved = opened(tmp_path)
    saved.write(TOKENS, STATE, "doc")
    (entry,) = saved.entries
    age(entry.path, 1_000)
    before = entry.path.stat()
    assert saved.write(TOKENS, STATE, "doc")
    after = entry.path.stat()
    assert after.st_mtime > before.st_mtime + 900
    assert os.name != "posix" or after.st_ino == before.st_ino, "not written anew"


def test_what_is_read_ahead_is_what_is_read(tmp_path: Path) -> None:
    """The prompt used last, once; another one, and one that is damaged, are read as ever."""
    saved = opened(tmp_path)
    saved.write([1], b"one", "a")
    saved.write([2], b"two", "b")
    for entry in saved.entries:
        age(entry.path, 100 * entry.tokens[0])
    saved.refresh()
    newest, older = saved.entries
    for first, second in ((newest, older), (older, newest)):
        saved.read_ahead()
        assert (saved.read(first), saved.read(second)) == (STATES[first.tokens], STATES[second.tokens])
    newest.path.write_bytes(newest.path.read_bytes()[:-1] + b"?")
    saved.read_ahead()
    assert saved.read(newest) is None
    assert tokens_of(saved) == [older.tokens]
    assert tokens_of(opened(tmp_path / "empty")) == []
    opened(tmp_path / "empty").read_ahead()


# Bounds


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.integers(0, 3), st.integers(0, 900)), min_size=1, max_size=15
    )
)
def test_the_limit_holds_for_all_identities_together(writes: list[tuple[str, int, int]]) -> None:
    """After every write; and the one just written is there unless it alone is too large."""
    with fresh_directory() as directory:
        for identity, label, size in writes:
            saved = opened(directory, identity, 1_000)
            kept = saved.write([label, size], bytes(size), str(label))
            assert usage(directory).size_bytes <= 1_000
            assert kept == (Head(identity, str(label), (label, size), size).file_bytes <= 1_000)
            assert not kept or (label, size) in tokens_of(saved)


def test_what_was_unused_longest_goes_first(tmp_path: Path) -> None:
    saved, other = opened(tmp_path), opened(tmp_path, "model b")
    saved.write([1], STATE, "one")
    saved.write([2], STATE, "two")
    other.write([3], STATE, "three")
    saved.refresh()
    for entry in (*saved.entries, *other.entries):
        age(entry.path, 10_000 - entry.tokens[0])
    saved.touch(next(entry for entry in saved.entries if entry.tokens == (1,)))
    assert [entry.tokens for entry in saved.entries] == [(1,), (2,)], "the last used first"
    small = opened(tmp_path, limit_bytes=usage(tmp_path).size_bytes)
    assert small.write([4], STATE, "four")
    assert tokens_of(small) == [(1,), (4,)]
    assert small.write([5], STATE, "five")
    assert tokens_of(small) == [(1,), (4,), (5,)]
    other.refresh()
    assert other.entries == (), "it was older than the one that was touched"


def test_a_lower_limit_holds_from_the_start(tmp_path: Path) -> None:
    opened(tmp_path).write([1], STATE)
    assert opened(tmp_path, limit_bytes=0).entries == ()
    assert usage(tmp_path) == Usage(0, 0)


def test_what_dead_writers_left_is_removed_after_an_hour(tmp_path: Path) -> None:
    for name, seconds in (("dead", DEAD_AFTER_S + 60), ("alive", 60)):
        (tmp_path / f"{name}.part").write_bytes(b"half")
        age(tmp_path / f"{name}.part", seconds)
    opened(tmp_path)
    assert names(tmp_path) == ["alive.part"]
    assert usage(tmp_path) == Usage(0, 4)
    assert clear(tmp_path) == 4


@posix_only
def test_heads_are_read_without_their_states(tmp_path: Path) -> None:
    """50 prompts of 4,096 tokens, each with a state of 200 MB, which are holes in the files."""
    tmp_path.chmod(0o700)
    for number in range(50):
        head = Head("model a", str(number), tuple(range(4_096)), 200_000_000)
        path = tmp_path / f"{head.key}.prefix"
        path.write_bytes(head.packed())
        os.truncate(path, head.file_bytes)
    started = time.perf_counter()
    saved = opened(tmp_path, limit_bytes=GENEROUS * 200)
    assert time.perf_counter() - started < 1, "some 20 ms on a quiet machine"
    assert len(saved.entries) == 50


# Other processes


def test_what_vanishes_or_changes_under_way_is_no_error(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    saved, other = opened(tmp_path), opened(tmp_path)
    for number in range(3):
        saved.write([number], STATE, str(number))
    gone, touched, changed = sorted(saved.entries, key=lambda entry: entry.tokens)
    gone.path.unlink()
    assert saved.read(gone) is None
    touched.path.unlink()
    saved.touch(touched)
    assert other.write([2, 7], b"newer", "2")
    assert saved.read(changed) is None, "not the state of other tokens"
    assert saved.entries == ()
    saved.refresh()
    (entry,) = saved.entries
    assert (entry.tokens, saved.read(entry)) == ((2, 7), b"newer")
    assert [record for record in caplog.records if record.levelno > logging.INFO] == []


def test_a_directory_that_was_deleted_is_made_again(tmp_path: Path) -> None:
    saved = opened(tmp_path / "prefixes")
    (tmp_path / "prefixes").rmdir()
    assert saved.write(TOKENS, STATE)
    assert saved.read(*saved.entries) == STATE


_WRITER = """
import random, sys
from pathlib import Path
from engine.saved_prefixes import SavedPrefixes
name, directory = sys.argv[1], Path(sys.argv[2])
saved, chance = SavedPrefixes(directory, "model", 200_000), random.Random(name)
for number in range(200):
    size = chance.randrange(60_000)
    tokens = [size, *name.encode(), number]
    assert saved.write(tokens, bytes([size % 256]) * size, str(chance.randrange(4)))
    for entry in saved.entries:
        state = saved.read(entry)
        assert state is None or state == bytes([entry.tokens[0] % 256]) * entry.tokens[0], entry
    saved.refresh()
"""


def test_two_processes_write_the_same_entries_without_a_half_file(tmp_path: Path) -> None:
    """Both write four labels and read all they see; afterwards everything is whole and within the limit."""
    both = [
        subprocess.Popen(
            [sys.executable, "-c", _WRITER, name, str(tmp_path)], stderr=subprocess.PIPE, text=True
        )
        for name in ("one", "two")
    ]
    for process in both:
        assert process.communicate(timeout=60)[1] == "", "nothing damaged was seen: that would be logged"
        assert process.returncode == 0
    saved = opened(tmp_path, "model")
    assert 1 <= len(saved.entries) <= 4
    assert all(saved.read(entry) is not None for entry in saved.entries)
    assert usage(tmp_path).size_bytes <= 200_000
    assert {Path(name).suffix for name in names(tmp_path)} == {".prefix"}


# The owner's alone


@posix_only
def test_directory_and_files_are_the_owners_alone(tmp_path: Path) -> None:
    directory = tmp_path / "home" / "prefixes"
    directory.mkdir(parents=True)
    directory.chmod(0o755)
    before = os.umask(0)
    try:
        opened(directory).write(TOKENS, STATE)
    finally:
        os.umask(before)
    assert directory.stat().st_mode & 0o777 == 0o700
    assert [path.stat().st_mode & 0o777 for path in directory.iterdir()] == [0o600]


@posix_only
def test_nothing_is_written_where_others_may_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A disk without modes; one line in the log, however often it is tried."""
    tmp_path.chmod(0o755)
    monkeypatch.setattr(Path, "chmod", lambda *_: None)
    saved = opened(tmp_path)
    assert not saved.write(TOKENS, STATE) and not saved.write(TOKENS, STATE)
    assert names(tmp_path) == []
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == len(set(said)) == 2, "once of reading, once of writing"
    assert all("other users may read the directory" in text for text in said)


# Disks that do not take it


def test_a_full_disk_leaves_no_half_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Half of the file fits; the older entry stays, and it is said once. With room again, it is written."""
    saved = opened(tmp_path)
    assert saved.write([1], b"older", "doc")
    before = names(tmp_path)

    def half(file, head, state):
        file.write(head.packed())
        file.flush()
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(saved_prefixes, "write_file", half)
        assert not saved.write([1, 2], STATE, "doc") and not saved.write([1, 2], STATE, "doc")
    assert names(tmp_path) == before
    assert [saved.read(entry) for entry in saved.entries] == [b"older"]
    (record,) = caplog.records
    assert "No space left on device" in record.getMessage()
    assert saved.write([1, 2], STATE, "doc")
    assert tokens_of(saved) == [(1, 2)]


@posix_only
def test_a_file_that_may_not_grow_is_not_kept(tmp_path: Path) -> None:
    """The system's own refusal in the middle of writing, by a limit on the size of files."""
    code = (
        "import resource, sys; from pathlib import Path; from engine.saved_prefixes import SavedPrefixes\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "saved = SavedPrefixes(Path(sys.argv[1]), 'model', 1 << 30)\n"
        "print(saved.write([1], bytes(50_000)), saved.write([2], bytes(1_000_000)), len(saved.entries))"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False", "1"]
    assert "cannot be written: File too large" in done.stderr
    assert usage(tmp_path).prompts == len(names(tmp_path)) == 1


@pytest.mark.parametrize(("owner", "refused"), [(tempfile, "mkstemp"), (Path, "chmod"), (os, "utime")])
def test_a_read_only_disk_is_read(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    owner: object,
    refused: str,
) -> None:
    saved = opened(tmp_path)
    saved.write([1], b"older")

    def read_only(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(owner, refused, read_only)
    later = opened(tmp_path)
    (entry,) = later.entries
    assert later.read(entry) == b"older"
    later.touch(entry)
    assert later.write([2], STATE) == (refused != "mkstemp")
    said = [record.getMessage() for record in caplog.records]
    assert all("Read-only file system" in text for text in said)
    assert len(said) == (refused != "chmod")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_parent_that_may_not_be_written_is_a_line_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tmp_path.chmod(0o500)
    try:
        assert not opened(tmp_path / "prefixes").write(TOKENS, STATE)
    finally:
        tmp_path.chmod(0o700)
    assert all("Permission denied" in record.getMessage() for record in caplog.records) and caplog.records


def test_a_file_in_the_directorys_place_is_a_line_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "prefixes").write_text("in the way")
    saved = opened(tmp_path / "prefixes")
    assert not saved.write(TOKENS, STATE)
    assert saved.entries == ()
    assert all(str(tmp_path / "prefixes") in record.getMessage() for record in caplog.records)
    assert (tmp_path / "prefixes").read_text() == "in the way"


# Without an identity


def test_size_and_clear_need_no_identity(tmp_path: Path) -> None:
    assert usage(tmp_path / "none") == Usage(0, 0)
    assert clear(tmp_path / "none") == 0
    for identity in "ab":
        opened(tmp_path, identity).write(TOKENS, STATE)
    before = usage(tmp_path)
    assert before == Usage(2, sum(path.stat().st_size for path in tmp_path.iterdir()))
    assert clear(tmp_path) == before.size_bytes
    assert names(tmp_path) == []


@posix_only
def test_links_are_not_followed(tmp_path: Path) -> None:
    directory, elsewhere = tmp_path / "prefixes", tmp_path / "elsewhere"
    saved = opened(directory)
    saved.write(TOKENS, STATE)
    (entry,) = saved.entries
    entry.path.rename(elsewhere)
    entry.path.symlink_to(elsewhere)
    assert opened(directory).entries == ()
    assert clear(directory) == 0
    assert elsewhere.exists()


def test_they_lie_in_the_cache_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODEFLOW_HOME", str(tmp_path))
    assert prefixes_dir() == tmp_path / "prefixes"
    assert names(tmp_path) == [], "asking makes nothing"
