"""Shorter prompts for a place, for when there is no time to evaluate the whole one.

What is volatile goes first: news that would move what is evaluated already, then what stands below, then the
rest of the file, then what is told of other files. The lines around the cursor are always there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from context.assemble import Assembled, Held, prompt_of
from context.document import Document, Position
from context.pack import Pack
from context.prompt import MAX_LINE_CHARACTERS, Encode, Prompt, PromptFormat
from context.window import Window, choose_window

_NEAR_BEFORE, _NEAR_AFTER = 48, 12  # tokens: a fifth of a second or so on a CPU


def near_window(document: Document, line: int, encode: Encode, previous: Window | None) -> Window:
    """The few lines around the cursor that every prompt holds; their edges stay while that is possible."""
    return choose_window(
        document,
        line,
        prefix_tokens=_NEAR_BEFORE,
        suffix_tokens=_NEAR_AFTER,
        count=lambda of: len(encode(of[:MAX_LINE_CHARACTERS])),
        previous=previous,
    )


def shorter_prompts(
    whole: Assembled,
    position: Position,
    near: Window,
    *,
    form: PromptFormat,
    encode: Encode,
    repository: str,
    earlier: Held | None = None,
) -> Iterator[Prompt]:
    """Prompts to ask in place of ``whole``, the best first, the shortest last.

    ``earlier``: what the prompt held that was last evaluated to its end.
    """
    document, line, now = whole.document, position.line, whole.held
    kept = _still_there(earlier, document, line) if earlier is not None else None
    choices: list[tuple[Window, Pack]] = []
    if earlier is not None and kept is not None:
        choices += [(kept, earlier.pack), (_up_to(kept, near), earlier.pack)]
    choices += [(_up_to(now.window, near), now.pack)]
    packs = [earlier.pack, now.pack] if earlier is not None else [now.pack]
    choices += [(near, pack) for pack in (*packs, Pack())]
    asked = {whole.prompt.tokens}
    for window, pack in choices:
        prompt = prompt_of(document, position, window, pack, form=form, encode=encode, repository=repository)
        if prompt.tokens not in asked:
            asked.add(prompt.tokens)
            yield prompt


def _still_there(held: Held, document: Document, line: int) -> Window | None:
    """The lines that an earlier prompt held, as they are now; None where the cursor is not among them."""
    window, end = held.window, len(document.lines) - held.window.lines_below
    if not window.start <= window.anchor <= line < end:
        return None
    return replace(window, end=end)


def _up_to(window: Window, near: Window) -> Window:
    """A window without most of what stands below the cursor."""
    return replace(window, end=near.end, lines_below=near.lines_below)
