"""An edit to what the project's tests say of it, run in a copy of the working tree that is thrown away.

The one place where code of a workspace runs, and only if the user's own settings name the command and the
editor trusts the folder: nothing found in the workspace can ask for it. The copy holds what git knows or
would add, as it lies on the disk, with the edit's texts over it; no hook, filter or configuration of the
repository is obeyed. A copy is no cage: a test may do to the machine what it may do when the user runs it.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from context.environment import client_environment
from context.history.git import Git, GitError
from context.history.process import Ended, run_bounded
from context.verify.checks import Checks, Finding

TESTS = "{tests}"  # in a command: the test files to run, one argument each
MOST_FILES = 50_000
MOST_BYTES = 1 << 30
MOST_NAMES = 16 << 20  # bytes of paths
MOST_OUTPUT = 4 << 20  # bytes
_FAILED = re.compile(r"(?m)^(?:FAILED|ERROR) (\S+)|^\s*--- FAIL: (\S+)|^\s*(?:✕|✗|×) (.+?)(?: \(\d+ ms\))?$")


class TestsNotRun(Exception):
    """Tests that were not run; the message is a sentence that says why, for the user."""

    __test__ = False  # pytest looks at names


def compare_tests(
    root: Path,
    texts: Mapping[str, str],
    command: Sequence[str],
    *,
    trusted: bool,
    tests: Sequence[str] = (),
    timeout_s: float = 60,
) -> Checks:
    """What the tests say after the edit that they did not say before it.

    ``texts``: new texts by path, relative to ``root``. ``command``: program and arguments from the user's
    settings; `{tests}` stands for ``tests``. ``trusted``: whether the editor trusts the folder. Where tests
    fail, they are run once more without the edit: only what it breaks counts. Raises `TestsNotRun`.
    """
    if not trusted:
        raise TestsNotRun("Tests are not run: the editor does not trust this folder.")
    if not command:
        raise TestsNotRun("Tests are not run: the settings name no command for them.")
    if TESTS in command and not tests:
        raise TestsNotRun("No test mentions what is changed.")
    program = _program(command[0], root)
    arguments = [part for word in command[1:] for part in (tests if word == TESTS else (word,))]
    with tempfile.TemporaryDirectory(prefix="codeflow-tests-", ignore_cleanup_errors=True) as folder:
        copy = Path(os.path.realpath(folder))
        _copy_tree(root, copy)
        old = {path: _written(copy, path, text) for path, text in texts.items()}
        after = _run(copy, program, arguments, timeout_s)
        if after.limit:
            raise TestsNotRun(f"The tests were stopped: they needed more than {after.limit}.")
        if after.code == 0:
            return Checks(ran=("its tests pass",))
        for path, content in old.items():
            _put_back(copy / path, content)
        before = _run(copy, program, arguments, timeout_s)
    return _compared(before, after, next(iter(texts), ""))


def _compared(before: Ended, after: Ended, path: str) -> Checks:
    failed, failed_before = _failures(after), _failures(before)
    if before.limit or (before.code and not failed):
        return Checks(skipped=("the tests failed before this edit as well",))
    new = [name for name in failed if name not in failed_before] or ([] if before.code else [""])
    if not new:
        return Checks(ran=("no test fails that passed before",))
    last = (_said(after).strip().splitlines() or ["no word"])[-1].strip()[:100]
    return Checks(
        worse=tuple(
            Finding(
                "failing test", path, 0, f"`{name}` fails" if name else f"the tests fail: {last}", "tests"
            )
            for name in new
        )
    )


def touching_tests(changed: Iterable[str], texts: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Of test files with their texts, those that mention a changed file by its name, or are changed."""
    paths = set(changed)
    names = {_called(path) for path in paths} - {""}
    if not names:
        return ()
    word = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, sorted(names)))})(?!\w)")
    return tuple(path for path, text in texts if path in paths or word.search(text))


def _called(path: str) -> str:
    """What other files call a file: its name, or its folder's where it is the folder's own."""
    pure = PurePosixPath(path)
    return pure.parent.name if pure.stem in ("__init__", "index", "mod", "lib") else pure.stem


def _program(name: str, root: Path) -> str:
    """The program as an absolute path: named so by the user, or found on PATH outside the workspace."""
    top = Path(os.path.realpath(root))
    folders = [
        entry
        for entry in client_environment().get("PATH", "").split(os.pathsep)
        if Path(entry).is_absolute() and not Path(os.path.realpath(entry)).is_relative_to(top)
    ]
    found = name if Path(name).is_absolute() else shutil.which(name, path=os.pathsep.join(folders))
    if not found or not Path(found).is_absolute():
        raise TestsNotRun(f"Tests are not run: {name} was not found on PATH; name it by its whole path.")
    return found


def _copy_tree(root: Path, copy: Path) -> None:
    try:
        git = Git(root)
        found = [
            git.run("ls-files", "-z", *which, most_bytes=MOST_NAMES, work_tree=True)
            for which in (("--cached",), ("--others", "--exclude-per-directory=.gitignore"))
        ]
    except GitError as error:
        raise TestsNotRun(f"Tests are not run: {error}.") from error
    paths = [os.fsdecode(path) for path in dict.fromkeys(b"".join(found).split(b"\0")) if path]
    paths = [path[len(git.place.prefix) :] for path in paths if path.startswith(git.place.prefix)]
    if len(paths) > MOST_FILES:
        raise TestsNotRun(f"Tests are not run: the folder has more than {MOST_FILES} files.")
    left = MOST_BYTES
    for path in paths:
        source, target = root / path, copy / path
        try:
            if source.is_symlink() or not source.is_file():
                continue  # a link may lead back into the user's tree
            left -= source.stat().st_size
            if left < 0:
                raise TestsNotRun("Tests are not run: the folder holds more than 1 GiB.")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target, follow_symlinks=False)
        except OSError as error:
            raise TestsNotRun(f"Tests are not run: {path} could not be copied: {error.strerror}.") from error


def _written(copy: Path, path: str, text: str) -> bytes | None:
    """Writes a text into the copy; what stood there, None where nothing did."""
    file = copy / path
    if not Path(os.path.realpath(file)).is_relative_to(copy):
        raise TestsNotRun(f"Tests are not run: {path} leads out of the workspace.")
    old = file.read_bytes() if file.is_file() else None
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text.encode("utf-8", "replace"))
    return old


def _put_back(file: Path, content: bytes | None) -> None:
    if content is None:
        file.unlink(missing_ok=True)
        return
    file.write_bytes(content)
    later = file.stat().st_mtime + 2  # whoever compiled the other text goes by whole seconds
    os.utime(file, (later, later))


def _run(copy: Path, program: str, arguments: Sequence[str], timeout_s: float) -> Ended:
    variables = {name: value for name, value in client_environment().items() if not name.startswith("GIT_")}
    paths = [str(copy), str(copy / "src"), variables.get("PYTHONPATH", "")]  # before an editable install
    try:
        return run_bounded(
            (program, *arguments),
            environment=variables
            | {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": os.pathsep.join(filter(None, paths)), "CI": "1"},
            directory=copy,
            stdin=b"",
            timeout_s=timeout_s,
            most_bytes=MOST_OUTPUT,
        )
    except OSError as error:
        raise TestsNotRun(f"Tests are not run: {program} could not be started: {error.strerror}.") from error


def _said(ended: Ended) -> str:
    return ended.output.decode("utf-8", "replace")


def _failures(ended: Ended) -> list[str]:
    """Failing tests by name, as pytest, go and jest print them."""
    return list(dict.fromkeys(next(filter(None, found)) for found in _FAILED.findall(_said(ended))))
