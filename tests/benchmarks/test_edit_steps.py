"""Changes as steps: in whatever order a commit is taken apart, what comes out is the commit."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from tests.benchmarks.edit_steps import Hunk, apart, check

hunks = st.lists(st.tuples(st.integers(1, 6), st.integers(0, 5), st.integers(0, 9)), min_size=1, max_size=6)


@given(st.integers(), hunks, hunks)
def test_all_steps_together_make_the_commit(
    seed: int, one: list[tuple[int, int, int]], other: list[tuple[int, int, int]]
) -> None:
    """Each hunk: lines left alone before it, old lines, new lines."""
    files, made, digests = {}, {}, {}
    for path, shape in (("a.py", one), ("b.md", other)):
        old, new, found = list[str](), list[str](), list[Hunk]()
        for same, removed, added in shape:
            kept = [f"line {len(old) + n}\n" for n in range(same)]
            old, new = old + kept, new + kept
            lines = [f"import new_{len(new) + n}\n" for n in range(added)]
            found.append((len(old), len(old) + removed, "".join(lines)))
            old, new = old + [f"old {len(old) + n}\n" for n in range(removed)], new + lines
        files[path], made[path] = "".join(old), found
        digests[path] = hashlib.sha256("".join(new).encode()).hexdigest()
    (case,) = apart(str(seed), files, made)
    check(case, digests)
    assert {step.path for step in case.steps} == {"a.py", "b.md"}
