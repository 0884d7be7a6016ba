"""Which files differ between two states of a repository: their names and the blobs they held.

git names them; no file is opened here. Between HEAD and the working tree there are three questions (what
is staged, what differs from the index, what is new), because the one command that answers them together
would read files for renames.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from context.history.git import Git, GitError
from context.history.log import name
from context.history.place import object_format

_LIST_BYTES = 16 << 20  # some 100,000 changed files; a longer list is cut
_SOURCE_MODES = ("100644", "100755")  # regular files; links and submodules have no text of their own
_EMPTY_TREE = {  # every git knows it, whether it is stored or not
    "sha1": "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    "sha256": "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
}
_ALL_FILES = ("-z", "--raw", "--no-abbrev", "--no-ext-diff", "--no-textconv", "--ignore-submodules=all")


@dataclass(frozen=True, slots=True)
class Change:
    """A file that differs. Paths are relative to the workspace folder.

    `before` and `after` name blobs, "" where there was or is no file; `on_disk` says that the file on
    disk is what comes after. `old_path` is as in `FileDiff`.
    """

    path: str
    old_path: str
    before: str
    after: str
    on_disk: bool = False


def between(git: Git, base: str, head: str, *, timeout_s: float) -> list[Change]:
    """What changed from one commit to another, with renames. Raises `GitError`."""
    command = ["diff-tree", "-r", *_ALL_FILES]
    try:
        output = _list(git, *command, "-M", base, head, timeout_s=timeout_s)
    except GitError:  # a partial clone lacks the blobs that renames are found by
        output = _list(git, *command, "--no-renames", base, head, timeout_s=timeout_s)
    return list(_changes(output, git.place.prefix))


def uncommitted(git: Git, *, timeout_s: float) -> list[Change]:
    """What differs from HEAD to the working tree, with new files that are not ignored. Raises `GitError`."""
    found: dict[str, Change] = {}
    if git.place.index.is_file():
        found = {change.path: change for change in staged(git, timeout_s=timeout_s)}
        unstaged = _list(git, "diff-files", *_ALL_FILES, timeout_s=timeout_s, tree=True)
        for change in _changes(unstaged, git.place.prefix):
            known = found.get(change.path, change)
            deleted = not change.after and not change.on_disk
            found[change.path] = replace(known, after="", on_disk=not deleted)
    elif git.head.commit:
        return []  # a clone without checkout: everything would seem deleted
    for path in _new_files(git, timeout_s):
        known = found.get(path) or Change(path, "", "", "")
        found[path] = replace(known, after="", on_disk=True)
    return list(found.values())


def staged(git: Git, *, timeout_s: float) -> list[Change]:
    """What differs from HEAD to the index: what a commit made now would hold. Raises `GitError`."""
    if not git.place.index.is_file():
        return []
    tree = git.head.commit or _EMPTY_TREE[object_format(git.place)]
    command = ["diff-index", "--cached", *_ALL_FILES, "-M", tree]
    return list(_changes(_list(git, *command, timeout_s=timeout_s, tree=True), git.place.prefix))


def _new_files(git: Git, timeout_s: float) -> Iterator[str]:
    """Files that git does not know and no .gitignore names."""
    command = ["ls-files", "--others", "-z", "--exclude-per-directory=.gitignore"]
    exclude = git.place.common_dir / "info" / "exclude"
    if exclude.is_file():
        command.append(f"--exclude-from={exclude}")
    for field in _list(git, *command, timeout_s=timeout_s, tree=True).split(b"\0")[:-1]:
        path = name(field)
        if path.startswith(git.place.prefix) and not path.endswith("/"):  # a repository in the repository
            yield path[len(git.place.prefix) :]


def _list(git: Git, *command: str, timeout_s: float, tree: bool = False) -> bytes:
    """A list of names; cut where it is too long, which keeps what is whole."""
    paths = [git.place.prefix] if git.place.prefix else []
    return git.run(
        *command, "--", *paths, timeout_s=timeout_s, most_bytes=_LIST_BYTES, cut=True, work_tree=tree
    )


def _changes(output: bytes, prefix: str) -> Iterator[Change]:
    """Raw lines, ":old-mode new-mode old-id new-id status", a path, and after a rename a second one."""
    fields = iter(output.split(b"\0")[:-1])
    for field in fields:
        old_mode, new_mode, before, after, status = field.decode("ascii", "replace").lstrip(":").split(" ")
        old_path = path = name(next(fields, b""))
        if status[0] in "RC":
            path = name(next(fields, b""))
        if not path.startswith(prefix) or not path[len(prefix) :]:
            continue
        if status == "U":  # a conflict: the file on disk holds both sides
            yield Change(path[len(prefix) :], path[len(prefix) :], f"HEAD:{path}", "", on_disk=True)
            continue
        if new_mode not in (*_SOURCE_MODES, "000000") or old_mode not in (*_SOURCE_MODES, "000000"):
            continue
        was_there = old_mode != "000000" and old_path.startswith(prefix)
        is_there = new_mode != "000000"
        unknown = not after.strip("0")  # git did not read the file on disk
        yield Change(
            path[len(prefix) :],
            old_path[len(prefix) :] if was_there and status[0] != "C" else "",
            before if was_there else "",
            after if is_there and not unknown else "",
            on_disk=is_there and unknown,
        )
