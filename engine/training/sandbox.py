"""Whether a small Python function that a model wrote passes a check of ours, run apart.

For exercises that we make ourselves (`exercises`) and nothing else: no code of a workspace comes here. What
is run is read first: no imports, no names or attributes that lead outside, no builtins but harmless ones. It
runs in a process of its own, with no environment, few resources and little time, in an empty folder.
"""

from __future__ import annotations

import ast
import subprocess
import sys
import tempfile

SECONDS, MEGABYTES = 2, 256
_BUILTINS = (
    "abs", "all", "any", "bool", "chr", "dict", "divmod", "enumerate", "filter", "float", "int", "isinstance",
    "len", "list", "map", "max", "min", "ord", "range", "reversed", "round", "set", "sorted", "str", "sum",
    "tuple", "zip", "IndexError", "KeyError", "TypeError", "ValueError", "ZeroDivisionError",
)  # fmt: skip
_FORBIDDEN = (ast.Import, ast.ImportFrom, ast.Global, ast.Nonlocal, ast.AsyncFunctionDef, ast.Await)
_FORMATTING = ("format", "format_map")  # they read attributes that are named in a text
_INSIDES = ("_", "gi_", "f_", "cr_", "ag_", "tb_", "co_")  # attributes that lead to frames, and so outside
_RUN = f"""
import sys
try:
    import resource
    limits = dict(CPU={SECONDS}, AS={MEGABYTES} << 20, FSIZE=0, NPROC=0, CORE=0)
    for what, most in limits.items():
        resource.setrlimit(getattr(resource, "RLIMIT_" + what), (most, most))
except ImportError:
    pass  # Windows has no such limits; the time limit holds there
import builtins
source = sys.stdin.read()
allowed = {{name: getattr(builtins, name) for name in {_BUILTINS!r}}}
allowed |= {{"AssertionError": AssertionError, "__build_class__": builtins.__build_class__}}
program = compile(source, "exercise", "exec")
sys.addaudithook(lambda event, _: sys.exit(9) if event.split(".")[0] in {{
    "open", "os", "socket", "subprocess", "import", "ctypes", "shutil", "tempfile", "urllib"}} else None)
exec(program, {{"__builtins__": allowed, "__name__": "exercise"}})
"""


def passes(code: str, check: str) -> bool:
    """Whether ``check``, which asserts, runs through after ``code``, which is not trusted."""
    if not is_harmless(code):
        return False
    with tempfile.TemporaryDirectory(prefix="codeflow-exercise-") as folder:
        try:
            done = subprocess.run(
                [sys.executable, "-I", "-S", "-c", _RUN],
                input=f"{code}\n{check}\n".encode("utf-8", "replace"),
                cwd=folder,
                env={},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=SECONDS * 3,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return False
    return done.returncode == 0


def is_harmless(code: str) -> bool:
    """Whether code parses and has nothing in it that reaches outside of itself."""
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    for node in ast.walk(tree):
        if isinstance(node, _FORBIDDEN):
            return False
        if isinstance(node, ast.Attribute) and (node.attr.startswith(_INSIDES) or node.attr in _FORMATTING):
            return False
        if isinstance(node, ast.Name) and node.id.startswith("__"):
            return False
    return True
