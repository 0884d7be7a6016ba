"""The rules of a review: their names, how severe they are, what each means. Names are stable."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple


class Severity(IntEnum):
    """How bad it is: an error breaks something, a warning probably does, a note is worth a look."""

    NOTE = 1
    WARNING = 2
    ERROR = 3


class Rule(NamedTuple):
    """A rule: how severe its findings are, a title, and what it looks at."""

    severity: Severity
    title: str
    about: str


_E, _W, _N = Severity.ERROR, Severity.WARNING, Severity.NOTE

RULES: dict[str, Rule] = {
    # what does not work
    "syntax-error": Rule(_E, "Does not parse", "The file parsed before, or is new, and does not parse now."),
    "conflict-marker": Rule(_E, "Conflict marker", "Both marks of an unresolved merge were added."),
    "undefined-name": Rule(_E, "Undefined name", "A name that nothing defines is used since this change."),
    "removed-but-used": Rule(
        _E, "Removed but still imported", "A module no longer has a name that another file imports from it."
    ),
    "call-mismatch": Rule(
        _E, "Call does not fit the signature", "A call that fitted the parameters before no longer does."
    ),
    "raise-notimplemented": Rule(
        _E, "NotImplemented raised", "NotImplemented is no exception; the error is."
    ),
    "assert-tuple": Rule(_E, "Assertion that always holds", "A tuple with elements is always true."),
    # what should not be committed
    "secret": Rule(_E, "Secret in the code", "A line was added that holds what looks like a credential."),
    "secret-file": Rule(_E, "File of secrets", "A file was added whose name says that it holds secrets."),
    "breakpoint": Rule(_E, "Breakpoint left behind", "A call that stops in a debugger was added."),
    "focused-test": Rule(_E, "Focused test", "With .only, the other tests are skipped."),
    # what is probably wrong
    "reverts-fix": Rule(_W, "Undoes a fix", "The change takes back what an earlier commit mended."),
    "redefined": Rule(_W, "Defined twice", "A second definition replaces the first, which was never used."),
    "unreachable": Rule(_W, "Unreachable code", "A statement stands behind one that always leaves."),
    "duplicate-key": Rule(_W, "Key given twice", "Of two equal keys in a dict the first is lost."),
    "literal-identity": Rule(
        _W, "Identity of a literal", "Whether two equal literals are one object is chance."
    ),
    "mutable-default": Rule(_W, "Mutable default", "A default value is made once and shared by all calls."),
    "bare-except": Rule(_W, "Bare except", "It also catches KeyboardInterrupt and SystemExit."),
    "none-comparison": Rule(_W, "None compared by ==", "An object may say of itself that it equals None."),
    "odd-character": Rule(
        _W, "Character that cannot be seen", "A control character, or one that turns text round, was added."
    ),
    "unused-import": Rule(_W, "Unused import", "An import is not used, or no longer."),
    "lint": Rule(_W, "New lint finding", "ruff says something of the new text that it did not say before."),
    # what may be missing
    "unclosed-file": Rule(_N, "File never closed", "A file is opened for one expression and not closed."),
    "todo": Rule(_N, "Open task", "A comment was added that leaves something to be done."),
    "debug-print": Rule(_N, "Print left behind", "The first print or console.log in a file of a library."),
    "missing-tests": Rule(
        _N, "No test changed", "Code changed that tests name, and no test changed along with it."
    ),
    "untested-function": Rule(_N, "No test names it", "A new public function that no test names."),
    "companion": Rule(
        _N, "Usually changes along", "Most commits that changed one of these files changed the other too."
    ),
    "hotspot": Rule(_N, "Debt hotspot", "A complex function, changed again, in a file that changes often."),
    "suspected": Rule(_N, "Suspected bug", "A model suspects a bug here. It may be wrong: look yourself."),
}
