"""The pictures of the extension's page, taken in a real VS Code: ``python -m tests.editors.vscode.pictures``.

Takes the newest .vsix of `make vsix` (or CODEFLOW_VSIX), plays through what each picture shows with the real
0.5B, and writes small PNGs into ``extension/media``. Look at them before they are committed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from tests.editors.vscode import install
from tests.editors.vscode.code_server import ROOT, install_extension, running
from tests.editors.vscode.window import ANSWERS_WITHIN_S, ARGUMENTS, Window, window

OUT = ROOT / "extension" / "media"
SIZE = (1200, 750)  # what a marketplace shows without making it smaller
COLOURS = 128  # of a palette: a fifth of the size, and nobody sees it
SETTINGS = {
    "codeflow.refactor.preview": "always",
    "codeflow.completion.timeoutMs": 60_000,
    "workbench.startupEditor": "none",
    "workbench.secondarySideBar.defaultVisibility": "hidden",
    "chat.commandCenter.enabled": False,
    "breadcrumbs.enabled": False,
    "editor.minimap.enabled": False,
}
CART, PRICES = "store/cart.py", "store/prices.py"


def _shop(folder: Path) -> Path:
    """The tests' workspace as a repository with a short history."""
    shutil.copytree(ROOT / "tests" / "workspace", folder)
    (folder / "README.md").unlink()
    (folder / "places.toml").unlink()

    def git(*arguments: str) -> None:
        author = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
        subprocess.run(["git", *author, *arguments], cwd=folder, check=True, capture_output=True)

    whole = (folder / CART).read_text()
    git("init", "-q", "-b", "main")
    (folder / CART).write_text(whole[: whole.index("    def total")].rstrip() + "\n")
    git("add", ".")
    git("commit", "-q", "-m", "A cart of lines, with their discounts")
    (folder / CART).write_text(whole.replace("        return sum()\n", "        \n"))
    git("commit", "-q", "-a", "-m", "Total of a cart")
    return folder


def _place(shop: Window) -> None:
    """Put the cursor where the total is to be computed."""
    lines = (shop.folder / CART).read_text().splitlines()
    line = next(number for number, text in enumerate(lines, 1) if "Sum of all lines" in text) + 1
    shop.open(CART, line, 9)


def ghost_text(shop: Window) -> None:
    """A line that is completed while it is typed."""
    _place(shop)
    shop.press("Control+b")  # the side bar closes
    shop.type("return sum(")
    shop.wait_for_ghost_text()
    shop.rest(1)


def why(shop: Window) -> None:
    """What that suggestion was made of."""
    shop.run_command("CodeFlow: Why This Suggestion")
    shop.until(lambda: len(shop.rows("Why This Suggestion")) > 1, "the view", ANSWERS_WITHIN_S)
    shop.rest(1)


def statistics(shop: Window) -> None:
    """What became of suggestions so far."""
    shop.open(CART)
    _place(shop)
    shop.press("End", "Control+Space", "Escape", "Alt+Backslash")
    if shop.until(lambda: shop.ghost_text() or shop.displayed("sum("), "a suggestion", ANSWERS_WITHIN_S):
        shop.press("Tab")
    shop.rest(32)  # until it is known what was kept
    shop.run_command("CodeFlow: Statistics")
    shop.until(lambda: shop.rows("Statistics"), "the view")
    shop.rest(1)


def preview(shop: Window) -> None:
    """A refactoring in the Refactor Preview."""
    shop.press("Control+b")
    shop.open("web/format.ts", 8, 10)
    shop.press("Escape")
    title = next(one for one in shop.code_actions() if one.endswith("(preview…)"))
    shop.choose_action(title)
    shop.until(shop.preview, "the Refactor Preview", ANSWERS_WITHIN_S)
    shop.page.locator(".bulk-edit-panel .monaco-list-row").last.click()
    shop.rest(2)


def walkthrough(shop: Window) -> None:
    """The first steps."""
    shop.press("Control+j")  # the panel closes
    shop.run_command("CodeFlow: Open Walkthrough")
    shop.page.locator(".getting-started-step").first.wait_for()
    shop.rest(2)


PICTURES: dict[str, Callable[[Window], None]] = {
    "ghost-text": ghost_text,
    "why": why,
    "statistics": statistics,
    "preview": preview,
    "walkthrough": walkthrough,
}


def _smaller(path: Path) -> None:
    """With a palette in place of all colours."""
    with Image.open(path) as image:
        image.convert("RGB").quantize(COLOURS).save(path, optimize=True)


def take(out: Path) -> None:
    """All pictures, one after the other, in one window."""
    built = (ROOT / "extension").glob("*.vsix")
    vsix = Path(os.environ.get("CODEFLOW_VSIX") or max(built, key=lambda one: one.stat().st_mtime))
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        own = Path(folder)
        extensions = install_extension(vsix, own / "install")
        browser = playwright.chromium.launch(executable_path=install.chromium(), args=list(ARGUMENTS))
        with (
            running(own / "code-server", extensions, SETTINGS) as host,
            window(browser, host, _shop(own / "shop"), SIZE) as shop,
        ):
            shop.ready()
            for name, play in PICTURES.items():
                try:
                    play(shop)
                finally:
                    shop.screenshot(out / f"{name}.png")
                _smaller(out / f"{name}.png")
                print(f"{name}: {(out / f'{name}.png').stat().st_size / 1e3:.0f} KB")
        browser.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.editors.vscode.pictures")
    parser.add_argument("--out", type=Path, default=OUT)
    take(parser.parse_args().out)
