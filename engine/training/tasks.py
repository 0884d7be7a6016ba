"""Edit tasks: what the product asks a chat model, the answer it should give, and at times a check of it.

`codeflow-lsp flow tasks` writes them as JSON lines, in the words and forms that the language server uses.
Here they become token ids by a model's own template. Knows no documents and makes no prompts.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import BackendError
from engine.training.fine_tune import Example

if TYPE_CHECKING:
    from engine.chat import ChatTemplate
    from engine.loop.tokenizer import LoopTokenizer


@dataclass(frozen=True, slots=True)
class Task:
    """``opening``: how the answer begins, which the model need not write; ``answer``: what follows, up to and
    with ``mark``. ``check``: assertions in Python about the code before the mark; "" where there are none."""

    system: str
    user: str
    opening: str
    answer: str
    mark: str
    check: str = ""
    kind: str = ""


def write_tasks(file: Path, tasks: Iterable[Task]) -> int:
    """Write them, one a line, whole or not at all; how many."""
    part, count = file.with_name(file.name + ".part"), 0
    with part.open("w", encoding="utf-8", newline="\n") as stream:
        for task in tasks:
            stream.write(json.dumps(asdict(task), ensure_ascii=False) + "\n")
            count += 1
    part.replace(file)
    return count


def read_tasks(file: Path) -> Iterator[Task]:
    """The tasks in a file. Raises BackendError, naming the line."""
    known, number = {one.name for one in fields(Task)}, 0
    try:
        with file.open(encoding="utf-8") as stream:
            for line in stream:
                number += 1
                raw = json.loads(line)
                if not isinstance(raw, dict) or not known >= raw.keys():
                    raise ValueError("it is no task")
                yield Task(**raw)
    except OSError as error:
        raise BackendError(f"{file} cannot be read: {error.strerror or error}.") from None
    except (ValueError, TypeError) as error:
        raise BackendError(f"{file}, line {number}: {error}.") from None


def prompt_of(task: Task, tokenizer: LoopTokenizer, template: ChatTemplate) -> tuple[int, ...]:
    """What the model is asked, up to where it writes. Raises ModelCorrupt where the template fails."""
    from engine.conversation import Said, next_turn

    turn = next_turn(template, [Said("system", task.system), Said("user", task.user)], tokenizer.encode)
    return (*turn.tokens, *tokenizer.encode(task.opening))


def example_of(
    task: Task, tokenizer: LoopTokenizer, template: ChatTemplate, end: int, *, answer: str = ""
) -> Example:
    """A task as an example; ``end`` ends the answer, which may be another than the task's own."""
    prompt, answer = prompt_of(task, tokenizer, template), answer or task.answer
    ids = (*prompt, *tokenizer.encode(answer), end)
    return Example(ids, len(prompt), len(answer.encode()))
