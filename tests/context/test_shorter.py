"""Shorter prompts hold less and less, always the cursor; a saved prompt is found again in its document."""

from __future__ import annotations

from itertools import pairwise

import pytest

from context.assemble import Assembled, Query, assemble, prompt_of
from context.document import Document, Edit, Position
from context.dossier import Dossier
from context.items import ContextItem, Source, Stability
from context.prompt import PromptFormat
from context.restored import restored
from context.shorter import around, shorter_prompts
from context.tokenised import TokenisedItems
from context.workspace import Edited, Opened, Workspace

FORM = PromptFormat(prefix=(-1,), suffix=(-2,), middle=(-3,), file_separator=(-4,), repository=(-5,))
URI = "file:///w/cart.py"
TEXT = "".join(f"def f{n}(a):\n    return a + {n}\n\n\n" for n in range(60))


def encode(text: str) -> tuple[int, ...]:
    return tuple(map(ord, text))


def workspace_of(text: str = TEXT) -> Workspace:
    workspace = Workspace()
    workspace.apply(Opened(Document.of(URI, "cart.py", "python", 1, text)))
    return workspace


def whole(workspace: Workspace, at: Position, *, pieces: bool = True) -> Assembled:
    item = ContextItem(Source.IMPORTS, "tax.py", "def tax(): ...\n", 1.0, Stability.CLOSED_FILE)
    found = assemble(
        workspace.snapshot(),
        Query(URI, at),
        form=FORM,
        encode=encode,
        tokenised=TokenisedItems(encode, FORM),
        budget_tokens=1200,
        repository="shop",
        dossier=Dossier(URI, 1, at.line, 1, "", (item,) if pieces else ()),
    )
    assert found is not None
    return found


def shorter(of: Assembled, at: Position, earlier: Assembled | None = None) -> list[str]:
    windows = around(of.document, at.line, encode, None, budget_tokens=of.held.budget_tokens)
    held = earlier.held if earlier is not None else None
    prompts = shorter_prompts(of, at, windows, form=FORM, encode=encode, repository="shop", earlier=held)
    return ["".join(chr(t) if t >= 0 else f"<{-t}>" for t in prompt.tokens) for prompt in prompts]


def test_they_get_shorter_and_keep_the_cursor() -> None:
    at = Position(101, 11)
    full = whole(workspace_of(), at)
    prompts = shorter(full, at)
    assert len(prompts) >= 4
    assert len(full.prompt.tokens) > len(prompts[0]) > 3 * len(prompts[-1])
    assert all("def f25(a):\n" in prompt and prompt.endswith("<3>return") for prompt in prompts)
    assert "tax.py" in prompts[0] and "tax.py" not in prompts[-1]
    assert all(a != b for a, b in pairwise(prompts))


def test_the_lines_around_keep_their_edges_while_typing() -> None:
    workspace, at = workspace_of(), Position(101, 11)
    before = around(workspace.snapshot().documents[URI], at.line, encode, None, budget_tokens=900)
    workspace.apply(Edited(URI, 2, (Edit("a\n    b", at, at),)))
    after = around(workspace.snapshot().documents[URI], at.line + 1, encode, before, budget_tokens=900)
    assert [(w.start, w.anchor, w.lines_below) for w in after] == [
        (w.start, w.anchor, w.lines_below) for w in before
    ]


def test_what_was_evaluated_stays_first_whatever_is_new() -> None:
    workspace, at = workspace_of(), Position(101, 11)
    earlier = whole(workspace, at, pieces=False)
    assert "tax.py" not in shorter(whole(workspace, at), at, earlier)[0]


@pytest.mark.parametrize("pieces", [True, False])
@pytest.mark.parametrize("at", [Position(0, 3), Position(101, 11), Position(238, 0)])
def test_a_saved_prompt_is_found_again(at: Position, pieces: bool) -> None:
    saved = whole(workspace_of(), at, pieces=pieces)
    document = workspace_of().snapshot().documents[URI]
    held = restored(document, at, saved.prompt.tokens, form=FORM, encode=encode, repository="shop")
    assert held is not None
    again = prompt_of(document, at, held.window, held.pack, form=FORM, encode=encode, repository="shop")
    assert again.tokens == saved.prompt.tokens


def test_a_prompt_saved_elsewhere_in_the_document_keeps_its_beginning() -> None:
    saved, at = whole(workspace_of(), Position(101, 11)), Position(105, 11)
    document = workspace_of().snapshot().documents[URI]
    held = restored(document, at, saved.prompt.tokens, form=FORM, encode=encode, repository="shop")
    assert held is not None and held.window.start == saved.held.window.start
    again = prompt_of(document, at, held.window, held.pack, form=FORM, encode=encode, repository="shop")
    end = again.tokens.index(-2)
    assert again.tokens[:end] == saved.prompt.tokens[:end]


@pytest.mark.parametrize("tokens", [(), (1, 2, 3), (-1, -2), (-5, 1, -1, 2, -2, 3, -3), (-3, -2, -1)])
def test_what_cannot_be_read_is_left(tokens: tuple[int, ...]) -> None:
    document = workspace_of().snapshot().documents[URI]
    found = restored(document, Position(3, 0), tokens, form=FORM, encode=encode, repository="shop")
    assert found is None or not found.pack.items


def test_another_repositorys_prompt_is_left() -> None:
    saved = whole(workspace_of(), Position(101, 11))
    document = workspace_of().snapshot().documents[URI]
    assert (
        restored(document, Position(101, 11), saved.prompt.tokens, form=FORM, encode=encode, repository="x")
        is None
    )
