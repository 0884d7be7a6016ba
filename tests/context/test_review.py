"""Reviews of real repositories: what is found, where, and what is left alone (golden/review.toml)."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path
from typing import Any

import pytest

from context.codeflow.sides import Side
from context.history.git import Git, GitError
from context.review import RULES, Review, Severity, review
from context.review.complexity import measured
from context.review.python_signatures import Parameters, misfit
from context.review.revision import commit_named
from context.review.suggestion import suggested_diff
from tests.context.git_repository import Repository

CASES = tomllib.loads((Path(__file__).parent / "golden" / "review.toml").read_text("utf-8"))["case"]


def unmarked(text: str) -> str:
    """Without the mark that keeps scanners from taking the golden file for a leak."""
    return text.replace("%", "")


def repository_of(case: dict[str, Any], root: Path) -> Repository:
    made = Repository(root)
    made.commit("Begin", {path: unmarked(text) for path, text in case["before"].items()})
    for number, files in enumerate(case.get("past", ())):
        made.commit(f"Fix number {number}", files)
    for path, text in case["after"].items():
        made.write(path, unmarked(text))
    return made


def told(found: Review) -> list[str]:
    return [f"{one.rule} {one.path}:{one.line + 1}" for one in found.findings]


@pytest.mark.parametrize("case", CASES, ids=[case["fact"] for case in CASES])
def test_a_change_has_these_findings_and_no_others(case: dict[str, Any], tmp_path: Path) -> None:
    made = repository_of(case, tmp_path / "shop")
    found = review(made.root)
    assert sorted(told(found)) == sorted(case["finds"])
    if "says" in case:
        assert case["says"] in [one.sentence for one in found.findings]
    if "diff" in case:
        (mended,) = [one for one in found.findings if one.fix]
        file = next(one for one in found.change.files if one.path == mended.path)
        assert mended.fix is not None
        diff = suggested_diff(file, mended.fix)
        assert "".join(line for line in diff.splitlines(True)[2:] if line[0] in "+-") == case["diff"]
        made.git("apply", "--unidiff-zero", stdin=diff.encode())  # the diff is one that git takes
        again = review(made.root)
        assert (mended.rule, mended.line) not in [(one.rule, one.line) for one in again.findings]


def test_every_rule_is_found_by_some_case() -> None:
    """A rule that no case proves may never hold; what needs a model or ruff's rules is elsewhere."""
    proved = {finding.split(" ")[0] for case in CASES for finding in case["finds"]}
    assert proved | {"lint", "suspected"} == set(RULES)


def test_the_same_change_gives_the_same_list(tmp_path: Path) -> None:
    case = next(case for case in CASES if len(case["finds"]) > 5)
    made = repository_of(case, tmp_path / "shop")
    assert review(made.root).findings == review(made.root).findings


def test_a_rule_that_the_project_chose_is_told_and_others_are_not(tmp_path: Path) -> None:
    made = Repository(tmp_path / "shop")
    made.commit("Begin", {"a.py": "x = 1\n"})
    made.write("a.py", "x = 1\ny = lambda a: a\n")
    assert told(review(made.root)) == []
    made.write("ruff.toml", '[lint]\nselect = ["E731"]\n')
    assert told(review(made.root)) == ["lint a.py:2"]


def branch(tmp_path: Path) -> Repository:
    """A branch with one commit, one staged and one unstaged change and a new file; main went on meanwhile."""
    made = Repository(tmp_path / "shop")
    made.commit("Begin", {"a.py": "a = 1\n", "b.py": "b = 1\n", "c.py": "c = 1\n", "d.py": "d = 1\n"})
    made.git("checkout", "-q", "-b", "work")
    made.commit("One", {"a.py": "a = 2\n"})
    made.git("checkout", "-q", "main")
    made.commit("Two", {"d.py": "d = 2\n"})
    made.git("checkout", "-q", "work")
    made.write("b.py", "b = 2\n")
    made.git("add", "b.py")
    made.write("c.py", "c = 2\n")
    made.write("e.py", "e = 2\n")
    return made


@pytest.mark.parametrize(
    ("base", "files"),
    [
        ("", ["a.py", "b.py", "c.py", "e.py"]),
        ("main", ["a.py", "b.py", "c.py", "e.py"]),
        ("HEAD", ["b.py", "c.py", "e.py"]),
        ("HEAD~1", ["a.py", "b.py", "c.py", "e.py"]),
    ],
)
def test_the_change_reaches_from_the_base_to_the_disk(base: str, files: list[str], tmp_path: Path) -> None:
    """Committed, staged, unstaged and new files are in it, and nothing that others did to the main line."""
    assert [file.path for file in review(branch(tmp_path).root, base).change.files] == files


def test_a_file_renamed_on_the_branch_and_edited_since_is_one_change(tmp_path: Path) -> None:
    made = Repository(tmp_path / "shop")
    text = "".join(f"value_{n} = {n}\n" for n in range(30))
    made.commit("Begin", {"a.py": text})
    made.git("checkout", "-q", "-b", "work")
    made.git("mv", "a.py", "b.py")
    made.commit("Rename")
    made.write("b.py", text + "more = 1\n")
    (file,) = review(made.root).change.files
    assert (file.path, file.pair.before.path, sorted(file.added)) == ("b.py", "a.py", [30])


def test_before_the_first_commit_everything_is_new(tmp_path: Path) -> None:
    made = Repository(tmp_path / "shop")
    made.write("a.py", "breakpoint()\n")
    found = review(made.root)
    assert (found.change.base, told(found)) == ("", ["breakpoint a.py:1"])


def test_revisions_are_named_as_git_names_them(tmp_path: Path) -> None:
    made = branch(tmp_path)
    made.git("tag", "-a", "v1", "-m", "first", "main")
    with Git(made.root) as git:
        for name in (
            "HEAD",
            "HEAD~1",
            "work",
            "main",
            "v1",
            "main^",
            made.git("rev-parse", "--short", "main"),
        ):
            assert commit_named(git, name) == made.git("rev-parse", f"{name}^{{commit}}")
        for name in ("nothing", "--output=/tmp/x", "HEAD~99", "a b", "", "..", "refs/heads/../../HEAD"):
            with pytest.raises(GitError):
                commit_named(git, name)


def test_a_folder_without_a_repository_is_an_error_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(GitError, match="is not in a git repository"):
        review(tmp_path)


def test_a_change_of_thousands_of_lines_and_odd_bytes_is_reviewed(tmp_path: Path) -> None:
    """Binary, huge, unreadable and oddly named files are passed over; the rest is reviewed."""
    made = Repository(tmp_path / "shop")
    made.commit("Begin", {"a.py": "x = 1\n"})
    made.write("a.py", "".join(f"x{n} = {n}\n" for n in range(20_000)) + "breakpoint()\n")
    made.write("b.py", b"\xff\xfe\0")
    made.write("c.py", "y = '" + "z" * 2_000_000 + "'\n")
    made.write("bad\nname.py", "breakpoint()\n")
    (made.root / "d.py").symlink_to("/etc/passwd")
    assert [one for one in told(review(made.root)) if "d.py" in one or "bad" in one] == []
    assert "breakpoint a.py:20001" in told(review(made.root))


def test_severity_decides(tmp_path: Path) -> None:
    made = Repository(tmp_path / "shop")
    made.commit("Begin", {"a.py": "x = 1\n"})
    made.write("a.py", "x = 1\ny = 1  # TODO\n")
    found = review(made.root)
    assert (found.at_least(Severity.NOTE), found.at_least(Severity.WARNING)) == (True, False)


@pytest.mark.parametrize(
    ("signature", "call", "why"),
    [
        ("a, b", "1, 2", ""),
        ("a, b", "1", "it does not pass 'b'"),
        ("a, b=1", "1", ""),
        ("a", "1, 2", "it passes 2 positional arguments, and 1 are taken"),
        ("a, *rest", "1, 2, 3", ""),
        ("a, *, key", "1", "it does not pass 'key'"),
        ("a, *, key=1", "1, key=2", ""),
        ("a", "1, key=2", "there is no parameter 'key'"),
        ("a, **more", "1, key=2", ""),
        ("a, /", "a=1", "there is no parameter 'a'"),
        ("a, /, **more", "a=1", "it does not pass 'a'"),
        ("a, b", "1, a=2", "it passes 'a' twice"),
        ("a, b", "*x", ""),
        ("a, b", "**x", ""),
        ("", "", ""),
    ],
)
def test_misfits_are_those_of_python(signature: str, call: str, why: str) -> None:
    """What is said of a call is what Python does with it."""
    function = ast.parse(f"def f({signature}): pass").body[0]
    called = ast.parse(f"f({call})", mode="eval").body
    assert isinstance(function, ast.FunctionDef) and isinstance(called, ast.Call)
    assert misfit(called, Parameters.of(function, bound=False)) == why
    if "x" not in call:
        names: dict[str, Any] = {}
        exec(f"def f({signature}): pass", names)  # noqa: S102 - the slow true version beside ours
        try:
            eval(f"f({call})", names)  # noqa: S307
        except TypeError:
            assert why
        else:
            assert not why


IF_ELIF = (
    "def f(a):\n    if a:\n        return 1\n    elif not a:\n        return 2\n    else:\n        return 3\n"
)
TRY = (
    "def f(a):\n    for x in a:\n        try:\n            g(x and a)\n        except E:\n            pass\n"
)
ELSE_IF = "function f(a) {\n  if (a && b) { return 1; } else if (c) { return 2; }\n  return a ? 1 : 2;\n}\n"
SWITCH = "package a\n\nfunc f(a int) {\n\tswitch a {\n\tcase 1:\n\tcase 2:\n\t}\n\tfor a > 0 {\n\t}\n}\n"
MATCH = "fn f(a: i32) -> i32 {\n    match a {\n        1 => 1,\n        _ => 2,\n    }\n}\n"
WHILE = "class A {\n  int f(int a) {\n    while (a > 0 || b) { a--; }\n    return a;\n  }\n}\n"


@pytest.mark.parametrize(
    ("path", "text", "complexity", "nesting"),
    [
        ("a.py", "def f(a):\n    return a\n", 1, 0),
        ("a.py", IF_ELIF, 3, 1),
        ("a.py", TRY, 4, 2),
        ("a.ts", ELSE_IF, 5, 1),
        ("a.go", SWITCH, 4, 1),
        ("a.rs", MATCH, 3, 1),
        ("A.java", WHILE, 3, 1),
    ],
)
def test_complexity_is_one_more_than_the_branches(
    path: str, text: str, complexity: int, nesting: int
) -> None:
    (found,) = measured(Side(path, text)).values()
    assert found == (complexity, nesting)
