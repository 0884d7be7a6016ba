"""A repository that tries to run something, in every way that git offers, runs nothing.

Each trap is first sprung by ordinary git in a copy, which proves that it is live; then everything that reads
history reads the original, and no trap has left its mark.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from context.history import Git, Limits, function_history, read_history, state_of
from tests.context.git_repository import Repository

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the traps are shell scripts")

FILES: dict[str, str | bytes] = {
    "price.py": "def price():\n    return 1\n",
    "tax.py": "TAX = 1\n",
    "deep/sub.py": "x = 1\n",
}
SET_BY_ALL = "* filter=evil diff=evil merge=evil\n"


class Scene:
    """A repository with uncommitted changes, a trap that leaves a mark, and a copy for ordinary git."""

    def __init__(self, root: Path):
        self.root = root
        self.mark = root / "SPRUNG"
        self.trap = root / "trap"
        self.trap.write_text(f'#!/bin/sh\necho "$0 $@" >> "{self.mark}"\nexit 0\n')
        self.trap.chmod(0o755)
        self.repository = Repository(root / "shop")
        self.repository.commit("One", FILES)
        self.repository.git("checkout", "-q", "-b", "topic")
        self.repository.commit("Two", {"price.py": "def price():\n    return 2\n"})
        self.repository.write("tax.py", "TAX = 9\n")  # as long as before: only its stamp and content differ
        self.repository.write("new.py", "n = 1\n")

    def config(self, *lines: str) -> None:
        """Appends to the repository's own configuration."""
        with (self.repository.root / ".git/config").open("a") as file:
            file.write("\n".join(lines).replace("TRAP", str(self.trap)) + "\n")

    def attributes(self, text: str = SET_BY_ALL) -> None:
        (self.repository.root / ".git/info/attributes").write_text(text)

    def spring(self, *command: str, terminal: bool = False) -> None:
        """Runs ordinary git in a copy; asserts that the trap is live."""
        copy = self.root / "copy"
        shutil.copytree(self.repository.root, copy, symlinks=True)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        environment |= {
            "HOME": str(self.repository.home),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "TERM": "xterm",
        }
        for name in ("PAGER", "EDITOR", "VISUAL", "SSH_ASKPASS"):
            environment.pop(name, None)
        output, master = subprocess.DEVNULL, -1
        if terminal:
            import pty

            master, output = pty.openpty()
        try:
            subprocess.run(
                ["git", *command],
                cwd=copy,
                env=environment,
                input=b"protocol=https\nhost=example.invalid\n\n",
                stdout=output,
                stderr=subprocess.DEVNULL,
                timeout=30,
            )
        finally:
            if terminal:
                os.close(master)
                os.close(output)
            shutil.rmtree(copy)
        assert self.mark.exists(), f"the trap is not live: git {command} did not spring it"
        self.mark.unlink()

    def read_everything(self, root: Path | None = None) -> None:
        """All that the room offers, on the hostile repository; asserts that no trap was sprung."""
        root = root or self.repository.root
        history = read_history(root)
        state_of(root)
        for path in FILES:
            history.touching(path)
            function_history(root, path, 0, 1)
        with Git(root) as git:
            names = [
                f"{commit}:{path}"
                for commit in ("HEAD", "HEAD~1")
                for path in (*FILES, "none", ".gitmodules")
            ]
            list(git.blobs(names, 1 << 20))
        assert not self.mark.exists(), self.mark.read_text()


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


@dataclass(frozen=True)
class Trap:
    """Configuration (TRAP is the script), and the ordinary command that springs it."""

    config: tuple[str, ...]
    command: tuple[str, ...]
    attributes: bool = False
    terminal: bool = False
    also: Callable[[Scene], None] | None = None


def _hooks(scene: Scene) -> None:
    for directory in (scene.repository.root / ".git/hooks", scene.root / "hooks"):
        directory.mkdir(exist_ok=True)
        for hook in (
            "post-index-change",
            "post-checkout",
            "reference-transaction",
            "pre-commit",
            "fsmonitor-watchman",
        ):
            shutil.copy(scene.trap, directory / hook)


def _signed(scene: Scene) -> None:
    """A commit with a signature, which only a gpg could judge."""
    repository = scene.repository
    head, _, message = repository.git("cat-file", "-p", "HEAD").partition("\n\n")
    signature = "gpgsig -----BEGIN PGP SIGNATURE-----\n \n iQ==\n -----END PGP SIGNATURE-----"
    signed = f"{head}\n{signature}\n\n{message}\n".encode()
    made = repository.git("hash-object", "-t", "commit", "-w", "--stdin", stdin=signed)
    repository.git("update-ref", "HEAD", made)


def _missing_blob(scene: Scene) -> None:
    """A partial clone: a blob of HEAD~1 is not there, and would be fetched from the promisor."""
    for version in ("HEAD:price.py", "HEAD~1:price.py"):
        blob = scene.repository.git("rev-parse", version)
        (scene.repository.root / ".git/objects" / blob[:2] / blob[2:]).unlink()


def _included(scene: Scene) -> None:
    (scene.root / "included").write_text(f"[core]\n\tfsmonitor = {scene.trap}\n")
    scene.config("[include]", f"\tpath = {scene.root / 'included'}")


def _included_if(scene: Scene) -> None:
    (scene.root / "included").write_text(f"[core]\n\tfsmonitor = {scene.trap}\n")
    scene.config('[includeIf "gitdir:**"]', f"\tpath = {scene.root / 'included'}")


def _attributes_file(scene: Scene) -> None:
    (scene.root / "attributes").write_text(SET_BY_ALL)
    scene.config("[core]", f"\tattributesFile = {scene.root / 'attributes'}")


def _attributes_in_the_tree(scene: Scene) -> None:
    scene.repository.write(".gitattributes", SET_BY_ALL)


def _worktree_config(scene: Scene) -> None:
    (scene.repository.root / ".git/config.worktree").write_text(f"[core]\n\tfsmonitor = {scene.trap}\n")


def _submodule(scene: Scene) -> None:
    scene.repository.write(".gitmodules", '[submodule "evil"]\n\tpath = evil\n\turl = ext::sh -c "TRAP"\n')
    commit = scene.repository.git("rev-parse", "HEAD")
    scene.repository.git("update-index", "--add", "--cacheinfo", f"160000,{commit},evil")


def _submodule_of_a_user_who_allows_it(scene: Scene) -> None:
    """git asks the user's configuration alone whether a submodule's URL may name a remote helper."""
    with (scene.repository.home / ".gitconfig").open("a") as file:
        file.write('[protocol "ext"]\n\tallow = always\n')
    _submodule(scene)


PROMISOR = (
    '[remote "origin"]',
    "\turl = ext::TRAP",
    "\tpromisor = true",
    "\tpartialCloneFilter = blob:none",
    "[extensions]",
    "\tpartialClone = origin",
    "[core]",
    "\trepositoryFormatVersion = 1",
    '[protocol "ext"]',
    "\tallow = always",
)

TRAPS = {
    "fsmonitor": Trap(("[core]", "\tfsmonitor = TRAP"), ("status",)),
    "fsmonitor by diff": Trap(("[core]", "\tfsmonitor = TRAP"), ("diff",)),
    "hooks": Trap((), ("status",), also=_hooks),
    "hooks path": Trap(
        ("[core]", "\thooksPath = TRAP/../hooks".replace("TRAP/..", "../")), ("status",), also=_hooks
    ),
    "external diff": Trap(("[diff]", "\texternal = TRAP"), ("diff",)),
    "diff driver": Trap(('[diff "evil"]', "\tcommand = TRAP"), ("diff",), attributes=True),
    "textconv": Trap(('[diff "evil"]', "\ttextconv = TRAP"), ("diff",), attributes=True),
    "textconv by log": Trap(('[diff "evil"]', "\ttextconv = TRAP"), ("log", "-p"), attributes=True),
    "textconv by lines": Trap(('[diff "evil"]', "\ttextconv = TRAP"), ("log", "-p", "-1"), attributes=True),
    "clean filter": Trap(('[filter "evil"]', "\tclean = TRAP"), ("status",), attributes=True),
    "filter process": Trap(('[filter "evil"]', "\tprocess = TRAP"), ("diff",), attributes=True),
    "smudge filter": Trap(
        ('[filter "evil"]', "\tsmudge = TRAP"), ("checkout", "-f", "HEAD~1"), attributes=True
    ),
    "filter by an attributes file": Trap(
        ('[filter "evil"]', "\tclean = TRAP"), ("status",), also=_attributes_file
    ),
    "filter by the tree's attributes": Trap(
        ('[filter "evil"]', "\tclean = TRAP"), ("status",), also=_attributes_in_the_tree
    ),
    "pager": Trap(("[core]", "\tpager = TRAP"), ("log",), terminal=True),
    "pager of a command": Trap(("[pager]", "\tlog = TRAP"), ("log",), terminal=True),
    "alias": Trap(("[alias]", "\tst = !TRAP"), ("st",)),
    "ssh command": Trap(
        ("[core]", "\tsshCommand = TRAP", '[remote "origin"]', "\turl = ssh://example.invalid/x"), ("fetch",)
    ),
    "git proxy": Trap(
        ("[core]", "\tgitProxy = TRAP", '[remote "origin"]', "\turl = git://example.invalid/x"), ("fetch",)
    ),
    "upload pack": Trap(('[remote "origin"]', "\turl = .", "\tuploadpack = TRAP"), ("fetch",)),
    "remote helper": Trap(
        ('[remote "origin"]', "\turl = ext::TRAP", '[protocol "ext"]', "\tallow = always"), ("fetch",)
    ),
    "url rewriting": Trap(
        (
            '[url "ext::TRAP "]',
            "\tinsteadOf = https://",
            '[remote "origin"]',
            "\turl = https://example.invalid/x",
            '[protocol "ext"]',
            "\tallow = always",
        ),
        ("fetch",),
    ),
    "credential helper": Trap(("[credential]", "\thelper = !TRAP"), ("credential", "fill")),
    "askpass": Trap(("[core]", "\taskPass = TRAP"), ("credential", "fill")),
    "gpg": Trap(("[gpg]", "\tprogram = TRAP", "[log]", "\tshowSignature = true"), ("log",), also=_signed),
    "editor": Trap(("[core]", "\teditor = TRAP"), ("commit", "--amend")),
    "promisor": Trap(PROMISOR, ("log", "-p"), also=_missing_blob),
    "promisor by diff": Trap(PROMISOR, ("diff", "HEAD~1", "HEAD"), also=_missing_blob),
    "include": Trap((), ("status",), also=_included),
    "conditional include": Trap((), ("status",), also=_included_if),
    "worktree configuration": Trap(
        ("[extensions]", "\tworktreeConfig = true", "[core]", "\trepositoryFormatVersion = 1"),
        ("status",),
        also=_worktree_config,
    ),
    "submodule update": Trap(
        ('[submodule "evil"]', "\turl = .", "\tactive = true", "\tupdate = !TRAP"),
        ("submodule", "update"),
        also=_submodule,
    ),
    "submodule url": Trap(
        ('[submodule "evil"]', "\turl = ext::TRAP", "\tactive = true"),
        ("submodule", "update", "--init"),
        also=_submodule_of_a_user_who_allows_it,
    ),
}


def _set(scene: Scene, trap: Trap) -> None:
    if trap.also is not None:
        trap.also(scene)
    if trap.attributes:
        scene.attributes()
    scene.config(*trap.config)


@pytest.mark.parametrize("name", TRAPS)
def test_a_trap_that_ordinary_git_springs_is_not_sprung(scene: Scene, name: str) -> None:
    trap = TRAPS[name]
    _set(scene, trap)
    scene.spring(*trap.command, terminal=trap.terminal)
    scene.read_everything()


def test_all_traps_together_change_nothing_in_what_is_read(scene: Scene) -> None:
    expected = read_history(scene.repository.root)
    assert expected.recent and expected.branch_diff and expected.uncommitted
    for name, trap in TRAPS.items():
        if trap.also not in (
            _missing_blob,
            _signed,
            _submodule,
            _submodule_of_a_user_who_allows_it,
            _attributes_in_the_tree,
        ):
            _set(scene, trap) if name != "hooks path" else None
    scene.config(
        "[format]", "\tpretty = oneline", "[log]", "\tdate = nonsense", "[diff]", "\tnoprefix = true"
    )
    scene.config(
        "[core]", "\tquotePath = true", "\tabbrev = 4", "[color]", "\tui = always", "\tdiff = always"
    )
    scene.spring("status")
    scene.read_everything()
    assert read_history(scene.repository.root) == expected


def test_a_submodule_is_not_asked_for_its_state(scene: Scene) -> None:
    inner = Repository(scene.root / "inner")
    inner.commit("Inner", {"i.py": "i\n"})
    scene.repository.git("submodule", "add", "-q", str(inner.root), "libs/inner")
    scene.repository.git("commit", "-q", "-m", "Submodule")
    with (scene.repository.root / ".git/modules/libs/inner/config").open("a") as file:
        file.write(f"[core]\n\tfsmonitor = {scene.trap}\n")
    (scene.repository.root / "libs/inner/i.py").write_text("changed\n")
    scene.spring("status")
    scene.read_everything()
    scene.read_everything(scene.repository.root / "libs/inner")


def test_a_repository_lying_in_the_working_tree_is_left_alone(scene: Scene) -> None:
    inner = Repository(scene.repository.root / "vendor")
    inner.commit("Inner", {"i.py": "i\n"})
    (inner.root / "i.py").write_text("changed\n")
    with (inner.root / ".git/config").open("a") as file:
        file.write(f"[core]\n\tfsmonitor = {scene.trap}\n")
    scene.spring("-C", "vendor", "status")
    scene.read_everything()
    assert not any(
        found.path.startswith("vendor/") for found in read_history(scene.repository.root).uncommitted
    )


def test_a_folder_that_looks_like_a_bare_repository_runs_nothing(scene: Scene) -> None:
    _signed(scene)
    scene.config("[core]", "\tbare = true", "[gpg]", "\tprogram = TRAP", "[log]", "\tshowSignature = true")
    bare = scene.root / "bare"
    shutil.copytree(scene.repository.root / ".git", bare)
    scene.repository.root.joinpath(".git").rename(scene.root / "away")
    shutil.copytree(bare, scene.repository.root, dirs_exist_ok=True)
    scene.spring("log")
    scene.read_everything()


def test_a_working_tree_elsewhere_is_not_looked_at(scene: Scene) -> None:
    elsewhere = scene.root / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "tax.py").write_text("STOLEN = 1\n")
    (elsewhere / "stolen.py").write_text("STOLEN = 2\n")
    scene.config("[core]", f"\tworktree = {elsewhere}")
    assert "stolen.py" in scene.repository.git("status", "--porcelain")
    history = read_history(scene.repository.root)
    assert [found.path for found in history.uncommitted] == ["new.py", "tax.py"]
    assert "STOLEN" not in repr(history)


def test_replaced_and_grafted_commits_are_shown_as_they_are(scene: Scene) -> None:
    repository = scene.repository
    tree = repository.git("rev-parse", "HEAD^{tree}")
    false = repository.git("commit-tree", tree, "-m", "Replaced")
    repository.git("replace", "HEAD", false)
    assert repository.git("log", "--format=%s") == "Replaced"
    assert [commit.subject for commit in read_history(repository.root).recent] == ["Two", "One"]
    repository.git("replace", "-d", "HEAD")
    (repository.root / ".git/info/grafts").write_text(repository.git("rev-parse", "HEAD") + "\n")
    assert repository.git("log", "--format=%s") == "Two"
    assert [commit.subject for commit in read_history(repository.root).recent] == ["Two", "One"]


@pytest.mark.parametrize(
    "file",
    [
        ".git/index",
        ".git/HEAD",
        ".git/packed-refs",
        ".git/shallow",
        ".git/info/exclude",
        ".git/objects/info/commit-graph",
        ".git/objects/info/alternates",
        ".git/objects/pack/pack-1.idx",
        ".gitignore",
        ".gitattributes",
        "tax.py",
    ],
)
def test_a_pipe_that_nobody_writes_to_is_given_up_in_time(scene: Scene, file: str) -> None:
    place = scene.repository.root / file
    place.parent.mkdir(parents=True, exist_ok=True)
    place.unlink(missing_ok=True)
    os.mkfifo(place)
    began = time.monotonic()
    read_history(scene.repository.root, Limits(seconds=1))
    function_history(scene.repository.root, "price.py", 0, 1, timeout_s=1)
    state_of(scene.repository.root)
    assert time.monotonic() - began < 8


def test_nothing_in_the_repository_is_written(scene: Scene) -> None:
    def stamps() -> dict[str, tuple[int, int]]:
        files = (file for file in scene.repository.root.rglob("*"))
        return {str(file): (file.lstat().st_mtime_ns, file.lstat().st_size) for file in files}

    scene.repository.git("update-index", "--split-index")
    before = stamps()
    scene.read_everything()
    assert stamps() == before
