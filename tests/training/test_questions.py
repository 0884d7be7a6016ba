"""Past hunks and exercises as the server would ask about them, read back as the server would read answers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from context.codeflow.export import export
from context.document import Document, Position
from context.prompt import PromptFormat
from context.refactor.values import Selection
from engine.training.exercises import exercises
from engine.training.tasks import Task, read_tasks, write_tasks
from lsp_server.answer_forms import in_blocks, written_anew
from lsp_server.cli import main
from lsp_server.edit_prompt import region_of
from lsp_server.past_hunks import PastHunk, hunks_of, read_hunks, without_repeated
from lsp_server.past_questions import edit_tasks, exercise_tasks, filling, filling_example
from tests.context.git_repository import Repository
from tests.training.tiny_data import function

HEAD = "import net\n\n\n"
BEFORE = HEAD + "".join(function(number) for number in range(6))
AFTER = BEFORE.replace("    rate = 3\n", "    rate = 30\n    if item.free:\n        rate = 0\n")


def hunk(before: str, after: str) -> PastHunk:
    """The one hunk between two texts, as an export tells it: with two lines around."""
    old, new = before.split("\n"), after.split("\n")
    first = next(n for n, pair in enumerate(zip(old, new, strict=False)) if pair[0] != pair[1])
    below = next(n for n in range(len(old)) if old[-1 - n] != new[-1 - n])
    a0, b0 = max(0, first - 2), max(0, first - 2)
    edit = {"a0": a0, "a1": len(old) - below + 2, "b0": b0, "b1": len(new) - below + 2}
    file = {"path": "shop/price.py", "language": "python", "before": before, "after": after, "edits": [edit]}
    (found,) = hunks_of({"sha": "a" * 40, "subject": "Free items cost nothing", "files": [file]})
    return found


def test_a_hunk_is_the_lines_that_changed_and_no_others() -> None:
    found = hunk(BEFORE, AFTER)
    assert found.old == ["    rate = 3"]
    assert found.new == ["    rate = 30", "    if item.free:", "        rate = 0"]


def test_a_completion_is_asked_where_the_hunk_was_typed() -> None:
    """Its lines are not there yet, those around are as the commit left them; the answer begins behind the
    indentation."""
    asked = filling(hunk(BEFORE, AFTER))
    assert asked is not None and not asked.cut
    document = asked.snapshot.documents[asked.query.uri]
    row, column = asked.query.position
    assert document.line(row) == "    " and column == 4
    assert document.line(row - 1) == "def price_3(item):" and document.line(row + 1).startswith("    return")
    lines = list(document.text.split("\n"))
    lines[row] += asked.text
    assert "\n".join(lines) == AFTER


def test_its_example_is_the_prompt_that_is_served_and_what_was_typed() -> None:
    form = PromptFormat(prefix=(1,), suffix=(2,), middle=(3,))
    asked = filling(hunk(BEFORE, AFTER))
    assert asked is not None

    def encode(text: str) -> tuple[int, ...]:
        return tuple(10 + ord(letter) for letter in text)

    def text(ids: tuple[int, ...]) -> str:
        return "".join(chr(one - 10) if one > 9 else f"<{one}>" for one in ids)

    found = filling_example(asked, form=form, encode=encode, budget_tokens=100, repository="shop", end=9)
    assert found is not None
    prompt, answer = text(found.ids[: found.answer]), text(found.ids[found.answer :])
    assert prompt.startswith("<1>") and prompt.endswith("<3>") and "    <2>\n" in prompt
    assert answer == "rate = 30\n    if item.free:\n        rate = 0<9>"
    assert found.text_bytes == len(answer) - 3


@pytest.mark.parametrize(
    "line",
    ["    # a comment\n", "\n", "    )\n", '    password = "hunter2hunter2!Aq9"\n'],
)
def test_what_nobody_would_want_completed_is_not_asked(line: str) -> None:
    assert filling(hunk(BEFORE, BEFORE.replace("    rate = 3\n", f"{line}    rate = 3\n"))) is None


def test_edits_are_asked_in_the_product_s_forms_and_read_back_exactly() -> None:
    """Lines written anew, and blocks; each makes of the old file the new one."""
    changed = hunk(BEFORE, AFTER)
    document = Document.of("file:///a.py", changed.path, "python", 1, BEFORE)
    tasks = {task.kind: task for task in edit_tasks(changed)}
    assert set(tasks) == {"past edit", "past edit in blocks"}
    for kind, task in tasks.items():
        assert "Free items cost nothing" in task.user and task.answer.endswith(task.mark)
        wide = kind.endswith("blocks")
        first, last = (changed.a0 - 8, changed.a1 + 8) if wide else (changed.a0, changed.a1)
        region = region_of(document, Selection(Position(first, 0), Position(last, 0)))
        form = (in_blocks if wide else written_anew)(region, len)
        assert form.opening == task.opening
        assert form.text_of(task.answer.removeprefix(form.begin_with)) == AFTER


def test_exercises_are_asked_in_the_same_words() -> None:
    made, tasks = list(exercises(3, 16)), list(exercise_tasks(3, 16))
    assert len(tasks) == 16
    for one, task in zip(made, tasks, strict=True):
        assert one.instruction in task.user and one.before in task.user + "\n"
        assert task.answer.removesuffix(task.mark) == one.after.rstrip("\n") and task.check == one.check


def test_a_repetition_of_what_was_learned_is_no_proof() -> None:
    long = hunk(BEFORE, AFTER)
    other = hunk(
        BEFORE, BEFORE.replace("rate = 3\n", "rate = 31\n    if item.is_free_of_charge:\n        pass\n")
    )
    assert without_repeated([long, other], [long]) == [other]


def test_tasks_come_back_as_they_were_written(tmp_path: Path) -> None:
    tasks = [*exercise_tasks(1, 3), Task("s", "ü\n", "```", "a\n```", "\n```")]
    assert write_tasks(tmp_path / "tasks.jsonl", tasks) == 4
    assert list(read_tasks(tmp_path / "tasks.jsonl")) == tasks


def test_the_command_writes_a_repository_s_edits_and_exercises(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = Repository(tmp_path / "shop")
    made.commit("First", {"price.py": BEFORE})
    made.commit("Free items cost nothing", {"price.py": AFTER})
    reverted = made.commit("Ten times the price", {"price.py": AFTER.replace("rate = 5", "rate = 50")})
    made.commit(f'Revert "Ten times"\n\nThis reverts commit {reverted}.', {"price.py": AFTER})
    out = tmp_path / "tasks.jsonl"
    command = ["flow", "tasks", "--out", str(out), "--repo", str(made.root), "--exercises", "5"]
    assert main(command) == 0, capsys.readouterr().err
    tasks = list(read_tasks(out))
    assert [task.kind.startswith("past") for task in tasks].count(True) >= 2 and len(tasks) >= 7
    assert not any("Ten times the price\n" in task.user for task in tasks)
    assert main(["flow", "tasks", "--out", str(out)]) == 1
    assert "give --repo" in capsys.readouterr().err


def test_hunks_come_oldest_first_from_the_newest_commits(tmp_path: Path) -> None:
    made = Repository(tmp_path / "shop")
    made.commit("First", {"price.py": function(0)})
    for number in range(1, 9):
        made.commit(f"Number {number}", {"price.py": function(number)})
    subjects = [one.subject for one in read_hunks(made.root, 4)]
    assert subjects[-1] == "Number 8" and len(set(subjects)) <= 5
    assert subjects == sorted(subjects)
    assert json.loads(next(export(made.root)).text)["format"] == "codeflow/1"
