"""What is known about one place, for commands that ask once: index, gather, stop."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from context.document import Document
from context.dossier import Dossier
from context.librarian import Librarian
from context.workspace import Snapshot
from lsp_server.from_lsp import file_of


def folder_of(file: Path) -> Path:
    """The workspace folder to assume for a file: its repository, else the current folder if that holds it."""
    for parent in file.parents:
        if (parent / ".git").exists():
            return parent
    return Path.cwd() if file.is_relative_to(Path.cwd()) else file.parent


def gather(
    snapshot: Snapshot,
    document: Document,
    line: int,
    root: Path,
    *,
    budget_tokens: int,
    report: Callable[[str, float | None], None],
    within_s: float,
) -> tuple[Dossier | None, list[str]]:
    """The dossier of a place, and sentences about what is missing. Blocks while ``root`` is indexed."""
    from engine.catalog import cache_dir

    def on_progress(done: int, total: int) -> None:
        report(f"indexing {root.name}", done / total if total else None)

    librarian = Librarian(
        cache_dir() / "workspaces",
        path_of=file_of,
        budget_tokens=lambda: budget_tokens,
        on_progress=on_progress,
        watching=False,
    )
    try:
        librarian.set_folders([root])
        ready = librarian.wait_ready(snapshot, document, line, within_s)
        notes = librarian.notes()
        if not ready:
            notes.append(
                f"{root} was not read to the end in {within_s:.0f} s: this is what was there by then."
            )
        return librarian.dossier(document.uri), notes
    finally:
        librarian.close()
