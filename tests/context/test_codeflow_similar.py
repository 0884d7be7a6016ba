"""Which past edits are most like the one in progress, how fast that is known, and how one is shown."""

from __future__ import annotations

import random
import time

from hypothesis import given
from hypothesis import strategies as st

from context.codeflow import Fate, Flow, FlowBook, FlowEdit, render
from context.codeflow.similar import SHOWN_LINES, words_of


def edit_of(
    before: str, after: str, path: str = "shop.py", symbol: str = "", labels: tuple[str, ...] = ()
) -> FlowEdit:
    return FlowEdit(path, path, symbol, before, after, labels, 0, before.count("\n"), 0, after.count("\n"))


def flow_of(number: int, *edits: FlowEdit, fate: Fate = Fate.KEPT, subject: str = "") -> Flow:
    files = tuple(dict.fromkeys(edit.path for edit in edits))
    return Flow(f"{number:040x}", "0" * 40, subject or f"Commit {number}", number, fate, files, (), edits)


TIMEOUT = edit_of(
    "def fetch_prices(session, url):\n    return session.get(url).json()\n",
    "def fetch_prices(session, url, timeout=3):\n    return session.get(url, timeout=timeout).json()\n",
    "shop/prices.py",
    "fetch_prices",
)
LOGGING = edit_of(
    "    charge_customer(order)\n",
    "    logger.info('charging %s', order)\n    charge_customer(order)\n",
    "shop/pay.py",
    "pay",
)
STYLE = edit_of(
    "    color = palette[name]\n", "    color = palette.get(name, DEFAULT_COLOR)\n", "shop/view.py"
)
OTHERS = [
    flow_of(
        100 + n, edit_of(f"    thing_{n} = make_{n}()\n", f"    thing_{n} = build_{n}()\n", f"other{n}.py")
    )
    for n in range(20)
]
BOOK = FlowBook.of([flow_of(1, TIMEOUT), flow_of(2, LOGGING), flow_of(3, STYLE), *OTHERS])


def test_the_change_most_like_the_one_in_progress_comes_first() -> None:
    text = "def fetch_stock(session, url, timeout=3):\n    return session.get(url).json()\n"
    first = BOOK.neighbours(text=text)[0]
    assert first.edit == TIMEOUT
    assert first.flow.subject == "Commit 1"


def test_a_text_with_nothing_in_common_has_no_neighbours() -> None:
    assert BOOK.neighbours(text="zebra quagga okapi") == ()
    assert BOOK.neighbours(text="") == ()
    assert FlowBook.of([]).neighbours(text="fetch_prices session url") == ()


def test_the_same_file_and_files_changed_together_weigh_more() -> None:
    text = "session url charge_customer order logger"
    plain = {n.edit.path: n.score for n in BOOK.neighbours(text=text)}
    here = {n.edit.path: n.score for n in BOOK.neighbours(text=text, paths=["shop/pay.py"])}
    assert here["shop/pay.py"] > plain["shop/pay.py"]
    assert here["shop/prices.py"] == plain["shop/prices.py"]


def test_what_was_reverted_is_no_example_and_what_was_fixed_a_lesser_one() -> None:
    text = "def fetch_stock(session, url):\n    return session.get(url).json()\n"
    scores = {
        fate: FlowBook.of([flow_of(1, TIMEOUT, fate=fate), *OTHERS]).neighbours(text=text) for fate in Fate
    }
    assert scores[Fate.REVERTED] == ()
    assert scores[Fate.FIXED][0].score < scores[Fate.KEPT][0].score


def test_a_commit_gives_one_neighbour_at_most() -> None:
    twins = [
        edit_of(TIMEOUT.before.replace("prices", name), TIMEOUT.after.replace("prices", name), f"{name}.py")
        for name in ("prices", "stocks", "orders")
    ]
    book = FlowBook.of([flow_of(1, *twins), *OTHERS])
    assert len(book.neighbours(text=TIMEOUT.before)) == 1


def test_the_very_change_whose_lines_are_already_there_is_passed_over() -> None:
    assert all(found.edit != TIMEOUT for found in BOOK.neighbours(text=TIMEOUT.after))


def test_an_edit_is_shown_as_a_small_diff() -> None:
    (found,) = BOOK.neighbours(text=LOGGING.before + "logger order", most=1)
    assert render(found) == (
        "Commit 2\nshop/pay.py (pay)\n+    logger.info('charging %s', order)\n     charge_customer(order)\n"
    )


def test_a_long_edit_is_cut() -> None:
    long = edit_of("", "".join(f"fetch_prices_{n} = session_{n}\n" for n in range(200)), "long.py")
    book = FlowBook.of([flow_of(1, long), *OTHERS])
    (found,) = book.neighbours(text="fetch_prices_1 session_1 fetch_prices_2", most=1)
    assert render(found).endswith("\n...\n")
    assert render(found).count("\n") == SHOWN_LINES + 3


def test_identifiers_count_whole_and_in_parts() -> None:
    assert words_of("fetchPrices fetch_prices HTTPServer x1") == {
        "fetchprices": 1,
        "fetch_prices": 1,
        "fetch": 2,
        "prices": 2,
        "httpserver": 1,
        "http": 1,
        "server": 1,
    }


@given(st.text(max_size=300), st.lists(st.text(max_size=20), max_size=3))
def test_any_text_may_be_asked_for(text: str, paths: list[str]) -> None:
    for found in BOOK.neighbours(text=text, paths=paths):
        assert render(found)


def test_two_thousand_edits_are_searched_in_milliseconds() -> None:
    """5 ms is the goal on a quiet machine; the best of many tries is taken, for this one may be busy."""
    chance = random.Random(7)
    names = [f"{a}_{b}" for a in ("load", "save", "make", "price", "order", "user") for b in range(150)]

    def code() -> str:
        return "".join(
            f"    {chance.choice(names)} = {chance.choice(names)}(session, {chance.choice(names)})\n"
            for _ in range(12)
        )

    book = FlowBook.of(
        [flow_of(n, *(edit_of(code(), code(), f"f{n}.py") for _ in range(7))) for n in range(300)]
    )
    assert len(book) == 2100
    spent = []
    for _ in range(15):
        text = code() + code() + code()
        started = time.perf_counter()
        book.neighbours(text=text, paths=["f1.py"])
        spent.append(time.perf_counter() - started)
    assert min(spent) < 0.005
