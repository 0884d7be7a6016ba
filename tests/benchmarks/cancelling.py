"""How soon the engine is free again when a 4,000-token prompt is cancelled in the middle of its prefill."""

from __future__ import annotations

import asyncio
import statistics
import time
from typing import Any

from engine.catalog import resolve
from engine.engine import SEQUENCES, Engine
from engine.llama.opening import open_llama
from engine.request import GenerationRequest


async def run(model: str, rounds: int = 20) -> dict[str, Any]:
    """Cancel at a different moment of the prefill each time; milliseconds from cancel to idle."""
    path = resolve(model).path
    engine = Engine(lambda: open_llama(path, sequences=SEQUENCES, context_tokens=8192))
    backend = await asyncio.wrap_future(engine.opened)
    words = backend.tokenizer.encode("value = compute(previous, following)\n" * 700)[:4000]
    waits = []
    for number in range(rounds):
        prompt = (1000 + number, *words)  # a first token of its own: nothing comes from the cache
        handle = engine.submit(GenerationRequest(prompt, max_tokens=4))
        await asyncio.sleep(0.3 + 0.13 * number)
        at = time.perf_counter()
        handle.cancel()
        await asyncio.wrap_future(handle.result)
        waits.append((time.perf_counter() - at) * 1e3)
    engine.close()
    return {
        "model": model,
        "prompt_tokens": 4001,
        "rounds": rounds,
        "free_after_median_ms": round(statistics.median(waits), 1),
        "worst_ms": round(max(waits), 1),
    }
