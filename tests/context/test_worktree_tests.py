"""Tests after an edit: real runs in a copy, only when asked for, and only what the edit breaks."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from context.verify.worktree_tests import TestsNotRun, compare_tests, touching_tests
from tests.context.git_repository import Repository

COMMAND = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir=.", "{tests}")
TESTS = ("tests/test_shop.py",)
SHOP = "def price(count):\n    return 2 * count\n\n\ndef name():\n    return 'shop'\n"
TEST_SHOP = (
    "import shop\n\n\ndef test_price():\n    assert shop.price(2) == 4\n\n\n"
    "def test_name():\n    assert shop.name() == 'shop'\n"
)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # a quicker start
    repository = Repository(tmp_path / "work")
    repository.commit("first", {"shop.py": SHOP, "tests/test_shop.py": TEST_SHOP, ".gitignore": "*.log\n"})
    repository.write("conftest.py", "")  # not committed: git would add it
    repository.write("big.log", "ignored")
    return repository.root


def state(root: Path) -> dict[str, tuple[int, int]]:
    return {str(file): (file.stat().st_mtime_ns, file.stat().st_size) for file in root.rglob("*")}


def test_an_edit_that_keeps_the_tests(shop: Path) -> None:
    """Passing tests are said; the user's tree is as it was, to the last file."""
    before = state(shop)
    checks = compare_tests(
        shop, {"shop.py": SHOP.replace("2 * count", "count * 2")}, COMMAND, trusted=True, tests=TESTS
    )
    assert checks.applies and checks.summary == "checked: its tests pass"
    assert state(shop) == before


def test_an_edit_that_breaks_one(shop: Path) -> None:
    """A test that passed before and fails now is named."""
    text = SHOP.replace("2 * count", "3 * count")
    checks = compare_tests(shop, {"shop.py": text}, COMMAND, trusted=True, tests=TESTS)
    assert [finding.sentence for finding in checks.worse] == ["`tests/test_shop.py::test_price` fails"]
    assert not checks.applies and checks.verdict == "1 new failing test"


def test_what_failed_before_is_not_the_edits(shop: Path) -> None:
    """Uncommitted work counts as it lies there; what fails without the edit as well is no news."""
    (shop / "shop.py").write_text(SHOP.replace("'shop'", "'store'"))
    text = SHOP.replace("'shop'", "'store'").replace("2 * count", "count * 2")
    checks = compare_tests(shop, {"shop.py": text}, COMMAND, trusted=True, tests=TESTS)
    assert checks.applies and checks.summary == "checked: no test fails that passed before"


def test_nothing_runs_unasked(shop: Path) -> None:
    """Without trust, a command, or a test that is meant, nothing is started."""
    marked = shop / "ran"
    command = (sys.executable, "-c", f"open({str(marked)!r}, 'w')", "{tests}")
    for options, said in (
        ({"trusted": False, "tests": TESTS}, "does not trust"),
        ({"trusted": True, "tests": ()}, "No test mentions"),
    ):
        with pytest.raises(TestsNotRun, match=said):
            compare_tests(shop, {"shop.py": SHOP}, command, **options)
    with pytest.raises(TestsNotRun, match="no command"):
        compare_tests(shop, {"shop.py": SHOP}, (), trusted=True, tests=TESTS)
    assert not marked.exists()


def test_a_program_of_the_workspace_is_not_found(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bare name is looked up outside the workspace only."""
    (shop / "runner").write_text("#!/bin/sh\ntouch ran\n")
    (shop / "runner").chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join((str(shop), ".")))
    monkeypatch.chdir(shop)
    for name in ("runner", "./runner"):
        with pytest.raises(TestsNotRun, match="not found on PATH"):
            compare_tests(shop, {"shop.py": SHOP}, (name,), trusted=True)


@pytest.mark.skipif(sys.platform == "win32", reason="sh")
def test_slow_tests_are_stopped_with_all_they_started(shop: Path) -> None:
    """The limit holds for children too, and the copy is gone."""
    started = time.monotonic()
    with pytest.raises(TestsNotRun, match=r"more than 0\.5 s"):
        compare_tests(
            shop, {"shop.py": SHOP}, ("sh", "-c", "sleep 60 & sleep 60"), trusted=True, timeout_s=0.5
        )
    assert time.monotonic() - started < 10


def test_hooks_and_filters_do_not_run(shop: Path) -> None:
    """A repository whose configuration names programs has none of them run by the copying."""
    marked = shop / "hooked"
    hook = shop / ".git/hooks/post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {marked}\n")
    hook.chmod(0o755)
    with (shop / ".git/config").open("a") as config:
        config.write(
            f'[core]\n\tfsmonitor = "touch {marked}"\n[filter "x"]\n\tsmudge = "touch {marked}; cat"\n'
        )
    (shop / ".gitattributes").write_text("* filter=x\n")
    copied = (sys.executable, "-c", "import os; assert not os.path.exists('big.log'); print(os.listdir())")
    assert compare_tests(shop, {"new/a.py": "x\n"}, copied, trusted=True).ran == ("its tests pass",)
    assert not marked.exists()


def test_a_folder_without_a_repository_is_a_sentence(tmp_path: Path) -> None:
    """Without git nobody knows which files belong to the project."""
    with pytest.raises(TestsNotRun, match="not in a git repository"):
        compare_tests(tmp_path, {"a.py": ""}, ("git",), trusted=True)


def test_a_path_out_of_the_copy_is_refused(shop: Path, tmp_path: Path) -> None:
    """An edit's path does not leave the copy."""
    with pytest.raises(TestsNotRun, match="leads out"):
        compare_tests(shop, {"../escaped.py": "x"}, ("git", "--version"), trusted=True)
    assert not list(tmp_path.rglob("escaped.py"))


def test_tests_that_touch_a_file() -> None:
    """Those that mention it by name, whole words only, or are changed themselves."""
    texts = [
        ("t/a.py", "import shop\n"),
        ("t/b.py", "workshop\n"),
        ("t/c.py", "from pkg import x\n"),
        ("t/d.py", ""),
    ]
    assert touching_tests(["src/shop.py"], texts) == ("t/a.py",)
    assert touching_tests(["src/pkg/__init__.py", "t/d.py"], texts) == ("t/c.py", "t/d.py")
    assert touching_tests([], texts) == ()
