"""The typing replay without any server: what is typed, what the typist takes, and what llama.vim would do."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks.cases import At
from tests.benchmarks.infilling import SHARED
from tests.benchmarks.llama_vim.answers import Answers
from tests.benchmarks.llama_vim.context import as_if_accepted, local
from tests.benchmarks.llama_vim.hint import hint_of
from tests.benchmarks.llama_vim.plugin import Plugin
from tests.benchmarks.llama_vim.ring import CHUNK, IN_RING, Ring, alike
from tests.benchmarks.replay.buffer import Buffer, Change
from tests.benchmarks.replay.plan import Commit, File, Hunk, cost, first_keys, keys_of, originals, rounds
from tests.benchmarks.replay.results import figures, read, summary, written
from tests.benchmarks.replay.run import Course
from tests.benchmarks.replay.system import Cost, Offer
from tests.benchmarks.replay.typist import Pace, Row, Typist, taken
from tests.benchmarks.replayed import after, traces

AT_ONCE = Pace(0.0, 0.0, 0.0)


class Scripted:
    """A system that always offers the same, and keeps what it was told."""

    name = "scripted"

    def __init__(self, offer: Offer | None) -> None:
        self.offer = offer
        self.buffer = Buffer()
        self.came: list[At] = []
        self.asked: list[At] = []
        self.saved: list[str] = []

    @contextlib.asynccontextmanager
    async def session(self, root: Path) -> AsyncIterator[None]:
        yield

    async def open(self, path: str, buffer: Buffer) -> None:
        self.buffer = buffer

    def come(self, at: At) -> None:
        self.came.append(at)

    def change(self, change: Change) -> None:
        pass

    async def suggest(self, at: At) -> Offer | None:
        self.asked.append(at)
        return self.offer

    async def cost(self) -> Cost:
        return Cost("nothing" if self.offer is None else "model", 10, 4, 2)

    async def save(self) -> None:
        self.saved.append(self.buffer.text)

    async def rest(self, seconds: float) -> None:
        pass

    def suspend(self) -> None:
        pass

    def resume(self) -> None:
        pass


def a_commit(*hunks: Hunk, before: str) -> Commit:
    return Commit("a/b@1", "a/b", [], (File("b.py", before, hunks),))


async def typed(system: Scripted, commit: Commit, most_keys: int = 60) -> list[Row]:
    rows: list[Row] = []
    typist = Typist(system, commit, most_keys, AT_ONCE)
    for _ in commit.asked():
        await typist.go_on(rows.append)
    return rows


# --- the buffer and the plan -----


@pytest.mark.parametrize(
    ("change", "text", "cursor"),
    [
        (Change((1, 1), (1, 1), "x"), "one\ntxwo\n", (1, 2)),
        (Change((0, 3), (1, 0), " "), "one two\n", (0, 4)),
        (Change((1, 0), (2, 0), ""), "one\n", (1, 0)),
        (Change((2, 0), (2, 0), "three"), "one\ntwo\nthree", (2, 5)),
        (Change((1, 3), (1, 3), "\n    a\n  "), "one\ntwo\n    a\n  \n", (3, 2)),
    ],
)
def test_a_change_does_to_a_buffer_what_an_editor_does(change: Change, text: str, cursor: At) -> None:
    buffer = Buffer.of("one\ntwo\n")
    buffer.apply(change)
    assert (buffer.text, change.after) == (text, cursor)


def test_a_line_break_and_the_indentation_after_it_are_one_key() -> None:
    assert list(keys_of("a:\n    b")) == ["a", ":", "\n    ", "b"]
    assert cost("a:\n    b") == 4
    assert first_keys("a:\n    b", 3) == "a:\n    "


def test_what_opening_a_line_brings_is_not_typed() -> None:
    hunk = Hunk(3, 0, "    if a:\n        b()\n", asked=True)
    assert (hunk.indentation, hunk.keys) == ("    ", "if a:\n        b()")


def test_a_backport_is_no_original() -> None:
    def row(subject: str, new: str) -> dict[str, Any]:
        return {"subject": subject, "edits": [{"hunks": [{"new": new}]}]}

    code = "value = compute(first, second, third, fourth)\n"
    rows = [row("Fix", code), row("Fix", "other\n"), row("Backport", f"  {code}"), row("New", "short\n")]
    assert [one["subject"] for one in originals(rows)] == ["Fix", "New"]


@pytest.mark.skipif(not (SHARED / "data").is_dir(), reason="the typing traces are not there")
def test_typing_every_hunk_makes_of_a_file_what_its_author_made() -> None:
    """Also where hunks are typed key by key, and where suggestions are taken."""
    ends = {
        (r["task_id"], e["path"]): after(e) for rows in traces().values() for r in rows for e in r["edits"]
    }
    first = next(rounds("test", 3))
    assert len({commit.repo for commit in first}) == 3
    for commit in first:
        files = [file for file in commit.files if file.hunks and file.hunks[-1].asked]
        system = Scripted(None)
        asyncio.run(typed(system, Commit(commit.task_id, commit.repo, [], tuple(files)), most_keys=5))
        assert system.saved == [ends[commit.task_id, file.path] for file in files]


# --- the typist -----


@pytest.mark.parametrize(
    ("offer", "coming", "head", "tail", "takes"),
    [
        (None, "abc", "", "", ""),
        (Offer("return 1"), "return 1\n", "    ", "", "return 1"),
        (Offer("return 2"), "return 1\n", "    ", "", "return "),
        (Offer("re"), "return 1\n", "    ", "", ""),  # saves less than three keys
        (Offer("   "), "   x", "", "", ""),  # blanks alone
        (Offer("    return 1", before=4), "return 1", "    ", "", "return 1"),
        (Offer("\treturn 1", before=4), "return 1", "    ", "", ""),  # would alter what is typed
        (Offer("print(a))", after=1), "print(a)", "", ")", "print(a)"),
        (Offer("a = 1\n    b"), "a = 1\n    c", "", "", "a = 1"),  # the line break is typed with its blanks
        (Offer("a = 1\nb = 2"), "a = 1\nb = 3", "", "", "a = 1\nb = "),
    ],
)
def test_the_typist_takes_what_is_right(
    offer: Offer | None, coming: str, head: str, tail: str, takes: str
) -> None:
    assert taken(offer, coming, head, tail) == takes


async def test_without_suggestions_there_is_a_request_for_every_key() -> None:
    system = Scripted(None)
    hunk = Hunk(1, 1, "    return 12\n", asked=True)
    rows = await typed(system, a_commit(hunk, before="def f():\n    pass\n"))
    assert system.saved == ["def f():\n    return 12\n"]
    assert [row["at"] for row in rows] == system.asked == [(1, column) for column in range(4, 13)]
    assert [row["key"] for row in rows] == list(range(9))
    assert sum(row["keys"] for row in rows) == 9


async def test_a_suggestion_taken_is_one_key() -> None:
    system = Scripted(Offer("return 12 + x"))
    rows = await typed(system, a_commit(Hunk(1, 0, "    return 12\n", asked=True), before="def f():\n"))
    assert system.saved == ["def f():\n    return 12\n"]
    assert [(row["taken"], row["keys"]) for row in rows] == [(9, 9)]


async def test_of_a_long_hunk_the_end_is_put_in_at_once() -> None:
    system = Scripted(None)
    hunks = Hunk(0, 0, "import os\n", asked=False), Hunk(2, 0, "a = 1\nb = 2\n", asked=True)
    rows = await typed(system, a_commit(*hunks, before="\n"), most_keys=3)
    assert (len(rows), system.saved) == (3, ["import os\n\na = 1\nb = 2\n"])


# --- llama.vim -----


def test_the_line_of_the_cursor_is_the_prompt() -> None:
    here = local(["a", "    b = c)", "d"], (1, 8))
    assert (here.prefix, here.middle, here.suffix) == ("a\n", "    b = ", "c)\nd\n")
    assert (here.tail, here.indent) == ("c)", 4)


def test_a_line_of_blanks_is_asked_for_from_its_beginning() -> None:
    here = local(["a", "    ", "d"], (1, 4))
    assert (here.middle, here.suffix, here.indent) == ("", "\nd\n", 0)


def test_what_follows_a_suggestion_is_asked_for_as_if_it_was_accepted() -> None:
    here = as_if_accepted(["a", "b = ", "d"], (1, 4), ("f(", "  c,", ")"), 0)
    assert (here.prefix, here.middle, here.suffix) == ("a\nb = f(\n  c,\n", ")", "\nd\n")


def test_an_answer_serves_on_while_what_is_typed_agrees_with_it() -> None:
    answers, lines = Answers(), ["", "ret"]
    answers.keep(local(lines, (1, 3)).keys(), "urn 1")
    assert answers.find(local(["", "return"], (1, 6))) == " 1"
    assert answers.find(local(["", "retry"], (1, 5))) is None
    assert answers.find(local(["", "return 1"], (1, 8))) is None


def test_an_answer_that_repeats_the_next_line_is_not_shown() -> None:
    assert hint_of("b", ["a", "", "b"], (1, 0)).lines == ("",)
    shown = hint_of("    c\n", ["a", "    ", "b"], (1, 4))
    assert (shown.head, shown.lines, shown.can_accept) == ("    ", ("c",), True)


def test_the_ring_takes_in_a_chunk_at_a_time_and_forgets_the_oldest() -> None:
    ring = Ring()
    for number in range(IN_RING + 1):
        ring.pick([f"word{number}_{line}" for line in range(3)], "f.py", evict=True)
        assert ring.advance()
    assert not ring.advance()
    assert len(ring.extra()) == IN_RING
    assert ring.extra()[0] == {"text": "word1_0\nword1_1\nword1_2\n", "filename": "f.py"}


def test_the_ring_queues_nothing_twice_and_nothing_short() -> None:
    ring, text = Ring(), ["a b", "c d", "e f"]
    for chunk in (text, text, text[:2]):
        ring.pick(chunk, "f.py", evict=True)
    assert len(ring.queued) == 1
    ring.pick([f"line {n}" for n in range(2 * CHUNK)], "g.py", evict=True)
    assert len(ring.queued[1][1]) == CHUNK // 2 + 1
    assert alike(["a b"], ["a c"]) == 0.5


async def test_one_request_runs_at_a_time_and_what_follows_is_asked_for_ahead() -> None:
    asked: list[dict[str, Any]] = []

    def ask(request: dict[str, Any]) -> dict[str, Any]:
        asked.append(request)
        return {"content": "urn 1" if len(asked) == 1 else ""}

    lines = ["def f():", "    ret"]
    plugin = Plugin(lambda: lines, ask, lambda response, ahead: None)
    plugin.moved((1, 7))
    async with asyncio.timeout(10):
        while plugin.pending:
            plugin.event.clear()
            await plugin.event.wait()
    assert plugin.hint is not None and plugin.hint.lines == ("urn 1",)
    assert [(one["prompt"], one["t_max_predict_ms"]) for one in asked] == [
        ("    ret", 250),
        ("    return 1", 1000),
    ]


async def test_a_server_that_fails_is_told_of() -> None:
    def ask(request: dict[str, Any]) -> dict[str, Any]:
        raise ConnectionError("gone")

    plugin = Plugin(lambda: ["a", "b"], ask, lambda response, ahead: None)
    plugin.moved((1, 1))
    await plugin.event.wait()
    assert isinstance(plugin.failure, ConnectionError)


# --- results -----


def a_row(system: str, hunk: int = 0, **others: Any) -> Row:
    row = {
        "kind": "request",
        "system": system,
        "repo": "a/b",
        "task_id": "a/b@1",
        "hunk": hunk,
        "busy": False,
    }
    row |= {
        "key": 0,
        "ms": 100.0,
        "shown": "x",
        "taken": 0,
        "keys": 1,
        "source": "model",
        "prompt_tokens": 50,
    }
    row |= {"evaluated_tokens": 10, "generated_tokens": 5, "ahead_tokens": None}
    return row | others


def done(system: str, hunk: int = 0) -> Row:
    return {"kind": "hunk", "system": system, "hunk": hunk, "task_id": "a/b@1", "busy": False}


def test_times_are_of_what_was_shown_and_keys_of_all_requests() -> None:
    found = figures(
        [
            a_row("ours", ms=200.0),
            a_row("ours", ms=2.0, source="typed along", evaluated_tokens=0),
            a_row("ours", ms=900.0, shown=None),
            a_row("ours", ms=400.0, taken=17, keys=17),
        ]
    )
    assert (found["requests"], found["shown"], found["model"]) == (4, 3, 3)
    assert (found["shown_median_ms"], found["shown_within_300_ms_percent"]) == (200, 66.7)
    assert (found["model_median_ms"], found["model_within_1_s_percent"]) == (400, 100.0)
    assert (found["evaluated_per_request"], found["evaluated_per_model_request"]) == (7.5, 10.0)
    assert (found["keys_saved_percent"], found["keys_saved_per_key"]) == (80.0, 4.0)


def test_only_hunks_that_both_finished_count_and_a_cut_off_line_is_left_out(tmp_path: Path) -> None:
    out = tmp_path / "run.jsonl"
    with written(out) as note:
        note({"kind": "run", "systems": ["ours", "peer"]})
        for row in (a_row("ours"), done("ours"), a_row("peer", ms=400.0), done("peer")):
            note(row)
        for row in (a_row("ours", hunk=1), done("ours", hunk=1), a_row("peer", hunk=1)):
            note(row)
        note({"kind": "failure", "task_id": "a/b@2", "error": "RuntimeError: peer: gone"})
    with out.open("a") as file:
        file.write(json.dumps(done("peer", hunk=1))[:20])
    found = summary(read(out))
    assert [row["requests"] for row in found["typing replay"]] == [1, 1]
    assert found["compared"][0]["shown_median_ms"] == 0.25
    assert found["failed"] == [{"commit": "a/b@2", "error": "RuntimeError: peer: gone"}]
    with pytest.raises(FileExistsError), written(out):
        pass


def test_few_requests_come_from_every_project_too() -> None:
    assert [Course(number).most_keys for number in (1, 60, 300)] == [10, 20, 40]
