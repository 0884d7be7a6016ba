"""Where a repository lies, and a key of its state, without starting a process."""

import os
import subprocess
from pathlib import Path

import pytest

from context.history import state_of
from context.history.place import Head, find, head_of
from tests.context.git_repository import Repository


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "shop")
    made.commit("One", {"a.py": "a = 1\n", "sub/b.py": "b = 1\n"})
    return made


def test_no_repository_has_an_empty_state(tmp_path: Path) -> None:
    assert state_of(tmp_path) == ""
    assert state_of(tmp_path / "missing") == ""


def test_state_starts_no_process(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "Popen", None)
    assert state_of(repository.root)


def test_state_stays_while_nothing_happens(repository: Repository) -> None:
    before = state_of(repository.root)
    repository.write("a.py", "a = 2\n")  # the watcher's business, not git's
    repository.git("log")
    assert state_of(repository.root) == before == state_of(repository.root / "sub")


def test_state_changes_with_add_commit_branch_checkout_and_merge(repository: Repository) -> None:
    states = [state_of(repository.root)]

    def changed(*git: str) -> None:
        repository.git(*git)
        states.append(state_of(repository.root))
        assert states[-1] != states[-2], git

    repository.write("a.py", "a = 2\n")
    changed("add", "a.py")
    changed("commit", "-q", "-m", "Two")
    changed("checkout", "-q", "-b", "topic")
    changed("checkout", "-q", "HEAD~1")
    changed("checkout", "-q", "-b", "side")
    repository.write("a.py", "a = 3\n")
    changed("commit", "-q", "-a", "-m", "Three")
    repository.git("merge", "topic", check=False)
    states.append(state_of(repository.root))
    assert states[-1].endswith("MERGE_HEAD")
    changed("merge", "--abort")
    assert len(set(states)) >= len(states) - 1  # an aborted merge may leave all as it was


def test_packing_refs_leaves_head_where_it_was(repository: Repository) -> None:
    place = find(repository.root)
    assert place is not None
    before = head_of(place)
    repository.git("pack-refs", "--all")
    assert not (repository.root / ".git/refs/heads/main").exists()
    assert head_of(place) == before == Head(repository.git("rev-parse", "HEAD"), "main")


def test_a_worktree_has_its_own_head_and_shares_the_refs(repository: Repository, tmp_path: Path) -> None:
    repository.git("worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))
    place = find(tmp_path / "side" / "sub")
    assert place is not None
    assert place.top == tmp_path / "side"
    assert place.common_dir == repository.root / ".git"
    assert place.prefix == "sub/"
    assert head_of(place).branch == "side"
    main = state_of(repository.root)
    before = state_of(tmp_path / "side")
    repository.git("commit", "-q", "--allow-empty", "-m", "On the side", at=tmp_path / "side")
    assert state_of(tmp_path / "side") != before
    assert state_of(repository.root) == main


def test_a_git_file_that_borrows_another_repository_is_not_followed(
    repository: Repository, tmp_path: Path
) -> None:
    thief = tmp_path / "thief"
    thief.mkdir()
    (thief / ".git").write_text(f"gitdir: {repository.root / '.git'}\n")
    assert find(thief) is None
    (thief / ".git").unlink()
    (thief / ".git").symlink_to(repository.root / ".git")
    assert find(thief) is None
    (thief / ".git").unlink()
    (thief / ".git").mkdir()
    (thief / ".git/HEAD").write_text("ref: refs/heads/main\n")
    (thief / ".git/commondir").write_text(f"{repository.root / '.git'}\n")
    assert find(thief) is None
    worktree = tmp_path / "gitdirs" / "worktrees" / "x"
    worktree.mkdir(parents=True)
    (worktree / "HEAD").write_text("ref: refs/heads/main\n")
    (worktree / "commondir").write_text(f"{repository.root / '.git'}\n")
    (worktree / "gitdir").write_text(f"{thief / 'inner' / '.git'}\n")
    (thief / "inner").mkdir()
    (thief / "inner" / ".git").write_text(f"gitdir: {worktree}\n")
    assert find(thief / "inner") is None


def test_refs_cannot_name_files_outside_the_repository(repository: Repository, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("a" * 40)
    for ref in (
        "../../secret",
        "refs/../../../secret",
        str(tmp_path / "secret"),
        "refs/heads/../../../../secret",
    ):
        (repository.root / ".git/HEAD").write_text(f"ref: {ref}\n")
        place = find(repository.root)
        assert place is not None
        assert head_of(place).commit == ""


@pytest.mark.parametrize("content", [b"", b"\0\xff\xfe", b"ref: ", b"ref: refs/heads/\xff", b"x" * 100_000])
def test_a_broken_head_is_no_head(repository: Repository, content: bytes) -> None:
    (repository.root / ".git/HEAD").write_bytes(content)
    place = find(repository.root)
    assert place is not None
    assert head_of(place).commit == ""
    assert state_of(repository.root)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(repository: Repository) -> None:
    head = repository.root / ".git/refs/heads/main"
    head.unlink()
    os.mkfifo(head)
    assert state_of(repository.root)


def test_a_reftable_repository_has_a_state_that_changes(repository: Repository) -> None:
    (repository.root / ".git/HEAD").write_text("ref: refs/heads/.invalid\n")
    tables = repository.root / ".git/reftable"
    tables.mkdir()
    (tables / "tables.list").write_text("one\n")
    before = state_of(repository.root)
    (tables / "tables.list").write_text("one\ntwo\n")
    assert state_of(repository.root) not in ("", before)
