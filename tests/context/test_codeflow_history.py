"""Commits as flows: what is read from a repository, what becomes of a commit, what is kept on disk."""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path

import pytest

from context.codeflow import store
from context.codeflow.change import Fate, Flow
from context.codeflow.fate import NamedFates, spoken_of
from context.codeflow.read import Limits, read_flows
from tests.context.git_repository import Repository

SHOP = "def total(items):\n    return sum(item.price for item in items)\n"
# a documented example key, in two parts so that no scanner takes this file for a leak
SECRET = "AKIA" + "IOSFODNN7EXAMPLQ"


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "repository")
    made.commit("Begin", {"shop.py": SHOP})
    return made


def fates(flows: tuple[Flow, ...]) -> dict[str, str]:
    return {flow.subject: flow.fate.value for flow in flows}


def test_a_commit_is_before_edit_and_after_with_its_message(repository: Repository) -> None:
    after = SHOP.replace("items)", "items, tax=0)", 1)
    sha = repository.commit("Totals know taxes\n\nAs asked for.", {"shop.py": after})
    (flow,) = read_flows(repository.root)
    assert (flow.sha, flow.subject, flow.fate) == (sha, "Totals know taxes", Fate.KEPT)
    assert flow.message == "Totals know taxes\n\nAs asked for."
    assert flow.parent == repository.git("rev-parse", "HEAD~1")
    assert flow.date > 1_700_000_000
    (edit,) = flow.edits
    assert (edit.path, edit.symbol) == ("shop.py", "total")
    assert (edit.before, edit.after) == (SHOP, after)
    assert "function.parameter_added" in edit.labels


def test_flows_come_newest_first_without_merges_and_first_commits(repository: Repository) -> None:
    repository.git("checkout", "-q", "-b", "side")
    repository.commit("On the side", {"side.py": "A = 1\n"})
    repository.git("checkout", "-q", "main")
    repository.commit("On main", {"main.py": "B = 1\n"})
    repository.git("merge", "-q", "--no-ff", "-m", "Merge the side", "side")
    repository.commit("After it", {"main.py": "B = 2\n"})
    assert [flow.subject for flow in read_flows(repository.root)] == ["After it", "On main", "On the side"]


def test_named_commits_come_in_the_order_asked_for(repository: Repository) -> None:
    shas = [repository.commit(f"Number {n}", {"n.py": f"N = {n}\n"}) for n in range(4)]
    asked = [shas[1], shas[3]]
    assert [flow.sha for flow in read_flows(repository.root, asked)] == asked


def test_in_a_subfolder_paths_are_relative_to_it_and_the_rest_is_unseen(repository: Repository) -> None:
    repository.commit("Inside", {"pack/a.py": "A = 1\n"})
    repository.commit("Both", {"pack/a.py": "A = 2\n", "shop.py": SHOP + "\n\nB = 1\n"})
    repository.commit("Outside", {"shop.py": SHOP})
    flows = read_flows(repository.root / "pack")
    assert [flow.subject for flow in flows] == ["Both", "Inside"]
    assert {path for flow in flows for path in flow.files} == {"a.py"}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such names")
def test_strange_names_and_contents_do_no_harm(repository: Repository) -> None:
    bad = os.fsencode(str(repository.root)) + b"/caf\xe9.py"
    Path(os.fsdecode(bad)).write_bytes(b"A = 1\n")
    repository.commit(
        "Odd\n:100644 100644 aaaa bbbb M\n\x01", {"new\nline.py": "A = 1\n", "t.py": b"\xff\xfe\n"}
    )
    repository.commit("Binary", {"t.py": b"\0\1", "shop.py": SHOP.replace("sum", "max")})
    (flow, *_) = read_flows(repository.root)
    assert flow.subject == "Binary"
    assert {edit.path for edit in flow.edits} == {"shop.py"}


def test_a_folder_without_repository_or_commits_has_no_flows(tmp_path: Path) -> None:
    assert read_flows(tmp_path) == ()
    assert read_flows(Repository(tmp_path / "unborn").root) == ()


def test_sweeps_long_edits_and_large_files_are_left_out(repository: Repository) -> None:
    repository.commit("Sweep", {f"f{n}.py": f"A = {n}\n" for n in range(30)})
    repository.commit("Long", {"shop.py": SHOP + "".join(f"V{n} = {n}\n" for n in range(200))})
    repository.commit("Large", {"large.py": "A = 1\n" * 60_000})
    (flow,) = read_flows(repository.root)
    assert (flow.subject, flow.edits) == ("Long", ())


def test_no_more_commits_are_read_than_asked_for(repository: Repository) -> None:
    for n in range(6):
        repository.commit(f"Number {n}", {"n.py": f"N = {n}\n"})
    flows = read_flows(repository.root, limits=Limits(commits=2))
    assert [flow.subject for flow in flows] == ["Number 5", "Number 4"]


def test_no_secret_is_in_a_flow(repository: Repository) -> None:
    """Not from contents, not from messages, not from files whose names say that they hold some."""
    files: dict[str, str | bytes] = {
        "shop.py": SHOP + f'KEY = "{SECRET}"\n',
        ".env": "PASSWORD=hunter2hunter2\n",
    }
    repository.commit(f"Use {SECRET}", files)
    repository.commit("Take it out", {"shop.py": SHOP, ".env": "PASSWORD=other3other3\n"})
    flows = read_flows(repository.root)
    assert len(flows) == 2
    assert SECRET not in repr(flows)
    assert "hunter2" not in repr(flows)
    assert any("KEY = " in edit.after for flow in flows for edit in flow.edits)


def test_an_ignored_file_is_not_read_even_from_the_past(repository: Repository) -> None:
    repository.commit("Private", {"notes/private.py": "A = 1\n", "shop.py": SHOP + "A = 1\n"})
    repository.commit("Private again", {"notes/private.py": "A = 2\n", "shop.py": SHOP})
    repository.write(".codeflowignore", "notes/\n")
    assert {path for flow in read_flows(repository.root) for path in flow.files} == {"shop.py"}


def test_a_commit_that_a_message_reverts_is_reverted(repository: Repository) -> None:
    sha = repository.commit("Try", {"shop.py": SHOP.replace("sum", "max")})
    repository.commit(f'Revert "Try"\n\nThis reverts commit {sha}.', {"shop.py": SHOP + "# other\n"})
    assert fates(read_flows(repository.root))["Try"] == "reverted"


def test_a_revert_that_was_itself_reverted_says_nothing(repository: Repository) -> None:
    first = repository.commit("Try", {"shop.py": SHOP.replace("sum", "max")})
    second = repository.commit(f"Revert\n\nThis reverts commit {first}.", {"a.py": "A = 1\n"})
    repository.commit(f"Again\n\nThis reverts commit {second}.", {"a.py": "A = 2\n"})
    assert fates(read_flows(repository.root)) == {"Try": "kept", "Revert": "reverted", "Again": "kept"}


def test_giving_every_file_its_old_contents_back_is_a_revert_without_words(repository: Repository) -> None:
    repository.commit("Try", {"shop.py": SHOP.replace("sum", "max"), "b.py": "B = 1\n"})
    repository.commit("Between", {"other.py": "A = 1\n"})
    (repository.root / "b.py").unlink()
    repository.commit("Clean up", {"shop.py": SHOP})
    assert fates(read_flows(repository.root)) == {"Try": "reverted", "Between": "kept", "Clean up": "kept"}


@pytest.mark.parametrize("message", ["Round\n\nFixes: {}", "Fix what {} broke", "Correct a regression of {}"])
def test_a_commit_that_a_fix_names_is_fixed(repository: Repository, message: str) -> None:
    sha = repository.commit("Try", {"shop.py": SHOP.replace("sum", "max")})
    repository.commit(message.format(sha[:10]), {"a.py": "A = 1\n"})
    assert fates(read_flows(repository.root))["Try"] == "fixed"


@pytest.mark.parametrize(
    "message", ["As in {}", "Fix it\n\n(cherry picked from commit {})", "Fix the defaced page"]
)
def test_naming_a_commit_is_not_fixing_it(repository: Repository, message: str) -> None:
    sha = repository.commit("Try", {"shop.py": SHOP.replace("sum", "max")})
    repository.commit(message.format(sha), {"a.py": "A = 1\n"})
    assert fates(read_flows(repository.root))["Try"] == "kept"


ADDED = "    first = prepare(items)\n    second = order(first)\n    third = price(second)\n"


def test_a_commit_whose_lines_are_soon_rewritten_is_fixed(repository: Repository) -> None:
    repository.commit("Try", {"shop.py": SHOP + ADDED})
    repository.commit("Better", {"shop.py": SHOP + "    return settle(items)\n"})
    assert fates(read_flows(repository.root)) == {"Try": "fixed", "Better": "kept"}


def test_lines_that_only_move_are_not_rewritten(repository: Repository) -> None:
    repository.commit("Other", {"other.py": "A = 1\n"})
    repository.commit("Try", {"shop.py": SHOP + ADDED})
    repository.commit("Move", {"shop.py": SHOP + "# moved to other.py\n", "other.py": "A = 1\n" + ADDED})
    assert fates(read_flows(repository.root))["Try"] == "kept"


def test_what_a_message_speaks_of() -> None:
    sha = "0123456789abcdef0123456789abcdef01234567"
    assert spoken_of(f"This reverts commit {sha}.") == [(sha, Fate.REVERTED)]
    assert spoken_of("Nothing is named here, not even a bug in cafe") == []
    named = NamedFates([("b" * 40, f"Fixes: {sha[:8]}")])
    assert (named.of(sha), named.of(sha[:7] + "0" * 33)) == (Fate.FIXED, Fate.KEPT)


def test_flows_are_read_by_a_child_once_for_each_head(repository: Repository, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    repository.commit("One", {"shop.py": SHOP.replace("sum", "max")})
    assert not store.is_fresh(repository.root, cache)
    assert store.load_flows(repository.root, cache) == ()
    flows = store.refresh(repository.root, cache)
    assert flows == read_flows(repository.root)
    assert store.is_fresh(repository.root, cache)
    written = store.cache_file(repository.root, cache).stat().st_mtime_ns
    assert store.load_flows(repository.root, cache) == flows
    repository.commit("Two", {"shop.py": SHOP})
    assert not store.is_fresh(repository.root, cache)
    assert store.load_flows(repository.root, cache) == flows  # the old ones serve meanwhile
    assert fates(store.refresh(repository.root, cache)) == {"Two": "kept", "One": "reverted"}
    assert store.cache_file(repository.root, cache).stat().st_mtime_ns != written


def test_known_flows_are_not_read_again_but_judged_again(repository: Repository) -> None:
    sha = repository.commit("One", {"shop.py": SHOP.replace("sum", "max")})
    known = {flow.sha: flow for flow in read_flows(repository.root)}
    repository.commit(f"This reverts commit {sha}", {"shop.py": SHOP})
    seen: list[tuple[int, int]] = []
    flows = read_flows(repository.root, known=known, on_progress=lambda *at: seen.append(at))
    assert [flow.fate for flow in flows] == [Fate.KEPT, Fate.REVERTED]
    assert seen == [(1, 1)]
    assert flows == read_flows(repository.root)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no modes")
def test_only_the_owner_may_read_the_cache(repository: Repository, tmp_path: Path) -> None:
    store.save_flows(repository.root, tmp_path, "a" * 40, read_flows(repository.root))
    file = store.cache_file(repository.root, tmp_path)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{}\n",
        b'{"codeflow": 1, "head": "abc"}\n{"sha": 1}\n',
        b'{"codeflow": 1, "head": "abc"}\n[' * 3,
        b"\xff\xfe\0\0",
        b"[" * 100_000,
        json.dumps({"codeflow": store.VERSION + 1, "head": "abc", "flows": 0}).encode() + b"\n",
    ],
)
def test_a_damaged_cache_counts_as_none(repository: Repository, tmp_path: Path, damage: bytes) -> None:
    file = store.cache_file(repository.root, tmp_path)
    file.parent.mkdir()
    file.write_bytes(damage)
    assert store.load_flows(repository.root, tmp_path) == ()
    assert not store.is_fresh(repository.root, tmp_path)


def test_what_nobody_used_for_months_is_removed(repository: Repository, tmp_path: Path) -> None:
    store.save_flows(repository.root, tmp_path, "a" * 40, ())
    kept = store.cache_file(repository.root, tmp_path)
    old, dead = kept.with_name("old.jsonl"), kept.with_name("x.part")
    for path in (old, dead):
        path.touch()
        os.utime(path, (0, 0))
    store.prune(tmp_path)
    assert (kept.exists(), old.exists(), dead.exists()) == (True, False, False)
