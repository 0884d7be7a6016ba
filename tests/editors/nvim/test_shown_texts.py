"""Texts that the server shows: in a window of their own, the user's code untouched."""

from __future__ import annotations

import pytest

from tests.editors.nvim.editor import Editor

pytestmark = pytest.mark.editors

PREVIEW = """
local client = vim.lsp.get_clients({ name = 'codeflow' })[1]
local at = { line = 1, character = 11 }
local params = {
    textDocument = { uri = vim.uri_from_bufnr(0) },
    range = { start = at, ['end'] = { line = 1, character = 21 } },
    context = { diagnostics = {} },
}
local offers = client:request_sync('textDocument/codeAction', params, 10000, 0).result
for _, offer in ipairs(offers) do
    if offer.title:find('variable') then
        client:exec_cmd({ title = '', command = 'codeflow.previewEdit', arguments = { offer.data } })
        return offer.title
    end
end
"""


def test_a_diff_has_a_window_of_its_own(scripted: Editor) -> None:
    """Below the code, coloured as a diff, not to be changed; q closes it."""
    scripted.open("a.py", "def area(radius):\n    return 3 * radius * radius|\n")
    assert scripted.lua(PREVIEW)
    scripted.until(lambda: scripted.nvim.current.buffer.options["filetype"] == "diff", "the diff")
    assert "-    return 3 * radius * radius" in scripted.text()
    assert not scripted.nvim.current.buffer.options["modifiable"]
    assert len(scripted.nvim.windows) == 2
    scripted.press("q")
    assert len(scripted.nvim.windows) == 1
    assert scripted.text() == "def area(radius):\n    return 3 * radius * radius\n"
