"""Why a place is shown, as a sentence: the signal that speaks most for it, in words."""

from __future__ import annotations

from context.next_edit.signals import THERE, Evidence
from context.next_edit.weights import WEIGHTS

_SENTENCES = {
    "form_sure": "The form that was just replaced still stands here ({about}).",
    "form": "The form that was just replaced still stands here ({about}).",
    "gone": "{about} was just changed or removed, and is still used here.",
    "new": "{about}, which was just added, is used here.",
    "kept": "{about} is used here as on the lines just changed.",
    "call": "The head of {about} changed; this uses it.",
    "alike": "This line is like the one that was just changed.",
    "alike_new": "This line is like the one that was just written.",
    "import_needed": "{about} is not imported yet.",
    "import_unused": "{about} is imported here and no longer used.",
    "diagnosed": "A checker reports a problem here.",
    "end": "Something new for what was just changed may belong at the end.",
    "imports_it": "{about}, which was just changed, is imported here.",
    "scope_name": "{about}, which was just changed, is named here.",
    "belongs": "Changed together: {about}.",
    "scope_head": "The head of the function that was just changed.",
    "same_scope": "The rest of the function that was just changed.",
}
_FACTS = ("diagnosed", "import_unused", "form_sure")  # told before what only makes a line likely
_NEXT = "The lines after the last edit."


def reason_of(evidence: Evidence) -> tuple[str, str]:
    """The signal that speaks most for a line among those that a sentence explains, and the sentence."""
    told = [name for name in evidence.values if name.removesuffix(THERE) in _SENTENCES]
    facts = [name for name in told if name.removesuffix(THERE) in _FACTS]
    best = max(facts or told, key=lambda name: WEIGHTS.get(name, 0.0) * evidence.values[name], default="")
    if not best or WEIGHTS.get(best, 0.0) * evidence.values[best] <= 0:
        return "next_line", _NEXT
    return best, _SENTENCES[best.removesuffix(THERE)].format(about=evidence.about.get(best, ""))
