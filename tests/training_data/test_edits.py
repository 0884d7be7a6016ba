"""Commits as documents: in the product's own words and forms, and as pairs that checks tell apart."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from context.document import Document as Text
from context.document import Position
from context.refactor.values import Selection
from engine.training.data import edits
from engine.training.data.counterfactual import BROKEN, HOLDS, pairs_of, verdict_of
from engine.training.data.documents import Text as Part
from engine.training.data.edits import conversation, documents_of, edit_turns, hunks, next_edit_turns
from engine.training.data.flows import Commit, FlowsError, commit_of, read_export
from lsp_server import edit_blocks, edit_prompt
from lsp_server.answer_forms import in_blocks, written_anew
from lsp_server.edit_blocks import blocks_in, with_blocks
from lsp_server.edit_prompt import region_of
from tests.training_data.packed import commit, export, module

BEFORE = module("before", 5)
LINES = BEFORE.split("\n")
AT = next(n for n, line in enumerate(LINES) if "before_2(" in line)
AFTER = "\n".join(
    [*LINES[:AT], "    def before_2(self, before_value: int, unit: str) -> str:", *LINES[AT + 1 :]]
)


def parsed(value: dict[str, object]) -> Commit:
    """A commit that is there."""
    found = commit_of(json.loads(json.dumps(value)))
    assert found is not None
    return found


CHANGED = parsed(commit(BEFORE, AFTER, (AT - 2, AT + 3), (AT - 2, AT + 3)))


def test_the_words_are_those_of_the_product() -> None:
    """What a model is told in training is what it is told when it serves."""
    document = Text.of("file:///a.py", "a.py", "python", 0, BEFORE)
    region = region_of(document, Selection(Position(AT, 0), Position(AT + 3, 0)))
    assert edits.SYSTEM == edit_prompt.SYSTEM
    assert (edits.SEARCH, edits.DIVIDER, edits.REPLACE) == (
        edit_blocks.SEARCH, edit_blocks.DIVIDER, edit_blocks.REPLACE,
    )  # fmt: skip
    assert written_anew(region, len).wish == edits.ANEW
    assert in_blocks(region, len).wish == edits.IN_BLOCKS
    told = edit_prompt.message(region, "Do it.", written_anew(region, len), (), len, 0)
    shown = edits.fenced("python", LINES[AT : AT + 3])
    assert told == f"The lines to edit, of a.py:\n{shown}\n\nDo it.\n{edits.ANEW}"


@pytest.mark.parametrize("seed", range(40))
def test_an_answer_makes_the_change(seed: int) -> None:
    """Read as the product reads it, in either form, the answer turns the file before into the file after."""
    (turn,) = edit_turns(CHANGED, random.Random(seed))
    document = Text.of("file:///demo/area.py", "demo/area.py", "python", 0, BEFORE)
    assert "Give the area a unit" in turn.user
    if turn.answer.startswith(edits.SEARCH):
        assert with_blocks(document, blocks_in(turn.answer)) == AFTER
    else:
        shown = turn.user.partition("```python\n")[2].partition("\n```")[0]
        written = turn.answer.removeprefix("```python\n").removesuffix("\n```")
        assert BEFORE.count(shown) == 1
        assert BEFORE.replace(shown, written) == AFTER


def test_both_forms_occur() -> None:
    """Short regions are written anew, long ones are edited in blocks."""
    answers = [next(iter(edit_turns(CHANGED, random.Random(seed)))).answer for seed in range(40)]
    assert {answer.startswith(edits.SEARCH) for answer in answers} == {True, False}


def test_a_hunk_is_a_hole_in_what_came_after() -> None:
    """The middle ends with the lines that the commit wrote, without the context around them."""
    (document,) = hunks(CHANGED, "demo", 5, random.Random(1))
    middle = document.parts[document.answer]
    assert isinstance(middle, Part)
    assert middle.data.decode().endswith("def before_2(self, before_value: int, unit: str) -> str:")
    assert middle.age == 5
    together = b"".join(part.data for part in document.parts if isinstance(part, Part))
    assert b"def before_2(self, before_value: int) -> Any" not in together


def test_prose_is_no_code() -> None:
    """A commit to a page gives no edits."""
    value = commit(BEFORE, AFTER, (AT, AT + 1), (AT, AT + 1))
    (file,) = value["files"]  # type: ignore[misc]
    file["language"] = "markdown"
    assert not list(documents_of(parsed(value), "demo", 0, random.Random(1)))


def test_the_next_edit_follows_from_those_before() -> None:
    """The earlier edits of the file are told as the product tells them, the line counted as it is by then."""
    other = next(n for n, line in enumerate(LINES) if "before_4(" in line)
    value = commit(BEFORE, AFTER, (AT, AT + 1), (AT, AT + 1))
    (file,) = value["files"]  # type: ignore[misc]
    first = dict(file["edits"][0])
    second = {**first, "a0": other, "a1": other + 1, "b0": other, "b1": other + 1}
    second |= {"before": LINES[other] + "\n", "after": "    def later(self) -> None:\n"}
    file["after"] = AFTER.replace(LINES[other], "    def later(self) -> None:")
    file["edits"] = [first, second]
    (turn,) = next_edit_turns(parsed(value), random.Random(1))
    assert f"These edits were just made:\n- {LINES[AT]}\n+ {AFTER.splitlines()[AT]}\n" in turn.user
    assert f"follows from them at line {other + 1}." in turn.user
    assert "def later(self) -> None:" in turn.answer


def test_only_what_was_kept_is_learned_from() -> None:
    """A commit that was taken back gives no edit, only a pair that says so."""
    undone = parsed(commit(BEFORE, AFTER, (AT, AT + 1), (AT, AT + 1), fate="reverted"))
    assert not list(documents_of(undone, "demo", 0, random.Random(1)))
    ((pair, judged),) = pairs_of(undone, random.Random(1))
    assert (pair.by, pair.why, judged) == ("history", "reverted", [])
    assert "unit: str" in pair.rejected
    assert "unit: str" not in pair.chosen


def test_pairs_are_what_checks_tell_apart() -> None:
    """The chosen answer holds; the rejected one breaks the file or uses a name that nothing defines."""
    found = [one for seed in range(60) for one in pairs_of(CHANGED, random.Random(seed))]
    assert {pair.by for pair, _ in found} == {"parse", "names"}
    for pair, judged in found:
        assert pair.chosen != pair.rejected
        assert pair.user == found[0][0].user or pair.user.startswith("The lines to edit")
        answers = [document.parts[document.answer] for document in judged]
        verdicts = [part.data.decode() for part in answers if isinstance(part, Part)]
        assert verdicts[0] == HOLDS
        assert (verdicts[1] == BROKEN) == (pair.by == "parse")


def test_verdicts_are_those_of_the_checks() -> None:
    """What does not parse, and names that are not defined; warnings about escapes are none of it."""
    assert not verdict_of("def f(:\n").parses
    assert verdict_of("def f():\n    return missing\n").undefined == ("missing",)
    assert verdict_of("import os\nprint(os.sep, '\\d')\n").undefined == ()


def test_a_conversation_is_what_the_template_writes(tmp_path: Path) -> None:
    """The same letters as the tokenizer's chat template gives, up to the end of the answer."""
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    from engine.training.data.tokenizer import TEMPLATE

    (turn,) = edit_turns(CHANGED, random.Random(3))
    roles = (("system", turn.system), ("user", turn.user), ("assistant", turn.answer))
    wanted = (
        ImmutableSandboxedEnvironment()
        .from_string(TEMPLATE)
        .render(
            messages=[{"role": role, "content": said} for role, said in roles], add_generation_prompt=False
        )
    )
    parts = conversation("edit", turn).parts
    said = "".join(part if isinstance(part, str) else part.data.decode() for part in parts)
    assert said + "\n" == wanted


def test_exports_say_what_they_are(tmp_path: Path) -> None:
    """Licence and number of commits; another file is refused by name; secrets' stars are left out."""
    starred = BEFORE.replace("before_path_0", "'" + "*" * 20 + "'")
    file = export(
        tmp_path, [commit(BEFORE, AFTER, (AT, AT + 1), (AT, AT + 1)), commit(starred, AFTER, (0, 1), (0, 1))]
    )
    found = read_export(file)
    assert (found.repository, found.licence, found.count) == ("demo", "MIT", 2)
    assert len(list(found.placed_commits())) == 1
    (tmp_path / "other.jsonl").write_text('{"a": 1}\n')
    with pytest.raises(FlowsError, match=r"other\.jsonl"):
        read_export(tmp_path / "other.jsonl")
