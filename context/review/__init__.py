"""Reviews of a change: what trees, scopes and git's history say about it, without a model.

Turns a working tree and the revision it is compared with into findings, each with a rule, a line that the
change is about, a sentence and, where it is exact, the lines that would mend it. Nothing of the repository is
run or imported. Knows no model, no LSP and no output format.
"""

from context.review.review import Review, review
from context.review.rules import RULES, Rule, Severity
from context.review.values import Finding, Fix, Hotspot, Place

__all__ = ["RULES", "Finding", "Fix", "Hotspot", "Place", "Review", "Rule", "Severity", "review"]
