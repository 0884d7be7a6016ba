"""The next edit: a hint where it is likely, a key that goes there, the same key that makes it."""

from __future__ import annotations

import time

import pytest

from tests.editors.nvim.editor import Editor

pytestmark = pytest.mark.editors

SOURCE = """def mean(values):
    |amount = len(values)
    if amount == 0:
        return 0
    return sum(values) / amount
"""
HINT = """
local space = vim.api.nvim_create_namespace('codeflow.next_edit')
local mark = vim.api.nvim_buf_get_extmarks(0, space, 0, -1, { details = true })[1]
return mark and { mark[2] + 1, mark[4].virt_text[1][1] } or {}
"""


def test_a_renamed_variable_is_followed(scripted: Editor) -> None:
    """After one use is renamed, Alt+N goes to the others and renames them; u takes one back."""
    scripted.open("mean.py", SOURCE)
    scripted.press("cwcount<Esc>")
    line, words = scripted.until(lambda: scripted.lua(HINT), "a hint")
    assert line in (3, 5)
    assert "<M-n>" in words
    scripted.press("<M-n>")
    assert scripted.nvim.current.window.cursor[0] == line
    scripted.press("<M-n>")
    assert "count" in scripted.line()
    assert "amount" not in scripted.line()
    scripted.press("u")
    assert "amount" in scripted.line()


def test_none_while_typing(scripted: Editor) -> None:
    """A hint goes with the next key."""
    scripted.open("mean.py", SOURCE)
    scripted.press("cwcount<Esc>")
    scripted.until(lambda: scripted.lua(HINT), "a hint")
    scripted.press("ox")
    assert scripted.lua(HINT) == []
    time.sleep(0.1)
    scripted.press("y")
    assert scripted.lua(HINT) == []
