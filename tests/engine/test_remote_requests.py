"""Requests to a server that behaves: what is sent, what becomes of it, and how it is stopped."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from engine.engine import Engine
from engine.remote.address import parse_address
from engine.remote.opening import RemoteModel, open_remote
from engine.remote.request_runner import RemoteRunner
from engine.request import FinishReason, GenerationRequest, Priority, SecondLook
from tests.engine.scripted_http import Exchange, Scripted, serving


@contextmanager
def engine_for(server: Scripted, key: str = "") -> Iterator[tuple[Engine[RemoteModel], RemoteModel]]:
    engine = Engine(lambda: open_remote(parse_address(server.url), key), open_decoder=RemoteRunner)
    try:
        yield engine, engine.opened.result(20)
    finally:
        engine.close()


def request_for(model: RemoteModel, text: str = "x = ", **options: Any) -> GenerationRequest:
    return replace(GenerationRequest(model.pieces.encode(text)), **options)


def test_an_answer_is_streamed_and_accounted_for() -> None:
    """Chunks come as they are sent; the server's count of what it had cached is in the account."""
    with (
        serving(lambda exchange: exchange.stream("1", " + ", "2")) as server,
        engine_for(server, "k3y") as (engine, model),
    ):
        pieces: list[bytes] = []
        found = engine.submit(request_for(model), lambda token: pieces.append(token.piece)).result.result(5)
        assert [one.text for one in found.candidates] == ["1 + 2"]
        assert pieces == [b"1", b" + ", b"2"]
        assert found.finish is FinishReason.END_OF_TEXT and found.timings.generated_tokens == 3
        assert found.timings.cached_tokens == found.timings.prompt_tokens * 75 // 100
        path, headers, said = server.asked[-1]
        assert (path, headers["Authorization"]) == ("/v1/completions", "Bearer k3y")
        assert said["prompt"] == "x = " and said["model"] == "qwen-test" and said["temperature"] == 0.0


def test_what_was_opened_is_known() -> None:
    with serving() as server, engine_for(server) as (engine, model):
        assert (model.name, model.context_tokens) == ("qwen-test", 8192)
        assert model.markers.prefix == "<|fim_prefix|>"  # by its name: this server does not tokenise
        assert 0 < engine.expected_s(model.pieces.encode("x = ")) < 1 and engine.step_s > 0
        assert engine.saved("anything") == ()
        assert not server.prompts, "opening sends nothing of the user's"


def test_markers_are_sent_as_markers_and_end_an_answer() -> None:
    with serving() as server, engine_for(server) as (engine, model):
        marks = model.pieces.encode("<|fim_prefix|>", special=True)
        request = replace(request_for(model), tokens=(*marks, *model.pieces.encode("<|fim_suffix|>")))
        engine.submit(request).result.result(5)
        assert server.prompts == ["<|fim_prefix|>< |fim_suffix|>"]
        assert "<|fim_suffix|>" in server.asked[-1][2]["stop"]


@pytest.mark.parametrize(
    ("demanded", "answers", "asked", "text"),
    [
        (b"ret", {"x = ret": "urn a"}, ["x = ret"], "urn a"),  # a word's beginning goes with the prompt
        (b" ", {"x = ": " 1"}, ["x = "], "1"),  # a blank is the model's
        (b"    ", {"x = ": "  ;    1"}, ["x = ", "x =     "], "2"),  # it begins otherwise: asked again
        (b"    ", {"x = ": "      1"}, ["x = "], "1"),
        (b" ", {"x = ": ""}, ["x = ", "x =  "], "2"),  # it ends at once
    ],
)  # fmt: skip
def test_text_before_the_cursor_is_not_repeated(
    demanded: bytes, answers: dict[str, str], asked: list[str], text: str
) -> None:
    def complete(exchange: Exchange) -> None:
        exchange.stream(*answers.get(exchange.said["prompt"], "  2"))

    with serving(complete) as server, engine_for(server) as (engine, model):
        found = engine.submit(request_for(model, begin_with=demanded)).result.result(5)
        assert server.prompts == asked
        assert found.candidates[0].text == text


def test_several_candidates_where_they_are_asked_for() -> None:
    """The first as it is; the others drawn. Where they would only be compared, there is one."""

    def complete(exchange: Exchange) -> None:
        exchange.begin_stream()
        drawn = exchange.said["temperature"] > 0
        exchange.text("b" if drawn else "a", logprobs={"token_logprobs": [-2.0 if drawn else -0.5]})
        exchange.text("", "stop")
        exchange.end_stream()

    look = SecondLook((), "", "after", str, 0.7)
    with serving(complete) as server, engine_for(server) as (engine, model):
        found = engine.submit(request_for(model, candidates=2)).result.result(5)
        assert [(one.text, one.mean_logprob) for one in found.candidates] == [("a", -0.5), ("b", -2.0)]
        found = engine.submit(request_for(model, candidates=3, second_look=look)).result.result(5)
        assert [one.text for one in found.candidates] == ["a"]
        assert len(server.prompts) == 3


def test_evaluating_ahead_asks_for_one_token_and_shows_none() -> None:
    with serving() as server, engine_for(server) as (engine, model):
        found = engine.submit(request_for(model, max_tokens=0)).result.result(5)
        assert found.candidates == () and found.timings.prompt_tokens == 3
        assert server.asked[-1][2]["max_tokens"] == 1


def left_within(server: Scripted, count: int, since: float) -> float:
    """Seconds from ``since`` until so many clients have left."""
    while len(server.left_at) < count:
        assert time.monotonic() - since < 5
        time.sleep(0.002)
    return server.left_at[-1] - since


def test_the_connection_closes_as_soon_as_enough_has_come() -> None:
    with serving(Exchange.stream_until_gone) as server, engine_for(server) as (engine, model):
        request = request_for(model, stop_when=lambda text: text.count("word") >= 3)
        found = engine.submit(request).result.result(5)
        assert found.finish is FinishReason.STOPPED and found.candidates[0].text == "word word word "
        assert left_within(server, 1, time.monotonic()) < 1.0


@pytest.mark.parametrize("silent", [False, True])
def test_cancelling_ends_an_answer_at_once(silent: bool) -> None:
    """Within 50 ms, whether the server is in the middle of an answer or says nothing yet."""
    released = threading.Event()

    def complete(exchange: Exchange) -> None:
        if silent:
            released.wait(10)
            exchange.hang_up()
        else:
            exchange.stream_until_gone()

    took: list[float] = []
    with serving(complete) as server, engine_for(server) as (engine, model):
        for count in range(1, 4):  # the machine may be busy with something else at one time
            handle = engine.submit(request_for(model))
            while len(server.prompts) < count:
                time.sleep(0.002)
            time.sleep(0.05)
            at = time.monotonic()
            handle.cancel()
            assert handle.result.result(5).finish is FinishReason.CANCELLED
            took.append(time.monotonic() - at)
            if not silent:
                assert left_within(server, count, at) < 1.0
        released.set()
    assert min(took) < 0.05


def test_an_answer_ends_in_time_but_not_empty() -> None:
    """After answer_by with what there is; after the deadline in any case."""
    slow = lambda exchange: exchange.stream_until_gone(every_s=0.04)  # noqa: E731
    with serving(slow) as server, engine_for(server) as (engine, model):
        now = time.monotonic()
        request = request_for(model, answer_by=now, deadline=now + 5)
        found = engine.submit(request).result.result(5)
        assert found.hurried and found.candidates[0].tokens == 4
        at = time.monotonic()
        found = engine.submit(request_for(model, deadline=at + 0.3)).result.result(5)
        assert found.finish is FinishReason.DEADLINE and 0.25 < time.monotonic() - at < 1.0
        assert server.prompts


def test_the_newest_of_a_lane_stops_the_older_and_who_waits_comes_first() -> None:
    interrupted = threading.Event()

    def complete(exchange: Exchange) -> None:
        if exchange.said["prompt"] == "quick":
            interrupted.set()
            exchange.stream("done")
        elif exchange.said["prompt"] == "ahead" and interrupted.is_set():
            exchange.stream("later")
        else:
            exchange.stream_until_gone()

    with serving(complete) as server, engine_for(server) as (engine, model):
        older = engine.submit(request_for(model, "slow", lane="a"))
        newer = engine.submit(request_for(model, "quick", lane="a"))
        assert older.result.result(5).finish is FinishReason.CANCELLED
        assert newer.result.result(5).candidates[0].text == "done"
        interrupted.clear()
        ahead = engine.submit(request_for(model, "ahead", lane="b", priority=Priority.BACKGROUND))
        while "ahead" not in server.prompts:
            time.sleep(0.002)
        at = time.monotonic()
        urgent = engine.submit(request_for(model, "quick", lane="a"))
        assert urgent.result.result(5).candidates[0].text == "done" and time.monotonic() - at < 1.0
        assert ahead.result.result(5).candidates[0].text == "later", "taken up again"


def test_connections_are_kept_and_one_closed_meanwhile_is_no_error() -> None:
    ports: list[int] = []

    def complete(exchange: Exchange) -> None:
        ports.append(exchange.client_address[1])
        exchange.stream("ok")
        exchange.close_connection = len(ports) == 2  # without having said so

    with serving(complete) as server, engine_for(server) as (engine, model):
        for _ in range(3):
            assert engine.submit(request_for(model)).result.result(5).candidates[0].text == "ok"
        assert ports[0] == ports[1] != ports[2] and len(server.prompts) == 3


def test_proxies_of_the_environment_are_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is sent goes to the configured server: not through whatever HTTP_PROXY names."""
    with serving() as proxy, serving() as server:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url.removesuffix("/v1"))
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        assert os.environ["HTTP_PROXY"]
        with engine_for(server) as (engine, model):
            assert engine.submit(request_for(model)).result.result(5).candidates[0].text == "ok"
        assert not proxy.asked and server.prompts
