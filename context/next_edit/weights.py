"""How much each signal of ``signals`` is worth, in logits.

Chosen by tests/benchmarks/next_edit.py (a conditional logit) on histories of flask, black, httpx, seaborn and
gin; what is reported is measured on others. A signal that was worth nothing there is gone.
"""

WEIGHTS: dict[str, float] = {
    # how far from the cursor: at most so many lines
    "below_0": 0.56,
    "below_1": 1.78,
    "below_3": 1.52,
    "below_6": 0.28,
    "below_10": 0.46,
    "below_20": 0.4,
    "below_40": -0.5,
    "below_100": 0.33,
    "below_far": -0.68,
    "above_1": 1.36,
    "above_3": -0.42,
    "above_6": -0.36,
    "above_10": 0.02,
    "above_20": -0.3,
    "above_40": -0.42,
    "above_100": -1.07,
    "above_far": -0.83,
    # what the newest change looks like, for the lines beside it: more follows, or not
    "near_comment": 1.18,
    "near_ended": 0.35,
    "near_inserted": 2.16,
    "near_one_line": -0.47,
    "near_open": 0.83,
    "near_removed": 2.05,
    "near_replaced": 0.58,
    # where in the document
    "next_line": 0.92,
    "same_scope": 0.18,
    "scope_head": 0.08,
    "scope_name": 0.17,
    "onward": 0.51,
    "edited": -1.02,
    "edited_last": 0.45,
    "beside": 0.06,
    # words that came, went or stayed with the changes; the first line below that holds them
    "gone": 1.92,
    "gone_first": 1.48,
    "gone_scope": 0.65,
    "new": 0.91,
    "new_first": 0.35,
    "new_scope": 0.37,
    "kept": 1.21,
    "kept_scope": -0.41,
    # what was replaced still stands here
    "form": 1.13,
    "form_rare": 1.02,
    "form_first": 0.28,
    "form_sure": 0.96,
    # like a line before its change, or after it
    "alike": 1.09,
    "alike_new": 1.96,
    # imports
    "import_needed": 1.51,
    "import_last": 0.49,
    "import_alike": 0.07,
    "import_unused": 1.1,
    # what kind of line
    "blank": 0.47,
    "closing": 0.92,
    "comment": -0.54,
    "head": -0.17,
    "import": 0.21,
    # other files: the same signals, and whether the file is one to go to
    "alike_new_there": 0.93,
    "alike_there": 1.34,
    "end_there": -0.22,
    "form_rare_there": 0.81,
    "form_sure_there": 0.57,
    "form_there": 0.94,
    "gone_there": 0.97,
    "kept_there": 1.87,
    "new_there": 0.63,
    "scope_name_there": 0.24,
    "imports_it": -0.28,
    "belongs": 1.82,
    "closed": -2.27,
    "other_open": 0.13,
    "viewed": -0.52,
    # by hand, like a name that went: commits hold no diagnoses, and few heads that ask for something else
    "call": 2.0,
    "call_there": 2.0,
    "diagnosed": 3.0,
}
