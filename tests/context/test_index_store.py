"""The file an index is kept in: what survives, what is made anew, who may read it."""

from __future__ import annotations

import logging
import os
import sqlite3
import stat
import threading
from pathlib import Path

import pytest

from context.index import store as storing
from context.index.graph import defined
from context.index.reader import Reader
from context.index.store import FILE_NAME, Facts, Store, content_key, directory_of
from context.outline import Outline, to_json

FACTS = Facts(to_json(Outline("python", (), (), ())), (defined("price"),), (("item", 2), ("price", 1)))


def put(store: Store, path: str, key: bytes | None = b"k", language: str = "python") -> None:
    store.put(path, size=1, modified_ns=2, language=language, key=key)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "index")


def filled(store: Store) -> Store:
    store.begin()
    store.add(b"k", FACTS)
    put(store, "shop/price.py")
    put(store, "shop/old.py")
    store.commit()
    return store


def test_what_is_kept(tmp_path: Path, store: Store) -> None:
    """Files, who defines a name and outlines are there when the file is opened again."""
    filled(store).close()
    again = Store.open(tmp_path / "index")
    assert not again.anew
    assert again.stamps() == {"shop/price.py": (1, 2), "shop/old.py": (1, 2)}
    reader = Reader(tmp_path / "index")
    assert reader.paths() == ("shop/old.py", "shop/price.py")
    assert reader.defining("price") == ("shop/old.py", "shop/price.py")
    assert reader.outline("shop/price.py") == Outline("python", (), (), ())
    reader.close()
    again.close()


@pytest.mark.skipif(
    os.name == "nt", reason="Windows has no such modes; the profile's folder is private there"
)
def test_nobody_else_may_read_it(tmp_path: Path, store: Store) -> None:
    """The folder and every file in it are the user's alone."""
    filled(store)
    assert stat.S_IMODE((tmp_path / "index").stat().st_mode) == 0o700
    modes = {stat.S_IMODE(each.stat().st_mode) for each in (tmp_path / "index").iterdir()}
    store.close()
    assert modes == {0o600}


@pytest.mark.parametrize("damage", ["head", "middle", "all"])
def test_a_damaged_file(tmp_path: Path, store: Store, damage: str, caplog: pytest.LogCaptureFixture) -> None:
    """A damaged file is made anew, with a line in the log; it never raises at the reader's side."""
    filled(store).close()
    path = tmp_path / "index" / FILE_NAME
    content = bytearray(path.read_bytes())
    begin, end = {"head": (0, 100), "middle": (100, 8192), "all": (0, len(content))}[damage]
    content[begin:end] = b"\xa5" * (end - begin)
    path.write_bytes(content)
    reader = Reader(tmp_path / "index")
    assert (reader.paths(), reader.defining("price"), reader.rank("shop/price.py")) == ((), (), 0.0)
    reader.close()
    with caplog.at_level(logging.INFO):
        again = Store.open(tmp_path / "index")
    assert again.anew
    assert again.stamps() == {}
    assert "made anew" in caplog.text
    again.close()


def test_another_version(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A file of another version is empty for the reader, and is made anew under its eyes."""
    filled(store).close()
    reader = Reader(tmp_path / "index")
    assert reader.count() == 2
    newer = storing.version() + 1
    monkeypatch.setattr(storing, "version", lambda: newer)
    with caplog.at_level(logging.INFO):
        again = Store.open(tmp_path / "index")
    assert again.anew
    assert "another version" in caplog.text
    reader.forget()
    assert reader.paths() == ()
    reader.close()
    again.close()


def test_a_branch_that_came_back(store: Store) -> None:
    """What a text says is still known after its file is gone."""
    filled(store)
    store.begin()
    store.forget(["shop/price.py", "shop/old.py"])
    store.commit()
    assert store.stamps() == {}
    assert store.has(b"k")
    store.close()


def test_pruning(store: Store) -> None:
    """Of what belongs to no file the newest is kept, up to a number of bytes; what a file has stays."""
    store.begin()
    for key in (b"1", b"2", b"3", b"4"):
        store.add(key, FACTS)
    put(store, "a.py", b"1")
    store.commit()
    assert store.prune(most_bytes=10_000) == 0
    one = store.prune(most_bytes=0) - 2  # bytes of a single one are not ours to know
    assert one == 1
    assert [store.has(key) for key in (b"1", b"2", b"3", b"4")] == [True, False, False, False]
    store.close()


def test_what_may_not_be_read(tmp_path: Path, store: Store) -> None:
    """A file that may not be read is remembered, so that it is not tried again, but is nobody's path."""
    put(store, "blob.py", None, language="")
    assert "blob.py" in store.stamps()
    reader = Reader(tmp_path / "index")
    assert reader.paths() == ()
    reader.close()
    store.close()


def test_a_folder_s_files(store: Store) -> None:
    """Below a folder are its files, not those of a folder whose name begins alike."""
    for path in ("a/x.py", "a/b/y.py", "ab/z.py", "a.py", "a"):
        put(store, path, None)
    assert sorted(store.known_below("a")) == ["a", "a/b/y.py", "a/x.py"]
    store.close()


def test_rollback(store: Store) -> None:
    """What was not committed was never there."""
    filled(store)
    store.begin()
    store.forget(["shop/price.py"])
    store.rollback()
    assert "shop/price.py" in store.stamps()
    store.close()


def test_readers_while_writing(tmp_path: Path, store: Store) -> None:
    """Threads read while another connection writes: each sees one state or the next, none raises."""
    filled(store)
    reader = Reader(tmp_path / "index")
    seen: set[int] = set()
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            seen.add(reader.count())
            reader.forget()

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(20):
        store.begin()
        for each in range(10):
            put(store, f"{number}/{each}.py")
        store.commit()
    stop.set()
    for thread in threads:
        thread.join()
    assert seen <= {2 + 10 * number for number in range(21)}
    reader.close()
    store.close()


def test_nothing_there(tmp_path: Path) -> None:
    """Without a file every question has an empty answer, and none makes one."""
    reader = Reader(tmp_path / "none")
    assert reader.paths() == ()
    assert reader.outline("a.py") is None
    assert reader.linked("a.py") == ()
    assert reader.top(3) == ()
    assert reader.use("price") == (1, 0)
    assert not reader.complete()
    reader.close()
    assert not (tmp_path / "none").exists()


def test_one_directory_per_real_path(tmp_path: Path) -> None:
    """Two names of one folder share an index; two folders do not."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    cache = tmp_path / "cache"
    assert directory_of(cache, tmp_path / "a") == directory_of(cache, tmp_path / "b" / ".." / "a")
    assert directory_of(cache, tmp_path / "a") != directory_of(cache, tmp_path / "b")


def test_content_keys() -> None:
    """The same text is another one in another language, and half of a surrogate pair is no reason to fail."""
    assert content_key("c", "int a;") != content_key("cpp", "int a;")
    assert content_key("c", "\ud800") == content_key("c", "\ud800")


def test_only_sqlite_speaks(tmp_path: Path, store: Store) -> None:
    """The reader's connections cannot write."""
    filled(store)
    reader = Reader(tmp_path / "index")
    connection = reader._connection()
    assert connection is not None
    with pytest.raises(sqlite3.OperationalError):
        connection.execute("DELETE FROM files")
    reader.close()
    store.close()
