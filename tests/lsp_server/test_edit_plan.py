"""Plans: what they hold, what they refuse, and the diff that git makes of them."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from context.document import Document
from context.language import language_of_path
from context.refactor.values import Rewrite
from lsp_server.edit_plan import EditPlan, PlanRefused, plan_from_rewrite, plan_from_text
from lsp_server.unified import file_diff, unified
from tests.context.git_repository import Repository


def document(root: Path, path: str, text: str, *, write: bool = True) -> Document:
    file = root / path
    if write:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode())
    return Document.of(file.as_uri(), path, language_of_path(path).name, 3, text)


def test_a_plan_holds_texts_and_checks(tmp_path: Path) -> None:
    """Several files, a new one and a moved one are one plan, checked as a whole; nothing is written."""
    one = document(tmp_path, "a.py", "import os\n\nprint(os.sep)\n")
    two = document(tmp_path, "b.py", "import a\n")
    document(tmp_path, "old.py", "x = 1\n")
    rewrite = Rewrite(
        ((one, "import os\n\nprint(1)\n"), (two, "import a\n\na.x()\n")),
        created=(("pkg/c.py", "def f(:\n"),),
        renamed=(("old.py", "new.py"),),
    )
    plan = plan_from_rewrite(rewrite, "Do it", [tmp_path])
    assert plan.texts_after() == rewrite.texts
    assert [change.label for change in plan.changes] == ["Do it", "Do it"]
    found = {(finding.kind, finding.path, finding.line) for finding in plan.checks.worse}
    assert found == {("unused import", "a.py", 0), ("syntax error", "pkg/c.py", 0)}
    assert {(finding.kind, finding.path) for finding in plan.checks.better} == {("unused import", "b.py")}
    assert not plan.checks.applies
    assert plan.uri_of("pkg/c.py") == (tmp_path / "pkg/c.py").as_uri()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.py", "b.py", "old.py"]


def test_a_document_outside_every_folder_may_change_itself(tmp_path: Path) -> None:
    """A single file, one that was never saved, one without a file: each may be edited where it was asked."""
    for uri in ((tmp_path / "new.py").as_uri(), "untitled:Untitled-1"):
        plan = plan_from_text(Document.of(uri, "new.py", "python", 1, "x = 1\n"), "x = 2\n", "Edit")
        assert plan.checks.applies and plan.folder is None


REFUSED_PATHS = [
    (
        "no path inside",
        ["../out.py", "/etc/cron.d/x", "a/../../b.py", "a//b.py", "", ".", "c:\\x.py", "\\\\host\\x.py",
         "a\nb.py", "nul.py", "a.py.", "a:b.py", "a\0.py", "x" * 2000],
    ),
    ("leads out", ["link/a.py", "dangling.py"]),
    ("secrets", [".env", "deploy/id_rsa", ".ssh/config.py"]),
    ("directory of tools", [".git/hooks/pre-commit", ".git", "node_modules/x/a.js"]),
    ("ignore", ["build/a.py", "inside/a.py"]),
    ("tools run", [".vscode/tasks.json", ".github/workflows/x.yml", ".envrc"]),
    ("there already", ["there.py"]),
    ("generated", ["a.min.js"]),
]  # fmt: skip
PATHS = [(path, said) for said, paths in REFUSED_PATHS for path in paths]


@pytest.mark.parametrize(("path", "said"), PATHS, ids=[ascii(path)[:30] for path, _ in PATHS])
def test_files_that_are_not_made(tmp_path: Path, path: str, said: str) -> None:
    """No new file leaves the folder, nor lies where secrets, tools or other people's code are."""
    root, outside = tmp_path / "work", tmp_path / "outside"
    asked = document(root, "there.py", "x = 1\n")
    outside.mkdir()
    (root / "link").symlink_to(outside)
    (root / "dangling.py").symlink_to(outside / "new.py")
    (root / "inside").symlink_to(root / "build")
    (root / ".gitignore").write_text("build/\n")
    (root / "build").mkdir()
    (root / ".git").mkdir()
    with pytest.raises(PlanRefused, match=said):
        plan_from_rewrite(Rewrite(((asked, "x = 2\n"),), created=((path, "x\n"),)), "New", [root])
    with pytest.raises(PlanRefused):
        plan_from_rewrite(Rewrite(((asked, "x = 2\n"),), renamed=(("there.py", path),)), "Move", [root])


def test_documents_that_are_not_changed(tmp_path: Path) -> None:
    """Beside the document that was asked about, only files of the workspace that are there are changed."""
    root = tmp_path / "work"
    asked = document(root, "a.py", "x = 1\n")
    (root / ".codeflowignore").write_text("private/\n")
    others = [
        (document(tmp_path, "outside.py", "x = 1\n"), "outside the workspace"),
        (document(root, "gone.py", "x = 1\n", write=False), "not there any more"),
        (document(root, "private/b.py", "x = 1\n"), "ignore"),
        (document(root, "secrets.py", "x = 1\n"), "secrets"),
        (Document.of("untitled:b", "b.py", "python", 1, "x = 1\n"), "outside the workspace"),
    ]
    for other, said in others:
        with pytest.raises(PlanRefused, match=said):
            plan_from_rewrite(Rewrite(((asked, "x = 2\n"), (other, "x = 2\n"))), "Edit", [root])


def test_read_only_files_are_not_changed(tmp_path: Path) -> None:
    """A file that may not be written is named in a sentence."""
    asked = document(tmp_path, "a.py", "x = 1\n")
    (tmp_path / "a.py").chmod(0o444)
    with pytest.raises(PlanRefused, match=r"a\.py is read-only"):
        plan_from_text(asked, "x = 2\n", "Edit", [tmp_path])


def test_plans_that_say_nothing_or_too_much(tmp_path: Path) -> None:
    """Nothing to change is a sentence; so is the same file twice."""
    asked = document(tmp_path, "a.py", "x = 1\n")
    with pytest.raises(PlanRefused, match="Nothing would change"):
        plan_from_text(asked, asked.text, "Edit", [tmp_path])
    with pytest.raises(PlanRefused, match="changed twice"):
        plan_from_rewrite(Rewrite(((asked, "x = 2\n"), (asked, "x = 3\n"))), "Edit", [tmp_path])
    with pytest.raises(PlanRefused, match="changed twice"):
        twice = (("b.py", ""), ("B.py", ""))
        plan_from_rewrite(Rewrite(((asked, "x = 2\n"),), created=twice), "Edit", [tmp_path])


def test_20_000_lines_take_less_than_a_second(tmp_path: Path) -> None:
    """A long file is planned and checked in a second."""
    text = "".join(f"value_{number} = {number}\n" for number in range(20_000))
    asked = document(tmp_path, "a.py", text)
    started = time.perf_counter()
    plan = plan_from_text(asked, text.replace("value_500 ", "other "), "Edit", [tmp_path])
    assert time.perf_counter() - started < 2 and plan.checks.applies and len(plan.changes[0].edits) == 1


NAMES = ["a.py", "with blank.py", "é.py", "dir/deep/b.py", "it's.py", 'quoted".py', "back\\slash.py"]
PIECES = st.sampled_from(
    ["a\n", "b\n", "c\r\n", "d\r", "é\n", "\n", "x", "-\n", "+++ b/x\n", "\\ No\n", "@@\n"]
)
TEXTS = st.lists(PIECES, max_size=30).map("".join)


def applied_by_git(repository: Repository, diff: str, *options: str) -> None:
    repository.git("apply", "--whitespace=nowarn", *options, "-", stdin=diff.encode())


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    return Repository(tmp_path_factory.mktemp("diff") / "work")


@settings(max_examples=40, deadline=None)
@given(old=TEXTS, new=TEXTS, name=st.sampled_from(NAMES), new_file=TEXTS)
def test_git_applies_a_diff_and_takes_it_back(
    repository: Repository, old: str, new: str, name: str, new_file: str
) -> None:
    """git makes of the diff exactly the new texts, and of its reverse the old ones."""
    file, created = repository.write(name, old), repository.root / "made/new.txt"
    asked = Document.of(file.as_uri(), name, "plaintext", 1, old)
    diff = "".join((*file_diff(name, name, old, new), *file_diff("", "made/new.txt", "", new_file)))
    assert (asked.text == new) == ("@@ " not in "".join(file_diff(name, name, old, new)))
    applied_by_git(repository, diff)
    assert file.read_bytes().decode() == new and created.read_bytes().decode() == new_file
    applied_by_git(repository, diff, "--reverse")
    assert file.read_bytes().decode() == old and not created.exists()


def test_git_and_patch_apply_a_whole_plan(tmp_path: Path) -> None:
    """A changed, a moved, a moved and changed, and a new file are one diff; patch takes it as well."""
    for tool in ("git", "patch"):
        repository = Repository(tmp_path / tool)
        texts = {
            "a.py": "".join(f"a{n} = {n}\n" for n in range(50)),
            "b.py": "b = 1\n",
            "c.py": "c = 1\nd = 2",
        }
        repository.commit("first", dict(texts))
        changed = texts["a.py"].replace("a3 ", "x ").replace("a40 ", "y ").replace("a44 ", "z ")
        asked, moved = (document(repository.root, path, texts[path]) for path in ("a.py", "c.py"))
        plan = plan_from_rewrite(
            Rewrite(
                ((asked, changed), (moved, "c = 1\nd = 3\n")),
                created=(("new/empty.py", ""), ("new/e.py", "e = 1")),
                renamed=(("b.py", "new/b.py"), ("c.py", "d.py")),
            ),
            "All of it",
            [repository.root],
        )
        diff = unified(plan)
        assert diff.count("@@ -") == 4
        if tool == "git":
            applied_by_git(repository, diff)
        else:
            subprocess.run(["patch", "-p1", "-s"], cwd=repository.root, input=diff.encode(), check=True)
        found = {
            path.relative_to(repository.root).as_posix(): path.read_text()
            for path in repository.root.rglob("*.py")
        }
        assert found == {
            "a.py": changed, "new/b.py": "b = 1\n", "d.py": "c = 1\nd = 3\n",
            "new/e.py": "e = 1",
            "new/empty.py": "",
        }, tool  # fmt: skip


def test_the_same_diff_as_gits(tmp_path: Path) -> None:
    """What is shown of an ordinary change is what `git diff` shows, but for ids."""
    repository = Repository(tmp_path / "work")
    old = "".join(f"line {number}\n" for number in range(40))
    new = (
        old.replace("line 3\n", "LINE\n")
        .replace("line 20\n", "line 20\nmore\n")
        .replace("line 39\n", "line 39")
    )
    repository.commit("first", {"a.txt": old})
    repository.write("a.txt", new)
    shown = [line for line in repository.git("diff").splitlines() if not line.startswith("index ")]
    ours = "".join(file_diff("a.txt", "a.txt", old, new)).splitlines()
    assert [line.partition(" @@ ")[0] for line in ours] == [
        line.rpartition(" @@")[0] + " @@" if line.startswith("@@") else line for line in shown
    ]


def test_an_empty_plan_has_no_diff() -> None:
    """Nothing is shown of nothing."""
    assert unified(EditPlan("Nothing")) == ""
