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
CASES = (  # a file, the first line of what is rewritten, how many lines, a name and what becomes of it
    ("context/window.py", "def _reach(", 9, "budget", "limit"),
    ("context/prompt.py", "def blocks(", 10, "block", "chunk"),
    ("engine/sampling.py", "def best(", 7, "count", "number"),
    ("engine/speed.py", "class SpeedBook", 14, "path", "file"),
    ("lsp_server/typed_along.py", "def _rest(", 18, "offer", "shown"),
    ("context/edit_log.py", "class EditLog", 18, "edit", "change"),
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
                    "plain_tokens_per_s": round(plain, 1),
                    "guessed_tokens_per_s": round(guessed, 1),
                    "ratio": round(guessed / plain, 2),
                    "identical": len(texts) == 1,
                }
            )
    finally:
        backend.close()
    ratios = [row["ratio"] for row in rows]
    all_identical = all(row["identical"] for row in rows)
    rows.append({"case": "median", "ratio": statistics.median(ratios), "identical": all_identical})
    return rows


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
