"""The engine's rules, on a scripted model whose cache can be looked into."""

from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.decoding import Decoder
from engine.engine import BRANCHES, Engine
from engine.errors import ContextFull, EngineClosed
from engine.request import FinishReason, Generation, GenerationRequest, Priority, SecondLook
from tests.scripted_backend import MIDDLE, PREFIX, SUFFIX, ScriptedBackend


def prompt(prefix: str, head: str, suffix: str = "\n") -> tuple[int, ...]:
    return (PREFIX, *prefix.encode(), SUFFIX, *suffix.encode(), MIDDLE, *head.encode())


def run(decoder: Decoder, request: GenerationRequest, stop=lambda: False) -> Generation:
    tokens = decoder.run(request, stop)
    while True:
        try:
            next(tokens)
        except StopIteration as end:
            return end.value


def scripted(answers: dict[str, str], **options) -> ScriptedBackend:
    return ScriptedBackend(lambda said: answers.get(said.decode("utf-8", "replace"), "").encode(), **options)


def test_generates_to_the_end_and_accounts_for_it():
    decoder = Decoder(scripted({"x = ": "12"}), BRANCHES)
    found = run(decoder, GenerationRequest(prompt("", "x = ")))
    assert [c.text for c in found.candidates] == ["12"]
    assert found.finish is FinishReason.END_OF_TEXT
    assert (found.timings.cached_tokens, found.timings.generated_tokens) == (0, 2)
    assert found.timings.prompt_tokens == len(prompt("", "x = "))


def test_a_shared_prefix_is_never_evaluated_again():
    backend = scripted({"x = ": "12", "x = 1": "2"})
    decoder = Decoder(backend, BRANCHES)
    run(decoder, GenerationRequest(prompt("a" * 100, "x = ")))
    before = backend.evaluated
    found = run(decoder, GenerationRequest(prompt("a" * 100, "x = 1")))
    assert backend.evaluated - before == 1 == found.timings.evaluated_tokens
    assert found.candidates[0].text == "2"


def test_two_documents_keep_their_caches():
    backend = scripted({})
    decoder = Decoder(backend, BRANCHES)
    one, other = prompt("a" * 700, "x"), prompt("b" * 700, "y")
    run(decoder, GenerationRequest(one))
    run(decoder, GenerationRequest(other))
    before = backend.evaluated
    run(decoder, GenerationRequest(one))
    run(decoder, GenerationRequest(other))
    assert backend.evaluated == before


def test_healing_demands_the_cut_text_back_and_does_not_show_it():
    decoder = Decoder(scripted({"": "return 1"}), BRANCHES)
    found = run(decoder, GenerationRequest(prompt("", ""), begin_with=b"ret"))
    assert found.candidates[0].text == "urn 1"


def test_healing_holds_against_the_models_own_wish():
    decoder = Decoder(scripted({"": "yield", "re": "turn"}), BRANCHES)
    found = run(decoder, GenerationRequest(prompt("", ""), begin_with=b"re"))
    assert found.candidates[0].text == "turn"


def test_candidates_differ_in_their_first_token_and_share_the_prefill():
    backend = scripted({"": "one"})
    found = run(Decoder(backend, BRANCHES), GenerationRequest(prompt("", ""), candidates=3, max_tokens=4))
    assert found.candidates[0].text == "one"
    assert len({c.text[:1] for c in found.candidates}) == 3
    assert backend.evaluated == len(prompt("", ""))
    assert [len(held) for held in backend.held[BRANCHES:]] == [0, 0]


def test_a_second_look_scores_what_follows_each_candidate():
    """Only where the first word is unsure; the scores are those of plain left-to-right text."""

    def script(said: bytes) -> bytes:
        return {b"": b"one", b"one\n": b"use(one)"}.get(said, b"")

    def ask(unsure_below: float) -> Generation:
        look = SecondLook((PREFIX, *b"a"), "", "use(one)", lambda text: text, unsure_below)
        request = GenerationRequest(
            (PREFIX, *b"a", SUFFIX, *b"\nuse(one)", MIDDLE), candidates=2, max_tokens=8, second_look=look
        )
        return run(Decoder(ScriptedBackend(script), BRANCHES), request)

    assert [c.fit for c in ask(0.5).candidates] == [None]
    first, second = ask(2.0).candidates
    assert first.fit is not None and second.fit is not None


def test_the_stop_rule_ends_a_generation():
    decoder = Decoder(scripted({"": "line one\nline two\n"}), BRANCHES)
    found = run(decoder, GenerationRequest(prompt("", ""), stop_when=lambda text: "\n" in text))
    assert found.candidates[0].text == "line one\n"
    assert found.finish is FinishReason.STOPPED


def test_a_passed_deadline_returns_what_is_there():
    decoder = Decoder(scripted({"": "abc"}), BRANCHES)
    found = run(decoder, GenerationRequest(prompt("", ""), deadline=time.monotonic() - 1))
    assert (found.candidates, found.finish) == ((), FinishReason.DEADLINE)


def test_stopping_in_a_chunk_leaves_a_usable_cache():
    backend = scripted({"x": "y"})
    decoder = Decoder(backend, BRANCHES)
    looks = iter([False] * 4 + [True] * 100)
    found = run(decoder, GenerationRequest(prompt("a" * 300, "x")), stop=lambda: next(looks))
    assert found.finish is FinishReason.CANCELLED
    again = run(decoder, GenerationRequest(prompt("a" * 300, "x")))
    assert again.candidates[0].text == "y"
    assert again.timings.cached_tokens > 0


def test_what_cannot_fit_is_refused_in_a_sentence():
    decoder = Decoder(scripted({}, context_tokens=64), BRANCHES)
    with pytest.raises(ContextFull, match="budgetTokens"):
        run(decoder, GenerationRequest(prompt("a" * 100, "")))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.text("ab\n", max_size=40), st.text("ab", max_size=6)), min_size=1, max_size=8))
def test_reused_equals_fresh(walk):
    """Whatever was asked before, an answer is what an empty cache gives."""

    def script(said: bytes) -> bytes:
        return bytes([97 + sum(said) % 26]) if len(said) % 7 else b""

    used = Decoder(ScriptedBackend(script), BRANCHES)
    for prefix, head in walk:
        request = GenerationRequest(prompt(prefix, head), max_tokens=5, candidates=2)
        fresh = run(Decoder(ScriptedBackend(script), BRANCHES), request)
        assert run(used, request).candidates == fresh.candidates


def test_the_newest_request_of_a_lane_stops_the_older_ones():
    engine = Engine(lambda: scripted({"x": "y"}, chunk_s=0.02, context_tokens=1 << 16))
    long = prompt("a" * 3000, "x")
    handles = [engine.submit(GenerationRequest(long, lane="one")) for _ in range(5)]
    other = engine.submit(GenerationRequest(prompt("b", "x"), lane="other"))
    finishes = [handle.result.result(20).finish for handle in handles]
    assert finishes[:-1] == [FinishReason.CANCELLED] * 4
    assert finishes[-1] is not FinishReason.CANCELLED
    assert other.result.result(20).candidates[0].text == "y"
    engine.close()


def test_a_higher_priority_goes_first():
    engine = Engine(lambda: scripted({}, chunk_s=0.05))
    done: list[str] = []
    handles = []
    for name, priority in (
        ("first", 0),
        ("background", Priority.BACKGROUND),
        ("urgent", Priority.INTERACTIVE),
    ):
        handle = engine.submit(GenerationRequest(prompt(name, ""), priority=Priority(priority)))
        handle.result.add_done_callback(lambda _, name=name: done.append(name))
        handles.append(handle)
    for handle in handles:
        handle.result.result(20)
    assert done == ["first", "urgent", "background"]
    engine.close()


def test_what_nobody_waits_for_gives_way_at_once_and_goes_on_later():
    backend = scripted({"x": "y"}, chunk_s=0.05, context_tokens=1 << 16)
    engine = Engine(lambda: backend)
    long = prompt("a" * 1_000, "x")
    warming = engine.submit(GenerationRequest(long, max_tokens=0, priority=Priority.BACKGROUND))
    time.sleep(0.6)
    started = time.monotonic()
    urgent = engine.submit(GenerationRequest(prompt("", "x"))).result.result(20)
    assert time.monotonic() - started < 0.5 and not warming.result.done()
    assert urgent.candidates[0].text == "y"
    assert warming.result.result(20).finish is not FinishReason.CANCELLED
    assert backend.evaluated < 2 * len(long)  # what it had evaluated before it gave way was not lost
    assert engine.submit(GenerationRequest(long)).result.result(20).timings.evaluated_tokens <= 1
    engine.close()


def test_an_answer_ends_when_its_time_is_over_but_says_something():
    decoder = Decoder(scripted({"": "abcdefghij"}), BRANCHES)
    found = run(decoder, GenerationRequest(prompt("", ""), answer_by=time.monotonic() - 1))
    assert (found.candidates[0].text, found.finish) == ("abcd", FinishReason.DEADLINE)


def test_tokens_stream_as_they_come():
    engine, seen = Engine(lambda: scripted({"": "abc"})), []
    handle = engine.submit(GenerationRequest(prompt("", "")), on_token=lambda token: seen.append(token.piece))
    handle.result.result(20)
    engine.close()
    assert b"".join(seen) == b"abc"


def test_closing_answers_everybody_and_frees_the_model():
    backend = scripted({}, chunk_s=0.2)
    engine = Engine(lambda: backend)
    handles = [engine.submit(GenerationRequest(prompt("a" * 500, str(i)), lane=str(i))) for i in range(3)]
    engine.close()
    for handle in handles:
        assert (
            handle.result.exception(5) is not None or handle.result.result().finish is FinishReason.CANCELLED
        )
    assert backend.closed
    with pytest.raises(EngineClosed):
        engine.submit(GenerationRequest((1,)))


def test_a_request_that_fails_does_not_end_the_engine(caplog):
    engine = Engine(lambda: scripted({"x": "y"}, context_tokens=64))
    with pytest.raises(ContextFull):
        engine.submit(GenerationRequest(prompt("a" * 200, ""))).result.result(20)
    assert (
        engine.submit(GenerationRequest(prompt("", "x"), max_tokens=8)).result.result(20).candidates[0].text
        == "y"
    )
    engine.close()


def test_a_backend_that_does_not_open_says_so_to_all():
    opened = threading.Event()

    def fail():
        opened.wait(5)
        raise ContextFull("no room for the model")

    engine = Engine(fail)
    handle = engine.submit(GenerationRequest((1,)))
    opened.set()
    with pytest.raises(ContextFull, match="no room"):
        handle.result.result(20)
    with pytest.raises(ContextFull):
        engine.opened.result(20)
