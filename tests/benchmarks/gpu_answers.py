"""Answer prompts greedily on a GPU: ``python -m tests.benchmarks.gpu_answers FOLDER ... --model FILE``.

Reads ``prompts.jsonl`` and ``vocabulary.json`` of each folder (see ``prompts``) and writes ``answers.jsonl``
beside them. The GGUF file is read by transformers, its weights brought to bfloat16; without its vocabulary
(gguf-new-metadata --remove-metadata tokenizer.ggml.tokens, .merges, .token_type) that takes seconds, not
minutes. What an answer has to begin with is demanded as the engine demands it (``engine.demanded_text``).
Wants torch, transformers and gguf, which the project does not.
"""
# pyright: reportMissingImports=false

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoModelForCausalLM

from engine.demanded_text import DemandedText

MOST_TOKENS = 40  # of an answer: a line, as for ghost text
BATCH_TOKENS = 200_000  # prompt tokens evaluated together, padding included
MOST_ROWS = 128


def main() -> None:
    """Load, answer, write."""
    parser = argparse.ArgumentParser(prog="gpu_answers")
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--model", type=Path, required=True, help="a GGUF file")
    parser.add_argument("--device", default="cuda")
    options = parser.parse_args()
    started = time.perf_counter()
    model = AutoModelForCausalLM.from_pretrained(
        str(options.model.parent),
        gguf_file=options.model.name,
        dtype=torch.bfloat16,
        attn_implementation="sdpa",
    )
    model.to(options.device).eval()
    print(f"loaded in {time.perf_counter() - started:.0f} s", flush=True)
    for folder in options.folders:
        with (folder / "prompts.jsonl").open(encoding="utf-8") as file:
            prompts = [json.loads(line) for line in file]
        vocabulary = json.loads((folder / "vocabulary.json").read_text("utf-8"))
        pieces = [bytes.fromhex(piece) for piece in vocabulary["pieces"]]
        demanded, stop = DemandedText(pieces), set(vocabulary["stop"])
        prompts.sort(key=lambda prompt: len(prompt["tokens"]))
        done, evaluated, started = 0, 0, time.perf_counter()
        with (folder / "answers.jsonl").open("w", encoding="utf-8") as file:
            while done < len(prompts):
                batch = _batch(prompts[done:])
                texts = _answer(model, batch, pieces, demanded, stop)
                for prompt, text in zip(batch, texts, strict=True):
                    file.write(json.dumps({"prompt": prompt["prompt"], "text": text}) + "\n")
                file.flush()
                done += len(batch)
                evaluated += sum(len(prompt["tokens"]) for prompt in batch)
                speed = evaluated / (time.perf_counter() - started)
                print(f"{folder.name}: {done} of {len(prompts)}, {speed:.0f} tokens/s", flush=True)


def _batch(prompts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """As many of the next (the shortest first) as fit, padded to the longest of them."""
    count = 1
    while (
        count < min(len(prompts), MOST_ROWS) and (count + 1) * len(prompts[count]["tokens"]) <= BATCH_TOKENS
    ):
        count += 1
    return prompts[:count]


@torch.inference_mode()
def _answer(
    model: Any, batch: list[dict[str, Any]], pieces: list[bytes], demanded: DemandedText, stop: set[int]
) -> list[str]:
    """Greedy answers, without what was demanded."""
    device, longest = model.device, max(len(prompt["tokens"]) for prompt in batch)
    ids = torch.zeros((len(batch), longest), dtype=torch.long)  # (B, T), padded on the left
    mask = torch.zeros_like(ids)
    for row, prompt in enumerate(batch):
        ids[row, longest - len(prompt["tokens"]) :] = torch.tensor(prompt["tokens"])
        mask[row, longest - len(prompt["tokens"]) :] = 1
    ids, mask = ids.to(device), mask.to(device)
    padded = bool((mask == 0).any())
    positions = (mask.cumsum(-1) - 1).clamp(min=0)
    rest = [bytes.fromhex(prompt["begin_with"]) for prompt in batch]
    indented = [one.isspace() for one in rest]
    data, alive = [bytearray() for _ in batch], [True] * len(batch)
    cache, at = None, positions
    unblank = np.array(
        [n for n, piece in enumerate(pieces) if not piece.startswith((b" ", b"\t", b"\r", b"\n"))]
    )
    for _ in range(MOST_TOKENS):
        out = model(
            input_ids=ids,
            attention_mask=mask if padded else None,
            position_ids=at,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        cache, logits = out.past_key_values, out.logits[:, -1].float()  # (B, V)
        for row, text in enumerate(rest):
            allowed = demanded.allowed(text) if text else unblank if indented[row] and not data[row] else None
            if allowed is not None:
                chosen = torch.as_tensor(allowed, device=device)
                kept = logits[row, chosen].clone()
                logits[row] = -torch.inf
                logits[row, chosen] = kept
        tokens = logits.argmax(-1).tolist()
        for row, token in enumerate(tokens):
            alive[row] = alive[row] and token not in stop
            if alive[row]:
                given = min(len(rest[row]), len(pieces[token]))
                rest[row], new = rest[row][given:], pieces[token][given:]
                data[row] += new
        if not any(alive):
            break
        ids = torch.tensor(tokens, device=device)[:, None]
        at = at[:, -1:] + 1
        mask = torch.cat([mask, torch.ones_like(ids)], -1)
    return [one.decode("utf-8", "ignore") for one in data]


if __name__ == "__main__":
    main()
