"""Assembly: what typing changes is the tail, pieces keep still between keystrokes, and secrets stay out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from context.assemble import Assembled, Held, Query, assemble
from context.document import Document, Edit, Position
from context.dossier import Dossier
from context.items import ContextItem, Source, Stability
from context.prompt import PromptFormat
from context.tokenised import TokenisedItems
from context.window import MIDDLE_LINES
from context.workspace import Diagnosed, Diagnosis, Edited, Opened, Workspace

FORM = PromptFormat(prefix=(-1,), suffix=(-2,), middle=(-3,), file_separator=(-4,), repository=(-5,))
URI = "file:///w/cart.py"
KEY = "ghp_" + "A1b2C3d4E5f6G7h8I9j0" + "K1l2M3n4O5p6Q7r8"


def encode(text: str) -> tuple[int, ...]:
    return tuple(map(ord, text))


def decode(ids: Sequence[int]) -> str:
    return "".join(chr(token) if token >= 0 else f"<{-token}>" for token in ids)


TEXTS = TokenisedItems(encode, FORM)


def open_in(workspace: Workspace, uri: str, text: str) -> None:
    path = uri.removeprefix("file:///w/")
    workspace.apply(Opened(Document.of(uri, path, "python", 1, text)))


def ask(
    workspace: Workspace,
    line: int,
    column: int,
    *,
    budget: int = 2000,
    previous: Held | None = None,
    dossier: Dossier | None = None,
    disabled: Sequence[str] = (),
) -> Assembled | None:
    return assemble(
        workspace.snapshot(),
        Query(URI, Position(line, column)),
        form=FORM,
        encode=encode,
        tokenised=TEXTS,
        budget_tokens=budget,
        repository="shop",
        previous=previous,
        dossier=dossier,
        disabled=disabled,
    )


def asked(*arguments: object, **options: object) -> Assembled:
    found = ask(*arguments, **options)  # type: ignore[arg-type]
    assert found is not None
    return found


def dossier_of(*items: ContextItem, serial: int = 1) -> Dossier:
    return Dossier(URI, serial, 0, 1, "", items)


def closed(path: str, text: str, relevance: float = 1.0) -> ContextItem:
    return ContextItem(Source.IMPORTS, path, text, relevance, Stability.CLOSED_FILE)


def shared(a: Sequence[int], b: Sequence[int]) -> int:
    return next((n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def test_the_prompt_is_ordered_from_what_changes_least_to_the_cursor() -> None:
    workspace = Workspace()
    open_in(workspace, "file:///w/prices.py", "VAT = 20\n")
    workspace.apply(Edited("file:///w/prices.py", 2, (Edit("5", Position(0, 7), Position(0, 8)),)))
    open_in(workspace, URI, "import prices\ntotal = \n")
    workspace.apply(Diagnosed(URI, (Diagnosis(1, "expression expected"),)))
    history = ContextItem(Source.HISTORY, "COMMITS", "- Add VAT\n", 1, Stability.HISTORY, ("abc",))
    found = asked(workspace, 1, 8, dossier=dossier_of(closed("tax.py", "def tax(): ...\n"), history))
    assert decode(found.prompt.tokens) == (
        "<5>shop\n"
        "<4>COMMITS\n- Add VAT\n"
        "<4>tax.py\ndef tax(): ...\n"
        "<4>prices.py\nVAT = 25\n"
        "<4>prices.py.diff\n-VAT = 20\n+VAT = 25\n"
        "<4>problems.txt\ncart.py:2: expression expected\n"
        "<4>cart.py\n<1>import prices\n<2>\n<3>total ="
    )
    assert [piece.commits for piece in found.prompt.pieces if piece.source == Source.HISTORY] == [("abc",)]


def test_typing_keeps_every_piece_whatever_the_background_finds() -> None:
    workspace = Workspace()
    open_in(workspace, URI, "a = 1\n" * 30)
    first = asked(workspace, 10, 0, dossier=dossier_of(closed("b.py", "b\n")))
    previous, tokens = first.held, first.prompt.tokens
    for n, letter in enumerate("value = compute(previous)"):
        workspace.apply(Edited(URI, n + 2, (Edit(letter, Position(10, n), Position(10, n)),)))
        news = dossier_of(closed("c.py", "c\n", 9.0), serial=n + 2)
        found = asked(workspace, 10, n + 1, previous=previous, dossier=news)
        assert len(tokens) - shared(tokens, found.prompt.tokens) <= 16
        previous, tokens = found.held, found.prompt.tokens


def test_going_elsewhere_lets_new_pieces_in() -> None:
    workspace = Workspace()
    open_in(workspace, URI, "a = 1\n" * 100)
    first = asked(workspace, 10, 0, dossier=dossier_of(closed("b.py", "b\n")))
    news = dossier_of(closed("b.py", "b\n"), closed("c.py", "c\n"), serial=2)
    stay = asked(workspace, 12, 0, previous=first.held, dossier=news)
    gone = asked(workspace, 12 + MIDDLE_LINES, 0, previous=first.held, dossier=news)
    assert "c.py" not in decode(stay.prompt.tokens)
    assert "<4>b.py\nb\n<4>c.py\nc\n" in decode(gone.prompt.tokens)


def test_the_first_dossier_is_used_at_once() -> None:
    workspace = Workspace()
    open_in(workspace, URI, "a = 1\n")
    first = asked(workspace, 0, 0)
    found = asked(workspace, 0, 0, previous=first.held, dossier=dossier_of(closed("b.py", "b\n")))
    assert "b.py" in decode(found.prompt.tokens)


@pytest.mark.parametrize("budget", [2000, 16_384])
def test_the_first_dossier_made_from_all_there_is_is_used_at_once(budget: int) -> None:
    """What was gathered before the folder was read does not stand until a hundred changes have passed."""
    workspace = Workspace()
    open_in(workspace, URI, "x\n")
    early = replace(dossier_of(closed("b.py", "b\n")), complete=False)
    first = asked(workspace, 0, 0, budget=budget, dossier=early)
    whole = dossier_of(closed("b.py", "b\n"), closed("c.py", "c\n"), serial=2)
    found = asked(workspace, 0, 0, budget=budget, previous=first.held, dossier=whole)
    assert "c.py" in decode(found.prompt.tokens)
    later = dossier_of(closed("d.py", "d\n"), serial=3)
    assert asked(workspace, 0, 0, budget=budget, previous=found.held, dossier=later).prompt == found.prompt


@pytest.mark.parametrize("budget", [512, 2000, 16_384, 131_072])
def test_the_budget_is_kept(budget: int) -> None:
    workspace = Workspace()
    open_in(workspace, URI, "value = compute(previous)\n" * 2000)
    many = [closed(f"f{n}.py", f"name_{n} = {n}\n" * 40) for n in range(300)]
    found = asked(workspace, 1000, 0, budget=budget, dossier=dossier_of(*many))
    assert 0.6 * budget <= len(found.prompt.tokens) <= 1.1 * budget


def test_what_the_editor_has_open_is_told_as_it_is_there_and_once() -> None:
    workspace = Workspace()
    open_in(workspace, "file:///w/b.py", "now = 1\n")
    open_in(workspace, URI, "x\n")
    old = dossier_of(closed("b.py", "before = 1\n"), closed("cart.py", "itself\n"))
    prompt = decode(asked(workspace, 0, 0, dossier=old).prompt.tokens)
    assert "now = 1" in prompt
    assert "before" not in prompt
    assert "itself" not in prompt


def test_disabled_sources_are_left_out() -> None:
    workspace = Workspace()
    open_in(workspace, "file:///w/b.py", "b = 1\n")
    open_in(workspace, URI, "x\n")
    dossier = dossier_of(closed("c.py", "c\n"))
    without = decode(asked(workspace, 0, 0, dossier=dossier, disabled=[Source.IMPORTS]).prompt.tokens)
    assert "b.py" in without
    assert "c.py" not in without
    assert decode(asked(workspace, 0, 0, dossier=dossier, disabled=["all"]).prompt.tokens) == "<1><2>x\n<3>"


def test_secrets_around_the_cursor_are_not_told() -> None:
    workspace = Workspace()
    open_in(workspace, "file:///w/.env", f"TOKEN={KEY}\n")
    open_in(workspace, "file:///w/b.py", f'token = "{KEY}"\n')
    open_in(workspace, URI, f'before = "{KEY}"\nx = 1\nafter = "{KEY}"\n')
    found = asked(workspace, 1, 5, dossier=dossier_of(closed("c.py", f'key = "{KEY}"\n')))
    prompt = decode(found.prompt.tokens) + decode(found.prompt.left)
    assert "before = " in prompt
    assert "after = " in prompt
    assert "c.py" in prompt
    assert KEY not in prompt
    assert ".env" not in prompt


def test_in_a_secret_nothing_is_asked() -> None:
    workspace = Workspace()
    open_in(workspace, URI, f'token = "{KEY}"\n')
    assert ask(workspace, 0, 20) is None
    assert ask(workspace, 0, 5) is not None
    open_in(workspace, URI, "x\n")
    workspace.apply(Opened(Document.of(URI, "id_rsa", "plaintext", 1, "x\n")))
    assert ask(workspace, 0, 1) is None


def test_a_model_without_file_markers_gets_headings_in_comments() -> None:
    workspace = Workspace()
    open_in(workspace, URI, "x = \n")
    form = PromptFormat(prefix=(-1,), suffix=(-2,), middle=(-3,))
    found = assemble(
        workspace.snapshot(),
        Query(URI, Position(0, 4)),
        form=form,
        encode=encode,
        tokenised=TokenisedItems(encode, form),
        budget_tokens=1000,
        dossier=dossier_of(closed("b.py", "b = 1\n")),
    )
    assert found is not None
    assert decode(found.prompt.tokens) == "# b.py\nb = 1\n# cart.py\n<1><2>\n<3>x ="
