"""Messages that cross on the way: a cancel and the answer it is for, on either side of the wire."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

import pytest

from lsp_server.server import create_server


def test_a_cancel_that_comes_after_the_answer_is_nothing_to_warn_of(caplog: pytest.LogCaptureFixture) -> None:
    create_server().protocol._handle_cancel_notification("answered before")
    assert caplog.records == []


def test_an_answer_to_a_question_that_was_given_up_is_dropped(caplog: pytest.LogCaptureFixture) -> None:
    """One that is waited for still arrives."""
    protocol = create_server().protocol
    given_up: Future[Any] = Future()
    waited_for: Future[Any] = Future()
    protocol._request_futures |= {"given up": given_up, "waited for": waited_for}
    given_up.cancel()
    protocol._handle_response("given up", result="late")
    protocol._handle_response("waited for", result="in time")
    assert waited_for.result(0) == "in time"
    assert protocol._request_futures == {}
    assert caplog.records == []
