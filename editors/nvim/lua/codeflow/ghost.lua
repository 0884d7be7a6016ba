-- Ghost text by extmarks: asks for it when a key has rested, draws what the text will be, takes it away as soon as it
-- does not fit any more. One suggestion at a time, at the cursor of the current window.

local draw = require('codeflow.draw')
local menu = require('codeflow.menu')
local options = require('codeflow.options')
local server = require('codeflow.server')
local suggestion = require('codeflow.suggestion')

local M = {}

local INVOKED, AUTOMATIC = 1, 2
local REMEMBERED = 100 -- keys of suggestions that were reported as shown

---@class codeflow.Here
---@field buffer integer
---@field tick integer the buffer's changedtick
---@field row integer from 0
---@field column integer in bytes
---@field menu string what the completion menu shows

---@class codeflow.Offered
---@field client vim.lsp.Client
---@field buffer integer
---@field found codeflow.Suggestion[] candidates, the best first
---@field chosen integer
---@field numbered boolean whether its number is drawn

local offered ---@type codeflow.Offered?
local asked ---@type { client: vim.lsp.Client, id: integer }?
local seen ---@type codeflow.Here? the last place that was looked at
local quiet ---@type { buffer: integer, tick: integer }? sent away: nothing unasked before the text changes
local shown, order = {}, {} ---@type table<string, boolean>, string[]
local timer = assert(vim.uv.new_timer())
local is_on = true

---@return codeflow.Here
local function here()
  local buffer = vim.api.nvim_get_current_buf()
  local row, column = unpack(vim.api.nvim_win_get_cursor(0))
  return {
    buffer = buffer,
    tick = vim.api.nvim_buf_get_changedtick(buffer),
    row = row - 1,
    column = column,
    menu = menu.state(),
  }
end

local function is_inserting()
  return vim.api.nvim_get_mode().mode:sub(1, 1) == 'i'
end

local function forget_request()
  timer:stop()
  if asked then
    if not server.is_stopped(asked.client) then server.cancel(asked.client, asked.id) end
    asked = nil
  end
end

local function hide()
  if offered then draw.clear(offered.buffer) end
end

--- Nothing is shown, nothing is awaited.
function M.clear()
  forget_request()
  hide()
  offered, seen = nil, nil
end

---@param one codeflow.Suggestion
---@return string
local function key_of(one)
  local command = one.item.command
  return tostring(command and command.arguments and command.arguments[1] or '')
end

---@param client vim.lsp.Client
---@param one codeflow.Suggestion
local function report_shown(client, one)
  local key = client.id .. ' ' .. key_of(one)
  if shown[key] then return end
  shown[key] = true
  table.insert(order, key)
  if #order > REMEMBERED then shown[table.remove(order, 1)] = nil end
  M.latest_key = key_of(one)
  server.notify(client, 'textDocument/didShowCompletion', { item = one.item })
end

--- What is shown now, and what of it is left.
---@return codeflow.Offered?, codeflow.Suggestion?, codeflow.Rest?
function M.current()
  if not offered or offered.buffer ~= vim.api.nvim_get_current_buf() or not is_inserting() then return nil end
  local at = here()
  if menu.is_open() and not menu.selected(at.row, at.column) then return nil end
  local one = offered.found[offered.chosen]
  local rest = suggestion.rest_of(one, at.buffer, at.row, at.column)
  if not rest then return nil end
  return offered, one, rest
end

--- Draws what fits of what is offered, and forgets the rest of it.
local function show()
  if not offered then return end
  draw.clear(offered.buffer)
  local at = here()
  if at.buffer ~= offered.buffer then
    offered = nil
    return
  end
  local chosen = offered.found[offered.chosen]
  local left = vim.tbl_filter(function(one)
    return suggestion.rest_of(one, at.buffer, at.row, at.column) ~= nil
  end, offered.found)
  if #left == 0 then
    offered = nil
    return
  end
  offered.found, offered.chosen = left, 1
  for number, one in ipairs(left) do
    if one == chosen then offered.chosen = number end
  end
  local now, one, rest = M.current()
  if not now or not one or not rest then return end
  local number = now.numbered and #now.found > 1 and ('%d/%d'):format(now.chosen, #now.found) or nil
  draw.show(at.buffer, at.row, at.column, rest, one.behind, number)
  report_shown(now.client, one)
end

---@param client vim.lsp.Client
---@param at codeflow.Here
---@param item lsp.InlineCompletionItem
---@return codeflow.Suggestion?
local function suggestion_of(client, at, item)
  local text = item.insertText
  if type(text) ~= 'string' or text == '' then return nil end
  local line = vim.api.nvim_buf_get_lines(at.buffer, at.row, at.row + 1, false)[1] or ''
  local first, last = at.column, at.column
  if item.range then
    if item.range.start.line ~= at.row or item.range['end'].line ~= at.row then return nil end
    first = server.byte_of(line, item.range.start.character, client.offset_encoding)
    last = math.max(at.column, server.byte_of(line, item.range['end'].character, client.offset_encoding))
  end
  return {
    item = item,
    text = text,
    row = at.row,
    column = first,
    replaced = line:sub(at.column + 1, last),
    behind = line:sub(last + 1),
  }
end

---@param trigger integer
---@param step? integer to another candidate than the one that is shown
local function ask(trigger, step)
  forget_request()
  local _, _, before = M.current()
  local at = here()
  local client = server.client(at.buffer)
  if not client or not is_inserting() then return end
  local params = vim.lsp.util.make_position_params(0, client.offset_encoding)
  local context = { triggerKind = trigger } ---@type lsp.InlineCompletionContext
  if menu.is_open() then
    local entry = menu.selected(at.row, at.column)
    if not entry then return end
    local line = vim.api.nvim_get_current_line()
    context.selectedCompletionInfo = {
      range = {
        start = { line = at.row, character = server.units_of(line, entry.column, client.offset_encoding) },
        ['end'] = params.position,
      },
      text = entry.text,
    }
  end
  ---@diagnostic disable-next-line: inject-field
  params.context = context
  local id
  id = server.request(client, 'textDocument/inlineCompletion', params, function(error, result)
    if not asked or asked.id ~= id then return end -- a newer key has been pressed
    asked = nil
    local now = here()
    if error or not is_on or not is_inserting() or not vim.deep_equal(now, at) then return end
    local found = {}
    for _, item in ipairs(result and (result.items or result) or {}) do
      table.insert(found, suggestion_of(client, at, item))
    end
    hide()
    offered = #found > 0
        and { client = client, buffer = at.buffer, found = found, chosen = 1, numbered = trigger == INVOKED }
      or nil
    if offered and step and before and found[1].text == before.text then offered.chosen = step % #found + 1 end
    show()
  end, at.buffer)
  asked = id and { client = client, id = id } or nil
end

--- The text, the cursor or the completion menu may have changed.
function M.follow()
  if not is_on or not is_inserting() then return end
  local at = here()
  if seen and vim.deep_equal(seen, at) then return end
  if quiet and (quiet.buffer ~= at.buffer or quiet.tick ~= at.tick) then quiet = nil end
  seen = at
  forget_request()
  show()
  if quiet or vim.fn.reg_executing() ~= '' or not server.client(at.buffer) then return end
  timer:start(options.get().debounce_ms, 0, vim.schedule_wrap(function()
    if is_inserting() then ask(AUTOMATIC) end
  end))
end

--- Shows another candidate; the first time, it has them made.
---@param step integer
function M.cycle(step)
  quiet = nil
  local now = M.current()
  if not now or not now.numbered then
    ask(INVOKED, step)
    return
  end
  now.chosen = (now.chosen - 1 + step) % #now.found + 1
  show()
end

--- Takes ghost text away; nothing comes unasked before the text changes.
---@return boolean # whether there was some
function M.dismiss()
  local was = M.current() ~= nil
  M.clear()
  local at = here()
  quiet, seen = { buffer = at.buffer, tick = at.tick }, at
  return was
end

---@param on boolean
function M.enable(on)
  is_on = on
  if not on then M.clear() end
end

---@return boolean
function M.is_enabled()
  return is_on
end

--- Whether an answer is awaited.
---@return boolean
function M.is_asking()
  return asked ~= nil
end

--- Follows what happens in a buffer.
---@param buffer integer
---@param group integer of autocommands
function M.attach(buffer, group)
  vim.api.nvim_create_autocmd({ 'CursorMovedI', 'TextChangedI', 'TextChangedP' }, {
    group = group,
    buffer = buffer,
    callback = M.follow,
  })
  vim.api.nvim_create_autocmd({ 'InsertEnter', 'CompleteChanged', 'CompleteDone' }, {
    group = group,
    buffer = buffer,
    callback = vim.schedule_wrap(M.follow), -- only then is it insert mode, and the menu there or gone
  })
  vim.api.nvim_create_autocmd({ 'InsertLeave', 'BufLeave', 'WinLeave' }, {
    group = group,
    buffer = buffer,
    callback = M.clear,
  })
  vim.api.nvim_create_autocmd('InsertEnter', {
    group = group,
    buffer = buffer,
    callback = function() menu.listen(M.follow) end, -- plugins are often loaded only then
  })
end

return M
