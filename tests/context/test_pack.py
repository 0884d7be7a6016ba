"""Packing: budgets are kept, what matters most is in, what changes least stands first, nothing jumps."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from context.items import ContextItem, Source, Stability
from context.pack import Pack, choose, lacks
from context.prompt import PromptFormat
from context.tokenised import TokenisedItems

FORM = PromptFormat(prefix=(-1,), suffix=(-2,), middle=(-3,), file_separator=(-4,))


def encode(text: str) -> tuple[int, ...]:
    return tuple(map(ord, text))


def tokenised() -> TokenisedItems:
    return TokenisedItems(encode, FORM)


def item(path: str, size: int = 20, relevance: float = 1.0, **more: Any) -> ContextItem:
    text = "x" * (size - 1) + "\n"
    made = ContextItem(Source.SIMILAR_CODE, path, text, relevance, Stability.CLOSED_FILE)  # may take it all
    return replace(made, **more)


def paths(pack: Pack) -> list[str]:
    return [one.path for one, _ in pack.items]


sources = st.sampled_from(
    [Source.IMPORTS, Source.HISTORY, Source.PROJECT_MAP, Source.RECENT_EDITS, Source.OPEN_FILE]
)
items = st.lists(
    st.builds(
        ContextItem,
        sources,
        st.sampled_from(["a.py", "b.py", "c.py", "d.py"]),
        st.text("xy\n", min_size=1, max_size=80),
        st.floats(0, 3),
        st.sampled_from([float(one) for one in Stability]),
        st.just(()),
        st.booleans(),
    ),
    max_size=12,
)


@given(items, st.integers(0, 400))
def test_the_budget_is_kept_and_stability_orders(candidates: list[ContextItem], budget: int) -> None:
    pack = choose(candidates, budget, tokenised())
    assert pack.tokens <= budget
    stabilities = [one.stability for one, _ in pack.items]
    assert stabilities == sorted(stabilities, reverse=True)
    assert all(tuple(ids) == tuple(tokenised().ids(one)) for one, ids in pack.items)


@given(items, st.integers(0, 400))
def test_the_same_candidates_again_change_nothing(candidates: list[ContextItem], budget: int) -> None:
    texts = tokenised()
    first = choose(candidates, budget, texts)
    again = choose(candidates, budget, texts, previous=first)
    third = choose(candidates, budget, texts, previous=again)
    assert again.items == third.items


@given(items, items, st.integers(0, 400), st.integers(0, 400))
def test_a_roomy_budget_is_kept_too_and_what_stays_in_moves_nowhere(
    first: list[ContextItem], second: list[ContextItem], budget: int, next_budget: int
) -> None:
    texts = tokenised()
    before = choose(first, budget, texts, roomy=True)
    after = choose(second, next_budget, texts, previous=before, roomy=True)
    assert after.tokens <= next_budget
    assume(not lacks(after, second))  # else a full budget is chosen anew
    again = choose(second, next_budget, texts, previous=after, roomy=True)
    steady = [one for one, _ in after.items if one.stability >= Stability.OPEN_FILE]
    assert [one for one, _ in again.items][: len(steady)] == steady


def roomy(candidates: list[ContextItem], budget: int, previous: Pack | None = None) -> Pack:
    texts = tokenised()
    for one in candidates:
        texts.ids(one)
    return choose(candidates, budget, texts, previous=previous, roomy=True)


def test_in_a_roomy_budget_what_is_in_stays_and_what_matters_comes_behind_it() -> None:
    before = roomy([item("b", relevance=2.0), item("a", relevance=0.5)], 200)
    after = roomy([item("c", relevance=2.0), item("d", 150, relevance=0.5)], 200, before)
    assert paths(after) == [*paths(before), "c"]


def test_in_a_roomy_budget_little_things_leave_room_for_a_later_place() -> None:
    before = roomy([item(str(n), relevance=0.5) for n in range(10)], 200)
    assert 120 < before.tokens <= 161  # eight tenths, and a marker
    assert len(roomy([item("c", relevance=2.0)], 200, before).items) == len(before.items) + 1


def test_in_a_roomy_budget_that_is_full_all_is_chosen_anew() -> None:
    before = roomy([item("a", 90, relevance=2.0)], 100)
    assert paths(roomy([item("b", 90, relevance=4.0)], 100, before)) == ["b"]


def test_a_file_that_changed_does_not_stay_as_it_was() -> None:
    old = item("a", 30, 0.5, whole=True)
    after = roomy([replace(old, text="new\n"), item("b", relevance=2.0)], 200, roomy([old], 200))
    assert old.text not in [one.text for one, _ in after.items]


def test_relevance_decides_whether() -> None:
    assert paths(choose([item("a", relevance=1), item("b", relevance=2)], 30, tokenised())) == ["b"]


def test_a_piece_that_is_in_stays_unless_another_is_clearly_better() -> None:
    texts = tokenised()
    before = choose([item("a", relevance=1.0)], 30, texts)
    little = choose([item("a", relevance=1.0), item("b", relevance=1.1)], 30, texts, previous=before)
    clearly = choose([item("a", relevance=1.0), item("b", relevance=1.5)], 30, texts, previous=before)
    assert (paths(little), paths(clearly)) == (["a"], ["b"])


def test_a_new_piece_stands_behind_those_that_were_there() -> None:
    texts = tokenised()
    before = choose([item("b"), item("c")], 100, texts)
    after = choose([item("a", relevance=2), item("b"), item("c")], 100, texts, previous=before)
    assert paths(after) == [*paths(before), "a"]


def test_a_whole_file_takes_the_place_of_its_parts_where_it_fits() -> None:
    part, whole = item("a", 20, 2.0), item("a", 60, 0.5, whole=True)
    assert [one.whole for one, _ in choose([part, whole], 100, tokenised()).items] == [True]
    assert [one.whole for one, _ in choose([part, whole], 50, tokenised()).items] == [False]


def test_no_single_kind_of_history_takes_a_small_budget() -> None:
    many = [item(f"h{n}", relevance=3, source=Source.HISTORY) for n in range(10)]
    assert len(choose([*many, item("a", 30, 0.1)], 200, tokenised()).items) <= 3


def test_without_patience_only_known_texts_are_taken_and_the_others_counted() -> None:
    texts = tokenised()
    texts.ids(item("a"))
    pack = choose([item("a"), item("b")], 100, texts, patience_s=-1.0)
    assert (paths(pack), pack.missed) == (["a"], 1)


def test_secrets_never_reach_the_tokens() -> None:
    key = "ghp_" + "A1b2C3d4E5f6G7h8I9j0" + "K1l2M3n4O5p6Q7r8"
    made = tokenised().ids(replace(item("a"), text=f'TOKEN = "{key}"\n'))
    assert key not in "".join(chr(token) for token in made if token >= 0)
    assert len(made) == len(tokenised().ids(replace(item("a"), text=f'TOKEN = "{"x" * len(key)}"\n')))


def test_texts_are_forgotten_once_there_are_too_many() -> None:
    texts = TokenisedItems(encode, FORM, most_tokens=100)
    for name in "abcdefgh":
        texts.ids(item(name, 40))
    assert texts.known(item("a", 40)) is None
    assert texts.known(item("h", 40)) is not None


def test_imports_leave_room_for_the_rest() -> None:
    """However relevant they are, imports take less than half; the others come in."""
    imports = [item(f"i{n}", size=30, relevance=3, source=Source.IMPORTS) for n in range(10)]
    others = [
        item("branch", size=30, relevance=1, source=Source.HISTORY),
        item("like", size=30, relevance=0.5),
    ]
    pack = choose([*imports, *others], 300, tokenised())
    taken = sum(len(ids) for one, ids in pack.items if one.source == Source.IMPORTS)
    assert 0 < taken <= 0.45 * 300
    assert {"branch", "like"} <= set(paths(pack))
