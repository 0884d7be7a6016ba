"""How much faster an answer comes that mostly repeats its prompt, when tokens are guessed from the prompt.

    python -m tests.benchmarks.speculation [--model NAME] [--rounds N]

Each prompt is code of this project and the beginning of a rewrite of it, as a refactoring has it: the first
function again with one name changed. The answer is 60 tokens. Both ways are run in turn, on the same cache.
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path
from typing import Any

from engine.backend import Backend
from engine.catalog import resolve
from engine.decoding import Decoder
from engine.engine import BRANCHES, SEQUENCES
from engine.llama.opening import open_llama
from engine.request import Generation, GenerationRequest
from tests.benchmarks.reporting import report

ROOT = Path(__file__).parents[2]
TOKENS = 60
MOSTLY = 75  # percent of an answer that stand in the prompt, for it to repeat it mostly
CASES = (  # a file, the first line of what is rewritten, how many lines, a name and what becomes of it
    ("context/window.py", "def _reach(", 9, "budget", "limit"),
    ("context/prompt.py", "def blocks(", 10, "block", "chunk"),
    ("engine/sampling.py", "def best(", 7, "count", "number"),
    ("engine/speed.py", "class SpeedBook", 14, "path", "file"),
    ("lsp_server/typed_along.py", "def _rest(", 18, "offer", "shown"),
    ("context/edit_log.py", "class EditLog", 18, "edit", "change"),
    ("context/document.py", "def apply(", 14, "start", "begin"),
    ("lsp_server/from_lsp.py", "def edits_of(", 22, "edits", "changes_made"),
    ("engine/llama/threads.py", "class FreeCores", 16, "limit", "most"),
    ("context/workspace.py", "class Snapshot", 9, "closed", "closed_lately"),
)


def run(model: str = "qwen2.5-coder-0.5b", rounds: int = 3) -> list[dict[str, Any]]:
    """One row a case: tokens a second both ways, median of the rounds; whether the text is the same."""
    backend = open_llama(resolve(model).path, sequences=SEQUENCES, context_tokens=2048)
    decoder, rows = Decoder(backend, BRANCHES), []
    try:
        for file, first, lines, old, new in CASES:
            tokens = _prompt(backend, file, first, lines, old, new)
            _ask(decoder, tokens, guesses=False)  # the prompt is in the cache from here on
            speeds: dict[bool, list[float]] = {False: [], True: []}
            texts = set[str]()
            for _ in range(rounds):
                for guesses in (False, True):
                    found = _ask(decoder, tokens, guesses=guesses)
                    texts.add(found.candidates[0].text)
                    speeds[guesses].append(found.timings.generated_tokens / found.timings.decode_ms * 1e3)
            plain, guessed = (statistics.median(speeds[way]) for way in (False, True))
            rows.append(
                {
                    "case": f"{file} {first}",
                    "prompt_tokens": len(tokens),
                    "repeats_percent": _repeats(tokens, backend.tokenizer.encode(texts.copy().pop())),
                    "plain_tokens_per_s": round(plain, 1),
                    "guessed_tokens_per_s": round(guessed, 1),
                    "ratio": round(guessed / plain, 2),
                    "identical": len(texts) == 1,
                }
            )
    finally:
        backend.close()
    repeating = [row for row in rows if row["repeats_percent"] >= MOSTLY]
    all_identical = all(row["identical"] for row in rows)
    for name, some in (("median", rows), (f"median, {MOSTLY}% repeated", repeating)):
        ratio = round(statistics.median(row["ratio"] for row in some), 2) if some else None
        rows = [*rows, {"case": name, "ratio": ratio, "identical": all_identical}]
    return rows


def _repeats(prompt: tuple[int, ...], answer: tuple[int, ...]) -> int:
    """Percent of an answer's tokens that are part of three in a row which stand in the prompt."""
    known = {prompt[n : n + 3] for n in range(len(prompt) - 2)}
    repeated = {n + i for n in range(len(answer) - 2) if answer[n : n + 3] in known for i in range(3)}
    return round(100 * len(repeated) / max(1, len(answer)))


def _prompt(backend: Backend, file: str, first: str, lines: int, old: str, new: str) -> tuple[int, ...]:
    text = (ROOT / file).read_text(encoding="utf-8").splitlines()
    at = next(n for n, line in enumerate(text) if line.lstrip().startswith(first))
    code = "\n".join(text[at : at + lines])
    begun = text[at].replace(old, new)
    return backend.tokenizer.encode(
        f"# before\n{code}\n\n\n# after: `{old}` is called `{new}`, nothing else is changed\n{begun}\n"
    )


def _ask(decoder: Decoder, tokens: tuple[int, ...], *, guesses: bool) -> Generation:
    running = decoder.run(GenerationRequest(tokens, max_tokens=TOKENS, guesses=guesses), lambda: False)
    while True:
        try:
            next(running)
        except StopIteration as end:
            return end.value


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.speculation")
    parser.add_argument("--model", default="qwen2.5-coder-0.5b")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    report({"speculation": run(options.model, options.rounds)}, "speculation")


if __name__ == "__main__":
    main()
