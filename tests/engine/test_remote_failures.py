"""Servers that fail: each failure is a sentence, tells neither key nor prompt, and the next request works."""

from __future__ import annotations

import logging
import socket
import ssl
import time
from collections.abc import Callable
from typing import Any

import pytest
import trustme

from engine.errors import RemoteError
from engine.remote.address import parse_address
from engine.remote.opening import open_remote
from tests.engine.scripted_http import Exchange, serving
from tests.engine.test_remote_requests import engine_for, request_for

KEY, PROMPT = "sk-very-secret", "password_of_the_boss = lookup("


def half(exchange: Exchange) -> None:
    exchange.begin_stream()
    exchange.text("1")
    exchange.hang_up()


def without_an_end(exchange: Exchange) -> None:
    exchange.begin_stream()
    exchange.text("1")
    exchange.wfile.write(b"0\r\n\r\n")


def sending(data: str) -> Callable[[Exchange], None]:
    def complete(exchange: Exchange) -> None:
        exchange.begin_stream()
        exchange.send(data)
        exchange.end_stream()

    return complete


def status(code: int, message: str = "", **headers: str) -> Callable[[Exchange], None]:
    body = {"error": {"message": message}}
    return lambda exchange: exchange.answer(code, body, **headers)


def echoing(exchange: Exchange) -> None:
    exchange.answer(422, {"detail": [{"msg": "bad", "input": exchange.said}], "message": PROMPT})


FAILURES: dict[str, tuple[Callable[[Exchange], None], str]] = {
    "hangs up": (Exchange.hang_up, "broke off"),
    "half an answer": (half, "broke off"),
    "no end": (without_an_end, "broke off"),
    "no JSON": (sending("data: {oops\n\n"), "no completion"),
    "another JSON": (sending('data: {"choices": [{"text": 1}]}\n\n'), "no completion"),
    "a list": (sending('data: {"choices": ["text"]}\n\n'), "no completion"),
    "says it failed": (sending('data: {"error": {"message": "out of memory"}}\n\n'), "out of memory"),
    "endless event": (sending("data: " + "x" * (3 << 20)), "does not stream"),
    "no stream": (lambda exchange: exchange.answer(200, {"choices": []}), "does not stream"),
    "401": (status(401, f"bad key {KEY}"), "refuses the key"),
    "404": (status(404, "The model does not exist."), "no model 'qwen-test'"),
    "too long": (status(400, "maximum context length is 2048 tokens"), "context length is 2048"),
    "quotes the prompt": (status(400, f"cannot parse {PROMPT}"), "cannot take the request (400)"),
    "echoes the request": (echoing, "cannot take the request (422)"),
    "429": (status(429, "slow down"), "too many requests (429): slow down"),
    "500": (status(500, "CUDA error"), "failed (500): CUDA error"),
    "503": (lambda exchange: exchange.answer(503, b"<html>busy"), "failed (503);"),
    "redirect": (status(307, Location="http://192.0.2.1/v1/completions"), "correct remote.url"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_is_a_sentence_and_the_next_request_works(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the error nor the log at its most talkative tells the key or the prompt."""
    complete, expected = FAILURES[name]
    caplog.set_level(logging.DEBUG)
    with serving(complete) as server, engine_for(server, KEY) as (engine, model):
        with pytest.raises(RemoteError) as caught:
            engine.submit(request_for(model, PROMPT)).result.result(5)
        said = str(caught.value)
        assert expected in said and "127.0.0.1" in said
        server.complete = lambda exchange: exchange.stream("ok")
        assert engine.submit(request_for(model, PROMPT)).result.result(5).candidates[0].text == "ok"
    for told in (said, caplog.text, repr(caught.value.__cause__), repr(model)):
        assert KEY not in told and "password_of_the_boss" not in told


def test_a_server_that_asks_for_a_pause_gets_it() -> None:
    """With Retry-After nothing is sent until then; the sentence is the same."""
    with serving(status(429, Retry_After="1")) as server, engine_for(server) as (engine, model):
        for _ in range(2):
            with pytest.raises(RemoteError, match="too many requests"):
                engine.submit(request_for(model)).result.result(5)
        assert len(server.prompts) == 1
        server.complete = lambda exchange: exchange.stream("ok")
        time.sleep(1.05)
        assert engine.submit(request_for(model)).result.result(5).candidates[0].text == "ok"


def test_a_server_that_says_nothing_is_told_at_the_deadline() -> None:
    with serving(lambda exchange: time.sleep(1.0)) as server, engine_for(server) as (engine, model):
        at = time.monotonic()
        with pytest.raises(RemoteError, match="has not answered within"):
            engine.submit(request_for(model, deadline=at + 0.3)).result.result(5)
        assert time.monotonic() - at < 0.9 and server.prompts


def opened(url: str, key: str = "", **options: Any) -> str:
    """What is said where a model cannot be opened."""
    with pytest.raises(RemoteError) as caught:
        open_remote(parse_address(url), key, **options)
    return str(caught.value)


def test_opening_says_what_is_wrong(caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        assert "nothing listens" in opened(f"http://127.0.0.1:{unused.getsockname()[1]}")
    assert "no machine is known" in opened("http://codeflow.invalid")
    with serving(models=("a", "b")) as server:
        assert "remote.model to one of a, b" in opened(server.url)
        assert "does not speak TLS" in opened(server.url.replace("http:", "https:"))
    with serving(models=()) as server:
        assert "set remote.model" in opened(server.url)
    assert not caplog.text


def test_an_unknown_name_is_answered_with_those_that_are_known() -> None:
    def is_asked(exchange: Exchange) -> None:
        exchange.answer(404, {"error": {"message": "no such model"}})

    with serving(models=("right",)) as server:
        server.RequestHandlerClass = type("Strict", (Exchange,), {"stream": lambda self, *_: is_asked(self)})
        assert "it lists right" in opened(server.url, name="wrong")


def test_a_certificate_that_nobody_vouches_for_is_refused() -> None:
    """And nothing was sent: not the key either."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(context)
    with serving(tls=context) as server:
        assert "does not prove who it is" in opened(server.url, KEY)
        assert not server.asked


def test_opening_can_be_given_up() -> None:
    class Silent(Exchange):
        def do_GET(self) -> None:  # noqa: N802
            time.sleep(1.0)
            self.hang_up()

    with serving() as server:
        server.RequestHandlerClass = Silent
        at = time.monotonic()
        with pytest.raises(RemoteError, match="given up"):
            open_remote(parse_address(server.url), "", stop=lambda: time.monotonic() - at > 0.2)
        assert time.monotonic() - at < 0.9
