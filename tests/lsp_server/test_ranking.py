"""What is shown of an answer that had to end in time."""

from __future__ import annotations

import pytest

from engine.request import Candidate, FinishReason, Generation, Timings
from lsp_server.ranking import shown_of
from tests.lsp_server.test_trim import place_of

BEFORE = "def birds(self):\n    found = []\n    █\n    return found\n"


def shown(text: str, finish: FinishReason, before: str = BEFORE) -> list[str]:
    """The texts shown of one answer."""
    generation = Generation((Candidate(text, finish, -0.1, 4),), Timings(), finish)
    return [pair[0].text for pair in shown_of(place_of(before, "python"), generation)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("found.append(self.na", "found.append(self"),  # the word may be half of one
        ("if len(self.lines) ==", "if len(self.lines)"),
        ("found = self.first and not", "found = self.first"),
        ("found.extend(", "found.extend"),
        ("for bird in self.birds:\n        found.app", "for bird in self.birds:"),
        ("found", "found"),  # rather than nothing
    ],
)
def test_an_answer_cut_by_time_ends_where_something_ends(text: str, expected: str) -> None:
    """Neither half a word nor an operator without its right side is shown, but what stands before."""
    assert shown(text, FinishReason.DEADLINE) == [expected]


def test_an_answer_that_ended_by_itself_is_shown_as_it_is() -> None:
    """Only time cuts words off."""
    assert shown("found.extend(self.na", FinishReason.LENGTH) == ["found.extend(self.na"]
