"""CrossCodeEval rows as cases: the repository's text that a row carries becomes closed files on disk.

The retrieved chunks are joined by file, in the order of their retrieval, with a blank line between: less than
the repository held, but all of it text of its own. The row's own file is open with a hole at the cursor, and
stands on disk in the same state.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.benchmarks.cases import Case, Opened, part_of
from tests.benchmarks.infilling import rows_of

LANGUAGES = {"cceval25_python": "python", "cceval25_java": "java"}


def cases_of(name: str, into: Path) -> list[Case]:
    """Write a workspace for every row of one file under ``into``."""
    return [_case(row, name, into / name / str(number)) for number, row in enumerate(rows_of(name))]


def _case(row: dict[str, Any], name: str, under: Path) -> Case:
    meta = row["metadata"]
    root = under / str(meta["repository"])
    prompt = str(row["prompt"])
    text = prompt + str(row["right_context"])
    for path, content in {**closed_files(row), str(meta["file"]): text}.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content, encoding="utf-8", newline="")
    cursor = prompt.count("\n"), len(prompt) - prompt.rfind("\n") - 1
    return Case(
        key=str(row["task_id"]),
        group=name,
        part=part_of(str(row["task_id"])),
        root=root,
        opened=(Opened(str(meta["file"]), LANGUAGES[name], text),),
        cursor=cursor,
        truth=str(row["groundtruth"]),
    )


def closed_files(row: dict[str, Any]) -> dict[str, str]:
    """Path to text of the other files that a row has chunks of."""
    chunks: dict[str, list[str]] = {}
    for chunk in row["crossfile_context"]["list"]:
        path = str(chunk["filename"])
        if path != row["metadata"]["file"]:
            chunks.setdefault(path, []).append(str(chunk["retrieved_chunk"]).rstrip("\n") + "\n")
    return {path: "\n".join(found) for path, found in chunks.items()}
