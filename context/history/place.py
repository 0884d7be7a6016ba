"""Where a repository lies, read from its files alone: no process is started and no configuration is believed.

Finds `.git` as a directory, as the pointer file of a worktree or submodule, and as a bare repository;
follows HEAD to a commit through loose and packed refs; makes a key of the state that history was read
from. The files belong to a stranger: each is read bounded and only when it is a regular one, and a
pointer that leaves the folder is followed only where the other side points back. That refuses a `.git`
file that borrows somebody else's repository.
"""

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

SMALL_FILE_BYTES = 64 << 10  # HEAD, pointers and configuration take tens of bytes to some kilobytes
PACKED_REFS_BYTES = 32 << 20  # some 400,000 refs; more is not a repository that people edit
SYMBOLIC_DEPTH = 5  # what git itself allows for refs that name refs
_OBJECT_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_REF_NAME = re.compile(
    r"(?:refs/|[A-Z_]+$)[^\x00-\x20\x7f~^:?*\[\\]*"
)  # nothing that could leave the directory
_SETTING = r"(?im)^[ \t]*{name}[ \t]*=[ \t]*\"?([^\"\r\n;#]*[^\"\r\n;#\s])"


@dataclass(frozen=True, slots=True)
class Place:
    """The directories of one repository, all absolute.

    `top` is the top of its working tree (None: bare), `git_dir` holds HEAD and the index of this tree,
    `common_dir` the objects and refs, which worktrees share. `prefix` is the way from the top to the
    folder asked for: "" or "packages/shop/".
    """

    top: Path | None
    git_dir: Path
    common_dir: Path
    prefix: str

    @property
    def objects(self) -> Path:
        """The object database."""
        return self.common_dir / "objects"

    @property
    def index(self) -> Path:
        """The index of this working tree; it may be missing."""
        return self.git_dir / "index"


@dataclass(frozen=True, slots=True)
class Head:
    """Where HEAD stands: `commit` is "" before the first one, `branch` is "" where HEAD is detached."""

    commit: str
    branch: str


def find(root: Path) -> Place | None:
    """The repository that the folder lies in, or None where there is none that may be read."""
    root = Path(os.path.realpath(root))
    for top in (root, *root.parents):
        entry = top / ".git"
        git_dir = _git_dir_at(entry)
        if git_dir is None:
            if entry.is_file() or entry.is_symlink():
                return None  # a pointer that may not be followed still hides what lies above it
            continue
        common = _common_dir(git_dir)
        if common is None:
            return None
        prefix = "" if top == root else root.relative_to(top).as_posix() + "/"
        return Place(top, git_dir, common, prefix)
    if _looks_like_a_repository(root):
        return Place(None, root, root, "")
    return None


def head_of(place: Place) -> Head:
    """What HEAD names. A HEAD that cannot be read is one without branch and commit."""
    text = _read_small(place.git_dir / "HEAD").strip()
    if not text.startswith("ref:"):
        return Head(text if _OBJECT_ID.fullmatch(text) else "", "")
    ref = text[4:].strip()
    return Head(commit_of(place, ref), ref.removeprefix("refs/heads/"))


def commit_of(place: Place, ref: str) -> str:
    """The object id of a full ref name such as "refs/heads/main"; "" where there is none."""
    for _ in range(SYMBOLIC_DEPTH):
        if not _REF_NAME.fullmatch(ref) or ".." in ref:
            return ""
        text = ""
        for directory in (place.git_dir, place.common_dir):
            text = text or _read_small(directory / ref).strip()
        text = text or _packed(place, ref)
        if text.startswith("ref:"):
            ref = text[4:].strip()
            continue
        return text if _OBJECT_ID.fullmatch(text) else ""
    return ""


def target_of(place: Place, ref: str) -> str:
    """The ref that a symbolic ref names, such as refs/remotes/origin/HEAD; "" where it is none."""
    if not _REF_NAME.fullmatch(ref) or ".." in ref:
        return ""
    text = _read_small(place.common_dir / ref).strip()
    return text[4:].strip() if text.startswith("ref:") else ""


def uses_reftable(place: Place) -> bool:
    """Whether refs are kept in git's newer table format, which is not read here."""
    return (place.common_dir / "reftable" / "tables.list").is_file()


def object_format(place: Place) -> str:
    """How objects are named: "sha1" or "sha256". A wrong answer makes git refuse, and no more."""
    return "sha256" if setting(place, "objectformat").lower() == "sha256" else "sha1"


def setting(place: Place, name: str) -> str:
    """A value of the repository's own configuration, by key alone; only for facts that git will verify."""
    found = re.search(_SETTING.format(name=name), _read_small(place.common_dir / "config"))
    return found.group(1) if found else ""


def state_of(root: Path) -> str:
    """A key that changes with HEAD, the branch's commit, the index and a merge or rebase under way.

    Starts no process and reads a few small files, so it may be asked often. "" where there is no repository.
    """
    place = find(root)
    if place is None:
        return ""
    head = head_of(place)
    parts = [os.fspath(place.git_dir), head.branch, head.commit]
    if uses_reftable(place):
        parts += [
            _stamp(place.git_dir / "reftable/tables.list"),
            _stamp(place.common_dir / "reftable/tables.list"),
        ]
    parts.append(_stamp(place.index))
    parts += [name for name in _UNDER_WAY if (place.git_dir / name).exists()]
    return "|".join(parts)


_UNDER_WAY = ("MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "rebase-merge", "rebase-apply")


def _stamp(path: Path) -> str:
    """Modification time in nanoseconds and size of a file, as a word; "" where it is missing."""
    try:
        found = path.stat()
    except OSError:
        return ""
    return f"{found.st_mtime_ns}+{found.st_size}"


def _git_dir_at(entry: Path) -> Path | None:
    """The git directory behind a `.git` entry: the directory itself, or what a pointer file names."""
    try:
        kind = entry.lstat().st_mode
    except OSError:
        return None
    if stat.S_ISDIR(kind):
        return entry if _looks_like_a_repository(entry) else None
    if not stat.S_ISREG(kind):
        return None  # a link: git makes none, and it could lead into somebody else's repository
    text = _read_small(entry).rstrip("\r\n")
    if not text.startswith("gitdir: "):
        return None
    pointer = text.removeprefix("gitdir: ")
    if is_elsewhere(pointer):
        return None
    try:
        git_dir = Path(os.path.realpath(entry.parent / pointer))
        return git_dir if _points_back(git_dir, entry) else None
    except (OSError, ValueError):  # ValueError: a NUL in the pointer
        return None


def _points_back(git_dir: Path, entry: Path) -> bool:
    """Whether a git directory says that it belongs to this `.git` file, as worktrees' and submodules' do."""
    worktree = _read_small(git_dir / "gitdir").strip()
    if worktree and not is_elsewhere(worktree) and _same(git_dir / worktree, entry):
        return True
    found = re.search(_SETTING.format(name="worktree"), _read_small(git_dir / "config"))
    if found and not is_elsewhere(found.group(1)) and _same(git_dir / found.group(1), entry.parent):
        return True
    return git_dir.is_relative_to(entry.parent) and _looks_like_a_repository(git_dir)


def _common_dir(git_dir: Path) -> Path | None:
    """Where objects and refs lie: a worktree's git directory lies in `worktrees/` of the one it names."""
    text = _read_small(git_dir / "commondir").strip()
    if not text:
        return git_dir if _looks_like_a_repository(git_dir) else None
    if is_elsewhere(text):
        return None
    common = Path(os.path.realpath(git_dir / text))
    if git_dir.parent.name == "worktrees" and _same(git_dir.parent.parent, common):
        return common if (common / "objects").is_dir() else None
    return None


def is_elsewhere(pointer: str) -> bool:
    """Whether a path leads to another machine: on Windows, just looking at it hands over credentials."""
    return pointer.lstrip().replace("\\", "/").startswith("//")


def _looks_like_a_repository(directory: Path) -> bool:
    return (directory / "HEAD").is_file() and (
        (directory / "objects").is_dir() or (directory / "commondir").is_file()
    )


def _same(one: Path, other: Path) -> bool:
    return os.path.normcase(os.path.realpath(one)) == os.path.normcase(os.path.realpath(other))


def _packed(place: Place, ref: str) -> str:
    """The object id of a ref in packed-refs; "" where it is not there."""
    data = read_bytes(place.common_dir / "packed-refs", PACKED_REFS_BYTES)
    end = data.find(b" " + os.fsencode(ref) + b"\n")
    start = data.rfind(b"\n", 0, end) + 1
    return "" if end < 0 else data[start:end].decode("ascii", "replace")


def _read_small(path: Path) -> str:
    return os.fsdecode(read_bytes(path, SMALL_FILE_BYTES))


def read_bytes(path: Path, most_bytes: int) -> bytes:
    """The content of a regular file that is small enough, else nothing. A pipe is never opened."""
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode) or found.st_size > most_bytes:
            return b""
        with path.open("rb") as file:
            return file.read(most_bytes)
    except (OSError, ValueError):
        return b""
