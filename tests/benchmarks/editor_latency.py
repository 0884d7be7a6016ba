"""What the extension costs a typist: VS Code's time from a key to its frame, with and without it.

``python -m tests.benchmarks.editor_latency`` types the same text into two windows of one browser, by turns,
at a human pace: one code-server has the extension with the real model, the other none. The time of a key is
from its event to the end of the frame that draws what it changed, in the page's own clock.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from tests.benchmarks.reporting import report
from tests.benchmarks.typing import source_of_400_lines
from tests.editors.vscode import install
from tests.editors.vscode.code_server import ROOT, install_extension, running
from tests.editors.vscode.window import ARGUMENTS, Window, window

TYPED = "ordered = sorted(entries, key=lambda entry: entry.date, reverse=True)"
PACE_MS = 120
# the frame that a change is drawn in ends just before the message that is sent in it arrives
CLOCK = """() => {
    window.frames_ms = [];
    let pressed = 0;
    addEventListener('keydown', (event) => { pressed = event.timeStamp; }, true);
    new MutationObserver(() => {
        if (!pressed) return;
        const since = pressed;
        pressed = 0;
        requestAnimationFrame(() => {
            const channel = new MessageChannel();
            channel.port1.onmessage = () => window.frames_ms.push(performance.now() - since);
            channel.port2.postMessage(0);
        });
    }).observe(document.querySelector('.monaco-editor .view-lines'),
        { childList: true, subtree: true, characterData: true });
}"""


def _prepare(shop: Window) -> None:
    lines = source_of_400_lines().splitlines()
    line = next(number for number in range(200, 400) if not lines[number - 1].strip())
    shop.open("typing.py", line)
    shop.page.evaluate(CLOCK)


def _round(shop: Window) -> list[float]:
    """Type the text on a line of its own; milliseconds of each key."""
    shop.page.bring_to_front()
    shop.press("Escape", "Enter")
    shop.rest(1)
    _times(shop.page)
    shop.type(TYPED, delay_ms=PACE_MS)
    shop.rest(1)
    return _times(shop.page)


def _times(page: Page) -> list[float]:
    return page.evaluate("() => window.frames_ms.splice(0)")


def _row(name: str, times: list[float]) -> dict[str, Any]:
    ordered = sorted(times)
    return {
        "editor": name,
        "keys": len(ordered),
        "p50_ms": round(statistics.median(ordered), 1),
        "p95_ms": round(ordered[int(0.95 * (len(ordered) - 1))], 1),
        "worst_ms": round(ordered[-1], 1),
    }


def run(vsix: Path, rounds: int) -> list[dict[str, Any]]:
    """One row for VS Code alone, one with the extension, and what the second has over the first."""
    times: dict[str, list[float]] = {"VS Code": [], "with CodeFlow": []}
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        own = Path(folder)
        (own / "shop").mkdir()
        (own / "shop" / "typing.py").write_text(source_of_400_lines(), encoding="utf-8")
        nothing = own / "nothing"
        nothing.mkdir()
        extensions = install_extension(vsix, own / "install")
        browser = playwright.chromium.launch(executable_path=install.chromium(), args=list(ARGUMENTS))
        with (
            running(own / "alone", nothing) as alone,
            running(own / "with", extensions) as equipped,
            window(browser, alone, own / "shop", has_extension=False) as plain,
            window(browser, equipped, own / "shop") as shop,
        ):
            shop.ready()
            for one in (plain, shop):
                _prepare(one)
                _round(one)  # to warm up: grammars, caches, the first prompt
            for _ in range(rounds):
                times["VS Code"] += _round(plain)
                times["with CodeFlow"] += _round(shop)
        browser.close()
    rows = [_row(name, some) for name, some in times.items()]
    names = ("p50_ms", "p95_ms", "worst_ms")
    more = {name: round(rows[1][name] - rows[0][name], 1) for name in names}
    return [*rows, {"editor": "difference", "keys": "", **more}]


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.editor_latency")
    newest = max((ROOT / "extension").glob("*.vsix"), key=lambda one: one.stat().st_mtime, default=None)
    parser.add_argument("--vsix", type=Path, default=newest, required=newest is None)
    parser.add_argument("--rounds", type=int, default=6, help=f"of {len(TYPED)} keys in each editor")
    options = parser.parse_args()
    report({"editor latency": run(options.vsix, options.rounds)}, "editor_latency")


if __name__ == "__main__":
    main()
