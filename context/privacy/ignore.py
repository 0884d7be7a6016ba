"""Which paths of a workspace folder are ignored: rules as git reads them, and `.codeflowignore` above all.

Deeper files win over higher ones, later lines over earlier ones, `!` includes again, and nothing below an
ignored directory can be included. `.codeflowignore` has the same syntax in any directory and the last word
over git's rules. It asks no git and reads no configuration of one; the rules of a user's own
`core.excludesFile` are not known.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from context.privacy.rules import NO_RULES, Rules, read_rules

GIT_RULES = ".gitignore"
OUR_RULES = ".codeflowignore"
MOST_PARENTS = 40  # folders above the workspace in which its repository is looked for
MOST_POINTER_BYTES = 4_096  # a `.git` file holds one path


@dataclass(frozen=True, slots=True)
class Layer:
    """The rules of one file, and how many letters of a path are its directory."""

    rules: Rules
    skip: int


@dataclass(frozen=True, slots=True)
class Level:
    """One directory: whether it is ignored itself, and the rules for its entries, the strongest first."""

    prefix: str  # the directory relative to the repository, with a slash at its end, or ""
    ignored: bool
    ours: tuple[Layer, ...]
    gits: tuple[Layer, ...]

    def ignores(self, name: str, is_directory: bool) -> bool:
        """Whether the entry of this name in this directory is ignored."""
        if self.ignored:
            return True
        path = self.prefix + name
        for layers in (self.ours, self.gits):
            for layer in layers:
                verdict = layer.rules.verdict(path[layer.skip :], is_directory)
                if verdict is not None:
                    return verdict
        return False


@dataclass(frozen=True, slots=True)
class Ignore:
    """The ignore rules of one workspace folder.

    Each directory's are read once: make a new one when a file of rules changes. Safe to be asked by several
    threads: a directory's level does not depend on who was first to ask for it.
    """

    root: Path
    _levels: dict[str, Level] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, root: Path) -> Ignore:
        """The rules that hold in this folder, those of the repository around it included."""
        return cls(root)

    def ignores(self, path: str, is_directory: bool = False) -> bool:
        """Whether a path (POSIX, relative to the root) or a directory above it is ignored."""
        parent, _, name = path.strip("/").rpartition("/")
        return bool(name) and self.level(parent).ignores(name, is_directory)

    def level(self, directory: str) -> Level:
        """The rules for a directory's entries; its path is POSIX and relative, "" for the root itself."""
        known = self._levels.get(directory)
        if known is None:
            known = self._levels[directory] = self._root_level() if not directory else self._child(directory)
        return known

    def _child(self, directory: str) -> Level:
        above = ""
        level = self.level("")
        for name in directory.split("/"):  # a loop: a path may be deeper than Python's stack
            below = f"{above}/{name}" if above else name
            known = self._levels.get(below)
            if known is None:
                if level.ignores(name, True):
                    known = Level(f"{level.prefix}{name}/", True, (), ())
                else:
                    known = _with_own_rules(level, self.root / below, f"{level.prefix}{name}/")
                self._levels[below] = known
            above, level = below, known
        return level

    def _root_level(self) -> Level:
        top = _repository_of(self.root)
        directory, prefix = top, ""
        level = _with_own_rules(Level("", False, (), ()), directory, prefix)
        for name in self.root.absolute().relative_to(top).parts:
            directory, prefix = directory / name, f"{prefix}{name}/"
            level = _with_own_rules(level, directory, prefix)
        return level


def _with_own_rules(level: Level, directory: Path, prefix: str) -> Level:
    """The level of a directory that is not ignored: its own rules come before those from above."""
    skip = len(prefix)
    ours = _layers(read_rules(directory / OUR_RULES), skip)
    gits = _layers(read_rules(directory / GIT_RULES), skip) + _layers(_git_exclude(directory), skip)
    return Level(prefix, False, ours + level.ours, gits + level.gits)


def _layers(rules: Rules, skip: int) -> tuple[Layer, ...]:
    return () if rules is NO_RULES else (Layer(rules, skip),)


def _repository_of(root: Path) -> Path:
    """The folder with `.git` at or above the root, or the root itself where there is none."""
    root = root.absolute()
    for folder in (root, *list(root.parents)[:MOST_PARENTS]):
        if os.path.lexists(folder / ".git"):
            return folder
    return root


def _git_exclude(directory: Path) -> Rules:
    """The rules in `info/exclude` of the repository whose work tree begins here; none where none begins."""
    git = directory / ".git"
    try:
        found = os.lstat(git)
        if stat.S_ISREG(found.st_mode):  # a worktree or a submodule: a pointer to where its repository lies
            if found.st_size > MOST_POINTER_BYTES:
                return NO_RULES
            pointer = git.read_text("utf-8", errors="replace").strip()
            if not pointer.startswith("gitdir:"):
                return NO_RULES
            git = directory / pointer.removeprefix("gitdir:").strip()
            common = git / "commondir"
            if common.is_file() and common.stat().st_size <= MOST_POINTER_BYTES:
                git = git / common.read_text("utf-8", errors="replace").strip()
    except (OSError, ValueError):
        return NO_RULES
    return read_rules(git / "info" / "exclude")
