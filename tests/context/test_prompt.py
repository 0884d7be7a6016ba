"""Prompts: every token is accounted for, and nothing of the text is lost or moved."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from context.items import ContextItem
from context.prompt import (
    Prompt,
    PromptFormat,
    blocks,
    cut_for_healing,
    encode_lines,
    render,
)
from context.tokenised import TokenisedItems

QWEN = PromptFormat(
    begin=(),
    prefix=(-1,),
    suffix=(-2,),
    middle=(-3,),
    file_separator=(-4,),
    repository=(-5,),
)
DEEPSEEK = PromptFormat(begin=(-9,), prefix=(-1,), suffix=(-2,), middle=(-3,))
SUFFIX_FIRST = replace(DEEPSEEK, suffix_first=True)
NO_MARKERS = PromptFormat(begin=(-9,))

line = st.text(st.sampled_from("ab_ (\t)=é👋"), max_size=12)
line_list = st.lists(line.map(lambda text: text + "\n"), max_size=6)
items = st.lists(
    st.builds(ContextItem, st.just("open file"), st.just("b.py"), line, st.just(1.0), st.just(0.0)),
    max_size=3,
)


def encode(text: str) -> tuple[int, ...]:
    """One token per character, so that a prompt can be read back."""
    return tuple(map(ord, text))


def decode(ids: tuple[int, ...]) -> str:
    """A prompt's text; markers are digits."""
    return "".join(chr(token) if token >= 0 else str(-token) for token in ids)


def prompt_of(
    form: PromptFormat,
    prefix: list[str],
    middle: list[str],
    head: str,
    suffix: list[str],
    others: list[ContextItem] | None = None,
) -> Prompt:
    return render(
        form=form,
        encode=encode,
        items=[(item, TokenisedItems(encode, form).ids(item)) for item in others or []],
        repository="shop",
        path="a.py",
        prefix=prefix,
        middle=middle,
        head=head,
        suffix=suffix,
    )


@pytest.mark.parametrize("form", [QWEN, DEEPSEEK, SUFFIX_FIRST, NO_MARKERS])
@given(prefix=line_list, middle=line_list, head=line, suffix=line_list, others=items)
def test_the_account_and_the_markers_are_all_of_the_prompt(
    form: PromptFormat,
    prefix: list[str],
    middle: list[str],
    head: str,
    suffix: list[str],
    others: list[ContextItem],
) -> None:
    prompt = prompt_of(form, prefix, middle, head, suffix, others)
    markers = len(form.begin)
    if form.fills_in:
        markers += len(form.prefix) + len(form.suffix) + len(form.middle)
    if others and form.file_separator:
        markers += len(form.repository) + len("shop\n") + len(form.file_separator) + len("a.py\n")
    elif others:
        markers += len("# a.py\n")
    assert sum(piece.tokens for piece in prompt.pieces) + markers == len(prompt.tokens)
    shown = [piece.source for piece in prompt.pieces]
    assert shown.count("open file") == len(others)
    assert ("suffix" in shown) == form.fills_in


@given(line_list, line_list, line, line_list)
def test_prefix_suffix_and_middle_stand_where_the_model_expects_them(
    prefix: list[str], middle: list[str], head: str, suffix: list[str]
) -> None:
    before, between, after = "".join(prefix), "".join(middle), "".join(suffix)

    def text(form: PromptFormat) -> str:
        prompt = prompt_of(form, prefix, middle, head, suffix)
        return decode(prompt.tokens) + prompt.begin_with.decode()

    assert text(QWEN) == f"1{before}2{after}3{between}{head}"
    assert text(DEEPSEEK) == f"91{before}2{after}3{between}{head}"
    assert text(SUFFIX_FIRST) == f"92{after}1{before}3{between}{head}"


@given(line_list, line_list, line, line_list)
def test_without_markers_the_prompt_is_what_precedes_the_cursor(
    prefix: list[str], middle: list[str], head: str, suffix: list[str]
) -> None:
    prompt = prompt_of(NO_MARKERS, prefix, middle, head, suffix)
    assert (
        decode(prompt.tokens) + prompt.begin_with.decode() == "9" + "".join(prefix) + "".join(middle) + head
    )


def test_an_empty_file_is_a_line_break_for_a_model_without_markers() -> None:
    prompt = prompt_of(PromptFormat(), [], [], "", [])
    assert (prompt.tokens, prompt.begin_with) == (encode("\n"), b"")


@given(line)
def test_what_is_healed_is_the_end_of_the_head(head: str) -> None:
    ids, begin_with = cut_for_healing(head, encode)
    assert decode(ids) + begin_with.decode() == head
    assert bool(begin_with) == bool(head)


def test_healing_takes_a_word_and_its_blank_or_the_blanks_at_the_end() -> None:
    assert cut_for_healing("total = su", encode) == (encode("total ="), b" su")
    assert cut_for_healing("    ", encode) == ((), b"    ")
    assert cut_for_healing("print(", encode) == (encode("print"), b"(")


@given(st.lists(line.map(lambda text: text + "\n"), max_size=12))
def test_blocks_are_the_lines_and_begin_with_a_line_that_is_not_blank(content: list[str]) -> None:
    found = list(blocks(content))
    assert "".join(found) == "".join(content)
    assert all(block.strip() for block in found[1:])
    assert decode(encode_lines(content, encode)) == "".join(content)
