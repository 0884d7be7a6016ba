"""The paths of a workspace, to be looked up by their ends: ``ending("store/cart.py")`` in constant time."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

_MOST_ALIKE = 200  # files of one name that are looked at; __init__.py is always looked up with its folder


class PathSet:
    """POSIX paths relative to a workspace's root. Immutable; the folders are gathered on first use."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._paths = tuple(dict.fromkeys(paths))
        self._known = frozenset(self._paths)
        self._by_end = _by_end(self._paths)

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)

    def __contains__(self, path: object) -> bool:
        return path in self._known

    def ending(self, suffix: str, *, near: str = "") -> list[str]:
        """Paths that are ``suffix`` or end in "/" + ``suffix``, nearest to the path ``near`` first."""
        return _nearest(_ending(self._by_end, suffix), near)

    def folders_ending(self, suffix: str, *, near: str = "") -> list[str]:
        """The same for folders that hold files themselves; the root is ""."""
        return _nearest(_ending(self._folders_by_end, suffix), near)

    def inside(self, folder: str) -> Sequence[str]:
        """The files that lie in ``folder`` itself, in order."""
        return self._folders.get(folder, ())

    @cached_property
    def _folders(self) -> dict[str, list[str]]:
        folders: dict[str, list[str]] = {}
        for path in self._paths:
            folders.setdefault(posixpath.dirname(path), []).append(path)
        return folders

    @cached_property
    def _folders_by_end(self) -> dict[str, list[str]]:
        return _by_end(self._folders)


def _by_end(paths: Iterable[str]) -> dict[str, list[str]]:
    """Each path under its last segment and under its last two."""
    found: dict[str, list[str]] = {}
    for path in paths:
        folder, _, name = path.rpartition("/")
        found.setdefault(name, []).append(path)
        if folder:
            found.setdefault(f"{folder.rpartition('/')[2]}/{name}", []).append(path)
    return found


def _ending(by_end: dict[str, list[str]], suffix: str) -> list[str]:
    segments = suffix.split("/")
    alike = by_end.get("/".join(segments[-2:]), ())
    if len(segments) <= 2:
        return list(alike[:_MOST_ALIKE])
    end = "/" + suffix
    return [path for path in alike if path == suffix or path.endswith(end)][:_MOST_ALIKE]


def _nearest(paths: list[str], near: str) -> list[str]:
    if len(paths) < 2:
        return paths
    target = near.split("/")[:-1]

    def distance(path: str) -> tuple[int, int, str]:
        segments = path.split("/")[:-1]
        shared = 0
        for one, other in zip(segments, target, strict=False):
            if one != other:
                break
            shared += 1
        return -shared, len(segments), path

    return sorted(paths, key=distance)
