"""The file of a saved prompt: its form, and that damage of any kind costs the state and never changes it."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.prefix_file import Damaged, Head, read_head, read_whole, write_file
from engine.saved_prefixes import SavedPrefixes, clear

TOKENS = (1, 2, 3, 151_643, 2**31 - 1)
STATE = bytes(range(256)) * 4


def opened(directory: Path) -> SavedPrefixes:
    return SavedPrefixes(directory, "model a", 1 << 30)


def test_the_form_of_the_file_is_this(tmp_path: Path) -> None:
    """A change of it needs another VERSION; then this test changes too."""
    path = tmp_path / "one"
    with path.open("wb") as file:
        write_file(file, Head("m", "doc", (1, 258), 3), b"xyz")
    header = b'{"identity": "m", "label": "doc", "tokens": 2, "state_bytes": 3}'
    content = path.read_bytes()
    begin = b"CFPREFIX" + b"\1\0\0\0" + bytes([len(header), 0, 0, 0]) + header
    assert content.startswith(begin + b"\1\0\0\0\2\1\0\0")
    assert content.endswith(b"xyz")
    assert len(content) == len(begin) + 8 + 32 + 3 == Head("m", "doc", (1, 258), 3).file_bytes
    assert read_head(path) == Head("m", "doc", (1, 258), 3)
    assert read_whole(path) == (Head("m", "doc", (1, 258), 3), b"xyz")
    path.write_bytes(content[:-1] + b"!")
    with pytest.raises(Damaged, match="its digest is wrong"):
        read_whole(path)


def written_bytes() -> bytes:
    with tempfile.TemporaryDirectory() as directory:
        saved = opened(Path(directory))
        assert saved.write(TOKENS, STATE, "doc")
        return saved.entries[0].path.read_bytes()


WHOLE = written_bytes()


def put(directory: Path, content: bytes) -> Path:
    path = directory / f"{0:032x}.prefix"
    path.write_bytes(content)
    return path


def what_comes_back(content: bytes) -> list[bytes | None]:
    """Once damaged before the directory is opened, once between opening and reading."""
    answers: list[bytes | None] = []
    with tempfile.TemporaryDirectory() as folder:
        put(Path(folder), content)
        saved = opened(Path(folder))
        answers += [saved.read(entry) for entry in saved.entries]
    with tempfile.TemporaryDirectory() as folder:
        path = put(Path(folder), WHOLE)
        saved = opened(Path(folder))
        (entry,) = saved.entries
        path.write_bytes(content)
        answers.append(saved.read(entry))
        assert (saved.entries == ()) == (answers[-1] is None)
    return answers


@settings(max_examples=150, deadline=None)
@given(at=st.integers(0, len(WHOLE) - 1), mask=st.integers(1, 255))
@example(at=8, mask=1)  # the version
@example(at=15, mask=255)  # a header of 4 GB
@example(at=len(WHOLE) - 1, mask=1)
def test_a_flipped_byte_costs_the_state_and_never_changes_it(at: int, mask: int) -> None:
    content = bytearray(WHOLE)
    content[at] ^= mask
    assert set(what_comes_back(bytes(content))) == {None}


@settings(max_examples=60, deadline=None)
@given(length=st.integers(0, len(WHOLE) - 1), filler=st.sampled_from([b"", b"\0", b"junk"]))
def test_a_file_cut_short_or_filled_up_is_nothing(length: int, filler: bytes) -> None:
    filled = (filler * len(WHOLE))[: len(WHOLE) - length]
    if (content := WHOLE[:length] + filled) != WHOLE:
        assert set(what_comes_back(content)) == {None}


@settings(max_examples=60, deadline=None)
@given(content=st.binary(max_size=200), header=st.text(max_size=60))
@example(content=b"", header="[" * 20_000)
@example(content=b"", header='{"identity": "", "label": "", "tokens": -1, "state_bytes": 0}')
@example(content=b"", header='{"identity": "", "label": "", "tokens": true, "state_bytes": 0}')
@example(content=b"", header='{"identity": 1, "label": "", "tokens": 0, "state_bytes": 0}')
@example(content=b"", header='{"identity": "", "label": "", "tokens": 1e99, "state_bytes": 0}')
@example(content=b"", header="1" * 5_000)
@example(content=b"", header="null")
def test_no_file_of_whatever_content_raises(content: bytes, header: str) -> None:
    encoded = header.encode()
    begun = WHOLE[:12] + len(encoded).to_bytes(4, "little") + encoded + content
    assert what_comes_back(content) == [None]
    assert what_comes_back(begun) == [None]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"GGUF" + bytes(100), "is no saved prompt"),
        (WHOLE[:-1], "bytes where"),
        (WHOLE[:16] + b"x" + WHOLE[17:], "its header cannot be read"),
        (WHOLE[:15] + b"\xff" + WHOLE[16:], "its header is too long"),
    ],
)
def test_a_damaged_file_is_named_once_and_removed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes, says: str
) -> None:
    path = put(tmp_path, content)
    assert opened(tmp_path).entries == ()
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert path.name in record.getMessage() and says in record.getMessage()
    assert not path.exists()


def test_a_wrong_state_is_found_when_it_is_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = put(tmp_path, WHOLE[:-1] + b"!")
    saved = opened(tmp_path)
    (entry,) = saved.entries
    assert saved.read(entry) is None
    (record,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert path.name in record.getMessage() and "its digest is wrong" in record.getMessage()
    assert saved.entries == () and not path.exists()


def test_a_file_of_another_version_or_name_is_left_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = put(tmp_path, WHOLE[:8] + b"\x63" + WHOLE[9:])
    (tmp_path / "notes.prefix").write_bytes(b"mine")
    assert opened(tmp_path).entries == ()
    assert path.exists() and (tmp_path / "notes.prefix").exists()
    assert caplog.records == []
    assert clear(tmp_path) == len(WHOLE)
    assert [left.name for left in tmp_path.iterdir()] == ["notes.prefix"]
