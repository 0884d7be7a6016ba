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
    "codeflow.completion.deadlineMs": 0,  # what is shown does not hang on how busy the machine is
    "codeflow.completion.timeoutMs": 60_000,
    "workbench.startupEditor": "none",
    "workbench.secondarySideBar.defaultVisibility": "hidden",
    "chat.commandCenter.enabled": False,
    "telemetry.telemetryLevel": "off",  # else the walkthrough's last line speaks of it
    "breadcrumbs.enabled": False,
    "editor.minimap.enabled": False,
}
CART, PRICES, FORMAT = "store/cart.py", "store/prices.py", "web/format.ts"
EXPRESSION = "share * parts"


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


def _line(shop: Window, name: str, fragment: str) -> tuple[int, str]:
    """The number (from 1) and the text of the first line with ``fragment`` in it."""
    lines = (shop.folder / name).read_text().splitlines()
    return next((number, text) for number, text in enumerate(lines, 1) if fragment in text)


def _below(shop: Window, name: str, fragment: str, typed: str) -> None:
    """Type on the empty line below one with ``fragment`` in it, until there is ghost text."""
    line, _ = _line(shop, name, fragment)
    shop.open(name, line + 1)
    shop.press("End")
    shop.type(typed)
    shop.wait_for_ghost_text()
    shop.rest(1)


def _accept(shop: Window) -> None:
    shop.press("Tab")
    shop.until(lambda: not shop.ghost_text(), "the suggestion is accepted")


def ghost_text(shop: Window) -> None:
    """A line that is completed while it is typed."""
    shop.press("Control+b")  # the side bar closes
    _below(shop, CART, "Sum of all lines", "return sum(")


def why(shop: Window) -> None:
    """What that suggestion was made of."""
    _accept(shop)
    shop.run_command("CodeFlow: Why This Suggestion")
    shop.until(lambda: len(shop.rows("Why This Suggestion")) > 1, "the view", ANSWERS_WITHIN_S)
    _toggle(shop, "Statistics")
    shop.rest(1)


def statistics(shop: Window) -> None:
    """What became of this suggestion and two more, and what is still there after half a minute."""
    for name, fragment, typed in ((PRICES, "including tax", "return "), (FORMAT, "formatDate", "return ")):
        _below(shop, name, fragment, typed)
        _accept(shop)
    shop.rest(32)
    shop.run_command("CodeFlow: Statistics")
    _toggle(shop, "Why This Suggestion")
    shop.until(lambda: shop.rows("Statistics"), "the view")
    shop.rest(6)  # it asks every 5 s


def _toggle(shop: Window, view: str) -> None:
    shop.page.locator(f".pane-header[aria-label^='{view}']").click()


def preview(shop: Window) -> None:
    """A refactoring in the Refactor Preview."""
    shop.press("Control+b")
    line, text = _line(shop, PRICES, EXPRESSION)
    shop.open(PRICES, line, text.index(EXPRESSION) + 1)
    for _ in EXPRESSION:
        shop.press("Shift+ArrowRight")
    shop.choose_action(next(one for one in shop.code_actions() if one.endswith("(preview…)")))
    shop.until(shop.preview, "the Refactor Preview", ANSWERS_WITHIN_S)
    shop.tick("prices.py")
    shop.page.locator(".bulk-edit-panel .monaco-list-row").last.click()  # its difference opens
    shop.rest(3)


def walkthrough(shop: Window) -> None:
    """The first steps."""
    shop.press_in_preview("Discard")
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
            shop.rest(15)  # until the folder and its history are read
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
