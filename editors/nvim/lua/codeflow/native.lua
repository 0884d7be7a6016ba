-- Ghost text drawn by Neovim itself (vim.lsp.inline_completion, 0.12): switched on and off, gone through, accepted.
-- Neovim goes on showing a suggestion that the text has left behind, and would put it there; it is checked here first.

local menu = require('codeflow.menu')
local server = require('codeflow.server')
local suggestion = require('codeflow.suggestion')

local M = {}

---@param on boolean
---@param client vim.lsp.Client
function M.enable(on, client)
  vim.lsp.inline_completion.enable(on, { client_id = client.id })
end

---@param step integer
function M.cycle(step)
  vim.lsp.inline_completion.select({ count = step })
end

--- Calls `take` with what is shown, after the key that asked for it.
---@param take fun(client: vim.lsp.Client, one: codeflow.Suggestion, rest: codeflow.Rest)
---@return boolean # whether anything is shown
function M.accept(take)
  if menu.is_open() then return false end
  return vim.lsp.inline_completion.get({
    on_accept = function(item)
      local client = vim.lsp.get_client_by_id(item.client_id)
      if not client then return end
      local row, column = unpack(vim.api.nvim_win_get_cursor(0))
      local one = M.suggestion_of(item, row - 1)
      local rest = one and suggestion.rest_of(one, 0, row - 1, column)
      if one and rest then take(client, one, rest) end
    end,
  })
end

--- An item as Neovim keeps it.
---@param item table vim.lsp.inline_completion.Item
---@param row integer the cursor's
---@return codeflow.Suggestion?
function M.suggestion_of(item, row)
  if type(item.insert_text) ~= 'string' or not item.range then return nil end
  local range = item.range:to_lsp('utf-8')
  local line = vim.api.nvim_buf_get_lines(0, range.start.line, range.start.line + 1, false)[1] or ''
  if range.start.line ~= row then return nil end
  return {
    item = { insertText = item.insert_text, command = item.command },
    text = item.insert_text,
    row = row,
    column = range.start.character,
    replaced = '',
    behind = line:sub(range['end'].character + 1),
  }
end

return M
