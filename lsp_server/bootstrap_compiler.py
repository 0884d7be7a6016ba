"""What llama.cpp is compiled with: this machine's compilers, or zig's from the package index; the flags.

Knows the standard library alone. CMake and ninja are pip's business: it brings them where they are missing.
"""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# With these parts the same build takes 10 min 40 s on two cores instead of 3 min 43 s.
OFF = "LLAVA_BUILD LLAMA_BUILD_TOOLS LLAMA_BUILD_EXAMPLES LLAMA_BUILD_TESTS LLAMA_BUILD_SERVER LLAMA_CURL"
PACKAGES = """\
On Debian or Ubuntu: sudo apt-get install gcc g++ cmake make python3-venv
(macOS: xcode-select --install; Windows: the Visual Studio Build Tools with C++). Then run this again."""
ZIG = "ziglang==0.15.2"  # a C++ compiler as a wheel, 94 MB; what it built gives the same tokens, as fast
# llama-cpp-python insists on the common parts of llama.cpp's tools, 57 of 140 files. Read inside of that
# project, this has the last word.
_WITHOUT_COMMON = "set(LLAMA_BUILD_COMMON OFF)\n"
_GLIBC = "2.28"  # no Python that is new enough runs on an older one


def compiler_missing(env: Mapping[str, str]) -> str:
    """Return the sentence for a missing compiler, or an empty string. pip brings CMake and ninja itself."""
    for language, variable, names in (("C", "CC", "cc gcc clang"), ("C++", "CXX", "c++ g++ clang++")):
        candidates = shlex.split(env.get(variable, ""))[:1] or names.split()
        known = any(shutil.which(name, path=env.get("PATH", os.defpath)) for name in candidates)
        if not known and os.name != "nt":  # Visual Studio is never in PATH; CMake knows where it lives
            return f"llama.cpp needs a {language} compiler: found no {', '.join(candidates)}.\n{PACKAGES}"
    return ""


def zig_may_serve(env: Mapping[str, str]) -> bool:
    """Whether to fetch a compiler where there is none: only Linux was tried, and who names one means that."""
    return sys.platform == "linux" and not (env.get("CC") or env.get("CXX"))


def zig_environment(env: Mapping[str, str], folder: Path) -> dict[str, str]:
    """``env`` for a build by the zig that pip put into ``folder``, with programs there that CMake can call.

    The target is named, so that headers and start files are zig's own: such a machine lacks them.
    """
    for name in ("cc", "c++", "ar", "ranlib"):
        target = f"-target {_target()} " if _target() and name in ("cc", "c++") else ""
        script = f'#!/bin/sh\nexec {shlex.quote(str(folder / "ziglang" / "zig"))} {name} {target}"$@"\n'
        (folder / name).write_text(script, encoding="utf-8")
        (folder / name).chmod(0o755)
    tools = f"-DCMAKE_AR={folder / 'ar'} -DCMAKE_RANLIB={folder / 'ranlib'}"
    return {
        **env,
        "CC": str(folder / "cc"),
        "CXX": str(folder / "c++"),
        "CMAKE_ARGS": f"-DGGML_OPENMP=OFF {tools} {env.get('CMAKE_ARGS', '')}".strip(),  # zig has no OpenMP
        "ZIG_GLOBAL_CACHE_DIR": str(folder / "cache"),
        "ZIG_LOCAL_CACHE_DIR": str(folder / "cache"),
    }


def _target() -> str:
    """This machine as zig writes it; empty where it has another C library: zig finds out by itself."""
    is_glibc = platform.libc_ver()[0] == "glibc"
    return f"{platform.machine()}-linux-gnu.{_GLIBC}" if is_glibc else ""


def without_amx(env: Mapping[str, str]) -> str:
    """Return compiler flags that keep llama.cpp off Intel's AMX, where this machine has it: K-quant models
    crash there (ggml-org/llama.cpp#20824). Empty elsewhere, and for compilers too old to know of it."""
    try:
        if "amx_int8" not in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace"):
            return ""
    except OSError:
        return ""
    flags = "-mno-amx-tile -mno-amx-int8 -mno-amx-bf16"
    compiler = [*shlex.split(env.get("CC", "") or "cc"), *flags.split(), "-E", "-x", "c", os.devnull]
    try:
        known = subprocess.run(compiler, capture_output=True, check=False).returncode == 0
    except OSError:
        return ""
    return flags if known else ""


def build_environment(env: Mapping[str, str], venv: Path | None = None) -> dict[str, str]:
    """Return pip's environment: our build flags in front, so that the user's own have the last word.

    ``venv`` keeps what CMake is told by a file. What makes another Python find modules is left out: it would
    be the wheel that this may run from.
    """
    ours = "".join(f"-D{part}=OFF " for part in OFF.split())
    if venv is not None and " " not in str(venv.resolve()):  # CMAKE_ARGS cannot hold a blank
        told = venv.resolve() / "llama-cpp.cmake"
        told.write_text(_WITHOUT_COMMON, encoding="utf-8")
        ours += f"-DCMAKE_PROJECT_llama.cpp_INCLUDE={told} "
    plain = {"PYTHONUNBUFFERED": "1", "PIP_NO_INPUT": "1", "LC_ALL": "C"}  # explain() reads English
    amx = without_amx(env)
    flags = {name: f"{env.get(name, '')} {amx}".strip() for name in ("CFLAGS", "CXXFLAGS") if amx}
    others = {name: value for name, value in env.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    return {**others, **plain, **flags, "CMAKE_ARGS": (ours + env.get("CMAKE_ARGS", "")).strip()}
