"""`codeflow-lsp review` and `commit-message`: exit codes, formats, nothing hostile on a screen."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from context.history.git import Git
from context.history.values import Commit
from context.review import RULES, review
from context.review.change import read_staged
from context.review.message_habit import Habit, habit_of, in_form
from context.review.plain_message import plain_subject
from lsp_server.cli import main
from lsp_server.commit_message import diff_text, message_of, question
from lsp_server.suspicions import changed_functions, suspected_in
from lsp_server.suspicions import question as suspicious_question
from tests.context.git_repository import Repository

ROOT = Path(__file__).resolve().parents[2]
SECRET = "ghp_" + "R8kTq2LmZ9xVbN4wYc7PdF3hJ6sA1eGu0iXo"
HOSTILE = "Fix \x1b[31m<script>` @everyone [x](http://evil)"


@pytest.fixture
def shop(tmp_path: Path) -> Repository:
    """A fix whose subject is an attack, taken back; a breakpoint; a note; an import with its diff."""
    made = Repository(tmp_path / "shop")
    old = "import os\n\nprint(os.sep)\n\n\ndef total(items):\n    return sum(items)\n"
    files: dict[str, str | bytes] = {"a.py": old, "b.py": "b = 1\n"}
    made.commit("Begin", files)
    made.commit(HOSTILE, {"a.py": old.replace("sum(items)", "sum(item.net for item in items)")})
    made.write("a.py", old.replace("print(os.sep)", "") + f"\n\nbreakpoint()\n# TODO {SECRET}\n")
    made.write("b.py", "b = 1\nif b == None:\n    b = 2\n")
    return made


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(list(arguments))
    said = capsys.readouterr()
    return code, said.out, said.err


def test_the_exit_code_is_for_ci(
    shop: Repository, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """1 with something as bad as --fail-on, 0 without, 2 where it could not be reviewed."""
    at = ["review", "--repo", str(shop.root)]
    only_warnings = str(shop.root / "b.py")
    assert run(capsys, *at)[0] == 1
    assert run(capsys, *at, "--fail-on", "never")[0] == 0
    assert run(capsys, *at, only_warnings)[0] == 0
    assert run(capsys, *at, only_warnings, "--fail-on", "warning")[0] == 1
    for wrong in (["--base", "nothing"], [str(tmp_path)]):
        code, out, said = run(capsys, *at, *wrong)
        assert (code, out) == (2, "") and said.startswith("codeflow-lsp: ") and "Traceback" not in said
    assert run(capsys, "review", "--repo", str(tmp_path))[0] == 2
    code, out, said = run(capsys, *at, "--deep", "--model", "no-such-model")
    assert (code, out) == (2, "") and "no-such-model" in said


@pytest.mark.parametrize("form", ["text", "markdown", "sarif", "json"])
def test_no_format_shows_a_secret_or_speaks_to_the_terminal(
    form: str, shop: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out, _ = run(capsys, "review", "--repo", str(shop.root), "--format", form)
    assert SECRET not in out and "\x1b" not in out
    assert {"a.py", "b.py"} <= set(re.findall(r"\b[ab]\.py\b", out))


def test_text_is_plain_where_it_is_piped_and_coloured_where_asked(
    shop: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    _, plain, _ = run(capsys, "review", "--repo", str(shop.root))
    _, coloured, _ = run(capsys, "review", "--repo", str(shop.root), "--color", "always")
    assert "\x1b[" not in plain and "\x1b[" in coloured
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == plain
    assert (
        "     10  error    Execution stops here and waits for a debugger; remove it.  [breakpoint]" in plain
    )
    since = shop.git("rev-parse", "HEAD")[:9]
    assert plain.endswith(f"2 files changed since HEAD ({since}): 2 errors, 3 warnings, 1 note.\n")


def test_markdown_cannot_be_broken_out_of(shop: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    """A commit's subject shows as it is: no link, no tag, nobody called."""
    _, out, _ = run(capsys, "review", "--repo", str(shop.root), "--format", "markdown")
    (line,) = [line for line in out.split("\n") if "everyone" in line]
    assert "\\<script\\>" in line and "@everyone" not in line and "[x\\](" in line and "://" not in line
    assert "  ```diff" in out and "\n  -if b == None:\n  +if b is None:\n" in out


def test_sarif_is_what_the_standard_asks_for(shop: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    """Version, rules by index, levels, relative addresses, lines from 1, fixes that replace whole lines."""
    _, out, _ = run(capsys, "review", "--repo", str(shop.root), "--format", "sarif")
    log = json.loads(out)
    assert log["version"] == "2.1.0" and log["$schema"].endswith("sarif-schema-2.1.0.json")
    (part,) = log["runs"]
    rules = part["tool"]["driver"]["rules"]
    results = part["results"]
    assert [rule["id"] for rule in rules] == sorted({result["ruleId"] for result in results})
    lines = {name: (shop.root / name).read_text().split("\n") for name in ("a.py", "b.py")}
    for result in results:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] == RULES[result["ruleId"]].severity.name.lower()
        (location,) = result["locations"]
        place = location["physicalLocation"]
        assert place["artifactLocation"]["uriBaseId"] == "%SRCROOT%"
        name, region = place["artifactLocation"]["uri"], place["region"]
        assert 1 <= region["startLine"] <= region["endLine"] <= len(lines[name])
        for fix in result.get("fixes", ()):
            for change in fix["artifactChanges"][0]["replacements"]:
                where = change["deletedRegion"]
                after = lines[name].copy()
                after[where["startLine"] - 1 : where["endLine"] - 1] = [
                    *change["insertedContent"]["text"].split("\n")[:-1]
                ]
                (shop.root / name).write_text("\n".join(after))
    fixed = [result["ruleId"] for result in results if "fixes" in result]
    assert sorted(fixed) == ["none-comparison", "unused-import"]
    assert {one.rule for one in review(shop.root).findings}.isdisjoint(fixed)


def test_a_finding_keeps_its_fingerprint_while_lines_move(
    shop: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    def fingerprints() -> list[tuple[str, int]]:
        _, out, _ = run(capsys, "review", "--repo", str(shop.root), "--format", "sarif")
        results = json.loads(out)["runs"][0]["results"]
        return [(r["ruleId"], r["partialFingerprints"]["codeflow/v1"]) for r in results if "b.py" in str(r)]

    before = fingerprints()
    shop.write("b.py", "b = 1\n\n\nif b == None:\n    b = 2\n")
    assert fingerprints() == before != []


def test_the_rules_on_the_page_are_the_rules() -> None:
    """docs/review.md has every rule with its severity and meaning, and no other."""
    page = (ROOT / "docs" / "review.md").read_text("utf-8")
    rows = re.search(r"<!-- rules -->\n.*?\n.*?\n(.*?)<!-- /rules -->", page, re.S)
    assert rows is not None
    table = "".join(f"| `{n}` | {r.severity.name.lower()} | {r.about} |\n" for n, r in RULES.items())
    assert rows[1] == table


def test_the_command_starts_nothing_heavy() -> None:
    """Help is answered without parsers, models or rich."""
    code = "import sys; from lsp_server.cli import _parser; _parser(); print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"tree_sitter", "llama_cpp", "rich", "context.review.review"} & set(loaded)


# what a model suspects

FUNCTION = (
    "def total(items):\n    found = 0\n    for item in items:\n        found = item.net\n    return found\n"
)


@pytest.mark.parametrize(
    ("answer", "lines"),
    [
        ("BUG 4: the sum is overwritten by each item instead of growing", [4]),
        ("**BUG line 4**: the sum is overwritten by each item", [4]),
        ("NONE", []),
        ("I see none.\nNone", []),
        ("BUG 2: this line was not changed, so it cannot count", []),
        ("BUG 99: there is no such line in this function at all", []),
        ("There may be a bug somewhere in line 4.", []),
        ("BUG 4: short", []),
        ("BUG 4: the first reason that is given here\nBUG 4: the second reason that is given here", [4]),
        ("", []),
        ("BUG 4: \x1b[31m" + "x" * 500, []),
    ],
)
def test_of_an_answer_counts_what_is_about_the_change(answer: str, lines: list[int], tmp_path: Path) -> None:
    made = Repository(tmp_path / "shop")
    made.commit("Begin", {"a.py": FUNCTION.replace("found = item", "found += item")})
    made.write("a.py", FUNCTION)
    (one,) = changed_functions(review(made.root))
    assert "    4+         found = item.net\n" in suspicious_question(one)
    assert [finding.line + 1 for finding in suspected_in(answer, one)] == lines


# commit messages


def commits_of(*subjects: str, body: str = "", files: tuple[str, ...] = ("shop/tax.py",)) -> list[Commit]:
    return [Commit(f"{n:040x}", subject, body, n, files) for n, subject in enumerate(subjects)]


@pytest.mark.parametrize(
    ("subjects", "prefix", "capital", "mood"),
    [
        (["feat: add a", "fix(tax): b", "docs: c", "fix: d", "ci: e"], "conventional", False, "imperative"),
        (["tax: Add a", "tax: Fix b", "cart: Say c", "cart: Do d", "tax: Go e"], "area", True, "imperative"),
        (["[tax] add a", "[tax] fix b", "[cart] c", "[cart] d", "[tax] e"], "bracket", False, "imperative"),
        (["Added a", "Fixed b", "Removed c", "Changed d", "Moved e"], "", True, "past"),
        (["Adds a", "Fixes b", "Removes c", "Uses d", "Moves e"], "", True, "present"),
        (["Add a", "Fix b", "Bump x from 1 to 2", "Remove c", "Use d", "Move e"], "", True, "imperative"),
        (["One"], "", True, "imperative"),
    ],
)  # fmt: skip
def test_the_habit_is_that_of_the_last_commits(
    subjects: list[str], prefix: str, capital: bool, mood: str
) -> None:
    habit = habit_of(commits_of(*subjects))
    assert (habit.prefix, habit.capital, habit.mood) == (prefix, capital, mood)
    assert not any(subject.startswith("Bump") for subject in habit.examples)


@pytest.mark.parametrize(
    ("subject", "habit", "said"),
    [
        ("Add a.", Habit("conventional", capital=False), "feat: add a"),
        ("fix: Round it", Habit("conventional", capital=False), "fix: round it"),
        ("OAuth works", Habit("area", capital=False), "feat: OAuth works"),
        ("add a", Habit(), "Add a"),
        ("add a", Habit(full_stop=True), "Add a."),
    ],
)
def test_a_subject_is_brought_into_form(subject: str, habit: Habit, said: str) -> None:
    assert in_form(subject, habit, "feat: ") == said


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ({"a.py": "x = 1\n"}, {"a.py": "x = 1\n\n\ndef rate(net):\n    return net\n"}, "Add rate"),
        (
            {"a.py": FUNCTION},
            {"a.py": FUNCTION.replace("items)", "items, country)")},
            "Add parameter country to total",
        ),
        ({"a.py": FUNCTION}, {"a.py": FUNCTION.replace("total", "total_of")}, "Rename total to total_of"),
        ({"a.py": FUNCTION}, {"a.py": FUNCTION.replace("= item", "+= item")}, "Change total"),
        ({"a.py": FUNCTION}, {"a.py": "x = 1\n"}, "Remove total"),
        ({"README.md": "a\n"}, {"README.md": "b\n"}, "Change README.md"),
        ({"a.py": "x = 1\n"}, {"tests/test_tax.py": "def test_a():\n    pass\n"}, "Test tax"),
    ],
)
def test_a_message_without_a_model_says_what_trees_show(
    before: dict[str, str],
    after: dict[str, str],
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """On standard output, alone; nothing is committed."""
    made = Repository(tmp_path / "shop")
    head = made.commit("Begin", dict(before))
    for path, text in after.items():
        made.write(path, text)
    at = ["commit-message", "--repo", str(made.root), "--no-model"]
    assert run(capsys, *at) == (1, "", "codeflow-lsp: nothing is staged; git add first, or use --all\n")
    assert run(capsys, *at, "--all") == (0, said + "\n", "")
    made.git("add", "-A")
    assert run(capsys, *at) == (0, said + "\n", "")
    assert made.git("rev-parse", "HEAD") == head


def test_only_what_is_staged_is_in_the_message(tmp_path: Path) -> None:
    made = Repository(tmp_path / "shop")
    made.commit("Begin", {"a.py": "x = 1\n", "b.py": "y = 1\n"})
    made.write("a.py", "x = 2\n")
    made.git("add", "a.py")
    made.write("a.py", "x = 3\n")
    made.write("b.py", "y = 2\n")
    with Git(made.root) as git:
        change = read_staged(git)
    assert [(file.path, file.after) for file in change.files] == [("a.py", "x = 2\n")]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("Add a rate for each country", "Add a rate for each country"),
        ('"Add a rate for each country."', "Add a rate for each country"),
        ("```\nAdd a rate\n```", "Add a rate"),
        ("Commit message: add a rate", "Add a rate"),
        ("Here is the commit message:\n\nAdd a rate", "Add a rate"),
        ("# Add a rate", "Add a rate"),
        ("Rename total to `rate`", "Rename total to `rate`"),
        ("Add a rate\n\nBecause countries differ.", "Add a rate"),
        (
            "Add the function fees_of to the module of taxes to calculate fees based on details of the order",
            "Add the function fees_of to the module of taxes to calculate fees",
        ),
        ("x" * 200, ""),
        ("", ""),
        ("\x1b[31mred", ""),
    ],
)
def test_an_answer_becomes_a_message_or_none(answer: str, said: str, shop: Repository) -> None:
    with Git(shop.root) as git:
        change = read_staged(git, whole=True)
    assert message_of(answer, change, Habit()) == said


def test_the_model_sees_the_change_without_its_secrets_within_a_budget(shop: Repository) -> None:
    shop.write("c.py", "".join(f"value_{n} = {n}\n" for n in range(5_000)))
    with Git(shop.root) as git:
        change = read_staged(git, whole=True)
    asked = question(change, habit_of(commits_of("Begin")))
    assert SECRET not in asked and "-    return sum(item.net for item in items)" in asked
    assert len(diff_text(change, 3_000)) < 4_000 and "(cut)" in diff_text(change, 3_000)
    assert plain_subject(change, Habit()).startswith("Change ")
