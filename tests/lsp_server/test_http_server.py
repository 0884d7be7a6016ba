"""/v1/completions on this machine alone: who is answered, what is asked of the engine, what comes back."""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from context.prompt import PromptFormat
from context.tokenised import TokenisedItems
from engine.decoding import Decoder
from engine.engine import BRANCHES, SEQUENCES, Engine
from engine.speed import Speed
from lsp_server.cli import main
from lsp_server.http_completion import StopText, read_request, request_of
from lsp_server.http_guard import TOKEN_VARIABLE, NotServed, loopback_address, token_from
from lsp_server.http_server import MOST_BYTES, CompletionServer
from lsp_server.model_session import ModelSession
from tests.scripted_backend import MIDDLE, PREFIX, SUFFIX, ByteTokenizer, ScriptedBackend

TOKEN = "a-token-of-these-tests"  # noqa: S105
P, S, M = "<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"
MARKED = {P: PREFIX, S: SUFFIX, M: MIDDLE}
ANSWERS = {
    b"    return a": b" + b",
    b"x = ": b"1\nSTOP\nmore",
    b"e = ": "'😀'".encode(),
    b"for ever in ": b"and ever " * 400,
}
ADD = "def add(a, b):\n    return a"


class MarkedTokenizer(ByteTokenizer):
    """Reads three markers where it is asked to."""

    def encode(self, text: str, *, special: bool = False) -> tuple[int, ...]:
        parts = re.split(f"({'|'.join(map(re.escape, MARKED))})", text) if special else [text]
        return tuple(id for part in parts for id in ([MARKED[part]] if part in MARKED else part.encode()))

    def fim_token_texts(self) -> dict[str, str]:
        return {"pre": P, "suf": S, "mid": M}


@contextmanager
def session(*, chunk_s: float = 0.0, fills_in: bool = True) -> Iterator[tuple[ModelSession, ScriptedBackend]]:
    def script(said: bytes) -> bytes:
        return ANSWERS.get(said.rsplit(b"\n", 1)[-1], b"")

    backend = ScriptedBackend(script, context_tokens=4096, sequences=SEQUENCES, chunk_s=chunk_s)
    backend.tokenizer = MarkedTokenizer()
    engine = Engine(
        lambda: backend, open_decoder=lambda opened: Decoder(opened, BRANCHES, speed=Speed(800, 500))
    )
    encode = lru_cache(1 << 16)(backend.tokenizer.encode)
    form = PromptFormat(prefix=(PREFIX,), suffix=(SUFFIX,), middle=(MIDDLE,)) if fills_in else PromptFormat()
    engine.opened.result()
    made = ModelSession(
        engine=engine,
        encode=encode,
        form=form,
        tokenised=TokenisedItems(encode, form),
        budget_tokens=2000,
        name="scripted",
        path=Path("scripted"),
        reason="a test",
        speed=Speed(1000.0, 1000.0),
    )
    try:
        yield made, backend
    finally:
        engine.close()


@contextmanager
def serving(**options: Any) -> Iterator[tuple[CompletionServer, ScriptedBackend]]:
    with session(**options) as (model, backend), CompletionServer("127.0.0.1", 0, TOKEN) as server:
        thread = threading.Thread(target=server.serve, args=(model,), daemon=True)
        thread.start()
        try:
            yield server, backend
        finally:
            server.shutdown()
            thread.join(5)


@pytest.fixture(scope="module")
def server() -> Iterator[CompletionServer]:
    with serving() as (found, _):
        yield found


def ask(
    server: CompletionServer,
    body: Any = None,
    *,
    path: str = "/v1/completions",
    method: str = "POST",
    without: str = "",
    **headers: str,
) -> tuple[int, Any]:
    """The status and the JSON of an answer; ``without`` names a header that is left out."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=30)
    content = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else b""
    given = {
        "Host": f"127.0.0.1:{server.server_port}",
        "Authorization": f"Bearer {TOKEN}",
        "Content-Type": "application/json",
        "Content-Length": str(len(content)),
    } | {name.replace("_", "-"): value for name, value in headers.items()}
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for name, value in given.items():
        if name != without:
            connection.putheader(name, value)
    connection.endheaders(content)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    if answer.headers.get_content_type() == "text/event-stream":
        return answer.status, [event.removeprefix("data: ") for event in text.decode().split("\n\n") if event]
    return answer.status, json.loads(text)


def completed(server: CompletionServer, prompt: str, **more: Any) -> Any:
    status, answer = ask(server, {"model": "any", "prompt": prompt, **more})
    assert status == 200, answer
    return answer


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"prompt": ADD, "suffix": "\n\nadd(1, 2)\n"}, " + b"),
        ({"prompt": [ADD], "suffix": ""}, " + b"),
        ({"prompt": f"{P}{ADD}{S}\n\nadd(1, 2)\n{M}"}, " + b"),
        ({"prompt": f"{P}{ADD}{S}{M}"}, " + b"),
        ({"prompt": f"{P}def add(a, b):\n{S}\n{M}    return a"}, " + b"),
        ({"prompt": ADD}, " + b"),
        ({"prompt": "é\r\ne = ", "suffix": "\r\n"}, "'😀'"),
        ({"prompt": ""}, ""),
        ({"prompt": "nothing follows"}, ""),
    ],
    ids=["suffix", "empty suffix", "markers", "markers, no suffix", "after the middle", "plain", "emoji",
         "empty", "no answer"],
)  # fmt: skip
def test_completes(server: CompletionServer, body: dict[str, Any], text: str) -> None:
    """A prompt with its suffix, with its model's markers, or alone."""
    answer = completed(server, **body)
    (choice,) = answer["choices"]
    assert (choice["text"], choice["finish_reason"], choice["index"]) == (text, "stop", 0)
    assert answer["object"] == "text_completion" and answer["model"] == "scripted" and answer["id"]
    usage = answer["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert usage["prompt_tokens"] > 0


def test_markers_and_suffix_are_the_same_prompt() -> None:
    """Either way the word at the cursor is healed as for ghost text, so that one is cached for the other."""
    with session() as (model, _):
        one = request_of(read_request(json.dumps({"prompt": ADD, "suffix": "\nx\n"}).encode()), model)
        other = request_of(read_request(json.dumps({"prompt": f"{P}{ADD}{S}\nx\n{M}"}).encode()), model)
    assert one.tokens == other.tokens and one.begin_with == other.begin_with == b" a"


def test_what_was_evaluated_is_not_evaluated_again(server: CompletionServer) -> None:
    completed(server, ADD, suffix="\n# a suffix that no other test has\n")
    answer = completed(server, ADD, suffix="\n# a suffix that no other test has\n")
    assert answer["usage"]["prompt_tokens_details"]["cached_tokens"] > 40


def test_ends_at_stops_and_lengths(server: CompletionServer) -> None:
    """Before the first of several stops; after so many tokens."""

    def ending(**more: Any) -> tuple[str, str]:
        (choice,) = completed(server, "x = ", suffix="\n", **more)["choices"]
        return choice["text"], choice["finish_reason"]

    assert ending() == ("1\nSTOP\nmore", "stop")
    assert ending(stop="STOP") == ("1\n", "stop")
    assert ending(stop=["more", "STOP", "<|never|>"]) == ("1\n", "stop")
    assert ending(max_tokens=4) == ("1\nST", "length")
    assert ending(max_tokens=4, stop="STOP") == ("1\nST", "length")


@pytest.mark.parametrize("prompt", ["x = ", "e = ", "nothing follows"])
def test_streams_the_same(server: CompletionServer, prompt: str) -> None:
    """Piece by piece, never half a character or the beginning of a stop, with the costs at the end."""
    whole = completed(server, prompt, suffix="\n", stop=["\nSTOP"])
    said = {"prompt": prompt, "suffix": "\n", "stop": ["\nSTOP"], "stream": True}
    events = ask(server, {**said, "stream_options": {"include_usage": True}})[1]
    assert events[-1] == "[DONE]"
    *pieces, last, costs = map(json.loads, events[:-1])
    texts = [piece["choices"][0]["text"] for piece in pieces]
    assert "".join(texts) == whole["choices"][0]["text"]
    assert all(piece["choices"][0]["finish_reason"] is None for piece in pieces)
    assert last["choices"][0] == {"index": 0, "text": "", "logprobs": None, "finish_reason": "stop"}
    assert costs["choices"] == [] and costs["usage"]["completion_tokens"] >= len(texts)
    assert [*map(json.loads, ask(server, said)[1][:-1])][-1]["choices"]  # no costs unless they are wanted


def test_lists_its_model(server: CompletionServer) -> None:
    status, answer = ask(server, path="/v1/models", method="GET")
    (model,) = answer["data"]
    assert (status, model["id"], model["max_model_len"]) == (200, "scripted", 4096)


@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        ({"without": "Authorization"}, 401, "Authorization: Bearer"),
        ({"Authorization": "Bearer wrong"}, 401, "Authorization: Bearer"),
        ({"Authorization": f"Basic {TOKEN}"}, 401, "Authorization: Bearer"),
        ({"Authorization": f"Bearer {TOKEN}é"}, 401, "Authorization: Bearer"),
        ({"path": "/v1/models", "method": "GET", "without": "Authorization"}, 401, "Bearer"),
        ({"Origin": "https://example.org"}, 403, "Web pages"),
        ({"Origin": "null"}, 403, "Web pages"),
        ({"Sec_Fetch_Site": "same-origin"}, 403, "Web pages"),
        ({"path": "/v1/models", "method": "GET", "Referer": "http://localhost/"}, 403, "Web pages"),
        ({"Host": "example.org"}, 421, "another host"),
        ({"Host": "127.0.0.1.example.org"}, 421, "another host"),
        ({"Host": "127.0.0.1:1"}, 421, "another host"),
        ({"Host": ""}, 421, "another host"),
        ({"without": "Host"}, 421, "another host"),
        ({"path": "/"}, 404, "/v1/completions"),
        ({"path": "/v1/models"}, 404, "GET /v1/models"),
        ({"method": "GET"}, 404, "POST /v1/completions"),
        ({"method": "OPTIONS", "Origin": "https://example.org"}, 501, "OPTIONS"),
        ({"method": "PUT"}, 501, "PUT"),
        ({"Content_Type": "text/plain"}, 415, "application/json"),
        ({"without": "Content-Length"}, 411, "Content-Length"),
        ({"Content_Length": "-1"}, 411, "Content-Length"),
        ({"Transfer_Encoding": "chunked"}, 411, "Content-Length"),
        ({"Content_Length": str(MOST_BYTES + 1)}, 413, str(MOST_BYTES)),
        ({"body": b"{"}, 400, "no JSON"),
        ({"body": b"\xff"}, 400, "no JSON"),
        ({"body": b"[" * 100_000}, 400, "no JSON"),
        ({"body": []}, 400, "object"),
        ({"body": {}}, 400, "`prompt`"),
        ({"body": {"prompt": ["a", "b"]}}, 400, "`prompt`"),
        ({"body": {"prompt": [1, 2]}}, 400, "`prompt`"),
        ({"body": {"prompt": "x", "suffix": 1}}, 400, "`suffix`"),
        ({"body": {"prompt": "x", "stop": 1}}, 400, "`stop`"),
        ({"body": {"prompt": "x", "stop": ["a"] * 17}}, 400, "more than 16"),
        ({"body": {"prompt": "x", "n": 2}}, 400, "One answer"),
        ({"body": {"prompt": "x", "echo": True}}, 400, "One answer"),
        ({"body": {"prompt": "x", "max_tokens": 0}}, 400, "`max_tokens`"),
        ({"body": {"prompt": "x", "max_tokens": 1.5}}, 400, "`max_tokens`"),
        ({"body": {"prompt": "x", "max_tokens": True}}, 400, "`max_tokens`"),
        ({"body": {"prompt": "x", "temperature": -1}}, 400, "`temperature`"),
        ({"body": b'{"prompt": "x", "temperature": NaN}'}, 400, "`temperature`"),
        ({"body": {"prompt": "x", "max_tokens": 4096}}, 400, "--context-tokens"),
        ({"body": {"prompt": "x" * 5000}}, 400, "5000 tokens"),
    ],
)  # fmt: skip
def test_refuses(server: CompletionServer, options: dict[str, Any], status: int, words: str) -> None:
    """With a status and a sentence; and the next request is answered."""
    found, answer = ask(server, **{"body": {"prompt": "x = "}, **options})
    assert found == status, answer
    assert words in answer["error"]["message"] and answer["error"]["code"] == status
    assert TOKEN not in json.dumps(answer)
    assert completed(server, ADD)["choices"][0]["text"] == " + b"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "LOCALHOST", "localhost:{port}"])
def test_every_name_of_this_machine_will_do(server: CompletionServer, host: str) -> None:
    assert ask(server, {"prompt": ADD}, Host=host.format(port=server.server_port))[0] == 200


def test_half_a_surrogate_pair_is_no_harm(server: CompletionServer) -> None:
    assert ask(server, b'{"prompt": "s = \'\\ud83d\'\\n    return a", "suffix": "\\ude00"}')[0] == 200


def test_a_suffix_that_a_model_has_no_use_for_is_refused() -> None:
    with session(fills_in=False) as (model, _):
        plain = request_of(read_request(json.dumps({"prompt": ADD, "suffix": ""}).encode()), model)
        assert bytes(plain.tokens) == ADD.encode()
        with pytest.raises(ValueError, match="does not fill in"):
            request_of(read_request(json.dumps({"prompt": ADD, "suffix": "\n"}).encode()), model)


@pytest.mark.parametrize("streams", [False, True])
def test_a_client_that_leaves_stops_its_answer(streams: bool) -> None:
    """In the middle of the prompt or of the answer; then the next is answered."""
    with serving(chunk_s=0.05) as (server, backend):
        body = json.dumps({"prompt": "for ever in ", "max_tokens": 3000, "stream": streams}).encode()
        head = (
            f"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        with socket.create_connection(("127.0.0.1", server.server_port)) as wire:
            wire.sendall(head.encode() + body)
            until(lambda: backend.steps > 0)
        until(lambda: server.session.engine.idle)
        assert sum(map(len, backend.held)) < 3000
        assert completed(server, ADD)["choices"][0]["text"] == " + b"


def test_connections_are_few() -> None:
    """The seventeenth is closed at once; one that ends makes room."""
    with serving() as (server, _):
        open_ones = [socket.create_connection(("127.0.0.1", server.server_port)) for _ in range(16)]
        time.sleep(0.5)
        with socket.create_connection(("127.0.0.1", server.server_port), timeout=5) as one_more:
            assert one_more.recv(1) == b""
        for one in open_ones:
            one.close()
        until(lambda: is_answered(server))


def is_answered(server: CompletionServer) -> bool:
    try:
        return ask(server, {"prompt": ADD})[0] == 200
    except OSError:
        return False
    except http.client.HTTPException:
        return False


def until(what: Any, within_s: float = 10) -> None:
    end = time.monotonic() + within_s
    while not what():
        assert time.monotonic() < end
        time.sleep(0.01)


@given(st.lists(st.text("ab\n", max_size=4), max_size=12), st.lists(st.text("ab\n", min_size=1, max_size=4)))
def test_a_stop_is_found_however_the_text_is_cut(pieces: list[str], stops: list[str]) -> None:
    """What is shown in all is the text up to the first stop."""
    cut, text = StopText(tuple(stops)), "".join(pieces)
    shown = "".join(map(cut.add, pieces)) + cut.rest()
    ends = [at for stop in stops if (at := text.find(stop)) >= 0]
    if cut.is_met:  # it ends as soon as one is whole; another may have begun before that
        assert shown in {text[:end] for end in ends}
    else:
        assert shown == text and not ends


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("127.0.0.1:8012", ("127.0.0.1", 8012)),
        ("localhost:0", ("127.0.0.1", 0)),
        ("[::1]:80", ("::1", 80)),
        ("127.9.9.9:1", ("127.9.9.9", 1)),
        ("0.0.0.0:8012", "other machines"),
        ("[::]:8012", "other machines"),
        (":8012", "other machines"),
        ("192.168.0.1:80", "other machines"),
        ("example.org:80", "other machines"),
        ("localhost.example.org:80", "other machines"),
        ("127.0.0.1", "HOST:PORT"),
        ("127.0.0.1:http", "HOST:PORT"),
        ("127.0.0.1:65536", "HOST:PORT"),
        ("", "HOST:PORT"),
    ],
)
def test_addresses(text: str, found: tuple[str, int] | str) -> None:
    """Those that no other machine reaches; a sentence for all others."""
    if isinstance(found, tuple):
        assert loopback_address(text) == found
    else:
        with pytest.raises(NotServed, match=found):
            loopback_address(text)


def test_a_token_is_made_kept_and_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new one each time, or the file's, which nobody else can read, or the environment's."""
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)
    assert token_from(None)[0] != token_from(None)[0] and len(token_from(None)[0]) >= 32
    file = tmp_path / "token"
    first, kept = token_from(file)
    assert kept == str(file) and stat.S_IMODE(file.stat().st_mode) == 0o600
    assert token_from(file)[0] == first == file.read_text().strip()
    monkeypatch.setenv(TOKEN_VARIABLE, "from-the-environment")
    assert token_from(None) == ("from-the-environment", TOKEN_VARIABLE)
    assert token_from(file)[0] == first
    monkeypatch.setenv(TOKEN_VARIABLE, "short")
    with pytest.raises(NotServed, match="16 letters"):
        token_from(None)


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX's")
def test_a_token_that_others_can_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("a-token-that-is-long-enough")
    file.chmod(0o644)
    with pytest.raises(NotServed, match=f"chmod 600 {file}"):
        token_from(file)
    with pytest.raises(NotServed, match="cannot be kept"):
        token_from(tmp_path / "no folder" / "token")


def test_the_command_says_what_is_wrong_before_a_model_is_opened(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lsp_server.model_session.open_session", lambda *_: pytest.fail("it was opened"))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        for arguments, status, words in [
            (["--http", "0.0.0.0:80"], 2, "other machines"),
            (["--http", "127.0.0.1:0", "--context-tokens", "0"], 2, "--context-tokens"),
            (["--http", "127.0.0.1:0", "--token-file", str(tmp_path)], 2, str(tmp_path)),
            (["--http", f"127.0.0.1:{taken.getsockname()[1]}"], 1, "in use"),
        ]:
            assert main(["serve", *arguments]) == status
            assert words in capsys.readouterr().err
