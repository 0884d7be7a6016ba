"""What a long context costs: memory and time per token of three architectures with equally many weights.

python -m tests.benchmarks.long_context [--device cuda] [--lengths 2048 8192 32768 131072]

`standard` (a Llama) and `loop` (iquestloopcoder, two loops) run on the loop engine's backend, `flow` on its
own, all with random weights, in float32 on a CPU and on a GPU as they are served there. Each measurement is a
process of its own. The text is the standard library. `flow` reads all of it. The others read the last chunk
and decode behind a cache that was filled with random keys, which cost what real ones cost: 128K tokens read
whole would take a standard model an hour on a CPU. The time of a whole reading is therefore summed up from
the chunks' times, which grow evenly between the lengths; where it was measured, too, both are reported.

About 15 minutes on two cores; 3 minutes on one H100.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch

from engine.flow.backend import FlowBackend
from engine.flow.config import FlowConfig
from engine.flow.model import build
from engine.loop.backend import LoopBackend
from engine.loop.config import LoopConfig
from engine.loop.eager import Eager
from engine.loop.model import LoopModel, Operations
from engine.loop.shapes import Dense, Gates, Layer, Weights, has_kernels
from engine.loop.state import state_bytes
from engine.loop.tokenizer import LoopTokenizer, open_tokenizer
from tests.benchmarks.log_chart import Panel, drawn
from tests.benchmarks.reporting import OUT, report
from tests.engine.loop.tiny_tokenizer import write_byte_level

LENGTHS = (2048, 8192, 32_768, 131_072)
ARCHITECTURES = ("standard", "loop", "flow")
CHUNK = 512  # tokens evaluated at once
DECODED = 24  # tokens; the shortest time is taken: others may use the machine, too
CHUNKS = 2  # timed at each length; the shorter time is taken
READ_WHOLE = 8192  # tokens up to which standard and loop read everything, too
VOCABULARY, HIDDEN, LAYERS, HEADS, KV_HEADS, HEAD_DIM, INNER = 16_384, 256, 12, 8, 4, 32, 704
FAR_LAYERS = (3, 7, 11)


@dataclass(frozen=True, slots=True)
class Cost:
    """At ``tokens``: MiB that the sequence holds (``state_mb``; for flow beside those of states that it keeps
    to go back to, ``kept_mb``), how much the process grew at its peak from an opened model (``grown_mb``),
    the shortest time per token of a chunk read last and of a token decoded next; ``whole_s`` is the time of
    reading all of it, where that was measured."""

    architecture: str
    tokens: int
    parameters: int
    state_mb: float
    kept_mb: float
    grown_mb: float
    read_ms: float
    decode_ms: float
    whole_s: float | None


def flow_config(parameters: int | None = None) -> FlowConfig:
    """flow's shape: the standard one's and memory; the inner size smaller, for ``parameters`` weights."""

    def shape(inner: int) -> FlowConfig:
        return FlowConfig(VOCABULARY, HIDDEN, inner, LAYERS, HEADS, KV_HEADS, HEAD_DIM, far_layers=FAR_LAYERS)

    if parameters is None:
        return shape(INNER)
    with torch.device("meta"):
        over = sum(one.numel() for one in build(shape(INNER)).parameters()) - parameters
    return shape(INNER - round(over / (3 * HIDDEN * LAYERS)))


def loop_config(loops: int) -> LoopConfig:
    """The others' shape."""
    return LoopConfig(
        VOCABULARY, HIDDEN, INNER, LAYERS, HEADS, KV_HEADS, HEAD_DIM, 1e-5, 5e5, loops,
        64 if loops > 1 else 0, max(LENGTHS), True, (), None,
    )  # fmt: skip


def loop_weights(config: LoopConfig, device: torch.device, dtype: torch.dtype) -> Weights:
    """Random ones."""

    def matrix(rows: int, columns: int) -> Dense:
        return Dense((torch.randn(rows, columns) * columns**-0.5).to(device, dtype))

    def ones(*form: int) -> torch.Tensor:
        return torch.ones(form, device=device, dtype=dtype)

    queries, keys = HEADS * HEAD_DIM, KV_HEADS * HEAD_DIM
    layers = [
        Layer(
            ones(HIDDEN), matrix(queries + 2 * keys, HIDDEN), matrix(HIDDEN, queries), ones(HIDDEN),
            matrix(2 * INNER, HIDDEN), matrix(HIDDEN, INNER),
            Gates(0 * ones(HEADS, HEAD_DIM), 2 * ones(HEADS)) if config.loops > 1 else None,
        )
        for _ in range(LAYERS)
    ]  # fmt: skip
    head = matrix(VOCABULARY, HIDDEN)
    return Weights(head.weight, layers, ones(HIDDEN), head)


def parameters_of(weights: Weights) -> int:
    """How many numbers a model of the loop engine holds."""
    found = weights.embedding.numel() + weights.norm.numel()
    for layer in weights.layers:
        matrices = (layer.qkv, layer.o, layer.gate_up, layer.down)
        found += sum(one.rows * one.columns for one in matrices)
        found += layer.input_norm.numel() + layer.post_norm.numel()
        found += layer.gates.weight.numel() + layer.gates.bias.numel() if layer.gates else 0
    return found


def text(tokenizer: LoopTokenizer, count: int) -> list[int]:
    """Token ids of the standard library's modules, one after another."""
    ids: list[int] = []
    for file in sorted(Path(sysconfig.get_path("stdlib")).glob("*.py")):
        ids += tokenizer.encode("<|file_sep|>", special=True)
        ids += tokenizer.encode(file.read_text(encoding="utf-8", errors="replace"))
        if len(ids) >= count:
            break
    return ids[:count]


def forget_peak(cuda: bool) -> float:
    """Let the count of this process' memory begin anew (Linux); MiB that it has now."""
    if cuda:
        torch.cuda.reset_peak_memory_stats()
        return torch.cuda.memory_allocated() / 2**20
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return peak(cuda)


def peak(cuda: bool) -> float:
    """The most memory that this process has had since, in MiB."""
    if cuda:
        return torch.cuda.max_memory_allocated() / 2**20
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


class Held:
    """One architecture with a sequence in it; ``read`` and ``decode`` give seconds."""

    def __init__(self, architecture: str, tokens: int, device: torch.device) -> None:
        torch.manual_seed(0)
        self.cuda = device.type == "cuda"
        with tempfile.TemporaryDirectory() as folder:
            write_byte_level(Path(folder))
            tokenizer = open_tokenizer(Path(folder), VOCABULARY, ())
        self.ids = text(tokenizer, tokens + 4 * CHUNK)
        room = tokens + 4 * CHUNK
        dtype = torch.bfloat16 if self.cuda else torch.float32
        config = loop_config(2 if architecture == "loop" else 1)
        weights = loop_weights(config, device, dtype)
        self.parameters = parameters_of(weights)
        self.backend: LoopBackend | FlowBackend
        if architecture == "flow":
            standard, self.parameters = self.parameters, 0
            model = build(flow_config(standard))
            model.begin(0)
            self.parameters = sum(one.numel() for one in model.parameters())
            more: dict[str, Any] = {"context_tokens": room, "sequences": 1, "chunk_tokens": CHUNK}
            self.backend = FlowBackend(model.to(device), tokenizer, **more)
        else:
            operations = _operations(self.cuda)
            more = {"context_tokens": room, "sequences": 1, "chunk_tokens": CHUNK}
            model = LoopModel(config, weights, operations)
            self.backend = LoopBackend(model, tokenizer, operations, graphs=self.cuda, **more)

    @property
    def length(self) -> int:
        return self.backend.length(0)

    def read(self, count: int) -> float:
        """Append tokens of the text, chunk by chunk."""
        began, end = self._now(), self.length + count
        while (start := self.length) < end:
            logits = self.backend.prefill(0, self.ids[start : min(end, start + CHUNK)], lambda: False)
            assert logits is not None
        return self._now() - began

    def fill(self, count: int) -> None:
        """Let a cache hold ``count`` further tokens whose keys and values are random."""
        assert isinstance(self.backend, LoopBackend)
        cache = self.backend._cache
        while count:
            part = min(count, CHUNK)
            cache.reserve(0, part)
            cache.commit(0, part)
            count -= part
        for pool in (cache.pool, cache.local_pool):
            if pool is not None:
                for layer in range(len(pool.keys)):
                    pool.keys[layer].normal_()
                    pool.values[layer].normal_()

    def decode(self) -> float:
        """Seconds for one more token."""
        began = self._now()
        assert self.backend.decode([(0, self.ids[self.length])], lambda: False) is not None
        return self._now() - began

    def bytes(self) -> tuple[int, int]:
        """Of the sequence itself, and of earlier states beside it."""
        if isinstance(self.backend, LoopBackend):
            return state_bytes(self.backend._cache, 0), 0
        held = self.backend._held[0]
        return held.state.nbytes, sum(state.nbytes for state in held.kept.values())

    def _now(self) -> float:
        if self.cuda:
            torch.cuda.synchronize()
        return time.perf_counter()


def _operations(cuda: bool) -> Operations:
    if cuda and has_kernels():
        from engine.loop.kernels.elementwise import Fused

        return Fused()
    return Eager()


def measure(architecture: str, tokens: int, device: torch.device) -> Cost:
    """One measurement, in this process."""
    held = Held(architecture, tokens, device)
    before, whole = forget_peak(held.cuda), None
    if architecture != "flow" and tokens <= READ_WHOLE:
        whole = held.read(tokens)
        held.backend.rewind(0, 0)
    if architecture == "flow":
        whole = held.read(tokens - CHUNKS * CHUNK)
    else:
        held.fill(tokens - CHUNKS * CHUNK)
    read = [held.read(CHUNK) for _ in range(CHUNKS)]
    if whole is not None and architecture == "flow":
        whole += sum(read)
    own, kept = held.bytes()
    held.decode()
    decoded = [held.decode() for _ in range(DECODED)]
    return Cost(
        architecture,
        tokens,
        held.parameters,
        state_mb=round(own / 2**20, 2),
        kept_mb=round(kept / 2**20, 2),
        grown_mb=round(peak(held.cuda) - before, 1),
        read_ms=round(min(read) / CHUNK * 1e3, 4),
        decode_ms=round(min(decoded) * 1e3, 3),
        whole_s=None if whole is None else round(whole, 2),
    )


def in_a_process(architecture: str, tokens: int, device: str, threads: int) -> Cost:
    """One measurement, in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.long_context", "--device", device]
    command += ["--one", architecture, "--lengths", str(tokens), "--threads", str(threads)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{architecture} at {tokens} tokens: {done.stderr.strip().splitlines()[-1]}")
    return Cost(**json.loads(done.stdout.splitlines()[-1]))


def summed_s(costs: list[Cost], tokens: int) -> float:
    """Seconds of reading ``tokens`` tokens, from the chunks' times at the lengths up to there; below the
    first length a token costs what it costs there."""
    found = [cost for cost in sorted(costs, key=lambda one: one.tokens) if cost.tokens <= tokens]
    total = found[0].tokens * found[0].read_ms
    for one, other in pairwise(found):
        total += (other.tokens - one.tokens) * (one.read_ms + other.read_ms) / 2
    return total / 1e3


def exponent(points: list[tuple[int, float]]) -> float:
    """The slope of a line through the logarithms: values grow as length to its power."""
    xs, ys = ([math.log(value) for value in values] for values in zip(*points, strict=True))
    return round(statistics.linear_regression(xs, ys).slope, 3)


def summary(costs: list[Cost]) -> list[dict[str, Any]]:
    """One row an architecture: how its time grows, and its memory at the longest length beside standard's."""
    longest, found = max(cost.tokens for cost in costs), []
    largest = {cost.architecture: cost.state_mb for cost in costs if cost.tokens == longest}
    for name in dict.fromkeys(cost.architecture for cost in costs):
        own = [cost for cost in costs if cost.architecture == name]
        found.append(
            {
                "architecture": name,
                "parameters": own[0].parameters,
                "whole reading grows as tokens to the": exponent(
                    [(cost.tokens, summed_s(own, cost.tokens)) for cost in own]
                ),
                "a decoded token grows as tokens to the": exponent([(c.tokens, c.decode_ms) for c in own]),
                f"memory at {longest}, MB": largest[name],
                "share of standard's": round(largest[name] / largest["standard"], 4)
                if "standard" in largest
                else None,
                "reading all of it, s": round(summed_s(own, longest), 1),
            }
        )
    return found


def picture(costs: list[Cost], where: str) -> str:
    """The SVG of what was measured."""

    def curves(value: str) -> dict[str, list[tuple[int, float]]]:
        return {
            name: [(cost.tokens, getattr(cost, value)) for cost in costs if cost.architecture == name]
            for name in dict.fromkeys(cost.architecture for cost in costs)
        }

    return drawn(
        [
            Panel("Memory of one sequence", f"MB, {where}", curves("state_mb")),
            Panel("Reading", f"ms per token of a chunk, {where}", curves("read_ms")),
            Panel("Decoding", f"ms per token, {where}", curves("decode_ms")),
        ]
    )


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.long_context")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument(
        "--threads", type=int, default=1, help="of a CPU; with more, other work disturbs more"
    )
    parser.add_argument("--lengths", type=int, nargs="+", default=list(LENGTHS))
    parser.add_argument("--architectures", nargs="+", choices=ARCHITECTURES, default=list(ARCHITECTURES))
    parser.add_argument("--picture", type=Path, default=OUT / "long-context.svg")
    parser.add_argument("--one", choices=ARCHITECTURES, help="one measurement, as a line of JSON")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.one:
        found = measure(options.one, options.lengths[0], torch.device(options.device))
        print(json.dumps(asdict(found)))
        return
    costs: list[Cost] = []
    for tokens in options.lengths:
        for name in options.architectures:
            costs.append(in_a_process(name, tokens, options.device, options.threads))
            print(costs[-1], file=sys.stderr, flush=True)
    where = (
        torch.cuda.get_device_name()
        if options.device == "cuda"
        else f"CPU, float32, {options.threads} thread"
    )
    report({"long context": [asdict(cost) for cost in costs], "growth": summary(costs)}, "long_context")
    options.picture.write_text(picture(costs, where), encoding="utf-8")


if __name__ == "__main__":
    main()
