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

_SIZES = ((180, 60), (48, 12))  # tokens before and after: a second or so of a CPU, and what is always there
_MIDDLE = (0.3, 60)  # share of the budget before, tokens after: what a rest of the cursor has time for

Around = tuple[Window, ...]  # lines around a cursor, the most first


def around(
    document: Document, line: int, encode: Encode, previous: Around | None, *, budget_tokens: int
) -> Around:
    """The lines around the cursor that shorter prompts hold; the whole one may have ``budget_tokens``.

    Their edges stay while that is possible.
    """
    middle = (int(_MIDDLE[0] * budget_tokens), _MIDDLE[1])
    sizes = ((middle,) if middle[0] > _SIZES[0][0] else ()) + _SIZES
    return tuple(
        choose_window(
            document,
            line,
            prefix_tokens=before,
            suffix_tokens=after,
            count=lambda of: len(encode(of[:MAX_LINE_CHARACTERS])),
            previous=previous[n] if previous and len(previous) == len(sizes) else None,
        )
        for n, (before, after) in enumerate(sizes)
    )


def shorter_prompts(
    whole: Assembled,
    position: Position,
    windows: Around,
    *,
    form: PromptFormat,
    encode: Encode,
    repository: str,
    earlier: Held | None = None,
) -> Iterator[Prompt]:
    """Prompts to ask in place of ``whole``, the best first, the shortest last; ``windows`` are ``around``'s.

    ``earlier``: what the prompt held that was last evaluated to its end.
    """
    document, line, now, near = whole.document, position.line, whole.held, windows[-1]
    kept = _still_there(earlier, document, line) if earlier is not None else None
    choices: list[tuple[Window, Pack]] = []
    if earlier is not None and kept is not None:
        choices += [(kept, earlier.pack), (_up_to(kept, near), earlier.pack)]
    choices += [(_up_to(now.window, near), now.pack)]
    packs = [earlier.pack, now.pack] if earlier is not None else [now.pack]
    for window in windows:
        choices += [(one, pack) for one in (window, _up_to(window, near)) for pack in (*packs, Pack())]
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
