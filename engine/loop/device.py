"""Which processor the loop engine runs on, and why not on the GPU where there is one that it cannot use.

A GPU that is there and unusable is an error, never a silent fall to the CPU: that would be a hundred times
slower, and look like a slow model.
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import psutil

from engine.errors import BackendError

_ANSWERS_WITHIN_S = 10.0  # nvidia-smi takes a second or two where the driver has to be woken


@dataclass(frozen=True, slots=True)
class Gpu:
    """An NVIDIA GPU as its driver describes it; bytes of its memory."""

    name: str
    driver: str
    total_bytes: int
    free_bytes: int


def find_gpus() -> list[Gpu]:
    """The GPUs that the driver knows; empty where there is none.

    Raises BackendError where the driver does not answer.
    """
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    query = [
        program,
        "--query-gpu=name,driver_version,memory.total,memory.free",
        "--format=csv,noheader,nounits",
    ]
    try:
        said = subprocess.run(query, capture_output=True, text=True, timeout=_ANSWERS_WITHIN_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BackendError(
            f"There is an NVIDIA driver here, but nvidia-smi does not answer: {error}."
        ) from None
    if said.returncode:
        reason = (said.stdout + said.stderr).strip().splitlines() or ["no reason given"]
        raise BackendError(f"There is an NVIDIA driver here, but it does not work: {reason[0]}")
    return [_gpu(line) for line in said.stdout.splitlines() if line.count(",") == 3]


def _gpu(line: str) -> Gpu:
    name, driver, total, free = (part.strip() for part in line.split(","))
    mib = [int(text) << 20 if text.isdigit() else 0 for text in (total, free)]
    return Gpu(name, driver, *mib)


def choose_device(wanted: str = "auto") -> str:
    """Which of "cuda" and "cpu", for ``wanted`` "auto", "cuda" or "cpu".

    Raises BackendError with the reason and a way out.

    ``auto`` is the GPU where there is one, or an error where it cannot be used.
    """
    if wanted == "cpu":
        return "cpu"
    there = bool(find_gpus()) or Path("/dev/nvidia0").exists()
    if (reason := why_no_cuda()) == "":
        return "cuda"
    if wanted == "auto" and not there:
        return "cpu"
    what = (
        "A GPU is here that the loop engine cannot use" if there else "The loop engine cannot use a GPU here"
    )
    raise BackendError(f"{what}: {reason} (engine.device: cpu runs the model on the processor.)")


def why_no_cuda() -> str:
    """Why torch cannot use a GPU, as a sentence; empty where it can."""
    try:
        import torch
    except ImportError:
        return "torch is not installed; pip install 'codeflow-lsp[loop]' brings it."
    if torch.version.cuda is None:
        return (
            f"the installed torch {torch.__version__} was built without CUDA; install one that has it: "
            "https://pytorch.org/get-started."
        )
    try:
        torch.cuda.init()
        torch.zeros(1, device="cuda")
    except (RuntimeError, AssertionError) as error:
        return f"CUDA does not start: {str(error).splitlines()[0]}."
    return ""


def free_bytes(device: str) -> int:
    """Memory that is free on a device now."""
    if device == "cpu":
        return psutil.virtual_memory().available
    import torch

    return torch.cuda.mem_get_info()[0]
