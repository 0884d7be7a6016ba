"""Counts of a session and of all; what is kept of an accepted text; the file that several servers share."""

from __future__ import annotations

import asyncio
import json
import logging
import multiprocessing
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from context.document import Document, Edit, Position
from context.workspace import Opened
from lsp_server import stats
from lsp_server.account import Account
from lsp_server.cli import main
from lsp_server.counts import Counts
from lsp_server.counts_file import CountsFile
from lsp_server.fates import Offer
from lsp_server.server import create_server
from lsp_server.stats import KEPT_AFTER_S, SAVED_AFTER_S, Stats

URI = "file:///secret/place.py"


class Session:
    """A server's statistics with a document, and a clock that is turned by hand."""

    def __init__(self, path: Path, text: str = "total = \n", *, keeps: bool = True) -> None:
        self.file = CountsFile(path)
        self.keeps = keeps
        self.waiting: list[tuple[float, Callable[[], object]]] = []
        self.documents = {URI: Document.of(URI, "place.py", "python", 1, text)}
        self.stats = Stats(
            self.file,
            later=lambda seconds, function: self.waiting.append((seconds, function)),
            document_of=self.documents.get,
            keeps=lambda: self.keeps,
        )

    def offer(self, key: str, text: str, at: Position = Position(0, 8), **more: Any) -> None:  # noqa: B008
        self.stats.offered(key, "python", [Offer(URI, at, text)], **more)

    def edit(self, text: str, start: Position, end: Position | None = None) -> None:
        document = self.documents[URI]
        self.documents[URI] = document.apply(Edit(text, start, end or start), document.version + 1)

    def wait(self, seconds: float) -> None:
        due = [function for after, function in self.waiting if after <= seconds]
        self.waiting = [(after - seconds, function) for after, function in self.waiting if after > seconds]
        for function in due:
            function()

    def session(self, *names: str) -> list[Any]:
        return [self.stats.as_json()["session"][name] for name in names]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "statistics.json"


def test_a_session_is_counted_by_language_too(path: Path) -> None:
    one = Session(path)
    account = Account("c1", "model", prompt_tokens=1000, cached_tokens=900)
    one.offer("c1", "sum(values)", waited_ms=120, account=account)
    one.offer("c1", "um(values)", Position(0, 9), waited_ms=0.1, account=Account("c1", "typed along"))
    one.stats.was_shown("c1")
    one.stats.was_shown("c1")
    one.stats.was_accepted("c1")
    one.stats.offered("n1", "a language nobody knows", [Offer(URI, Position(0, 0), "x")])
    found = one.stats.as_json()
    by_language = {"suggestions": 1, "shown": 1, "accepted": 1, "partly_accepted": 0}
    by_language["accepted_characters"] = 10
    assert found["session"] == found["total"] == {
        **by_language,
        "suggestions": 2,
        "kept": 0,
        "kept_of": 0,
        "p50_ms": pytest.approx(120, rel=0.1),
        "p95_ms": pytest.approx(120, rel=0.1),
        "cache_share": 0.9,
        "languages": {"python": by_language, "other": {**dict.fromkeys(by_language, 0), "suggestions": 1}},
    }  # fmt: skip


def test_after_half_a_minute_what_is_still_there_is_kept(path: Path) -> None:
    one = Session(path)
    one.offer("c1", "sum(values)")
    one.edit("sum(values)", Position(0, 8))
    one.stats.was_accepted("c1")
    one.edit("import os\n", Position(0, 0))
    one.edit("max", Position(1, 8), Position(1, 11))
    one.wait(KEPT_AFTER_S - 1)
    assert one.session("kept", "kept_of") == [0, 0]
    one.wait(1)
    assert one.session("kept", "kept_of") == [8, 11]


def test_word_by_word_each_part_is_looked_for(path: Path) -> None:
    one = Session(path)
    one.offer("c1", "sum(values)")
    one.edit("sum", Position(0, 8))
    one.stats.was_partly_accepted("c1", item="sum(values)", units=3)
    one.offer("c1", "(values)", Position(0, 11))
    one.edit("(values)", Position(0, 11))
    one.stats.was_accepted("c1")
    one.edit("", Position(0, 8), Position(0, 19))
    one.wait(KEPT_AFTER_S)
    assert one.session("accepted", "partly_accepted", "accepted_characters") == [1, 0, 11]
    assert one.session("kept", "kept_of") == [0, 11]


def test_a_text_that_is_not_where_it_should_be_or_a_closed_document_says_nothing(path: Path) -> None:
    one = Session(path)
    one.offer("c1", "sum(values)")
    one.stats.was_accepted("c1")  # the document was never told of it
    one.offer("c2", "max(values)")
    one.edit("max(values)", Position(0, 8))
    one.stats.was_accepted("c2")
    del one.documents[URI]
    one.wait(KEPT_AFTER_S)
    assert one.session("accepted", "kept", "kept_of") == [2, 0, 0]


def test_what_was_counted_is_written_a_minute_later_and_added_to_what_was_there(path: Path) -> None:
    for key in ("c1", "c2"):
        one = Session(path)
        one.offer(key, "ab")
        one.offer(key + "b", "ab")
        assert len(one.waiting) == 1  # a file is not written for every count
        one.wait(SAVED_AFTER_S)
        one.stats.save()  # nothing is new
    another = Session(path)
    another.offer("c1", "ab")
    found = another.stats.as_json()
    assert (found["session"]["suggestions"], found["total"]["suggestions"]) == (1, 5)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert {found.name for found in path.parent.iterdir()} <= {"statistics.json", "statistics.lock"}


def test_the_file_holds_neither_texts_nor_names(path: Path) -> None:
    one = Session(path)
    one.stats.offered("c-secret", "secret language", [Offer(URI, Position(0, 8), "secret text")], waited_ms=3)
    one.stats.was_shown("c-secret")
    one.stats.was_accepted("c-secret")
    one.stats.save()
    assert "secret" not in path.read_text("utf-8") and json.loads(path.read_text("utf-8"))["accepted"] == 1


def test_with_the_setting_off_no_file_is_written(path: Path) -> None:
    one = Session(path, keeps=False)
    one.offer("c1", "ab")
    one.wait(SAVED_AFTER_S)
    one.stats.save()
    assert not path.exists() and one.session("suggestions") == [1]
    one.keeps = True
    one.offer("c2", "ab")
    one.wait(SAVED_AFTER_S)
    assert one.file.read() is not None and one.stats.as_json()["total"]["suggestions"] == 2


def add_often(path: str, times: int) -> None:
    for _ in range(times):
        assert CountsFile(Path(path)).add(Counts(shown=1), since="2026-01-01T00:00:00+00:00", last_known=None)


def test_several_servers_lose_nothing(path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    servers = [spawn.Process(target=add_often, args=(str(path), 15)) for _ in range(3)]
    for server in servers:
        server.start()
    for server in servers:
        server.join(60)
    assert [server.exitcode for server in servers] == [0, 0, 0]
    kept = CountsFile(path).read()
    assert kept is not None and kept.counts.shown == 45


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b'{"since": "2026-01-01T00:00:00+00:00", "shown": "many"}',
        b'{"since": "long ago", "shown": 1}',
        b'{"shown": 1}',
        b'{"since": "2026-01-01T00:00:00+00:00", "latency": {"7": null}}',
        b'{"since": "2026-01-01T00:00:00+00:00", "languages": {"go": 3}}',
        b"[" * 100_000,
    ],
)
def test_a_damaged_file_is_begun_anew(path: Path, caplog: pytest.LogCaptureFixture, damage: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(damage)
    one = Session(path)
    one.offer("c1", "ab")
    with caplog.at_level(logging.WARNING):
        one.stats.save()
    assert "begins anew" in caplog.text
    kept = one.file.read()
    assert kept is not None and kept.counts.suggestions == 1


def test_a_disk_that_cannot_be_written_costs_nothing_but_the_file(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("in the way")
    one = Session(tmp_path / "cache" / "statistics.json")
    one.offer("c1", "ab")
    one.stats.save()
    assert one.session("suggestions") == [1]
    (tmp_path / "cache").unlink()
    one.stats.save()
    kept = one.file.read()
    assert kept is not None and kept.counts.suggestions == 1


def test_clearing_begins_anew_here_and_in_servers_that_run(path: Path) -> None:
    one, other = Session(path), Session(path)
    for server in (one, other):
        server.offer("c1", "ab")
        server.stats.save()
    other.offer("c2", "ab")  # not written yet
    path.write_text(path.read_text("utf-8").replace('"since": "2', '"since": "1'), "utf-8")  # long ago
    other.stats._last_known = one.stats._last_known = (one.file.read() or pytest.fail()).since
    one.stats.clear()
    assert one.session("suggestions") == [0]
    other.stats.save()
    found = other.stats.as_json()
    assert found["total"]["suggestions"] == 0 and found["since"][:2] == "20"
    other.offer("c3", "ab")
    other.stats.save()
    assert one.stats.as_json()["total"]["suggestions"] == 1


def test_what_was_accepted_in_part_before_a_clearing_is_never_less_than_nothing_after(path: Path) -> None:
    one = Session(path)
    one.offer("c1", "sum(values)")
    one.stats.was_partly_accepted("c1", item=None, units=3)
    one.stats.clear()
    one.stats.was_accepted("c1")
    one.stats.save()
    for counts in (one.stats.as_json()["session"], one.stats.as_json()["total"]):
        assert (counts["accepted"], counts["partly_accepted"], counts["accepted_characters"]) == (1, 0, 8)
        assert counts["languages"]["python"]["partly_accepted"] == 0


async def test_a_server_looks_and_writes_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On worker threads: the event loop has better things to do."""
    monkeypatch.setenv("CODEFLOW_HOME", str(tmp_path))
    monkeypatch.setattr(stats, "SAVED_AFTER_S", 0.05)
    monkeypatch.setattr(stats, "KEPT_AFTER_S", 0.4)  # when the first counts are written
    server = create_server()
    server.files.apply(Opened(Document.of(URI, "place.py", "python", 1, "total = sum(values)\n")))
    server.stats.offered("c1", "python", [Offer(URI, Position(0, 8), "sum(values)")])
    server.stats.was_accepted("c1")
    until = time.monotonic() + 20
    while (kept := CountsFile().read()) is None or not kept.counts.kept_of:
        assert time.monotonic() < until, kept
        await asyncio.sleep(0.05)
    assert (kept.counts.accepted, kept.counts.kept, kept.counts.kept_of) == (1, 11, 11)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CountsFile:
    monkeypatch.setenv("CODEFLOW_HOME", str(tmp_path))
    return CountsFile()


def counted(file: CountsFile) -> None:
    counts = Counts(
        suggestions=1500,
        shown=1200,
        accepted=300,
        partly_accepted=20,
        accepted_characters=12_000,
        kept=900,
        kept_of=1000,
        prompt_tokens=100,
        cached_tokens=97,
    ).in_language("python")
    for ms in (100, 100, 100, 400):
        counts.latency.note(ms)
    assert file.add(counts, since="2026-01-02T03:04:05+00:00", last_known=None)


def test_the_command_shows_all_sessions(home: CountsFile, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stats"]) == 0
    assert capsys.readouterr().out == "No suggestions were counted yet.\n"
    counted(home)
    assert main(["stats"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "since\t2026-01-02",
        "suggestions\t1,500",
        "shown\t1,200, as far as editors say",
        "accepted\t300 whole, 20 in part",
        "characters\t12,000 that nobody had to type",
        "kept\t90% of it after 30 s",
        "time\t99 ms in the median, 95 of 100 within 395 ms",
        "cache\t97% of all prompt tokens",
        "python\t1,500 suggestions, 320 accepted",
    ]
    assert main(["stats", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["since"], found["total"]["accepted"]) == ("2026-01-02T03:04:05+00:00", 300)


def test_on_a_terminal_it_is_drawn(
    home: CountsFile, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    counted(home)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert main(["stats"]) == 0
    out = capsys.readouterr().out
    assert "300 whole" in out and "never leave this machine" in out and "\t" not in out


def test_the_command_clears(home: CountsFile, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stats", "clear"]) == 0
    assert capsys.readouterr().out == "No suggestions were counted yet.\n" and not home.path.exists()
    counted(home)
    assert main(["stats", "clear"]) == 0
    kept = home.read()
    assert capsys.readouterr().out == "The counting begins anew.\n"
    assert kept is not None and kept.counts == Counts() and kept.since > "2026-01-02T03:04:05"


def test_what_cannot_be_cleared_is_a_sentence(
    home: CountsFile, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    counted(home)

    def in_use(*_: object) -> None:
        raise PermissionError(13, "The process cannot access the file")

    monkeypatch.setattr(Path, "replace", in_use)
    assert main(["stats", "clear"]) == 1
    assert f"{home.path} cannot be cleared: The process" in capsys.readouterr().err
    assert {found.name for found in home.path.parent.iterdir()} == {"statistics.json", "statistics.lock"}
