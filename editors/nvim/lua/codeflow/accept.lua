-- Accepting ghost text: all of it, its next word, its next line. The text comes to stand exactly as it was shown, and
-- the server is told how much of it was taken. Knows no keys.

local ghost = require('codeflow.ghost')
local native = require('codeflow.native')
local options = require('codeflow.options')
local server = require('codeflow.server')
local suggestion = require('codeflow.suggestion')

local M = {}

---@param rest codeflow.Rest
---@param bytes integer how many of its text
local function insert(rest, bytes)
  local row, column = unpack(vim.api.nvim_win_get_cursor(0))
  local lines = vim.split(rest.text:sub(1, bytes), '\n', { plain = true })
  local last = column + suggestion.covered(rest, bytes)
  vim.cmd('let &g:undolevels = &g:undolevels') -- one undo takes away what was accepted, and not what was typed before
  vim.api.nvim_buf_set_text(0, row - 1, column, row - 1, last, lines)
  vim.api.nvim_win_set_cursor(0, { row + #lines - 1, (#lines == 1 and column or 0) + #lines[#lines] })
end

---@param client vim.lsp.Client
---@param item table
---@param text string all of the item's
---@param reached integer how many bytes of it stand there now
local function report(client, item, text, reached)
  if reached < #text then
    local units = server.units_of(text, reached, 'utf-16')
    server.notify(client, 'textDocument/didPartiallyAcceptCompletion', { item = item, acceptedLength = units })
  elseif item.command then
    server.execute(client, item.command.command, item.command.arguments)
  end
end

---@type table<string, fun(text: string): integer> how many bytes of a text are taken
local SIZES = {
  all = function(text) return #text end,
  word = suggestion.word,
  line = suggestion.line,
}

---@param how 'all'|'word'|'line'
---@return boolean # whether there was ghost text
function M.accept(how)
  local size = SIZES[how]
  if options.drawn_by() == 'native' then
    return native.accept(function(client, one, rest)
      local bytes = size(rest.text)
      insert(rest, bytes)
      report(client, one.item, one.text, #one.text - #rest.text + bytes)
    end)
  end
  local offered, one, rest = ghost.current()
  if not offered or not one or not rest then return false end
  if vim.fn.pumvisible() == 1 then -- it goes on from the entry that is selected: that one first
    local again = ("<C-y><Cmd>lua require('codeflow.accept').accept('%s')<CR>"):format(how)
    vim.api.nvim_feedkeys(vim.api.nvim_replace_termcodes(again, true, true, true), 'in', false)
    return true
  end
  local bytes = size(rest.text)
  insert(rest, bytes)
  report(offered.client, one.item, one.text, #one.text - #rest.text + bytes)
  ghost.follow()
  return true
end

return M
