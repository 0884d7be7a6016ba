"""Runs git over a repository that may be hostile, so that nothing in the repository runs.

git does what its configuration says, and a repository brings its configuration along. So git is never
shown it: every run sees a *stand-in* for the git directory, a private directory of ours with a HEAD, a
configuration of ours and no more. Objects are named by GIT_OBJECT_DIRECTORY, the index (where one is
needed) by GIT_INDEX_FILE. What git does not read it cannot obey; the overrides listed in `SHUT_OFF` are a
second lock on the same door.

That is also why git may look at the working tree here (`diff-files`, `ls-files --others`): what makes
that unsafe, filters and fsmonitor, is configuration. git compares stamps and names there; contents are
read by us.

Why git and not GitPython: GitPython starts the same git, but with the user's environment and the
repository's configuration; its own object database and index reader are Python under the GIL and know
neither split or sparse indexes nor SHA-256. No part was left where it would have been the safer or the
faster way.

A `Git` is one moment: HEAD is resolved when it is made, and stays.
"""

import os
import shutil
import sys
import tempfile
import weakref
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from context.environment import client_environment
from context.history import place as places
from context.history.place import Head, Place
from context.history.process import run_bounded

SHUT_OFF = (
    # What a repository could make git run or follow, and what keeps git from it. "stand-in": the setting
    # stands in a file that git is not shown. tests/context/test_hostile_repository.py tries them.
    ("core.fsmonitor", "stand-in; core.fsmonitor=false"),
    ("hooks, core.hooksPath", "stand-in has none; core.hooksPath=devnull; no command that calls hooks"),
    ("diff.external, diff.<driver>.command", "stand-in; --no-ext-diff where patches are made"),
    ("diff.<driver>.textconv", "stand-in; --no-textconv where patches are made; cat-file without --textconv"),
    ("filter.<name>.clean, smudge, process", "stand-in: an attribute without a driver does nothing"),
    ("core.pager, pager.<command>", "stand-in; --no-pager; output is a pipe"),
    ("alias.<name>", "stand-in; git's own commands cannot be aliased, and no other is called"),
    ("core.sshCommand, core.gitProxy, remote.<name>.uploadpack", "stand-in; nothing speaks to a remote"),
    ("credential.helper, core.askPass", "stand-in; GIT_TERMINAL_PROMPT=0; GIT_ASKPASS, SSH_ASKPASS empty"),
    ("gpg.program, log.showSignature", "stand-in; log.showSignature=false"),
    ("core.editor, sequence.editor", "stand-in; GIT_EDITOR=: and no command that edits"),
    ("submodule URLs such as ext::", "--ignore-submodules=all; no command that clones; GIT_ALLOW_PROTOCOL"),
    (
        "promisor remotes of partial clones",
        "stand-in names none; GIT_NO_LAZY_FETCH: what is missing is missing",
    ),
    ("protocol.<name>.allow", "GIT_ALLOW_PROTOCOL names no protocol, and outweighs every configuration"),
    ("core.attributesFile, info/attributes", "stand-in; GIT_ATTR_NOSYSTEM; HOME is the stand-in"),
    ("include.path, includeIf", "stand-in"),
    ("the user's and the system's configuration", "GIT_CONFIG_NOSYSTEM; GIT_CONFIG_GLOBAL=devnull; HOME"),
    ("GIT_* variables of the server", "the environment is made from nothing"),
    ("core.worktree", "stand-in; GIT_WORK_TREE is the folder that holds .git, where a command needs one"),
    (".git file that points outside", "followed only where the other side points back (place.py)"),
    ("safe.bareRepository", "a bare repository is only the folder itself, without its configuration"),
    ("replace refs, grafts", "--no-replace-objects; stand-in has neither"),
    ("locks, index refreshes, gc", "no command that writes; GIT_OPTIONAL_LOCKS=0; gc.auto=0"),
    (
        "a git.exe in the workspace",
        "looked up in absolute entries of PATH outside it; started in the stand-in",
    ),
    ("pipes and endless files in .git", "small files are read bounded; git is killed when its time is over"),
    ("objects/info/alternates", "followed, for objects by id; no pointer is followed to another machine"),
)

_CONFIG = (
    ("core.fsmonitor", "false"),
    ("core.hooksPath", os.devnull),
    ("core.attributesFile", os.devnull),
    ("core.excludesFile", os.devnull),
    ("core.fileMode", "false"),  # a changed mode has no text; and Windows has no modes
    ("core.trustCtime", "false"),  # copied trees and containers: every file would seem changed
    ("core.checkStat", "minimal"),  # the same; whole seconds and size, git itself settles the racy ones
    ("core.quotePath", "false"),
    ("core.bigFileThreshold", "1m"),  # larger blobs are never diffed by git, but named as binary
    ("core.untrackedCache", "false"),
    ("diff.renameLimit", "400"),  # inexact renames cost the product of both sides
    ("log.showSignature", "false"),
    ("protocol.allow", "never"),
    ("gc.auto", "0"),
)

SHARED_INDEX_BYTES = 64 << 20  # some 600,000 entries; a split index beyond that is not copied
MOST_SHARED_INDEXES = 4  # git keeps one in use, and old ones for two weeks
GROUP_BYTES = 4 << 20  # blobs fetched by one process: what is held in memory at once
ONE_BLOB_BYTES = 1 << 20  # larger texts are data, not source


class GitError(Exception):
    """What git could not answer; the message is a sentence for the user."""


class GitMissing(GitError):
    """No git is installed where the server can find it."""


class NoRepository(GitError):
    """The folder lies in no repository that may be read."""


class GitLimit(GitError):
    """git was stopped: it took longer or said more than it was given."""


class Git:
    """git over the repository that a folder lies in. Safe to use from several threads.

    `run` takes git's arguments without "git"; HEAD and object ids may be named, other refs are not shown
    to git (`commit_of` resolves them). Paths in arguments are literal and relative to the top of the
    repository.
    """

    def __init__(self, root: Path):
        """Raises `NoRepository` or `GitMissing`."""
        found = places.find(root)
        if found is None:
            raise NoRepository(f"{root} is not in a git repository that can be read")
        if _leaves_this_machine(found):
            raise NoRepository(f"{root} keeps its objects on another machine, which is not asked")
        self.root = root
        self.place: Place = found
        self.head: Head = places.head_of(found)
        self._program = find_git(found.top or found.git_dir)
        self._stand_in = Path(tempfile.mkdtemp(prefix="codeflow-git-"))
        self.close = weakref.finalize(self, shutil.rmtree, self._stand_in, True)  # at the latest at exit
        _furnish(self._stand_in, found, self.head)

    def __enter__(self) -> "Git":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def commit_of(self, ref: str) -> str:
        """The commit of a full ref name, such as "refs/remotes/origin/main"; "" where there is none."""
        return places.commit_of(self.place, ref)

    def run(
        self,
        *args: str,
        stdin: bytes = b"",
        timeout_s: float = 10,
        most_bytes: int = 4 << 20,
        cut: bool = False,
        work_tree: bool = False,
    ) -> bytes:
        """What git writes to its standard output.

        With `cut`, output that is too long or too slow ends early instead of raising. With `work_tree`,
        git is shown the index and the working tree. Raises `GitLimit`, or `GitError` with git's own first
        sentence.
        """
        command = [self._program, "--no-pager", "--no-replace-objects", "--literal-pathspecs", *args]
        try:
            ended = run_bounded(
                command,
                environment=self._environment(work_tree),
                directory=self._stand_in,
                stdin=stdin,
                timeout_s=timeout_s,
                most_bytes=most_bytes,
            )
        except OSError as error:
            raise GitError(f"git could not be started: {error}") from error
        if ended.limit and not cut:
            raise GitLimit(f"git {args[0]} was stopped: it needed more than {ended.limit}")
        if ended.code and not ended.limit:
            said = ended.complaint.partition("\n")[0] or f"ended with code {ended.code}"
            raise GitError(f"git {args[0]}: {said}")
        return ended.output

    def blobs(
        self, names: Iterable[str], most_bytes: int, *, each: int = ONE_BLOB_BYTES, timeout_s: float = 10
    ) -> Iterator[tuple[str, bytes]]:
        """Names ("<commit>:<path>" or blob ids) with the contents of their blobs, in the order given.

        What is missing, no blob, or larger than `each` bytes is skipped; so is what would not fit into
        `most_bytes` in all, and a name that git's line protocol cannot carry. Raises `GitError`.
        """
        wanted = [name for name in names if _is_askable(name)]
        left = most_bytes
        group: list[tuple[str, str]] = []
        size_of_group = 0
        for name, object_id, size in self._sizes(wanted, timeout_s):
            if size > each or size > left:
                continue
            left -= size
            if group and size_of_group + size > GROUP_BYTES:
                yield from self._contents(group, size_of_group, timeout_s)
                group, size_of_group = [], 0
            group.append((name, object_id))
            size_of_group += size
        if group:
            yield from self._contents(group, size_of_group, timeout_s)

    def _sizes(self, names: Sequence[str], timeout_s: float) -> Iterator[tuple[str, str, int]]:
        """Names of blobs with their object id and size in bytes."""
        if not names:
            return
        asked = b"".join(name.encode("utf-8", "surrogateescape") + b"\n" for name in names)
        most = 2 * len(asked) + 100 * len(names)  # a line is an id, a type and a size, or repeats the name
        answer = self.run("cat-file", "--batch-check", stdin=asked, timeout_s=timeout_s, most_bytes=most)
        for name, line in zip(names, answer.split(b"\n"), strict=False):
            parts = line.split(b" ")
            if len(parts) == 3 and parts[1] == b"blob":
                yield name, parts[0].decode("ascii"), int(parts[2])

    def _contents(
        self, group: Sequence[tuple[str, str]], size: int, timeout_s: float
    ) -> Iterator[tuple[str, bytes]]:
        """Names with their contents; the group's blobs are known to exist and to hold `size` bytes in all."""
        asked = "".join(object_id + "\n" for _, object_id in group).encode("ascii")
        most = size + 200 * len(group)  # each with a line before it and a line end behind
        answer = self.run("cat-file", "--batch", stdin=asked, timeout_s=timeout_s, most_bytes=most)
        at = 0
        for name, _ in group:
            line_end = answer.find(b"\n", at)
            parts = answer[at:line_end].split(b" ")
            at = line_end + 1
            if len(parts) == 3:  # otherwise it went away since its size was asked for
                length = int(parts[2])
                yield name, answer[at : at + length]
                at += length + 1

    def _environment(self, work_tree: bool) -> dict[str, str]:
        """All that git is told by its environment; of the server's own only what Windows needs."""
        here = os.fspath(self._stand_in)
        environment = {
            "PATH": os.path.dirname(self._program),  # noqa: PTH120 - a string for the environment
            "HOME": here,
            "XDG_CONFIG_HOME": here,
            "TMPDIR": here,
            "LC_ALL": "C",
            "GIT_DIR": here,
            "GIT_OBJECT_DIRECTORY": os.fspath(self.place.objects),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_SYSTEM": os.devnull,
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_ALLOW_PROTOCOL": "none",
            "GIT_ASKPASS": "",
            "SSH_ASKPASS": "",
            "GIT_EDITOR": ":",
            "GIT_PAGER": "cat",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_OPTIONAL_LOCKS": "0",
        }
        if work_tree and self.place.top is not None:
            environment["GIT_WORK_TREE"] = os.fspath(self.place.top)
            environment["GIT_INDEX_FILE"] = os.fspath(self.place.index)
        if sys.platform == "win32":
            environment |= {name: os.environ[name] for name in _WINDOWS if name in os.environ}
        return environment


_WINDOWS = ("SYSTEMROOT", "SYSTEMDRIVE", "TEMP", "TMP")  # without them no program of Windows starts properly


def find_git(workspace: Path) -> str:
    """The absolute path of git: from PATH, but never from a relative entry or from inside the workspace.

    Raises `GitMissing`.
    """
    name = "git.exe" if sys.platform == "win32" else "git"
    for entry in client_environment().get("PATH", "").split(os.pathsep):
        directory = Path(entry)
        if not directory.is_absolute() or Path(os.path.realpath(directory)).is_relative_to(workspace):
            continue
        program = directory / name
        if program.is_file() and os.access(program, os.X_OK):
            return os.fspath(program)
    raise GitMissing("git was not found on PATH; install git to have the project's history in suggestions")


def _furnish(stand_in: Path, place: Place, head: Head) -> None:
    """Fills the directory that git is shown in the repository's place."""
    (stand_in / "refs").mkdir()
    (stand_in / "HEAD").write_text((head.commit or "ref: refs/heads/unborn") + "\n", encoding="ascii")
    lines = ["[core]", "\trepositoryFormatVersion = 1"]
    for name, value in _CONFIG:
        section, _, key = name.partition(".")
        lines += [f"[{section}]", f"\t{key} = {value}"]
    if len(head.commit) == 64 or (not head.commit and places.object_format(place) == "sha256"):
        lines += ["[extensions]", "\tobjectFormat = sha256"]
    (stand_in / "config").write_text("\n".join(lines) + "\n", encoding="ascii")
    _copy_small(place.common_dir / "shallow", stand_in / "shallow")
    for shared in islice(place.git_dir.glob("sharedindex.*"), MOST_SHARED_INDEXES):
        _copy_small(shared, stand_in / shared.name)  # git looks for it beside HEAD


def _copy_small(source: Path, target: Path) -> None:
    data = places.read_bytes(source, SHARED_INDEX_BYTES)
    if data:
        target.write_bytes(data)


def _leaves_this_machine(place: Place) -> bool:
    """Whether objects are borrowed over a network path: on Windows, opening one sends credentials there."""
    data = places.read_bytes(place.objects / "info" / "alternates", places.SMALL_FILE_BYTES)
    return any(places.is_elsewhere(os.fsdecode(line.strip(b'"'))) for line in data.splitlines())


def _is_askable(name: str) -> bool:
    """Whether a name can be asked for by a line; a path with ./ would make git give up the whole batch."""
    path = name.partition(":")[2]
    try:
        name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return bool(name) and "\n" not in name and "\0" not in name and not path.startswith(("./", "../"))
