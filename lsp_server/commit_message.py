"""A commit message from a model: change and habit as a question, the answer made a message.

The diff is redacted and cut to a budget before it is asked about. An answer that is no message is none.
"""

from __future__ import annotations

import re
from difflib import unified_diff

from context.privacy.secrets import redact
from context.review.change import ReviewedChange, is_test
from context.review.message_habit import Habit, in_form
from context.review.plain_message import prefix_for

MOST_TOKENS = 160  # of the answer: a subject and a short body
_DIFF_CHARACTERS = 9_000  # some 3,000 tokens: ten seconds on two cores
_LONGEST = 100  # characters of a subject; a longer one is no subject
_BODY = 0.3  # share of the repository's messages with a body, from which on one is asked for
_CLAUSE = re.compile(r",? (?:based on|so that|in order to|which|when|by|to|for|with|from|and|in) ")
_IN_QUOTES = re.compile(r"^([\"'`])(.*)\1$")
_LEAD = re.compile(
    r"(?i)^(?:here(?: is|'s)[^:]*:|(?:suggested )?(?:commit )?(?:message|subject|title)\s*:)\s*"
)


def question(change: ReviewedChange, habit: Habit) -> str:
    """What the model is asked."""
    body = (
        "Write the subject line, an empty line, and at most three short lines on why."
        if habit.body >= _BODY
        else "Write the subject line and nothing else."
    )
    examples = "\n".join(redact(subject) for subject in habit.examples)
    return (
        f"Write the git commit message for the change below. {body} {habit.described()} Say what the change "
        "does for whoever reads the log; do not list files, do not quote code.\n"
        + (
            f"\nRecent messages of this repository, as examples of its form:\n{examples}\n"
            if examples
            else ""
        )
        + f"\nThe change:\n{diff_text(change)}\n\nThe commit message:"
    )


def diff_text(change: ReviewedChange, most_characters: int = _DIFF_CHARACTERS) -> str:
    """The change as a unified diff without secrets, source first; each file gets its share of the room."""
    files = sorted(change.files, key=lambda file: (is_test(file.path), not file.labels, file.path))
    parts, left = [], most_characters
    for index, file in enumerate(files):
        old, new = file.before or "", file.after or ""
        diff = "\n".join(
            unified_diff(
                old.splitlines(),
                new.splitlines(),
                f"a/{file.path}" if file.before is not None else "/dev/null",
                f"b/{file.path}" if file.after is not None else "/dev/null",
                lineterm="",
                n=2,
            )
        )
        room = max(left // (len(files) - index), 400)
        if len(diff) > room:
            diff = diff[:room].rpartition("\n")[0] + "\n(cut)"
        parts.append(redact(diff))
        left -= len(diff)
        if left <= 0:
            parts.append(f"({len(files) - index - 1} more files)" if index + 1 < len(files) else "")
            break
    return "\n".join(part for part in parts if part)


def message_of(answer: str, change: ReviewedChange, habit: Habit) -> str:
    """The answer as a message in the repository's form; "" where it is none."""
    text = re.sub(r"^\s*```[\w-]*\n|\n?```\s*$", "", answer.strip()).strip()
    text = _LEAD.sub("", text).strip()
    lines = [line.rstrip() for line in text.split("\n")]
    subject = re.sub(r"^[#*\s]+|[*\s]+$", "", lines[0])
    subject = _IN_QUOTES.sub(r"\2", subject).strip()
    if not subject or len(subject) > _LONGEST or not subject.isprintable():
        return ""
    subject = _shortened(in_form(subject, habit, prefix_for(change, habit)), habit.length)
    body = "\n".join(lines[1:]).strip()
    if habit.body < _BODY or not body or "```" in body:
        return subject
    return f"{subject}\n\n{body}"


def _shortened(subject: str, most_characters: int) -> str:
    """The subject without the clauses that make it too long; whole where that would leave no sentence."""
    shorter = subject
    while len(shorter) > most_characters:
        ends = [found.start() for found in _CLAUSE.finditer(shorter)]
        if not ends or ends[-1] < most_characters // 3:
            return subject
        shorter = shorter[: ends[-1]]
    return shorter
