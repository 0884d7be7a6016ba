"""A window of VS Code in a browser, as its user sees it: open, type, press, read what stands on the screen.

Every wait has a reason and a limit; where it runs out, the reason is the error. Texts are read from the DOM,
documents by saving them and reading their files. Knows nothing of what the tests expect.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from playwright.sync_api import Browser, Locator, Page

from tests.editors.vscode.code_server import CodeServer

Found = TypeVar("Found")

SIZE = (1280, 800)
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
OPENS_WITHIN_S = 180  # 11 to 17 s on two idle cores
ANSWERS_WITHIN_S = 90  # a prompt of a new file on two busy cores
SOON_S = 15  # what needs no model
LOOK_AGAIN_MS = 100
BETWEEN_KEYS_MS = 80  # 150 words a minute: a quick typist
STATES = {
    "loading": "starting",
    "cloud-download": "downloading",
    "sparkle": "ready",
    "circle-slash": "off",
    "bell-slash": "quiet",
    "warning": "missing",
    "error": "error",
}
GHOST = """() => {
    const lines = [...document.querySelectorAll('.monaco-editor .view-line')]
        .map((line) => [line.getBoundingClientRect().top,
            [...line.querySelectorAll('.ghost-text-decoration')].map((one) => one.textContent).join('')])
        .filter(([, text]) => text).sort(([a], [b]) => a - b).map(([, text]) => text);
    const below = [...document.querySelectorAll('.suggest-preview-text .view-line')].map((line) =>
        [...line.querySelectorAll('.ghost-text')].map((one) => one.textContent).join(''));
    return [...lines, ...below].join('\\n');
}"""


@dataclass(frozen=True)
class Status:
    """The item in the status bar: its state by its icon, and the sentence that a screen reader says."""

    state: str
    message: str


@dataclass
class Window:
    """One window on ``folder``, in ``page``, of the code-server ``host``."""

    page: Page
    host: CodeServer
    folder: Path
    opened_s: float = field(default_factory=time.monotonic)

    # -- waiting

    def until(self, what: Callable[[], Found | None], reason: str, within_s: float = SOON_S) -> Found:
        """What ``what`` gives as soon as it gives something; ``reason`` says what is waited for."""
        end = time.monotonic() + within_s
        while True:
            if found := what():
                return found
            if time.monotonic() > end:
                raise AssertionError(f"Not within {within_s} s: {reason}. Status: {self.status()}")
            self.page.wait_for_timeout(LOOK_AGAIN_MS)

    def rest(self, seconds: float) -> None:
        """Let time pass, where nothing is to happen meanwhile."""
        self.page.wait_for_timeout(1000 * seconds)

    # -- the status bar

    def status(self) -> Status | None:
        """What the extension says of itself; None before it is there."""
        item = self.page.locator(".statusbar-item[aria-label^='CodeFlow:']")
        found = item.evaluate_all(
            "items => items.map(one => [one.getAttribute('aria-label'),"
            " (one.querySelector('.codicon') ?? one).className])"
        )
        for label, classes in found:
            names = [name.removeprefix("codicon-") for name in classes.split() if name.startswith("codicon-")]
            state = next((STATES[name] for name in names if name in STATES), " ".join(names))
            return Status(state, label.removeprefix("CodeFlow: "))
        return None

    def wait_for_status(self, state: str, within_s: float = ANSWERS_WITHIN_S, holds: str = "") -> Status:
        """The status once it is ``state`` and says ``holds``."""

        def reached() -> Status | None:
            now = self.status()
            return now if now and now.state == state and holds in now.message else None

        return self.until(reached, f"the status {state!r} {holds}", within_s)

    def ready(self, within_s: float = 120) -> Status:
        """The status once a model is open."""
        return self.wait_for_status("ready", within_s)

    # -- files and keys

    def open(self, name: str, line: int = 1, column: int = 1) -> None:
        """Open a file of the folder, with the cursor there (both from 1)."""
        self.press("Control+p")
        box = self.page.locator(".quick-input-widget:visible input")
        box.wait_for()
        box.fill(f"{self.folder / name}:{line}:{column}")
        # before it has looked, the list has the files that were open lately
        self.page.locator(".quick-input-widget .monaco-list-row.focused", has_text=Path(name).name).wait_for()
        self.press("Enter")
        place = f"Ln {line}, Col {column}"
        self.until(lambda: self.tab() == Path(name).name and place in self.cursor(), f"{name} at {place}")

    def tab(self) -> str:
        """The name of the file that is edited."""
        active = self.page.locator(".tabs-container .tab.active")
        return active.first.get_attribute("data-resource-name") or "" if active.count() else ""

    def cursor(self) -> str:
        """``Ln 3, Col 4``, as the status bar has it."""
        return self._text(".statusbar-item[id='status.editor.selection']")

    def type(self, text: str, delay_ms: float = BETWEEN_KEYS_MS) -> None:
        """Key by key, at a human pace."""
        self.page.keyboard.type(text, delay=delay_ms)

    def press(self, *keys: str) -> None:
        """Keys by their names, such as ``Control+ArrowRight``."""
        for key in keys:
            self.page.keyboard.press(key)

    def text(self, name: str) -> str:
        """What stands in the document that is edited, which is saved for it."""
        path = self.folder / name
        assert self.tab() == path.name, f"{self.tab()} is edited, not {name}"
        if self.page.locator(".tab.active.dirty").count():
            saved_at = path.stat().st_mtime_ns
            self.press("Control+s")
            self.until(lambda: path.stat().st_mtime_ns != saved_at, f"{name} is saved")
            self.rest(0.3)  # it is emptied before it is written
        return path.read_text()

    # -- ghost text

    def ghost_text(self) -> str:
        """The ghost text on the screen, line by line; empty where there is none."""
        return self.page.evaluate(GHOST).replace("\xa0", " ").replace("\u200b", "")

    def displayed(self, fragment: str) -> str:
        """A line as it stands on the screen, ghost text included: the first that holds ``fragment``."""
        lines = self.page.locator(".monaco-editor .view-line").all_text_contents()
        shown = (line.replace("\xa0", " ").replace("\u200b", "") for line in lines)
        return next((line for line in shown if fragment in line), "")

    def wait_for_ghost_text(self, within_s: float = ANSWERS_WITHIN_S, holds: str = "") -> str:
        """The ghost text once there is some, with ``holds`` in it."""

        def shown() -> str:
            text = self.ghost_text()
            return text if holds in text else ""

        return self.until(shown, f"ghost text {holds!r}", within_s)

    # -- commands, menus, notifications

    def run_command(self, title: str) -> None:
        """From the command palette, by its whole title."""
        self.press("F1")
        box = self.page.locator(".quick-input-widget:visible input")
        box.wait_for()
        box.fill(f">{title}")
        self._choose_quick(title, exact=True)

    def question(self) -> str:
        """The title of a quick pick or an input box that is open."""
        return self._text(".quick-input-widget:visible .quick-input-title")

    def choices(self) -> list[str]:
        """What a quick pick offers."""
        rows = self.page.locator(".quick-input-widget:visible .monaco-list-row .label-name")
        return [_plain(text) for text in rows.all_text_contents()]

    def choose(self, label: str) -> None:
        """One of a quick pick's entries, by a part of its label."""
        self._choose_quick(label, exact=False)

    def _choose_quick(self, label: str, *, exact: bool) -> None:
        rows = self.page.locator(".quick-input-widget:visible .monaco-list-row")

        def place() -> Locator | None:
            for row in rows.all():
                name = _plain(row.locator(".label-name").first.text_content(timeout=1000) or "")
                if name == label or (not exact and label in name):
                    return row
            return None

        self.until(place, f"{label!r} among {self.choices()}").click()

    def open_menu(self) -> None:
        """The menu of the item in the status bar."""
        self.page.locator(".statusbar-item[aria-label^='CodeFlow:'] a").click()
        self.until(self.choices, "CodeFlow's menu")

    def code_actions(self) -> list[str]:
        """Press Ctrl+.; what the menu offers, with the headings left out."""
        self.press("Control+.")
        rows = self.page.locator(".action-widget .monaco-list-row.action .title")
        self.until(rows.count, "code actions")
        return [_plain(text) for text in rows.all_text_contents()]

    def choose_action(self, title: str) -> None:
        """One of the code actions of the menu that is open, by its whole title."""
        rows = self.page.locator(".action-widget .monaco-list-row.action")
        for row in rows.all():
            if _plain(row.locator(".title").text_content() or "") == title:
                row.click()
                return
        raise AssertionError(f"{title!r} is not offered")

    def preview(self) -> list[str]:
        """The lines of the Refactor Preview; none where it is not open."""
        rows = self.page.locator(".bulk-edit-panel .monaco-list-row")
        return [_plain(text) for text in rows.all_text_contents()]

    def tick(self, file: str) -> None:
        """All edits of one file in the Refactor Preview; VS Code ticks none that is to be confirmed."""
        row = self.page.locator(".bulk-edit-panel .monaco-list-row", has_text=file).first
        row.locator("input[type=checkbox], .monaco-checkbox, .edit-checkbox").first.click()

    def press_in_preview(self, button: str) -> None:
        """Apply or Discard."""
        self.page.locator(".bulk-edit-panel .monaco-button", has_text=button).click()

    def notifications(self) -> list[str]:
        """The messages that stand in the corner."""
        rows = self.page.locator(".notifications-toasts .notification-list-item-message")
        return [_plain(text) for text in rows.all_text_contents()]

    def press_button(self, notification: str, button: str, within_s: float = SOON_S) -> None:
        """A button of the notification that holds those words."""
        item = self.page.locator(".notifications-toasts .notification-list-item", has_text=notification)
        item.locator(".monaco-button", has_text=button).first.click(timeout=1000 * within_s)

    def rows(self, view: str) -> list[str]:
        """The lines of a tree view, by the view's title."""
        pane = self.page.locator(".pane", has=self.page.locator(f".pane-header[aria-label^='{view}']"))
        return [_plain(text) for text in pane.locator(".monaco-list-row").all_text_contents()]

    # -- evidence

    def screenshot(self, path: Path) -> None:
        """What is on the screen."""
        self.page.screenshot(path=path)

    def _text(self, selector: str) -> str:
        found = self.page.locator(selector)
        return _plain(" ".join(found.all_text_contents())) if found.count() else ""


def _plain(text: str) -> str:
    return text.replace("\xa0", " ").strip()


@contextmanager
def window(
    browser: Browser,
    host: CodeServer,
    folder: Path,
    size: tuple[int, int] = SIZE,
    *,
    has_extension: bool = True,
) -> Iterator[Window]:
    """A window on a folder, once its workbench is drawn and the extension, if it has it, says something."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]}, permissions=["clipboard-read", "clipboard-write"]
    )
    try:
        page = context.new_page()
        page.set_default_timeout(1000 * SOON_S)
        found = Window(page, host, folder)
        page.goto(f"http://127.0.0.1:{host.port}/?folder={folder}", timeout=1000 * OPENS_WITHIN_S)
        page.locator(".monaco-workbench .statusbar").wait_for(timeout=1000 * OPENS_WITHIN_S)
        if has_extension:
            found.until(found.status, "the item in the status bar", OPENS_WITHIN_S)
        yield found
    finally:
        context.close()
