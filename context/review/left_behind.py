"""What should not be committed: conflict markers, secrets, breakpoints, focused tests, prints, open tasks.

Looks at lines that were added and did not merely move, by their tokens where the language has a grammar, so
that what stands in a string or a comment is not code.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from context.codeflow.code_tokens import COMMENT, DOC, STRING, Token
from context.privacy.kinds import left_out_by_name
from context.privacy.names import may_be_prompted
from context.privacy.secrets import redact_lines
from context.review.change import ChangedFile, ReviewedChange, is_fixture, is_script, is_test
from context.review.values import Finding

_TASK = re.compile(r"\b(?:TODO|FIXME|XXX)\b")
_SERVICE_KEY = re.compile(  # tests are full of made-up passwords; only a real service's key counts there
    r"\b(?:AKIA[A-Z0-9]{16}|gh[pousr]_\w{36}|github_pat_\w{40}|glpat-[\w-]{20}|sk-(?:ant|proj)-[\w-]{20}"
    r"|xox[abp]-\d[\w-]{20}|AIza[\w-]{35}|[sr]k_live_\w{20}|npm_\w{36}|pypi-AgE\w{40})"
)
_OPENS, _CLOSES = re.compile(r"<{7} \S"), re.compile(r">{7} \S")
_JAVASCRIPT = ("javascript", "javascriptreact", "typescript", "typescriptreact")
_BREAKPOINTS: dict[str, tuple[tuple[str, ...], ...]] = {
    "python": (
        ("breakpoint", "(", ")"),
        ("pdb", ".", "set_trace"),
        ("ipdb", ".", "set_trace"),
        ("pudb", ".", "set_trace"),
    ),
    "ruby": (("binding", ".", "pry"), ("binding", ".", "irb"), ("byebug",)),
    "rust": (("dbg", "!"),),
    **dict.fromkeys(_JAVASCRIPT, (("debugger", ";"),)),
}
_FOCUSED = tuple((who, ".", "only", "(") for who in ("test", "it", "describe", "suite", "context"))
_PRINTS: dict[str, tuple[tuple[str, ...], ...]] = {
    "python": (("print", "("),),
    **dict.fromkeys(_JAVASCRIPT, (("console", ".", "log", "("),)),
}


def left_behind(change: ReviewedChange) -> Iterator[Finding]:
    """Everything the rules below find."""
    for path in change.new_names:
        if not may_be_prompted(path) and not left_out_by_name(path.rpartition("/")[2]):
            yield Finding(
                "secret-file",
                path,
                0,
                0,
                "The file is new and not ignored, and its name says that it holds secrets: keep it out.",
            )
    for file in change.files:
        if file.after is None:
            continue
        yield from _secrets(file, change)
        if is_fixture(file.path):
            continue
        yield from _conflicts(file)
        yield from _tasks(file, change)
        yield from _tokens(file, change)


def _fresh(file: ChangedFile, change: ReviewedChange) -> list[int]:
    """Added lines that were not there before, in any file."""
    return [line for line in sorted(file.added) if file.line(line).strip() not in change.removed_lines]


def _conflicts(file: ChangedFile) -> Iterator[Finding]:
    opens = [line for line in sorted(file.added) if _OPENS.match(file.line(line))]
    for line in opens:
        end = next((n for n in sorted(file.added) if n > line and _CLOSES.match(file.line(n))), None)
        if end is not None and any(file.line(n) == "=======" for n in range(line, end)):
            yield Finding(
                "conflict-marker", file.path, line, end, "A merge conflict was committed with its markers."
            )


def _secrets(file: ChangedFile, change: ReviewedChange) -> Iterator[Finding]:
    lines = [line + "\n" for line in file.pair.after.lines]
    masked = redact_lines(lines)
    for line in _fresh(file, change):
        if masked[line] == lines[line]:
            continue
        if is_test(file.path) and not _SERVICE_KEY.search(lines[line]):
            continue
        yield Finding(
            "secret",
            file.path,
            line,
            line,
            "The line holds what looks like a credential; take it out, and renew it if it was ever pushed.",
        )


def _tasks(file: ChangedFile, change: ReviewedChange) -> Iterator[Finding]:
    for line in _fresh(file, change):
        task = _TASK.search(file.line(line))
        for token in file.pair.after.source.tokens(line, line) if task else ():
            if task and token.kind == COMMENT and _TASK.search(token.text):
                yield Finding("todo", file.path, line, line, f"A comment says {task[0]}.")
                break


def _tokens(file: ChangedFile, change: ReviewedChange) -> Iterator[Finding]:
    language = file.language
    fresh = set(_fresh(file, change))
    wanted = (*_BREAKPOINTS.get(language, ()), *_PRINTS.get(language, ()), *_FOCUSED)
    if not any(pattern[0] in file.line(line) for line in fresh for pattern in wanted):
        return
    code = [t for t in file.pair.after.source.tokens(0, len(file.pair.after.lines)) if _is_code(t)]
    for line in _where(code, _BREAKPOINTS.get(language, ()), fresh):
        yield Finding(
            "breakpoint", file.path, line, line, "Execution stops here and waits for a debugger; remove it."
        )
    if language in _JAVASCRIPT and is_test(file.path):
        for line in _where(code, _FOCUSED, fresh):
            yield Finding(
                "focused-test",
                file.path,
                line,
                line,
                "Because of .only, every other test of the run is skipped.",
            )
    prints = _PRINTS.get(language, ())
    if file.before is None or is_test(file.path) or is_script(file.path):
        return
    old = [t for t in file.pair.before.source.tokens(0, len(file.pair.before.lines)) if _is_code(t)]
    if prints and not list(_where(old, prints, None)):
        for line in _where(code, prints, fresh):
            what = "".join(prints[0]).rstrip("(")
            yield Finding(
                "debug-print",
                file.path,
                line,
                line,
                f"No {what} was in this file before; was it for debugging?",
            )


def _is_code(token: Token) -> bool:
    return token.kind not in (COMMENT, DOC, STRING)


def _where(
    tokens: Sequence[Token], patterns: Sequence[Sequence[str]], lines: set[int] | None
) -> Iterator[int]:
    """Lines on which one of these sequences of tokens begins, as code of its own and no definition."""
    for at, token in enumerate(tokens):
        if lines is not None and token.line not in lines:
            continue
        if at and tokens[at - 1].text in (".", "def", "function", "?."):
            continue
        if any([t.text for t in tokens[at : at + len(pattern)]] == list(pattern) for pattern in patterns):
            yield token.line
