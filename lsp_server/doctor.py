"""``codeflow-lsp doctor``: machine, backend and why, model, measured speed, and what to mend."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.catalog import ResolvedModel

_BUSY_SHARE = 0.6  # load per core above which a measurement says little


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    parser = verbs.add_parser("doctor", help="check the machine and the model, and say what to mend")
    parser.add_argument(
        "--model", default="auto", help="a model name, or the path of a GGUF file or of a checkpoint's folder"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(func=_run)


def _run(options: argparse.Namespace) -> int:
    from lsp_server.show import Terminal

    terminal = Terminal(quiet=options.json)
    with terminal.progress() as report:
        found = examine(options.model, report)
    if options.json:
        print(json.dumps(found))  # noqa: T201
    else:
        for section, facts in found.items():
            if section == "advice":
                continue
            terminal.say(section, "bold")
            for name, value in facts.items():
                terminal.say(f"  {name.replace('_', ' '):22s} {value}")
        terminal.say("advice", "bold")
        for line in found["advice"] or ["nothing is wrong"]:
            terminal.say(f"  {line}")
    return 1 if found["model"].get("error") else 0


def examine(model: str, report: Any) -> dict[str, Any]:
    """Everything doctor knows, as JSON-able values. Measures the model's speed anew (about two seconds)."""
    import psutil

    from engine import EngineError
    from engine.catalog import cache_dir
    from engine.llama.library import amx_is_broken
    from engine.llama.opening import has_gpu, version
    from engine.llama.threads import FreeCores

    memory, cores = psutil.virtual_memory(), FreeCores()
    home = cache_dir()
    disk = shutil.disk_usage(next(p for p in (home, *home.parents) if p.exists()))
    load = psutil.getloadavg()[0] / (os.cpu_count() or 1)
    advice: list[str] = []
    found: dict[str, Any] = {
        "machine": {
            "system": f"{platform.system()} {platform.machine()}",
            "python": platform.python_version(),
            "cores": cores.cores,
            "threads_now": cores(),
            "load_per_core": round(load, 2),
            "memory_free_gb": round(memory.available / 1e9, 1),
            "cache_directory": str(home),
            "disk_free_gb": round(disk.free / 1e9, 1),
            "saved_prompts_gb": _saved_prompts_gb(advice),
        },
        "backend": {
            "name": f"llama.cpp (llama-cpp-python {version()})",
            "device": "GPU" if has_gpu() else "CPU",
            "reason": "built for a GPU" if has_gpu() else "this llama.cpp was built without GPU support",
        },
        "gpu": _examine_gpu(advice),
    }
    if amx_is_broken():
        advice.append(
            "this build of llama.cpp uses Intel AMX, which crashes, so its fast weight layout is off; "
            "reinstall it by `make setup`, or with CFLAGS='-mno-amx-int8 -mno-amx-tile -mno-amx-bf16'"
        )
    if load > _BUSY_SHARE:
        advice.append("the machine is busy: what is measured now is slower than it could be")
    try:
        found["model"] = _examine_model(model, report, advice)
    except EngineError as error:
        found["model"] = {"error": str(error)}
        advice.append(str(error))
    return found | {"advice": advice}


def _saved_prompts_gb(advice: list[str]) -> float | None:
    from engine.saved_prefixes import prefixes_dir, usage

    try:
        return round(usage(prefixes_dir()).size_bytes / 1e9, 2)
    except OSError as error:
        advice.append(f"saved prompts cannot be used: {prefixes_dir()}: {error.strerror or error}")
        return None


def _examine_gpu(advice: list[str]) -> dict[str, Any]:
    """What GPU there is, and whether the loop engine can use it; one that it cannot is worth advice."""
    from engine import EngineError
    from engine.loop.device import find_gpus, why_no_cuda

    try:
        gpus = find_gpus()
    except EngineError as error:
        advice.append(str(error))
        return {"found": str(error)}
    facts: dict[str, Any] = {}
    for number, gpu in enumerate(gpus):
        facts[f"gpu_{number}"] = gpu.name
        facts[f"driver_{number}"] = gpu.driver
        facts[f"memory_free_gb_{number}"] = f"{gpu.free_bytes / 1e9:.1f} of {gpu.total_bytes / 1e9:.1f}"
    if not gpus:
        return {"found": "none"}
    reason = why_no_cuda()
    facts["loop_engine"] = reason or "can use it"
    if reason:
        advice.append(f"a GPU is here that the loop engine cannot use: {reason}")
    return facts


def _examine_model(name: str, report: Any, advice: list[str]) -> dict[str, Any]:
    from engine.catalog import resolve
    from engine.choice import LIMIT_S, choose_model, speed_book, speed_of

    def on_progress(progress: Any) -> None:
        report(progress.what, progress.done_bytes / progress.total_bytes if progress.total_bytes else None)

    if name == "auto":
        choice = choose_model(allow_pull=True, report=on_progress)
        model, reason = choice.model, choice.reason
    else:
        model, reason = resolve(name, report=on_progress), "asked for"
    if model.engine == "loop":
        return _examine_checkpoint(model, reason)
    report("measuring", None)
    speed = speed_of(model, speed_book(), again=True)
    if speed.ghost_text_s > LIMIT_S:
        advice.append(
            f"a ghost text takes about {speed.ghost_text_s:.1f} s with this model; "
            "a smaller one would be quicker (codeflow-lsp models list)"
        )
    entry = model.entry
    return {
        "name": entry.name if entry else model.path.stem,
        "file": str(model.path),
        "sha256": entry.sha256 if entry else "not in the catalog",
        "licence": entry.licence if entry else "the file's own",
        "why": reason,
        "prefill_tokens_per_s": round(speed.prefill),
        "decode_tokens_per_s": round(speed.decode, 1),
        "ghost_text_s": round(speed.ghost_text_s, 2),
    }


def _examine_checkpoint(model: ResolvedModel, reason: str) -> dict[str, Any]:
    """Where a checkpoint would run and what fits beside its weights; nothing is loaded."""
    from engine.engine import SEQUENCES
    from engine.loop.opening import plan_for
    from lsp_server.loop_session import NAMED

    plan = plan_for(model.path, sequences=SEQUENCES + NAMED, context_tokens=1 << 17)
    ways = {
        f"fits_in_{'int4' if way.quantise else 'full'}": f"{way.weight_bytes / 1e9:.1f} GB of weights, "
        f"{way.context_tokens:,} tokens of context"
        for way in plan.others
    }
    return {
        "name": model.entry.name if model.entry else model.path.name,
        "file": str(model.path),
        "why": f"{reason}; a folder of safetensors is run by the loop engine",
        "runs": plan.sentence,
        "loops": plan.config.loops,
        "context_tokens": plan.fit.context_tokens,
        **ways,
    }
