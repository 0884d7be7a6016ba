"""Running git: bounded in bytes and seconds, without the user's environment, blobs by name."""

import os
import time
from pathlib import Path

import pytest

from context.history.git import SHUT_OFF, Git, GitError, GitLimit, GitMissing, NoRepository, find_git
from context.history.process import run_bounded
from tests.context.git_repository import Repository


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "shop")
    made.commit("Prices", {"price.py": "PRICE = 1\n", "deep/er/tax.py": "TAX = 2\n"})
    return made


def test_run_gives_the_output_of_git(repository: Repository) -> None:
    assert Git(repository.root).run("log", "--format=%s") == b"Prices\n"


def test_head_stays_what_it_was_when_git_was_made(repository: Repository) -> None:
    git = Git(repository.root)
    before = git.run("rev-parse", "HEAD")
    repository.commit("Later", {"price.py": "PRICE = 2\n"})
    assert git.run("rev-parse", "HEAD") == before
    assert Git(repository.root).run("rev-parse", "HEAD") != before


def test_an_error_carries_the_first_sentence_of_git(repository: Repository) -> None:
    with pytest.raises(GitError, match="git cat-file: fatal: Not a valid object name nonsense"):
        Git(repository.root).run("cat-file", "-p", "nonsense")


def test_too_much_output_is_an_error_or_is_cut(repository: Repository) -> None:
    git = Git(repository.root)
    with pytest.raises(GitLimit, match="more than 3 bytes"):
        git.run("log", "--format=%s", most_bytes=3)
    assert git.run("log", "--format=%s", most_bytes=3, cut=True) == b"Pri"


def test_a_program_that_does_not_end_is_ended_with_its_children(tmp_path: Path) -> None:
    if os.name == "nt":
        pytest.skip("needs a shell")
    pid_file = tmp_path / "pid"
    began = time.monotonic()
    ended = run_bounded(
        ["/bin/sh", "-c", f"echo begun; sleep 60 & echo $! > {pid_file}; wait"],
        environment={"PATH": os.environ["PATH"]},
        directory=tmp_path,
        stdin=b"",
        timeout_s=0.5,
        most_bytes=100,
    )
    assert time.monotonic() - began < 5
    assert (ended.output, ended.limit) == (b"begun\n", "0.5 s")
    child = int(pid_file.read_text())
    for _ in range(100):
        if not _is_alive(child):
            break
        time.sleep(0.02)
    assert not _is_alive(child)


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(")")[-1].split()[0] != "Z"
    except OSError:
        pass
    if Path("/proc").is_dir():
        return False
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def test_much_input_to_a_program_that_does_not_read_it_does_not_hang(repository: Repository) -> None:
    assert Git(repository.root).run("rev-parse", "HEAD", stdin=b"x" * (4 << 20), timeout_s=5)


def test_blobs_come_in_order_and_what_is_no_small_blob_is_skipped(repository: Repository) -> None:
    repository.commit("More", {"big.txt": "x" * 5000, "empty.txt": "", "price.py": "PRICE = 3\n"})
    git = Git(repository.root)
    blob = repository.git("rev-parse", "HEAD~1:price.py")
    names = ["HEAD:deep/er/tax.py", "HEAD:none", "HEAD:deep", "HEAD", "HEAD:big.txt", "HEAD:empty.txt", blob]
    names += ["HEAD:./price.py", "HEAD:../price.py", "a\nb", "", "HEAD:\udfff", "-p", "HEAD:price.py"]
    found = list(git.blobs(names, 1 << 20, each=1000))
    assert found == [
        ("HEAD:deep/er/tax.py", b"TAX = 2\n"),
        ("HEAD:empty.txt", b""),
        (blob, b"PRICE = 1\n"),
        ("HEAD:price.py", b"PRICE = 3\n"),
    ]
    assert list(git.blobs(["HEAD:big.txt", "HEAD:price.py"], 100)) == [("HEAD:price.py", b"PRICE = 3\n")]
    assert list(git.blobs([], 100)) == []


def test_blobs_beyond_one_group_are_all_there(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("context.history.git.GROUP_BYTES", 25)
    repository.commit("Many", {f"{number}.txt": f"{number:010}" for number in range(9)})
    found = list(Git(repository.root).blobs([f"HEAD:{number}.txt" for number in range(9)], 1000))
    assert found == [(f"HEAD:{number}.txt", b"%010d" % number) for number in range(9)]


def test_variables_of_the_server_do_not_reach_git(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Repository(tmp_path / "other")
    other.commit("Elsewhere", {"a": "b"})
    monkeypatch.setenv("GIT_DIR", str(other.root / ".git"))
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "log.date")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "nonsense")
    monkeypatch.setenv("GIT_TRACE", "1")
    assert Git(repository.root).run("log", "--format=%s") == b"Prices\n"


def test_a_folder_without_repository_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NoRepository, match="not in a git repository"):
        Git(tmp_path)


def test_without_git_on_the_path_the_error_says_what_to_install(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(GitMissing, match="install git"):
        Git(repository.root)


def test_a_git_in_the_workspace_or_the_current_folder_is_not_started(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("git", "git.exe", "bin/git", "bin/git.exe"):
        repository.write(name, "#!/bin/sh\nexit 0\n").chmod(0o755)
    monkeypatch.chdir(repository.root)
    entries = ["", ".", "bin", str(repository.root), str(repository.root / "bin")]
    monkeypatch.setenv("PATH", os.pathsep.join(entries))
    with pytest.raises(GitMissing):
        find_git(repository.root)


def test_the_directory_that_git_is_shown_goes_when_it_is_closed_or_forgotten(repository: Repository) -> None:
    with Git(repository.root) as git:
        shown = Path(git.run("rev-parse", "--git-dir").decode().strip())
        assert shown.is_dir()
    assert not shown.exists()
    git = Git(repository.root)
    shown = Path(git.run("rev-parse", "--git-dir").decode().strip())
    del git
    assert not shown.exists()


def test_every_item_that_could_run_says_how_it_is_shut_off() -> None:
    for item, how in SHUT_OFF:
        assert item
        assert how
