"""Places made out of a folder of code: what is used there is defined out of sight, and is gone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks.uses import ELSEWHERE, FAR, cases_of

FILLER = "".join(f"value_{n} = compute_{n}({n})\n" for n in range(120))
FILES = {
    "cart.py": "class Cart:\n    def grand_total(self) -> int:\n        return 1\n",
    "pay.py": "from cart import Cart\n\ndef pay(cart: Cart) -> int:\n    return cart.grand_total() + 1\n",
    "long.py": f"def helper_far(price):\n    return price\n\n{FILLER}\nprint(helper_far(value_1))\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for path, text in FILES.items():
        (tmp_path / path).write_text(text, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("far", "group", "path", "truth", "line"),
    [
        (False, ELSEWHERE, "pay.py", "grand_total() + 1", "    return cart."),
        (True, FAR, "long.py", "helper_far(value_1))", "print("),
    ],
)
def test_what_is_used_is_gone(folder: Path, far: bool, group: str, path: str, truth: str, line: str) -> None:
    """The only use of a name is cut off from the name on; the definition stands elsewhere, or far away."""
    cases = cases_of(folder, 10, far=far)
    assert [(case.group, case.opened[0].path, case.truth) for case in cases] == [(group, path, truth)]
    text, (number, column) = cases[0].opened[0].text, cases[0].cursor
    assert text.split("\n")[number] == line
    assert column == len(line)
    assert cases_of(folder, 10, far=far) == cases
