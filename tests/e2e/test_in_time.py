"""The deadline, and what is asked ahead, on a scripted model that takes its time."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Any

from tests.lsp_client import Editor, editor

URI = "file:///project/a.py"
LONG = "# a line of some length\n" * 60


def slow(deadline_ms: int = 400, ahead: str = "always", max_tokens: int = 96) -> Any:
    """Every 32 tokens take 40 ms: the whole prompt some two seconds. A token is a byte."""
    settings = {
        "completion": {"deadlineMs": deadline_ms, "maxTokens": max_tokens},
        "engine": {"savedMb": 0, "ahead": ahead},
    }
    command = [sys.executable, "-m", "tests.scripted_server", "0.04"]
    return editor(command=command, settings=settings)


async def settled(wire: Editor) -> None:
    """Until nothing is asked ahead any more."""
    await wire.request("bench/settled")


async def test_an_answer_comes_in_time_and_the_next_one_knows_all():
    async with slow() as wire:
        await wire.ready()
        wire.open(URI, LONG + "    return a\n" + "x = \n")
        started = time.monotonic()
        (item,) = await wire.complete(URI, 60, 12)
        assert time.monotonic() - started < 1.2  # the whole prompt takes longer
        assert item.insert_text == " + b"
        assert not (await wire.account(item)).whole
        await settled(wire)
        await wire.complete(URI, 61, 4)
        latest = await wire.request("codeflow/lastAccount")
        assert latest.whole and latest.cached_tokens > 0.9 * latest.prompt_tokens


async def test_without_a_deadline_the_whole_prompt_is_waited_for():
    async with slow(deadline_ms=0) as wire:
        await wire.ready()
        wire.open(URI, LONG + "    return a\n")
        (item,) = await wire.complete(URI, 60, 12)
        assert (await wire.account(item)).whole


async def test_what_comes_after_a_suggestion_is_there_when_it_is_accepted():
    async with slow() as wire:
        await wire.ready()
        wire.open(URI, "def f(\n")
        (item,) = await wire.complete(URI, 0, 6)
        assert str(item.insert_text).startswith("a, b")
        await settled(wire)
        wire.change(URI, 2, "a, b):\n    return a", (0, 6))
        (rest,) = await wire.complete(URI, 1, 12)
        assert rest.insert_text == " + b"
        await settled(wire)
        assert (await wire.account(rest)).source == "typed along"


async def test_nothing_is_asked_ahead_where_the_setting_says_so():
    async with slow(ahead="never") as wire:
        await wire.ready()
        wire.open(URI, LONG + "    return a\n" + "x = \n")
        wire.change(URI, 2, "y", (59, 0))
        await wire.complete(URI, 60, 12)
        before = await wire.request("bench/evaluated")
        await asyncio.sleep(0.5)
        assert await wire.request("bench/evaluated") == before


async def test_a_place_that_was_edited_is_evaluated_before_anybody_asks():
    async with slow() as wire:
        await wire.ready()
        wire.open(URI, LONG + "    return \n")
        wire.change(URI, 2, "a", (60, 11))
        await asyncio.sleep(0.2)
        await settled(wire)
        (item,) = await wire.complete(URI, 60, 12)
        account = await wire.account(item)
        assert account.whole and account.prompt_tokens - account.cached_tokens < 8


async def test_what_was_foreseen_is_shown_without_a_model_call():
    async with slow(max_tokens=9) as wire:
        await wire.ready()
        wire.open(URI, "total = \n")
        (item,) = await wire.complete(URI, 0, 8)
        assert item.insert_text == "first(1)"
        await settled(wire)
        before = await wire.request("bench/evaluated")
        wire.change(URI, 2, "first(1)", (0, 8))
        (following,) = await wire.complete(URI, 0, 16)
        assert following.insert_text == " + secon"
        account = await wire.account(following)
        assert account.source == "foreseen" and account.pieces
        assert await wire.request("bench/evaluated") == before
