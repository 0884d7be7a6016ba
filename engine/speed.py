"""How fast a model is on this machine: measured for two seconds, then kept in the cache directory."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from engine.backend import Backend

GHOST_PROMPT_TOKENS = 40  # evaluated at a typical keystroke
GHOST_ANSWER_TOKENS = 12  # generated for a typical line
_MEASURED_S = 2.0


@dataclass(frozen=True, slots=True)
class Speed:
    """Tokens per second at a short context."""

    prefill: float
    decode: float

    @property
    def ghost_text_s(self) -> float:
        """Seconds to a typical ghost text: 40 prompt tokens evaluated, 12 generated."""
        return GHOST_PROMPT_TOKENS / self.prefill + GHOST_ANSWER_TOKENS / self.decode

    def scaled(self, share: float) -> Speed:
        """The speed to expect where all takes ``share`` times as long."""
        return Speed(self.prefill / share, self.decode / share)


def measure(backend: Backend, seconds: float = _MEASURED_S) -> Speed:
    """Medians over rounds of a 64-token prefill and 8 decode steps, on sequence 0, which is left empty."""
    prompt = list(backend.tokenizer.encode("def area(width, height):\n    return width * height\n\n" * 8))[
        :64
    ]
    prefill: list[float] = []
    decode: list[float] = []
    started = time.monotonic()
    while not decode or time.monotonic() - started < seconds or len(decode) < 2:
        backend.rewind(0, 0)
        at = time.perf_counter()
        backend.prefill(0, prompt, lambda: False)
        prefill.append(len(prompt) / (time.perf_counter() - at))
        at = time.perf_counter()
        for token in prompt[:8]:
            backend.decode([(0, token)], lambda: False)
        decode.append(8 / (time.perf_counter() - at))
    backend.rewind(0, 0)
    return Speed(statistics.median(prefill[1:] or prefill), statistics.median(decode[1:] or decode))


class SpeedBook:
    """Measurements on disk, by model, machine and llama.cpp version. A damaged file counts as empty."""

    def __init__(self, path: Path, backend_version: str) -> None:
        self._path = path
        self._machine = f"{_processor()}|{os.cpu_count()}|{backend_version}"

    def get(self, model: str) -> Speed | None:
        """The kept measurement of a model (its hash or path)."""
        found = self._read().get(f"{model}|{self._machine}")
        try:
            return Speed(float(found["prefill"]), float(found["decode"])) if found else None
        except (KeyError, TypeError, ValueError):
            return None

    def is_provisional(self, model: str) -> bool:
        """Whether the kept measurement was taken beside other work and should be repeated."""
        return bool(self._read().get(f"{model}|{self._machine}", {}).get("provisional"))

    def put(self, model: str, speed: Speed, *, provisional: bool = False) -> None:
        """Keep a measurement; silently not, where the disk may not be written."""
        entry = asdict(speed) | ({"provisional": True} if provisional else {})
        kept = self._read() | {f"{model}|{self._machine}": entry}
        partial = self._path.with_suffix(f".{os.getpid()}.partial")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            partial.write_text(json.dumps(kept, indent=1), encoding="utf-8")
            partial.replace(self._path)
        except OSError:
            partial.unlink(missing_ok=True)

    def _read(self) -> dict[str, dict[str, Any]]:
        try:
            read = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return read if isinstance(read, dict) else {}


def _processor() -> str:
    """The processor's name; Linux keeps it where platform does not look."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
