"""An instruction to a new text: whatever the model says, the document gets what was asked for or nothing."""

from __future__ import annotations

import asyncio
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from context.document import Document, Position
from context.items import ContextItem, Source
from context.prompt import PromptFormat
from context.refactor.values import Selection
from context.tokenised import TokenisedItems
from engine.chat import ChatTemplate
from engine.decoding import Decoder
from engine.engine import BRANCHES, SEQUENCES, Engine
from engine.speed import Speed
from lsp_server.edit_bounds import PlanRefused
from lsp_server.model_edit import EditRefused, edit
from lsp_server.model_session import ModelSession
from tests.scripted_backend import END, VOCABULARY, ScriptedBackend

CODE = """\
import os

def area(width, height):
    return width * height


class Shop:
    def total(self, items):
        # every item once
        return sum(item.price for item in items)
"""
AREA, TOTAL, ALL = (2, 4), (7, 10), (0, 10)
PLAIN = "{% for m in messages %}{{ m.content }}\n{% endfor %}"


class Told(ScriptedBackend):
    """Says ``answer`` to any prompt, and ends where it must say anything else; ``prompt`` is the last."""

    def __init__(self, answer: str, **options: Any) -> None:
        super().__init__(lambda _: b"", context_tokens=8192, sequences=SEQUENCES, **options)
        self.answer, self.prompt = answer.encode(), ""

    def prefill(self, sequence: int, tokens: Any, stop: Any) -> Any:
        self.prompt = bytes([*self.held[sequence], *tokens]).decode()
        return super().prefill(sequence, tokens, stop)

    def _logits(self, sequence: int) -> Any:
        said = bytes(self.held[sequence][len(self.prompt.encode()) :])
        logits = np.full(VOCABULARY, -20.0, dtype=np.float32)
        rest = self.answer[len(said) :] if self.answer.startswith(said) else b""
        logits[rest[0] if rest else END] = 5.0
        return logits


def session_of(backend: Told, template: str | None = PLAIN) -> ModelSession:
    engine = Engine(
        lambda: backend, open_decoder=lambda opened: Decoder(opened, BRANCHES, speed=Speed(800, 500))
    )
    engine.opened.result()
    encode, form = lru_cache(1 << 16)(backend.tokenizer.encode), PromptFormat()
    return ModelSession(
        engine=engine,
        encode=encode,
        form=form,
        tokenised=TokenisedItems(encode, form),
        budget_tokens=4096,
        name="scripted",
        path=Path("scripted"),
        reason="a test",
        speed=Speed(1000.0, 1000.0),
        tokenize=backend.tokenizer.encode,
        template=None if template is None else lambda: ChatTemplate({"default": template}, "here"),
    )


def document(text: str = CODE, path: str = "shop.py", language: str = "python") -> Document:
    return Document.of(f"file:///w/{path}", path, language, 1, text)


def lines(first: int, last: int) -> Selection:
    return Selection(Position(first, 0), Position(last, 0))


async def ask(
    backend: Told, of: Document, where: tuple[int, int], *, template: str | None = PLAIN, **options
) -> str:
    session = session_of(backend, template)
    try:
        return await edit(session, of, lines(*where), "Do it.", **options)
    finally:
        await asyncio.to_thread(session.engine.close)


WRITTEN = [
    # what, region, options, what the model wants to say, old and new text
    ("a region anew", AREA, {}, "def area(width, height):\n    return height * width\n```\nThis is better.",
     "width * height", "height * width"),
    ("without its fence at the end", AREA, {}, "def area(width, height):\n    return height * width",
     "width * height", "height * width"),
    ("an indented region", TOTAL, {},
     "    def total(self, items):\n        # every item once\n        return 0\n```",
     "return sum(item.price for item in items)", "return 0"),
    ("a docstring", AREA, {"action": "write-docstring"}, '    """The area."""\n    return 5\n```',
     "    return width", '    """The area."""\n    return width'),
    ("a docstring of a method", TOTAL, {"action": "write-docstring"},
     '        """The\n        total.\n        """\n',
     "        # every", '        """The\n        total.\n        """\n        # every'),
    ("types", AREA, {"action": "add-types"}, "def area(width: int, height: int) -> int:\n    return 7\n```",
     "(width, height):", "(width: int, height: int) -> int:"),
    ("blocks", ALL, {"form": "blocks"}, "    return width * height\n=======\n    return 1\n>>>>>>> REPLACE",
     "width * height", "1"),
    ("two blocks and chatter", ALL, {"form": "blocks"},
     "import os\n=======\nimport re\n>>>>>>> REPLACE\n<<<<<<< SEARCH\n    return width * height\n=======\n"
     "    return 1\n>>>>>>> REPLACE\nThat is all.",
     "import os\n\ndef area(width, height):\n    return width * height",
     "import re\n\ndef area(width, height):\n    return 1"),
]  # fmt: skip


@pytest.mark.parametrize("case", WRITTEN, ids=[case[0] for case in WRITTEN])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
async def test_only_what_was_edited_changes(case, line_end) -> None:
    """Fences, chatter and lines of its own are the model's; line ends are the document's."""
    _, where, options, answer, old, new = case
    text = await ask(Told(answer), document(CODE.replace("\n", line_end)), where, **options)
    assert text == CODE.replace(old, new).replace("\n", line_end)
    assert text != CODE


@pytest.mark.parametrize("case", WRITTEN, ids=[case[0] for case in WRITTEN])
async def test_an_answer_that_nothing_holds_is_read_the_same_way(case) -> None:
    """A server's model gives no logits."""
    _, where, options, answer, old, new = case
    text = await ask(Told(answer), document(), where, held=False, **options)
    assert text == CODE.replace(old, new)


METHOD = (
    "class A:\n    @cached\n    async def f(\n        self,\n        x=1,  # one\n    ):\n        return x\n"
)
DOCUMENT, TYPES = "write-docstring", "add-types"
FILLED = [
    # what, path, text, region, action, what the model says, old and new text
    ("a head of many lines", "a.py", METHOD, (1, 7), TYPES, "    async def f(self, x: int = 1) -> int:\n",
     "f(\n        self,\n        x=1,  # one\n    ):", "f(self, x: int = 1) -> int:"),
    ("a class", "a.py", "class A:\n    x = 1\n", (0, 2), DOCUMENT, '    """One."""',
     "    x", '    """One."""\n    x'),
    ("a body on the head's line", "a.py", "def f(): return 1\n", (0, 1), DOCUMENT,
     'def f():\n    """One."""\n    return 1\n```', "def f(): return 1",
     'def f():\n    """One."""\n    return 1'),
    ("what is documented", "a.py", 'def f():\n    """A."""\n    return 1\n', (0, 3), DOCUMENT,
     'def f():\n    """B."""\n    return 1\n```', '"""A."""', '"""B."""'),
    ("TypeScript", "a.ts", "class A {\n  f(x: number) {\n    return x;\n  }\n}\n", (1, 4), DOCUMENT,
     "  /**\n   * Its number.\n   */\n  f(", "  f(", "  /**\n   * Its number.\n   */\n  f("),
    ("Go", "a.go", "package a\n\nfunc F() int {\n\treturn 1\n}\n", (2, 5), DOCUMENT,
     "// F is one.\nfunc", "func F", "// F is one.\nfunc F"),
]  # fmt: skip


@pytest.mark.parametrize("case", FILLED, ids=[case[0] for case in FILLED])
async def test_what_is_filled_in_stands_where_it_belongs(case) -> None:
    _, path, before, where, action, answer, old, new = case
    of = document(before, path, {"py": "python", "ts": "typescript", "go": "go"}[path.rpartition(".")[2]])
    assert await ask(Told(answer), of, where, action=action) == before.replace(old, new)


async def test_a_model_that_changes_nothing_says_first_what_to_change() -> None:
    """Then once more, and no third time."""
    same = "def area(width, height):\n    return width * height\n```"
    backend = Told(same)
    assert await ask(backend, document(), AREA) == CODE
    assert "First say on one line" in backend.prompt

    class Repentant(Told):
        def prefill(self, sequence: int, tokens: Any, stop: Any) -> Any:
            found = super().prefill(sequence, tokens, stop)
            if "First say on one line" in self.prompt:
                self.answer = b"It has to be 2.\n```python\ndef area(width, height):\n    return 2\n```"
            return found

    text = await ask(Repentant(same), document(), AREA)
    assert text == CODE.replace("width * height", "2")


async def test_a_model_without_a_template_goes_on_with_the_text() -> None:
    answer = "def area(width, height):\n    return 1\n```"
    assert "return 1\n" in await ask(Told(answer), document(), AREA, template=None)


async def test_thoughts_never_reach_the_text() -> None:
    thinking = PLAIN + "<think>\n"
    answer = "```python\nno\n```</think>\n\n```python\ndef area(width, height):\n    return 3\n```"
    for held in (True, False):
        text = await ask(Told(answer), document(), AREA, template=thinking, role="thinking", held=held)
        assert text == CODE.replace("width * height", "3")
    text = await ask(Told("<think>hm" + answer), document(), AREA, role="thinking")
    assert text == CODE.replace("width * height", "3")


@pytest.mark.parametrize("said", ["What about a joke?", "<<<<<<< SEARCH\n", "", "x" * 700])
async def test_a_broken_answer_is_held_to_the_form_or_refused(said) -> None:
    with pytest.raises((EditRefused, PlanRefused), match=r"\.$"):
        await ask(Told(said), document(), ALL, form="blocks", held=False)
    with pytest.raises((EditRefused, PlanRefused), match=r"\.$"):
        await ask(Told(said), document(), AREA, role="thinking", held=False)


async def test_a_secret_is_neither_shown_nor_written_back_as_stars() -> None:
    secret = "ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a"
    of = document(f'import os\n\n\ndef f():\n    token = "{secret}"\n    return token\n')
    with pytest.raises(EditRefused, match="Line 5 holds what looks like a secret"):
        await ask(Told(""), of, (3, 6), form="anew")
    backend = Told("    return token\n=======\n    return 1\n>>>>>>> REPLACE")
    assert secret in await ask(backend, of, (3, 6))  # in blocks, around that line
    assert secret not in backend.prompt and "token = " in backend.prompt
    stars = 'def g():\n    token = "****************************************"\n```'
    with pytest.raises(EditRefused, match="stars in place of a secret"):
        await ask(Told(stars), of, (0, 1))


async def test_a_file_that_holds_secrets_by_its_name_is_not_shown() -> None:
    with pytest.raises(PlanRefused, match="shown to no model"):
        await ask(Told(""), document(path=".env.local"), AREA)


async def test_evidence_goes_through_the_gate_and_the_best_is_shown() -> None:
    items = [
        ContextItem(Source.PAST_CHANGES, "a.py.diff", "-old()\n+new()\n", 0.5, 1.0),
        ContextItem(Source.PAST_CHANGES, "secrets.py", "never\n", 0.9, 1.0),
        ContextItem(Source.RECENT_EDITS, "b.py", "nor this\n", 0.9, 1.0),
    ]
    backend = Told("def area(width, height):\n    return 1\n```")
    await ask(backend, document(), AREA, facts=items)
    assert "A past change like this one:\n```\n-old()\n+new()\n```" in backend.prompt
    assert "never" not in backend.prompt and "nor this" not in backend.prompt


async def test_what_is_too_long_is_refused_before_it_is_asked() -> None:
    backend = Told("")
    with pytest.raises(EditRefused, match="select fewer"):
        await ask(backend, document("x = 1\n" * 3000), (0, 3000))
    assert backend.prompt == ""


async def test_cancelling_stops_the_model() -> None:
    backend = Told("def area(width, height):\n" + "    return 1\n" * 200, chunk_s=0.2)
    session = session_of(backend)
    task = asyncio.create_task(edit(session, document(), lines(*AREA), "Do it."))
    await asyncio.sleep(0.3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    for _ in range(100):
        if session.engine.idle:
            break
        await asyncio.sleep(0.01)
    assert session.engine.idle and backend.steps == 0
    await asyncio.to_thread(session.engine.close)


async def test_the_answer_is_told_as_it_comes() -> None:
    said: list[str] = []
    await ask(Told("def area(width, height):\n    return 1\n```"), document(), AREA, tell=said.append)
    assert len(said) > 5 and "".join(said).startswith("def area")
