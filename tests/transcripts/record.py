"""Records what an editor says of itself: a language server that notes ``initialize``, and serves nothing.

``python -m tests.transcripts.record FILE`` is given to an editor as its server; without a file it runs the
real editors of ``make editors-setup`` with that, and writes what they say to ``tests/golden/clients``.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

CLIENTS = Path(__file__).resolve().parents[1] / "golden" / "clients"
ROOT = Path(__file__).resolve().parents[2]
NVIM = """
vim.lsp.start({{
  name = 'recorder',
  cmd = {{ '{python}', '-m', 'tests.transcripts.record', '{file}' }},
  cmd_cwd = '{root}',
  root_dir = '{folder}',
}})
vim.wait(20000, function() return vim.uv.fs_stat('{file}') ~= nil end, 50)
vim.cmd('qa!')
"""


def note(file: Path) -> None:
    """Speak to one editor: write the params of its ``initialize``, answer all that it asks with nothing."""
    while True:
        length = 0
        while (line := sys.stdin.buffer.readline()).strip():
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        if not length:
            return
        message = json.loads(sys.stdin.buffer.read(length))
        if message.get("method") == "initialize":
            file.write_text(json.dumps(message["params"]))
        if message.get("method") == "exit":
            return
        if "id" in message:
            result = {"capabilities": {}} if message["method"] == "initialize" else None
            content = json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}).encode()
            sys.stdout.buffer.write(b"Content-Length: %d\r\n\r\n" % len(content) + content)
            sys.stdout.buffer.flush()


def write(name: str, source: str, said: dict[str, Any]) -> None:
    """Keep what an editor said, under a name."""
    kept = {
        "source": source,
        "clientInfo": said.get("clientInfo"),
        "serves": [],
        "capabilities": said["capabilities"],
    }
    text = json.dumps(kept, indent=1, ensure_ascii=False, sort_keys=False)
    (CLIENTS / f"{name}.json").write_text(f"{text}\n", encoding="utf-8")


def record_neovim(version: str, name: str) -> None:
    """A Neovim without configuration, as it is out of the box."""
    from tests.editors.nvim.install import neovim

    with tempfile.TemporaryDirectory() as folder:
        file, script = Path(folder) / "said.json", Path(folder) / "init.lua"
        script.write_text(NVIM.format(python=sys.executable, file=file, root=ROOT, folder=folder))
        command = [str(neovim(version)), "--clean", "--headless", "-u", str(script)]
        subprocess.run(command, check=True, timeout=60, capture_output=True)
        write(name, f"recorded from Neovim {version} without configuration", json.loads(file.read_text()))


def record_vscode() -> None:
    """VS Code with this extension, whose server is a script that notes."""
    from playwright.sync_api import sync_playwright

    from tests.editors.vscode.code_server import SERVER, install_extension, running
    from tests.editors.vscode.install import CODE_SERVER, chromium
    from tests.editors.vscode.window import ARGUMENTS, window

    (vsix,) = (ROOT / "extension").glob("*.vsix")
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        file, program, shop = folder / "said.json", folder / "server", folder / "shop"
        shop.mkdir()
        (shop / "a.py").write_text("a = 1\n")
        program.write_text(
            f'#!/bin/sh\n[ "$1" = --stdio ] || exec {SERVER} "$@"\n'
            f"cd {ROOT} && exec {sys.executable} -m tests.transcripts.record {file}\n"
        )
        program.chmod(0o755)
        extensions = install_extension(vsix, folder / "install")
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(ARGUMENTS))
        settings = {"codeflow.server.path": str(program)}
        with running(folder / "host", extensions, settings) as host, window(browser, host, shop) as shown:
            shown.open("a.py")
            shown.until(file.exists, "VS Code says hello to its server", 60)
        browser.close()
        source = f"recorded from code-server {CODE_SERVER} with this project's extension"
        write("vscode", source, json.loads(file.read_text()))


def main() -> None:
    """Note for an editor that started this, or run the editors."""
    if len(sys.argv) > 1:
        note(Path(sys.argv[1]))
        return
    from tests.editors.nvim.install import NEOVIMS

    for version in NEOVIMS:
        record_neovim(version, f"neovim-{'.'.join(version.split('.')[:2])}")
    record_vscode()


if __name__ == "__main__":
    main()
