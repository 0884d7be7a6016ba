"""Methods of real files moved out to functions by the exact engine, scored by the evaluation's own program.

python -m tests.benchmarks.refactor_extract [--file PREDICTIONS]

Each of the 33 rows names a method; the cursor is put on that name. Beside the score: every result must be
made by the least edits, and undoing those must give the file back byte for byte. Then the same through the
real server: its code action, resolved as an editor does, must bring the same text, and pass its checks.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from lsprotocol import types

from context.document import Document, Edit, Position, end_of
from context.refactor import Refused, Selection
from context.refactor.difference import applied, difference
from context.refactor.python import ACTIONS
from context.refactor.source_tree import SourceTree
from tests.benchmarks.infilling import SHARED, rows_of
from tests.benchmarks.reporting import OUT, report
from tests.benchmarks.waiting import CODE_POINTS, percentile
from tests.lsp_client import editor, like_vscode

BENCH = "refactor_extract"
ACTION = "move-method-to-function"
_MOVE = ACTIONS[ACTION]


def method_at(document: Document, owner: str, method: str) -> Selection:
    """A cursor in the name of a class's method. ValueError where there is none."""
    of_class = False
    for number, line in enumerate(document.lines):
        if head := re.match(r"\s*class\s+(\w+)", line):
            of_class = head[1] == owner
        if of_class and (head := re.match(rf"\s+(?:async\s+)?def\s+(?={method}\b)", line)):
            return Selection(Position(number, head.end()), Position(number, head.end()))
    raise ValueError(f"no {owner}.{method}")


def undone(before: Document, edits: tuple[Edit, ...]) -> str:
    """The text after an editor has made the edits, the last one first, and has taken each back."""
    now, back = before, []
    for text, start, end in reversed(edits):
        assert start is not None and end is not None
        head, tail = applied(now, [Edit("", start, _end(now))]), applied(now, [Edit("", Position(0, 0), end)])
        gone = now.text[len(head) : len(now.text) - len(tail)]
        now = now.apply(Edit(text, start, end), now.version + 1)
        back.append(Edit(gone, start, end_of(start, text)))
    for edit in reversed(back):
        now = now.apply(edit, now.version + 1)
    return now.text


def _end(document: Document) -> Position:
    return Position(len(document.lines) - 1, len(document.lines[-1]))


def run(file: Path) -> dict[str, Any]:
    """One row of figures; the predictions and what was refused go to files."""
    predictions, refused, wrong, find_ms, perform_ms = [], [], [], [], []
    for row in rows_of(BENCH):
        document = Document.of(f"file:///{row['file']}", row["file"], "python", 1, row["source"])
        tree = SourceTree.of(document)
        assert tree is not None
        selection = method_at(document, row["class"], row["method"])
        start = time.perf_counter()
        offer = _MOVE.find(tree, selection)
        find_ms.append((time.perf_counter() - start) * 1000)
        assert offer is not None, row["task_id"]
        try:
            ((_, text),) = _MOVE.perform(document, offer, "").texts
        except Refused as reason:
            refused.append(f"{row['task_id']}: {reason}")
            continue
        perform_ms.append((time.perf_counter() - start) * 1000 - find_ms[-1])
        edits = difference(document, text)
        if applied(document, edits) != text or undone(document, edits) != row["source"]:
            wrong.append(row["task_id"])
        predictions.append({"task_id": row["task_id"], "completion": text})
    file.parent.mkdir(exist_ok=True)
    file.write_text("".join(json.dumps(one) + "\n" for one in predictions), encoding="utf-8")
    return {
        "rows": len(find_ms),
        "pass": _passes(file),
        "refused": refused,
        "not undone": wrong,
        "find ms, most": round(max(find_ms), 1),
        "perform ms, most": round(max(perform_ms)),
    }


async def through_the_server(texts: dict[str, str]) -> dict[str, Any]:
    """The code action of each row, resolved and applied; ``texts``: what the engine made of each."""
    same = confirmed = 0
    ms: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        async with editor(
            command=[sys.executable, "-m", "tests.scripted_server"],
            adjust=like_vscode,
            encodings=CODE_POINTS,
            folders=[Path(name).as_uri()],
        ) as wire:
            for number, row in enumerate(rows_of(BENCH)):
                document = Document.of("", row["file"], "python", 1, row["source"])
                uri = (Path(name) / f"{number}_{row['file']}").as_uri()
                (line, column), _ = method_at(document, row["class"], row["method"])
                wire.open(uri, row["source"])
                at = types.Range(types.Position(line, column), types.Position(line, column))
                params = types.CodeActionParams(
                    types.TextDocumentIdentifier(uri), at, types.CodeActionContext([])
                )
                actions = await wire.request(types.TEXT_DOCUMENT_CODE_ACTION, params)
                action = next(
                    (
                        one
                        for one in actions
                        if (data := getattr(one, "data", None)) and data["offer"]["action"] == ACTION
                    ),
                    None,
                )
                if action is None:
                    continue
                began = time.perf_counter()
                edit = (await wire.request(types.CODE_ACTION_RESOLVE, action)).edit
                ms.append((time.perf_counter() - began) * 1e3)
                wire.close(uri)
                if edit is None:
                    continue
                (change,), (annotation,) = edit.document_changes, edit.change_annotations.values()
                edits = [
                    Edit(one.new_text, Position(*_at(one.range.start)), Position(*_at(one.range.end)))
                    for one in change.edits
                ]
                same += applied(document, edits) == texts.get(row["task_id"])
                confirmed += not annotation.needs_confirmation
    return {
        "code actions": len(ms),
        "same text": same,
        "pass their checks": confirmed,
        "resolve ms, p50": round(percentile(ms, 0.5)),
        "resolve ms, most": round(max(ms, default=0)),
    }


def _at(position: types.Position) -> tuple[int, int]:
    return position.line, position.character


def _passes(file: Path) -> int:
    bench = SHARED / "data" / f"{BENCH}.jsonl.gz"
    command = [sys.executable, str(SHARED / "tools" / "score.py"), str(bench), str(file), "--exec"]
    scored = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return round(scored["pass@1"] * scored["executed"] / 100)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--file", type=Path, default=OUT / f"{BENCH}.jsonl", help="where predictions go")
    file = parser.parse_args().file
    row = run(file)
    lines = file.read_text(encoding="utf-8").splitlines()
    texts = {one["task_id"]: one["completion"] for one in map(json.loads, lines)}
    served = asyncio.run(through_the_server(texts))
    report({BENCH: [row], "through the server": [served]}, BENCH)
