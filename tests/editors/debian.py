"""The editors that Debian has: what tests/editors/emacs and tests/editors/vim lack, and how it is installed.

``python -m tests.editors.debian`` installs what is missing, where there is an apt-get and somebody who may
use it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

ELPA = Path("/usr/share/emacs/site-lisp/elpa-src")
ALE = (Path("/usr/share/vim/vimfiles/pack/dist-bundle/opt/ale"),)

# by package, where it is when it is there
EMACS = {
    "tmux": ("tmux",),
    "emacs-nox": ("emacs",),
    "elpa-eglot": (ELPA / "eglot-1.9",),
    "elpa-lsp-mode": (ELPA / "lsp-mode-8.0.0",),
    "elpa-company": (ELPA / "company-0.9.13",),
}
VIM = {"tmux": ("tmux",), "vim": ("vim",), "vim-ale": ALE}
Places = tuple[str | Path, ...]


def _is_there(places: Places) -> bool:
    return any(place.exists() if isinstance(place, Path) else shutil.which(place) for place in places)


def missing(packages: dict[str, Places]) -> list[str]:
    """Those of the packages that are not installed."""
    return [package for package, places in packages.items() if not _is_there(places)]


def lacking(packages: dict[str, Places]) -> str | None:
    """The same as a sentence; None where all is there."""
    gone = missing(packages)
    return f"Not on this machine: {', '.join(gone)}; `make editors-setup` installs it." if gone else None


def install() -> None:
    """Install what is missing, or say how."""
    gone = missing({**EMACS, **VIM})
    if not gone:
        print("Emacs and Vim are there.")
        return
    command = ["apt-get", "install", "--yes", "--no-install-recommends", *gone]
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        print(f"Emacs and Vim are tested where this has been run: {' '.join(command)}")
        return
    subprocess.run(["apt-get", "update"], check=True)
    subprocess.run(command, check=True, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})


if __name__ == "__main__":
    install()
