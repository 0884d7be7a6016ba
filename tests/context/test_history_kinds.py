"""Repositories of every kind give the history they have, and a note about what they lack."""

import os
from pathlib import Path
from time import perf_counter

import pytest

from context.history import History, function_history, read_history, state_of
from tests.context.git_repository import Repository


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "shop")
    made.commit("One", {"a.py": "a = 1\n", "packages/web/b.py": "b = 1\n"})
    made.commit("Two", {"a.py": "a = 2\n", "packages/web/b.py": "b = 2\n", "packages/web/c.py": "c\n"})
    return made


def subjects(history: History) -> list[str]:
    return [commit.subject for commit in history.recent]


def paths(history: History) -> list[str]:
    return [found.path for found in history.uncommitted]


def test_no_repository(tmp_path: Path) -> None:
    history = read_history(tmp_path)
    assert history == History(tmp_path, notes=(f"{tmp_path} is not in a git repository that can be read",))
    assert function_history(tmp_path, "a.py", 0, 1) == ()


def test_no_git(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    (note,) = read_history(repository.root).notes
    assert "install git" in note
    assert function_history(repository.root, "a.py", 0, 0) == ()


def test_nothing_committed_yet(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "new")
    repository.write("a.py", "a = 1\n")
    repository.write("staged.py", "b = 1\n")
    repository.git("add", "staged.py")
    history = read_history(repository.root)
    assert (history.head, history.branch, history.recent) == ("", "main", ())
    assert paths(history) == ["a.py", "staged.py"]
    assert history.notes == ("nothing was committed yet",)


def test_detached_head(repository: Repository) -> None:
    repository.git("checkout", "-q", "--detach")
    base = repository.git("rev-parse", "HEAD")
    repository.commit("Beside", {"a.py": "a = 3\n"})
    history = read_history(repository.root)
    assert (history.branch, history.base) == ("", base)
    assert subjects(history) == ["Beside", "Two", "One"]


def test_shallow_clone(repository: Repository, tmp_path: Path) -> None:
    clone = Repository(tmp_path / "clone", "existing")
    clone.git("clone", "-q", "--depth=1", repository.root.as_uri(), str(clone.root), at=tmp_path)
    history = read_history(clone.root)
    assert subjects(history) == ["Two"]
    assert history.notes == ("the clone is shallow: older commits are not here",)


def test_partial_clone(repository: Repository, tmp_path: Path) -> None:
    repository.git("config", "uploadpack.allowFilter", "true")
    repository.git("checkout", "-q", "-b", "topic")
    repository.git("mv", "a.py", "z.py")
    repository.commit("Three", {"z.py": "a = 2\nmore\n"})
    clone = Repository(tmp_path / "clone", "existing")
    clone.git(
        "clone",
        "-q",
        "--filter=blob:none",
        "--no-checkout",
        repository.root.as_uri(),
        str(clone.root),
        at=tmp_path,
    )
    clone.git("remote", "set-head", "origin", "main")
    history = read_history(clone.root)
    assert subjects(history) == ["Three", "Two", "One"]
    assert [commit.subject for commit in history.branch_commits] == ["Three"]
    assert history.branch_diff == ()
    missing = clone.git("rev-list", "--objects", "--all", "--missing=print").count("?")
    assert missing >= 4  # nothing was fetched along the way


def test_worktree(repository: Repository, tmp_path: Path) -> None:
    repository.git("worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))
    (tmp_path / "side" / "a.py").write_text("a = 9\n")
    history = read_history(tmp_path / "side")
    assert (history.branch, subjects(history), paths(history)) == ("side", ["Two", "One"], ["a.py"])
    assert paths(read_history(repository.root)) == []


def test_submodule(repository: Repository, tmp_path: Path) -> None:
    outer = Repository(tmp_path / "outer")
    outer.commit("Outer", {"o.py": "o\n"})
    outer.git("submodule", "add", "-q", str(repository.root), "libs/shop")
    outer.commit("With a submodule")
    (outer.root / "libs/shop/a.py").write_text("a = 7\n")
    inner = read_history(outer.root / "libs/shop")
    assert (subjects(inner), paths(inner)) == (["Two", "One"], ["a.py"])
    history = read_history(outer.root)
    assert (subjects(history), paths(history)) == (["With a submodule", "Outer"], [])
    assert state_of(outer.root / "libs/shop") not in ("", state_of(outer.root))


def test_a_folder_inside_the_repository_sees_its_own_part(repository: Repository) -> None:
    repository.commit("Elsewhere", {"a.py": "a = 3\n"})
    repository.git("checkout", "-q", "-b", "topic")
    repository.commit("Topic", {"a.py": "a = 4\n", "packages/web/b.py": "b = 4\n"})
    repository.write("a.py", "a = 5\n")
    repository.write("packages/web/b.py", "b = 5\n")
    repository.write("packages/web/new.py", "n\n")
    repository.write("packages/webby.py", "n\n")
    history = read_history(repository.root / "packages/web")
    assert [(commit.subject, commit.files) for commit in history.recent] == [
        ("Topic", ("b.py",)),
        ("Two", ("b.py", "c.py")),
        ("One", ("b.py",)),
    ]
    assert paths(history) == ["b.py", "new.py"]
    assert [found.path for found in history.branch_diff] == ["b.py"]
    (change, *_) = function_history(repository.root / "packages/web", "b.py", 0, 0)
    assert (change.before, change.after) == ("b = 2\n", "b = 4\n")


def test_bare_repository(repository: Repository, tmp_path: Path) -> None:
    repository.git("clone", "-q", "--bare", str(repository.root), str(tmp_path / "bare.git"))
    history = read_history(tmp_path / "bare.git")
    assert (subjects(history), history.uncommitted) == (["Two", "One"], ())
    assert history.notes == ("the repository is bare: it has no working tree",)


@pytest.mark.parametrize(
    "name",
    [
        b"caf\xe9.py",
        "naïve/日本.py".encode(),
        b"a\nb.py",
        b'quo"te.py',
        b"-p.py",
        b":(top)x.py",
        b"*.py",
        b" x .py",
        b"t\tab",
    ],
)
def test_file_names_of_any_bytes(repository: Repository, name: bytes) -> None:
    path = name.decode("utf-8", "surrogateescape")
    try:
        repository.write(path, "one = 1\n")
    except OSError:
        pytest.skip("this file system does not take the name")
    repository.commit("Odd", {})
    repository.write(path, "one = 1\ntwo = 2\n")
    new = path.replace(".py", ".new") + ".new"
    repository.write(new, "new\n")
    history = read_history(repository.root)
    assert history.recent[0].files == (path,)
    assert sorted(paths(history)) == sorted([path, new])
    (modified,) = (found for found in history.uncommitted if found.path == path)
    assert modified.hunks[0].after == "two = 2\n"
    if b"\n" not in name:
        (change,) = function_history(repository.root, path, 0, 0)
        assert change.after == "one = 1\n"


def test_an_old_and_a_new_index_format_are_read(repository: Repository) -> None:
    repository.write("a.py", "a = 8\n")
    expected = read_history(repository.root).uncommitted
    assert expected
    for command in (
        ("update-index", "--index-version", "4"),
        ("update-index", "--split-index"),
        ("update-index", "--no-split-index", "--untracked-cache"),
        ("update-index", "--assume-unchanged", "packages/web/b.py"),
    ):
        repository.git(*command)
        assert read_history(repository.root).uncommitted == expected, command
    repository.git("update-index", "--assume-unchanged", "a.py")
    assert read_history(repository.root).uncommitted == ()


def test_a_sparse_checkout_with_a_sparse_index_has_no_deleted_files(repository: Repository) -> None:
    repository.commit("Wide", {f"{name}/{n}.py": "x\n" for name in "xyz" for n in range(3)})
    repository.git("sparse-checkout", "set", "--cone", "--sparse-index", "x")
    assert not (repository.root / "y").exists()
    repository.write("x/1.py", "changed\n")
    assert paths(read_history(repository.root)) == ["x/1.py"]


def test_a_conflict_is_compared_with_head(repository: Repository) -> None:
    repository.git("checkout", "-q", "-b", "topic", "HEAD~1")
    repository.commit("Other", {"a.py": "a = 5\n"})
    repository.git("merge", "main", check=False)
    (found,) = [found for found in read_history(repository.root).uncommitted if found.path == "a.py"]
    assert "<<<<<<<" in found.hunks[0].after
    assert found.old_path == "a.py"


def test_a_link_in_the_tree_is_not_followed(repository: Repository) -> None:
    try:
        (repository.root / "passwords").symlink_to("/etc/passwd")
    except OSError:
        pytest.skip("no links here")
    assert paths(read_history(repository.root)) == []
    repository.commit("Link", {})
    (repository.root / "passwords").unlink()
    (repository.root / "passwords").symlink_to("/etc/group")
    assert paths(read_history(repository.root)) == []


def test_sha_256(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "new", "--object-format=sha256")
    repository.write("a.py", "a = 1\n")
    repository.git("add", "a.py")
    assert paths(read_history(repository.root)) == ["a.py"]
    repository.commit("One", {})
    repository.write("a.py", "a = 2\n")
    history = read_history(repository.root)
    assert (subjects(history), paths(history), len(history.head)) == (["One"], ["a.py"], 64)
    assert len(function_history(repository.root, "a.py", 0, 0)) == 1


def test_reftable_says_that_it_is_not_read(repository: Repository) -> None:
    (repository.root / ".git/HEAD").write_text("ref: refs/heads/.invalid\n")
    (repository.root / ".git/reftable").mkdir()
    (repository.root / ".git/reftable/tables.list").write_text("")
    assert "reftable" in read_history(repository.root).notes[0]


def test_damaged_objects_are_a_note(repository: Repository) -> None:
    for file in (repository.root / ".git/objects").rglob("*"):
        if file.is_file():
            file.chmod(0o644)
            file.write_bytes(b"damaged")
    history = read_history(repository.root)
    assert history.recent == ()
    assert history.notes


def test_ten_thousand_changed_files_take_seconds_and_are_capped(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "large")
    for number in range(10_000):
        repository.write(f"d{number % 100}/{number}.py", f"value = {number}\n")
    repository.commit("Many", {})
    for number in range(10_000):
        (repository.root / f"d{number % 100}/{number}.py").write_text(f"value = {number}\nmore = 1\n")
    began = perf_counter()
    history = read_history(repository.root)
    seconds = perf_counter() - began
    print(f"10,000 changed files: {seconds:.2f} s")
    assert len(history.uncommitted) == 200
    assert history.notes == ("uncommitted: 10000 files, of which 200 are used",)
    assert len(history.recent[0].files) == 1000
    assert seconds < 10


@pytest.mark.skipif(os.name == "nt", reason="needs a folder that cannot be read")
def test_a_git_directory_that_cannot_be_read_is_no_repository(repository: Repository) -> None:
    if os.getuid() == 0:
        pytest.skip("root reads everything")
    (repository.root / ".git").chmod(0)
    try:
        assert read_history(repository.root).notes
    finally:
        (repository.root / ".git").chmod(0o755)
