"""Which files a plan may touch: those of the workspace that may be read, and the document it was asked in.

What a model proposes is not trusted: no path leads out of the folder, by dots or by links, no file that holds
secrets, is ignored or belongs to others is edited, none that tools run by themselves is made anew. Reads
names and links, no contents.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from context.document import Document
from context.privacy.ignore import Ignore
from context.privacy.kinds import is_skipped_directory, left_out_by_name
from context.privacy.names import may_be_prompted
from context.refactor.values import Refused
from lsp_server.from_lsp import file_of

MOST_PATH = 1_024  # letters
# Editors, shells and servers run what stands in these without being asked for it each time.
_RUN_BY_TOOLS = frozenset((".vscode", ".idea", ".devcontainer", ".husky", ".github", ".gitlab", ".circleci"))
_RUN_BY_NAME = frozenset(
    (".envrc", ".gitlab-ci.yml", ".gitattributes", ".gitmodules", ".pre-commit-config.yaml")
)
_DEVICE = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?", re.IGNORECASE)  # on Windows, anywhere


class PlanRefused(Refused):
    """An edit that is not offered; the message is a sentence that says why, for the user."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far a plan may reach. ``asked``: the URI of the document in which it was asked for."""

    folders: tuple[Path, ...]
    asked: str = ""

    def folder_of(self, document: Document) -> Path | None:
        """The innermost folder that a document lies in."""
        file = file_of(document.uri)
        if file is None:
            return None
        around = [folder for folder in self.folders if file.is_relative_to(folder)]
        return max(around, key=lambda folder: len(folder.parts), default=None)

    def check_changed(self, document: Document) -> None:
        """Raises `PlanRefused` where a document must not be edited."""
        path, file = document.path, file_of(document.uri)
        if not may_be_prompted(path):
            raise PlanRefused(f"{path} is left as it is: its name is that of a file with secrets.")
        if file is not None and _is_read_only(file):
            raise PlanRefused(f"{path} is read-only.")
        if document.uri == self.asked:
            return
        folder = self.folder_of(document)
        if file is None or folder is None:
            raise PlanRefused(f"{path} lies outside the workspace.")
        self._check_inside(folder, file.relative_to(folder).as_posix())
        if not file.is_file():
            raise PlanRefused(f"{path} is not there any more.")

    def check_created(self, folder: Path | None, path: str) -> None:
        """Raises `PlanRefused` where a file must not be made. ``path``: relative, with forward slashes."""
        if folder is None:
            raise PlanRefused(f"{path} cannot be made: the document lies in no workspace folder.")
        file = self._check_inside(folder, path)
        *above, name = PurePosixPath(path.lower()).parts
        if not _RUN_BY_TOOLS.isdisjoint(above) or name in _RUN_BY_NAME:
            raise PlanRefused(f"{path} is not made: tools run what stands in such files.")
        if os.path.lexists(file):
            raise PlanRefused(f"{path} is there already.")

    def check_renamed(self, folder: Path | None, old: str, new: str) -> None:
        """Raises `PlanRefused` where a file must not be moved."""
        self.check_created(folder, new)
        assert folder is not None  # noqa: S101 - check_created refuses it
        if not self._check_inside(folder, old).is_file():
            raise PlanRefused(f"{old} is not there any more.")

    def _check_inside(self, folder: Path, path: str) -> Path:
        """The file that a path means, if it stays in the folder and may be read there."""
        parts = path.split("/")
        usual = path.isprintable() and len(path) <= MOST_PATH and not any(c in path for c in '\\:*?"<>|')
        if not usual or any(
            part in ("", ".", "..") or part[-1] in " ." or _DEVICE.fullmatch(part) for part in parts
        ):
            raise PlanRefused(f"{path[:200]!a} is no path inside the workspace.")
        try:
            top, real = os.path.realpath(folder), os.path.realpath(folder / path)
            inside = os.path.commonpath((top, real)) == top and real != top
        except (OSError, ValueError):  # another drive
            inside, top, real = False, "", ""
        if not inside:
            raise PlanRefused(f"{path} leads out of the workspace.")
        for name in {path, Path(os.path.relpath(real, top)).as_posix()}:
            if why := _left_out(folder, name):
                raise PlanRefused(f"{path} is left as it is: {why}.")
        return folder / path


def _is_read_only(file: Path) -> bool:
    try:
        return not (file.stat().st_mode & 0o222 and os.access(file, os.W_OK))
    except (OSError, ValueError):  # not on the disk yet, or not any more
        return False


def _left_out(folder: Path, path: str) -> str:
    *above, name = path.split("/")
    if not may_be_prompted(path):
        return "its name is that of a file with secrets"
    if any(map(is_skipped_directory, above)) or is_skipped_directory(name):
        return "it lies in a directory of tools or of other people's code"
    if Ignore.of(folder).ignores(path):
        return "a .gitignore or .codeflowignore says so"
    return left_out_by_name(name)
