"""How much each signal of ``signals`` is worth, in logits.

Chosen by tests/benchmarks/next_edit.py (a conditional logit) on histories of flask, black, httpx, seaborn and
gin; what is reported is measured on others. A signal that was worth nothing there is gone.
"""

WEIGHTS: dict[str, float] = {
    # how far from the cursor: at most so many lines
    "below_0": 1.35,
    "below_1": 1.53,
    "below_3": 1.13,
    "below_6": 0.2,
    "below_10": 0.56,
    "below_20": 0.33,
    "below_40": -0.57,
    "below_100": 0.22,
    "below_far": -0.68,
    "above_1": 1.36,
    "above_3": -0.7,
    "above_6": -0.36,
    "above_10": -0.1,
    "above_20": -0.24,
    "above_40": -0.39,
    "above_100": -0.94,
    "above_far": -0.88,
    # what the newest change looks like, for the lines beside it: more follows, or not
    "near_comment": 1.01,
    "near_ended": 0.41,
    "near_inserted": 2.13,
    "near_one_line": -0.51,
    "near_open": 0.83,
    "near_removed": 1.89,
    "near_replaced": 0.56,
    # where in the document
    "next_line": 0.96,
    "same_scope": 0.36,
    "scope_head": 0.31,
    "scope_name": 0.13,
    "onward": 0.56,
    "edited": -1.24,
    "edited_last": 0.73,
    "beside": 0.24,
    # words that came, went or stayed with the changes; the first line below that holds them
    "gone": 2.19,
    "gone_first": 1.58,
    "gone_scope": 0.46,
    "new": 1.38,
    "new_first": 0.14,
    "new_scope": 0.59,
    "kept": 1.42,
    "kept_scope": -0.81,
    # what was replaced still stands here
    "form": 1.32,
    "form_rare": 1.04,
    "form_first": 0.2,
    "form_sure": 0.99,
    # like a line before its change, or after it
    "alike": 0.57,
    "alike_new": 2.08,
    # imports
    "import_needed": 1.41,
    "import_last": 0.44,
    "import_alike": 0.08,
    "import_unused": 1.52,
    # what kind of line
    "blank": 0.5,
    "closing": 0.94,
    "comment": -0.5,
    "head": -0.12,
    "import": 0.1,
    # other files: the same signals, and whether the file is one to go to
    "alike_new_there": 1.07,
    "alike_there": 1.6,
    "end_there": -0.3,
    "form_rare_there": 0.96,
    "form_sure_there": 0.48,
    "form_there": 0.98,
    "gone_there": 1.24,
    "kept_there": 1.98,
    "new_there": 0.72,
    "scope_name_there": 0.15,
    "imports_it": -0.28,
    "belongs": 2.48,
    "closed": -1.8,
    "other_open": -0.01,
    "viewed": -0.39,
    # by hand, like a name that went: commits hold no diagnoses, and few heads that ask for something else
    "call": 2.0,
    "call_there": 2.0,
    "diagnosed": 3.0,
}
