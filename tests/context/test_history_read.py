"""A folder to its history: commits, the branch's intent, what is not committed, and their bounds."""

from pathlib import Path

import pytest

from context.history import Commit, FileDiff, History, Hunk, Limits, read_history
from tests.context.git_repository import Repository


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "shop")
    made.commit("Prices", {"price.py": "PRICE = 1\n", "tax.py": "TAX = 2\n", "docs/a.md": "A\n"})
    return made


def by_path(found: tuple[FileDiff, ...]) -> dict[str, FileDiff]:
    return {difference.path: difference for difference in found}


def test_recent_commits_are_newest_first_with_message_date_and_files(repository: Repository) -> None:
    repository.commit("Tax follows price\n\nBecause of the law.\nTwo lines.", {"tax.py": "TAX = 3\n"})
    repository.git("commit", "-q", "--allow-empty", "-m", "Nothing changed")
    history = read_history(repository.root)
    assert [commit.subject for commit in history.recent] == ["Nothing changed", "Tax follows price", "Prices"]
    empty, tax, prices = history.recent
    assert empty.files == ()
    assert tax == Commit(
        repository.git("rev-parse", "HEAD~1"),
        "Tax follows price",
        "Because of the law.\nTwo lines.",
        int(repository.git("log", "-1", "--format=%at", "HEAD~1")),
        ("tax.py",),
    )
    assert prices.files == ("docs/a.md", "price.py", "tax.py")
    assert (history.head, history.branch, history.base) == (empty.sha, "main", "")
    assert history.branch_commits == history.branch_diff == history.uncommitted == history.notes == ()


def test_touching_names_the_commits_of_a_file(repository: Repository) -> None:
    repository.commit("Tax", {"tax.py": "TAX = 3\n"})
    history = read_history(repository.root)
    assert [commit.subject for commit in history.touching("tax.py")] == ["Tax", "Prices"]
    assert history.touching("none.py") == ()


def test_files_that_change_in_small_commits_together_are_the_strongest_partners() -> None:
    everything = tuple(f"{name}.py" for name in ("a", "b", "c", *range(998)))
    recent = (
        Commit("3", "", "", 0, ("a.py",)),
        Commit("2", "", "", 0, ("a.py", "b.py")),
        Commit("1", "", "", 0, everything),
    )
    partners = History(Path("/"), recent=recent).changed_with("a.py")
    assert partners[0] == ("b.py", pytest.approx(0.5005))
    assert partners[1][1] == pytest.approx(0.0005)
    assert History(Path("/"), recent=recent).changed_with("none.py") == ()


def test_uncommitted_is_everything_between_head_and_the_disk(repository: Repository) -> None:
    repository.commit("More", {"gone.py": "old\n", "moved.py": "one\ntwo\nthree\nfour\n", "staged.py": "1\n"})
    repository.write("price.py", "PRICE = 1\nNEW = 2\n")
    repository.write("staged.py", "2\n")
    repository.write("new/file.py", "fresh\n")
    repository.write("added.py", "added\n")
    repository.git("add", "staged.py", "added.py")
    repository.write("staged.py", "3\n")
    repository.git("mv", "moved.py", "docs/moved.py")
    (repository.root / "gone.py").unlink()
    repository.write("intent.py", "meant\n")
    repository.git("add", "--intent-to-add", "intent.py")
    history = read_history(repository.root)
    assert history.uncommitted == (
        FileDiff("added.py", "", (Hunk(0, "", "added\n"),)),
        FileDiff("docs/moved.py", "moved.py", ()),
        FileDiff("gone.py", "gone.py", (Hunk(0, "old\n", ""),)),
        FileDiff("intent.py", "", (Hunk(0, "", "meant\n"),)),
        FileDiff("new/file.py", "", (Hunk(0, "", "fresh\n"),)),
        FileDiff("price.py", "price.py", (Hunk(1, "", "NEW = 2\n"),)),
        FileDiff("staged.py", "staged.py", (Hunk(0, "1\n", "3\n"),)),
    )


def test_a_file_taken_out_of_the_index_but_still_there_is_compared(repository: Repository) -> None:
    repository.git("rm", "-q", "--cached", "price.py")
    repository.write("price.py", "PRICE = 5\n")
    (found,) = read_history(repository.root).uncommitted
    assert found == FileDiff("price.py", "price.py", (Hunk(0, "PRICE = 1\n", "PRICE = 5\n"),))


def test_a_touched_file_a_changed_mode_and_line_ends_alone_are_no_change(repository: Repository) -> None:
    repository.write("tax.py", "TAX = 2\n")
    (repository.root / "price.py").chmod(0o755)
    repository.write("docs/a.md", "A\r\n")
    assert read_history(repository.root).uncommitted == ()


def test_binary_large_and_linked_files_are_left_out(repository: Repository, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.txt").write_text("outside\n")
    repository.commit("Dir", {"dir/secret.txt": "inside\n", "blob.bin": b"a\0b"})
    repository.write("blob.bin", b"a\0c")
    repository.write("new.bin", b"\0\1")
    repository.write("large.txt", "x\n" * 200_000)
    try:
        (repository.root / "link.txt").symlink_to(tmp_path / "outside" / "secret.txt")
        (repository.root / "dir" / "secret.txt").unlink()
        (repository.root / "dir").rmdir()
        (repository.root / "dir").symlink_to(tmp_path / "outside")
        (repository.root / "price.py").unlink()
        (repository.root / "price.py").symlink_to(tmp_path / "outside" / "secret.txt")
    except OSError:
        pytest.skip("no links here")
    history = read_history(repository.root)
    assert "outside" not in repr(history.uncommitted)
    assert [found.path for found in history.uncommitted if any(hunk.after for hunk in found.hunks)] == []
    repository.git("add", "-A")
    assert "outside" not in repr(read_history(repository.root).uncommitted)


def test_ignored_and_secret_files_never_appear(repository: Repository) -> None:
    repository.commit("Environment", {".env": "TOKEN=1\n", ".gitignore": "*.log\n", "keep.py": "1\n"})
    repository.write(".env", "TOKEN=2\n")
    repository.write("debug.log", "noise\n")
    repository.write("private/plan.md", "plan\n")
    repository.write("keep.py", "2\n")
    (repository.root / ".git/info/exclude").write_text("local.txt\n")
    repository.write("local.txt", "mine\n")
    repository.git("mv", "-f", "tax.py", "tax.txt")
    history = read_history(repository.root, ignored=lambda path: path.startswith("private/"))
    assert list(by_path(history.uncommitted)) == ["keep.py", "tax.txt"]
    assert history.touching(".env") == ()
    told = read_history(repository.root, paths_may_be_told=lambda path: path not in ("tax.py", "keep.py"))
    assert list(by_path(told.uncommitted)) == [".env", "private/plan.md"]


def test_a_branch_has_a_base_its_own_commits_and_its_changes(repository: Repository) -> None:
    base = repository.git("rev-parse", "HEAD")
    repository.git("checkout", "-q", "-b", "add-discount")
    repository.commit("Discount", {"discount.py": "D = 1\n", "price.py": "PRICE = 2\n"})
    repository.git("mv", "docs/a.md", "docs/b.md")
    repository.commit("Docs")
    repository.write("price.py", "PRICE = 3\n")
    history = read_history(repository.root)
    assert (history.branch, history.base) == ("add-discount", base)
    assert [commit.subject for commit in history.branch_commits] == ["Docs", "Discount"]
    assert history.branch_diff == (
        FileDiff("discount.py", "", (Hunk(0, "", "D = 1\n"),)),
        FileDiff("docs/b.md", "docs/a.md", ()),
        FileDiff("price.py", "price.py", (Hunk(0, "PRICE = 1\n", "PRICE = 2\n"),)),
    )
    assert [found.path for found in history.uncommitted] == ["price.py"]


def test_what_was_merged_from_the_main_line_is_not_the_branch(repository: Repository) -> None:
    repository.git("checkout", "-q", "-b", "topic")
    repository.commit("Topic", {"topic.py": "1\n"})
    repository.git("checkout", "-q", "main")
    main = repository.commit("Main goes on", {"main.py": "1\n"})
    repository.git("checkout", "-q", "topic")
    repository.git("merge", "-q", "--no-edit", "main")
    repository.commit("Topic again", {"topic.py": "2\n"})
    history = read_history(repository.root)
    assert history.base == main
    assert [commit.subject for commit in history.branch_commits] == ["Topic again", "Topic"]
    assert [found.path for found in history.branch_diff] == ["topic.py"]
    assert [commit.subject for commit in history.recent][:3] == ["Topic again", "Main goes on", "Topic"]


def test_the_default_branch_is_what_the_origin_says(repository: Repository, tmp_path: Path) -> None:
    repository.git("branch", "-m", "main", "release")
    repository.git("branch", "main")
    clone = Repository(tmp_path / "clone", "existing")
    clone.git("clone", "-q", str(repository.root), str(clone.root), at=tmp_path)
    assert read_history(clone.root).base == ""
    clone.git("checkout", "-q", "-b", "topic")
    clone.commit("Topic", {"topic.py": "1\n"})
    assert read_history(clone.root).base == repository.git("rev-parse", "release")


@pytest.mark.parametrize("name", ["master", "trunk", "develop"])
def test_other_names_of_the_main_line_are_known(repository: Repository, name: str) -> None:
    repository.git("branch", "-m", "main", name)
    assert read_history(repository.root).base == ""
    repository.git("checkout", "-q", "-b", "topic")
    repository.commit("Topic", {"topic.py": "1\n"})
    assert read_history(repository.root).base == repository.git("rev-parse", name)


def test_limits_hold_and_are_noted(repository: Repository) -> None:
    for number in range(5):
        repository.commit(f"Commit {number}", {"price.py": f"PRICE = {number + 10}\n"})
    for number in range(9):
        repository.write(f"new/{number}.py", f"{number}\n" * 1000)
    limits = Limits(recent=2, files=4, hunk_bytes=100, diff_bytes=250)
    history = read_history(repository.root, limits)
    assert [commit.subject for commit in history.recent] == ["Commit 4", "Commit 3"]
    assert sum(len(hunk.after) for found in history.uncommitted for hunk in found.hunks) == 250
    assert "uncommitted: 9 files, of which 4 are used" in history.notes


def test_of_too_many_changed_files_those_written_last_are_used(repository: Repository) -> None:
    import os

    for number in range(6):
        written = repository.write(f"{number}.py", "x\n")
        os.utime(written, (1_700_000_000 + number * (-1) ** number,) * 2)
    history = read_history(repository.root, Limits(files=2))
    assert [found.path for found in history.uncommitted] == ["2.py", "4.py"]


def test_time_that_is_over_leaves_a_note_and_no_error(repository: Repository) -> None:
    history = read_history(repository.root, Limits(seconds=0))
    assert history.head
    assert history.recent == ()
    assert history.notes[-1] == "reading was ended after 0 s"


def test_huge_messages_are_cut(repository: Repository) -> None:
    repository.git(
        "commit", "-q", "--allow-empty", "-F", "-", stdin=b"S" * 5000 + b"\n\n" + b"body line\n" * 200_000
    )
    repository.commit("After", {"a.py": "1\n"})
    history = read_history(repository.root)
    assert [len(commit.subject) for commit in history.recent] == [5, 200, 6]
    assert len(history.recent[1].body) == 2000


def test_a_message_that_is_not_utf_8_is_text(repository: Repository) -> None:
    repository.git(
        "-c", "i18n.commitEncoding=latin1", "commit", "-q", "--allow-empty", "-F", "-", stdin=b"caf\xe9"
    )
    assert read_history(repository.root).recent[0].subject == "café"
