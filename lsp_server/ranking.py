"""Which of several candidates is shown first: the one that fits the code around."""

from __future__ import annotations

import math
import re
import string
from typing import TYPE_CHECKING

from context.privacy import redact_lines
from context.prompt import Prompt
from context.syntax import error_count
from lsp_server.place import Extent, Place
from lsp_server.trim import Shown, trim

if TYPE_CHECKING:
    from engine.request import Candidate, Generation, SecondLook

_UNSURE_BELOW = 0.7  # probability of the first word below which candidates are compared
_FIT_WEIGHT = 4.0  # best of those tried on 60 rows outside the tuning set (docs/log.md)
_LINES_BELOW = 4  # that candidates are judged by; the engine takes the first 24 tokens of them
_WORD = string.ascii_letters + string.digits + "_"
_WANTS_MORE = re.compile(  # an operator, a comma, a bracket or a word that something has to follow
    r"(?:\s*(?:[-+*/%<>=!&|^~,.(\[]"
    r"|\b(?:and|as|await|else|for|from|if|import|in|instanceof|is|new|not|of|or|typeof|while|with|yield)))+\s*\Z"
)
_CHECKED_LINES = 60  # lines before, and half as many after, that a candidate's syntax is checked with


def second_look(place: Place, prompt: Prompt, *, always: bool) -> SecondLook | None:
    """How the engine may choose between candidates; None where nothing follows to judge them by.

    ``always``: also where the model is sure of its first word.
    """
    from engine.request import SecondLook

    if place.extent is Extent.LINE or not prompt.left:
        return None
    below = place.document.lines[place.position.line + 1 :][:_LINES_BELOW]
    told = redact_lines([line for line in below if line.strip()])
    following = "".join(told).replace("\r\n", "\n")

    def shown(text: str) -> str:
        found = trim(place, text)
        return found.text.replace("\r\n", "\n") if found else ""

    if not following:
        return None
    return SecondLook(prompt.left, prompt.head, following, shown, math.inf if always else _UNSURE_BELOW)


def shown_of(place: Place, generation: Generation) -> list[tuple[Shown, Candidate]]:
    """What can be shown of a generation, best first, nothing twice.

    The likeliest candidate comes first, unless it breaks the syntax of the code around and another does not.
    """
    found: dict[str, tuple[Shown, Candidate]] = {}
    for candidate in generation.candidates:
        shown = trim(place, _without_broken_end(candidate))
        if shown is not None and shown.text not in found:
            found[shown.text] = (shown, candidate)
    ranked = list(found.values())
    if len(ranked) > 1:
        ranked.sort(key=lambda pair: (_errors_with(place, pair[0]), -_worth(pair[1])))
    return ranked


def _without_broken_end(candidate: Candidate) -> str:
    """The text; of one that had to end in time without its last word and what leads to it, or without its
    last line where it has several."""
    from engine.request import FinishReason

    text = candidate.text
    if candidate.finish is not FinishReason.DEADLINE:
        return text
    whole = text[: text.rfind("\n")] if "\n" in text.strip() else _WANTS_MORE.sub("", text.rstrip(_WORD))
    return whole if whole.strip() else text


def _worth(candidate: Candidate) -> float:
    """How good a candidate is: how likely, and how likely what follows is after it."""
    return candidate.mean_logprob * candidate.tokens + _FIT_WEIGHT * (candidate.fit or 0.0)


def _errors_with(place: Place, shown: Shown) -> int:
    """Syntax errors of the lines around once ``shown`` is accepted."""
    lines, line = place.document.lines, place.position.line
    before = "".join(lines[max(0, line - _CHECKED_LINES) : line]) + place.head
    after = place.tail[shown.replaced :] + "\n" + "".join(lines[line + 1 : line + 1 + _CHECKED_LINES // 2])
    return error_count(place.language, before + shown.text + after)
