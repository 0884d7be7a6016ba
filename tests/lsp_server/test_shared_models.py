"""Models that several clients share: opened once, closed when nobody wants them, each client's requests its
own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from context.prompt import PromptFormat
from context.tokenised import TokenisedItems
from engine.catalog import PullCancelled
from engine.decoding import Decoder
from engine.engine import BRANCHES, SEQUENCES, Engine
from engine.errors import BackendError, EngineClosed, ModelUnavailable
from engine.request import FinishReason, GenerationRequest
from lsp_server.model_session import ModelSession
from lsp_server.settings import Settings
from lsp_server.shared.models import SharedModels
from tests.scripted_backend import ScriptedBackend

ONE = Settings()
PROMPT = tuple(b"numbers = [")


def with_(settings: Settings = ONE, /, **changes: dict[str, Any]) -> Settings:
    return replace(settings, **{name: replace(getattr(settings, name), **of) for name, of in changes.items()})


OTHER = with_(model={"name": "other"})


def no_report(*_: object) -> None:
    return None


class Opener:
    """In place of ``open_session``: counts, waits until it may go on, fails where it is told to."""

    def __init__(self, *, chunk_s: float = 0.0, held: bool = False) -> None:
        self.opened: list[Settings] = []
        self.backends: list[ScriptedBackend] = []
        self.may_go_on, self.begun = threading.Event(), threading.Event()
        self.stopped = threading.Event()
        self.fails: Callable[[Settings], Exception | None] = lambda _: None
        self._chunk_s = chunk_s
        if not held:
            self.may_go_on.set()

    def __call__(self, settings: Settings, report: Any, cancelled: threading.Event | None) -> ModelSession:
        self.opened.append(settings)
        self.begun.set()
        report("loading", 0.5)
        assert cancelled is not None
        while not self.may_go_on.wait(0.01):
            if cancelled.is_set():
                self.stopped.set()
                raise PullCancelled("stopped")
        if (error := self.fails(settings)) is not None:
            raise error
        backend = ScriptedBackend(
            lambda said: b"1]" if said.endswith(b"[") else b"",
            context_tokens=4096,
            sequences=SEQUENCES,
            chunk_s=self._chunk_s,
        )
        self.backends.append(backend)
        engine = Engine(lambda: backend, open_decoder=lambda opened: Decoder(opened, BRANCHES))
        encode, form = backend.tokenizer.encode, PromptFormat()
        return ModelSession(
            engine=engine,
            encode=encode,
            form=form,
            tokenised=TokenisedItems(encode, form),
            budget_tokens=2000,
            name=settings.model.name,
            path=Path("scripted"),
            reason="a test",
            speed=engine.opened.result() and None,  # type: ignore[arg-type] - nobody asks
        )


def until(what: Callable[[], bool], within_s: float = 5.0) -> None:
    end = time.monotonic() + within_s
    while not what():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_what_two_want_is_opened_once_and_kept_until_both_have_left() -> None:
    opener = Opener()
    models = SharedModels(opener)
    first, second = models.open(ONE, no_report), models.open(ONE, no_report)
    assert len(opener.opened) == 1
    assert models.as_json() == [{"name": "auto", "state": "ready", "clients": 2}]
    first.engine.close()
    first.engine.close()  # counts once
    models.close_unused()
    assert second.engine.submit(GenerationRequest(PROMPT)).result.result(5).candidates[0].text == "1]"
    second.engine.close()
    models.close_unused(60)
    assert not opener.backends[0].closed  # a window that is loaded anew finds it
    assert models.open(ONE, no_report).engine.submit(GenerationRequest(PROMPT)).result.result(5)
    assert len(opener.opened) == 1


def test_what_nobody_uses_is_closed() -> None:
    opener = Opener()
    models = SharedModels(opener)
    models.open(ONE, no_report).engine.close()
    models.close_unused()
    assert opener.backends[0].closed and models.as_json() == []


def test_an_unused_model_makes_room_before_another_is_opened() -> None:
    opener = Opener()
    models = SharedModels(opener)
    models.open(ONE, no_report).engine.close()
    opener.may_go_on.clear()
    with ThreadPoolExecutor() as pool:
        opening = pool.submit(models.open, OTHER, no_report)
        until(lambda: len(opener.opened) == 2)
        assert opener.backends[0].closed
        opener.may_go_on.set()
        opening.result(5).engine.close()


SAME = {
    "what is asked ahead": with_(engine={"ahead": "never"}),
    "whether it may be downloaded": with_(model={"download": False}),
    "the thinking model": with_(model={"thinking": "large"}),
    "sources": with_(context={"disabled_sources": ("all",)}),
    "what is shown": with_(completion={"candidates": 1, "deadline_ms": 0}),
}
ANOTHER = {
    "model": OTHER,
    "budget": with_(context={"budget_tokens": 1000}),
    "answers' length": with_(completion={"max_tokens": 10}),
    "threads": with_(engine={"threads": 1}),
    "backend": with_(engine={"backend": "llama"}),
}


@pytest.mark.parametrize("settings", SAME.values(), ids=SAME)
def test_settings_that_do_not_concern_the_model_share_it(settings: Settings) -> None:
    opener = Opener()
    models = SharedModels(opener)
    models.open(ONE, no_report)
    models.open(settings, no_report)
    assert len(opener.opened) == 1


@pytest.mark.parametrize("settings", ANOTHER.values(), ids=ANOTHER)
def test_settings_that_make_another_session_open_another(settings: Settings) -> None:
    opener = Opener()
    models = SharedModels(opener)
    models.open(ONE, no_report)
    models.open(settings, no_report)
    assert len(opener.opened) == 2


def test_a_servers_model_is_each_clients_own() -> None:
    """A connection takes no memory worth sharing, and consent is a client's."""
    opener = Opener()
    models = SharedModels(opener)
    remote = with_(remote={"url": "http://127.0.0.1:9/v1"})
    sessions = [models.open(remote, no_report, threading.Event()) for _ in range(2)]
    assert len(opener.opened) == 2 and models.as_json() == []
    for session in sessions:
        session.engine.close()
    assert all(backend.closed for backend in opener.backends)


def test_who_joins_an_opening_is_told_of_it_and_may_give_up_alone() -> None:
    opener, told = Opener(held=True), []
    models, given_up = SharedModels(opener), threading.Event()
    with ThreadPoolExecutor() as pool:
        first = pool.submit(models.open, ONE, lambda *said: told.append(said), given_up)
        assert opener.begun.wait(5)
        second = pool.submit(models.open, ONE, no_report, threading.Event())
        until(lambda: models.as_json()[0]["clients"] == 2)
        given_up.set()
        with pytest.raises(PullCancelled):
            first.result(5)
        opener.may_go_on.set()
        session = second.result(5)
    assert told == [("loading", 0.5)] and len(opener.opened) == 1
    assert session.engine.submit(GenerationRequest(PROMPT)).result.result(5).candidates


def test_an_opening_that_all_have_given_up_is_stopped() -> None:
    opener, given_up = Opener(held=True), threading.Event()
    models = SharedModels(opener)
    with ThreadPoolExecutor() as pool:
        waits = [pool.submit(models.open, ONE, no_report, given_up) for _ in range(2)]
        assert opener.begun.wait(5)
        given_up.set()
        for one in waits:
            with pytest.raises(PullCancelled):
                one.result(5)
        assert opener.stopped.wait(5) and models.as_json() == []
        opener.may_go_on.set()
        models.open(ONE, no_report).engine.close()
    assert len(opener.opened) == 2


def test_a_model_that_comes_after_all_have_given_up_is_closed() -> None:
    opener, given_up = Opener(), threading.Event()
    hold = threading.Event()

    def slow(_: Settings) -> None:
        hold.wait(5)  # past the point where it looks whether anybody wants it

    opener.fails = slow
    models = SharedModels(opener)
    with ThreadPoolExecutor() as pool:
        wait = pool.submit(models.open, ONE, no_report, given_up)
        assert opener.begun.wait(5)
        given_up.set()
        with pytest.raises(PullCancelled):
            wait.result(5)
    hold.set()
    until(lambda: len(opener.backends) == 1 and opener.backends[0].closed)


def test_a_failure_is_told_to_all_that_wait_and_tried_again_by_the_next() -> None:
    opener = Opener(held=True)
    opener.fails = lambda _: BackendError("no memory") if len(opener.opened) == 1 else None
    models = SharedModels(opener)
    with ThreadPoolExecutor() as pool:
        waits = [pool.submit(models.open, ONE, no_report) for _ in range(2)]
        until(lambda: bool(models.as_json()) and models.as_json()[0]["clients"] == 2)
        opener.may_go_on.set()
        for one in waits:
            with pytest.raises(BackendError, match="no memory"):
                one.result(5)
    assert models.as_json() == []
    models.open(ONE, no_report)
    assert len(opener.opened) == 2


def test_who_allows_a_download_does_not_fail_for_one_who_does_not() -> None:
    opener = Opener(held=True)
    opener.fails = lambda settings: None if settings.model.download else ModelUnavailable("not here")
    models = SharedModels(opener)
    with ThreadPoolExecutor() as pool:
        strict = pool.submit(models.open, with_(model={"download": False}), no_report)
        assert opener.begun.wait(5)
        other = pool.submit(models.open, ONE, no_report)
        until(lambda: models.as_json()[0]["clients"] == 2)
        opener.may_go_on.set()
        with pytest.raises(ModelUnavailable):
            strict.result(5)
        assert other.result(5).engine.submit(GenerationRequest(PROMPT)).result.result(5).candidates


def test_a_model_that_failed_a_request_is_not_given_to_the_next() -> None:
    """A restart of the language server gets a new one, as it does without sharing."""
    opener = Opener()
    models = SharedModels(opener)
    session = models.open(ONE, no_report)

    def broken(*_: Any) -> None:
        raise BackendError("the device is gone")

    opener.backends[0].prefill = broken  # type: ignore[method-assign]
    with pytest.raises(BackendError):
        session.engine.submit(GenerationRequest(PROMPT)).result.result(5)
    assert models.open(ONE, no_report).engine.submit(GenerationRequest(PROMPT)).result.result(5).candidates
    session.engine.close()
    assert [backend.closed for backend in opener.backends] == [True, False]


def test_lanes_are_each_clients_own() -> None:
    """The newest request of a lane stops the older ones; the same document elsewhere is another lane."""
    opener = Opener(chunk_s=0.2)
    models = SharedModels(opener)
    one, other = models.open(ONE, no_report).engine, models.open(ONE, no_report).engine
    handles = [engine.submit(GenerationRequest(PROMPT, lane="file:///a.py")) for engine in (one, other, one)]
    finishes = [handle.result.result(5).finish for handle in handles]
    assert finishes[0] is FinishReason.CANCELLED
    assert FinishReason.CANCELLED not in finishes[1:]


def test_what_a_client_asked_ends_when_it_leaves_and_nothing_else_does() -> None:
    opener = Opener(chunk_s=0.2)
    models = SharedModels(opener)
    one, other = models.open(ONE, no_report).engine, models.open(ONE, no_report).engine
    asked = [engine.submit(GenerationRequest(PROMPT)) for engine in (one, one, other)]
    one.close()
    assert [handle.result.result(5).finish for handle in asked[:2]] == [FinishReason.CANCELLED] * 2
    assert asked[2].result.result(5).finish is not FinishReason.CANCELLED
    with pytest.raises(EngineClosed):
        one.submit(GenerationRequest(PROMPT))


def test_closing_all_ends_every_engine() -> None:
    opener = Opener()
    models = SharedModels(opener)
    session = models.open(ONE, no_report)
    models.close()
    assert opener.backends[0].closed
    with pytest.raises(EngineClosed):
        session.engine.submit(GenerationRequest(PROMPT))
