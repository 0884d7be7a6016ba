"""Programs are found by the environment of whoever is served."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

import pytest

from context.environment import client_environment, serve_with
from context.history.git import GitMissing, find_git
from context.librarian import Librarian


def program(folder: Path, name: str) -> Path:
    """A program of that name, in a folder of its own."""
    folder.mkdir()
    path = folder / name
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


async def test_each_client_has_its_own_path_also_on_worker_threads(tmp_path: Path) -> None:
    programs = [program(tmp_path / name, "git") for name in ("one", "other")]

    async def found(path: Path) -> str:
        serve_with({"PATH": str(path.parent)})
        await asyncio.sleep(0.01)  # the other client is served meanwhile
        return await asyncio.to_thread(find_git, tmp_path / "work")

    assert await asyncio.gather(*(found(path) for path in programs)) == [str(path) for path in programs]
    assert client_environment() is os.environ


async def test_the_folders_of_a_client_are_read_by_its_environment(tmp_path: Path) -> None:
    """On the librarian's own threads, which outlive the call that asked."""
    seen: list[str] = []
    done = threading.Event()

    async def client() -> Librarian:
        serve_with({"PATH": "/of/the/client"})
        return Librarian(tmp_path / "cache", path_of=lambda _: None, budget_tokens=lambda: 1, watching=False)

    librarian = await asyncio.create_task(client())
    try:
        librarian._submit(librarian._reading, lambda: seen.append(client_environment()["PATH"]))
        librarian._submit(librarian._reading, done.set)
        assert await asyncio.to_thread(done.wait, 10)
    finally:
        librarian.close()
    assert seen == ["/of/the/client"]


def test_without_git_on_the_clients_path_there_is_none(tmp_path: Path) -> None:
    async def client() -> None:
        serve_with({"PATH": str(tmp_path)})
        with pytest.raises(GitMissing):
            find_git(tmp_path / "work")

    asyncio.run(client())
