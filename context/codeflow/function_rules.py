"""The rules for labels of one function: each takes both sides of a function and yields what it finds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from context.codeflow.code_tokens import WORD, Token, code, prose
from context.codeflow.function_body import (
    Call,
    calls,
    conditions,
    handled_errors,
    is_logging,
    raised_errors,
)
from context.codeflow.function_facts import FunctionFacts
from context.codeflow.labels import Finding, Label, Span
from context.codeflow.regions import Hunk

MOST_TOKENS = 400  # of a hunk on one side; a longer one is a rewriting, in which nothing replaces anything
MOST_ARGUMENT_TOKENS = 60  # of a call; a longer one is a whole test or a table
MOST_REPLACED = 16  # tokens between which one call counts as standing where another stood


@dataclass(frozen=True, slots=True)
class Both:
    """A function on both sides."""

    path: str
    symbol: str
    language: str
    old: FunctionFacts
    new: FunctionFacts
    old_tokens: tuple[Token, ...]
    new_tokens: tuple[Token, ...]
    old_lines: Span
    new_lines: Span
    hunks: tuple[Hunk, ...]
    imported: frozenset[str]  # names that the file imports on either side

    def found(self, label: Label, detail: str = "", hunk: Hunk | None = None) -> Finding:
        """A finding about the whole function, or about one hunk of it."""
        if hunk is not None:
            return Finding(label, self.path, self.symbol, (hunk.a0, hunk.a1), (hunk.b0, hunk.b1), detail)
        return Finding(label, self.path, self.symbol, self.old_lines, self.new_lines, detail)

    def in_head(self, label: Label, detail: str = "") -> Finding:
        """A finding about the function's head."""
        old = (self.old_lines[0], self.old.head_end + 1)
        new = (self.new_lines[0], self.new.head_end + 1)
        return Finding(label, self.path, self.symbol, old, new, detail)


def function_findings(both: Both) -> Iterator[Finding]:
    """Everything the rules below find in one function."""
    yield from _signature(both)
    if code(both.old.body) != code(both.new.body):
        yield from _error_handling(both)
    for hunk in both.hunks:
        old = _in(both.old_tokens, hunk.a0, hunk.a1)
        new = _in(both.new_tokens, hunk.b0, hunk.b1)
        if code(old) == code(new):
            if prose(old) != prose(new):
                yield both.found(Label.DOCS_ONLY, hunk=hunk)
            continue
        old, new = _in(both.old.body, hunk.a0, hunk.a1), _in(both.new.body, hunk.b0, hunk.b1)
        if code(old) != code(new):
            yield both.found(Label.BODY_CHANGED, hunk=hunk)
            yield from _in_hunk(both, hunk, old, new)


def _in(tokens: Sequence[Token], start: int, end: int) -> list[Token]:
    """The tokens that reach into lines [start, end)."""
    return [token for token in tokens if token.line < end and token.end_line >= start]


def _signature(both: Both) -> Iterator[Finding]:
    old, new = both.old, both.new
    before = {parameter.name: parameter for parameter in old.parameters}
    after = {parameter.name: parameter for parameter in new.parameters}
    gone = [name for name in before if name not in after]
    come = [name for name in after if name not in before]
    renamed = list(_renamed(old, new, gone, come))
    for one, other in renamed:
        gone.remove(one)
        come.remove(other)
        yield both.in_head(Label.PARAMETER_RENAMED, f"{one} -> {other}")
    for name in come:
        yield both.in_head(Label.PARAMETER_ADDED, name)
    for name in gone:
        yield both.in_head(Label.PARAMETER_REMOVED, name)
    if not gone and not come and not renamed and list(before) != list(after):
        yield both.in_head(Label.PARAMETERS_REORDERED)
    typed = [name for name in after if name in before and after[name].typed and not before[name].typed]
    if new.result and not old.result:
        typed.append(f"-> {new.result}")
    if typed:
        yield both.in_head(Label.ANNOTATION_ADDED, ", ".join(typed))
    elif old.result and old.result != new.result:
        yield both.in_head(Label.RESULT_CHANGED, f"{old.result} -> {new.result}")
    if new.is_async and not old.is_async:
        yield both.in_head(Label.ASYNC_MADE)
    if old.decorators != new.decorators:
        yield both.in_head(Label.DECORATOR_CHANGED, ", ".join(new.decorators))
    texts = [parameter.text for parameter in old.parameters], [p.text for p in new.parameters]
    if texts[0] != texts[1] or old.result != new.result or old.is_async != new.is_async:
        yield both.in_head(Label.SIGNATURE_CHANGED)


def _renamed(
    old: FunctionFacts, new: FunctionFacts, gone: Sequence[str], come: Sequence[str]
) -> Iterator[tuple[str, str]]:
    if len(old.parameters) != len(new.parameters):
        return
    for one, other in zip(old.parameters, new.parameters, strict=True):
        if one.name in gone and other.name in come:
            rest = one.text.replace(one.name, "", 1), other.text.replace(other.name, "", 1)
            if rest[0] == rest[1] or not one.typed:
                yield one.name, other.name


def _error_handling(both: Both) -> Iterator[Finding]:
    """Counted over the whole function, so that moving a handler is not adding one; told where it came."""
    sides = (both.old, both.new)
    handled = [handled_errors(facts.body, both.language, facts.result) for facts in sides]
    raised = [raised_errors(facts.body, both.language) for facts in sides]
    if handled[0] != handled[1]:
        label = Label.ERROR_HANDLING_ADDED if handled[1] > handled[0] else Label.ERROR_HANDLING_REMOVED
        yield from _placed(both, label, handled[1] > handled[0], handled_errors)
    if raised[1] > raised[0]:
        yield from _placed(both, Label.ERROR_RAISED, True, raised_errors)


def _placed(
    both: Both, label: Label, more: bool, count: Callable[[Sequence[Token], str], int]
) -> Iterator[Finding]:
    """Findings for the hunks in which the count goes up, or down; those of an inner function are its own."""
    for hunk in both.hunks:
        old = count(_in(both.old.body, hunk.a0, hunk.a1), both.language)
        new = count(_in(both.new.body, hunk.b0, hunk.b1), both.language)
        if (new > old) if more else (new < old):
            yield both.found(label, hunk=hunk)


def _in_hunk(both: Both, hunk: Hunk, old: list[Token], new: list[Token]) -> Iterator[Finding]:
    if len(old) > MOST_TOKENS or len(new) > MOST_TOKENS:
        return
    for one, other in replaced_calls(old, new, both.imported):
        yield both.found(Label.API_REPLACED, f"{one} -> {other}", hunk)
    logged = Counter(call.callee for call in calls(new) if is_logging(call.callee))
    logged -= Counter(call.callee for call in calls(old) if is_logging(call.callee))
    if logged:
        yield both.found(Label.LOGGING_ADDED, ", ".join(logged), hunk)
    for callee in other_arguments(both, hunk):
        yield both.found(Label.ARGUMENTS_CHANGED, callee, hunk)
    before = list(conditions(old, both.language))
    after = list(conditions(new, both.language))
    gone = Counter(condition.text for condition in before) - Counter(c.text for c in after)
    come = Counter(condition.text for condition in after) - Counter(c.text for c in before)
    if gone and come:
        yield both.found(Label.CONDITION_CHANGED, f"{next(iter(gone))} -> {next(iter(come))}", hunk)
    elif come and _leaving(both.new, both.language) > _leaving(both.old, both.language):
        for condition in after:
            handles = both.language == "go" and condition.text.endswith("nil") and "err" in condition.text
            if condition.text in come and condition.leaves and not handles and _goes_on(both, condition.line):
                yield both.found(Label.EARLY_RETURN, condition.text, hunk)
                break


def _leaving(facts: FunctionFacts, language: str) -> int:
    return sum(condition.leaves for condition in conditions(facts.body, language))


def _goes_on(both: Both, line: int) -> bool:
    """Whether the function has code below a condition's block; a last `if` that returns is not early."""
    return sum(1 for token in both.new.body if token.line > line + 2 and token.kind == WORD) > 0


def replaced_calls(
    old: Sequence[Token], new: Sequence[Token], imported: frozenset[str]
) -> Iterator[tuple[str, str]]:
    """Pairs (f, g): g is called where f was; f is called less often than before, g more often.

    A mere change of the receiver (``self.a.get`` to ``self.b.get``) is none, unless a receiver is a name
    that the file imports; so is a pair that shares no word in callee and arguments, unless one stands exactly
    where the other stood.
    """
    a, b = _with_calls_joined(old), _with_calls_joined(new)
    counts = Counter(call.callee for call in calls(old)), Counter(call.callee for call in calls(new))
    matcher = SequenceMatcher(None, [text for text, _ in a], [text for text, _ in b], autojunk=False)
    operations = matcher.get_opcodes()
    for at, (tag, i1, i2, j1, j2) in enumerate(operations):
        if tag != "replace" or i2 - i1 > MOST_REPLACED or j2 - j1 > MOST_REPLACED:
            continue
        gone = [call for _, call in a[i1:i2] if call is not None]
        come = [call for _, call in b[j1:j2] if call is not None]
        in_place = i2 - i1 == 1 and j2 - j1 == 1 and _stands_still(operations, at)
        for one, other in zip(gone, come, strict=False):
            f, g = one.callee, other.callee
            fewer = counts[0][f] > counts[1][f] and counts[1][g] > counts[0][g]
            alike = in_place or not one.words.isdisjoint(other.words)
            if fewer and alike and _another_function(f, g, imported):
                yield f, g


def _stands_still(operations: Sequence[tuple[str, int, int, int, int]], at: int) -> bool:
    """Whether what stands before and behind is equal: two tokens at least, or up to the hunk's edge."""
    before, behind = operations[:at], operations[at + 1 :]
    return (len(before) < 2 or _length(before[-1]) > 1) and (len(behind) < 2 or _length(behind[0]) > 1)


def _length(operation: tuple[str, int, int, int, int]) -> int:
    return operation[2] - operation[1]


def other_arguments(both: Both, hunk: Hunk) -> Iterator[str]:
    """Callees that are called in a hunk as often as before, but with other arguments."""
    before = _arguments(both.old.body, hunk.a0, hunk.a1)
    after = _arguments(both.new.body, hunk.b0, hunk.b1)
    for callee, arguments in before.items():
        if len(after.get(callee, ())) == len(arguments) and sorted(after[callee]) != sorted(arguments):
            yield callee


def _arguments(body: Sequence[Token], start: int, end: int) -> dict[str, list[str]]:
    """Arguments of the calls that reach into lines [start, end), or around the place before `start`, by
    callee.

    A call around a call is passed over: what differs in the inner one is no change of the outer one.
    """
    found: dict[str, list[str]] = {}
    for call in calls(body):
        if call.tokens > MOST_ARGUMENT_TOKENS or call.nested:
            continue
        meets = (
            call.line < end and call.end_line >= start if start < end else call.line < start <= call.end_line
        )
        if meets:
            found.setdefault(call.callee, []).append(call.arguments)
    return found


def _with_calls_joined(tokens: Sequence[Token]) -> list[tuple[str, Call | None]]:
    """Token texts in which each callee ("a.b.c") is one, with its call."""
    by_first: dict[int, Call] = {call.first: call for call in calls(tokens)}
    joined: list[tuple[str, Call | None]] = []
    index = 0
    while index < len(tokens):
        call = by_first.get(index)
        joined.append((tokens[index].text if call is None else call.callee, call))
        index = index + 1 if call is None else call.last + 1
    return joined


def _another_function(one: str, other: str, imported: frozenset[str]) -> bool:
    names = [
        callee.replace("::", ".").replace("->", ".").replace("?.", ".").split(".") for callee in (one, other)
    ]
    if names[0][-1] != names[1][-1]:
        return True
    roots = {names[0][0], names[1][0]}
    if "" in roots:
        return False  # on the result of another call: only its name tells
    return len(roots) == 2 and (bool(roots & imported) or len(names[0]) == 1 or len(names[1]) == 1)
