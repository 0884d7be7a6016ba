-- What the server cannot see by itself: where the cursor comes to rest, which buffer is looked at, and what other
-- servers and linters say of the code.

local ghost = require('codeflow.ghost')
local server = require('codeflow.server')

local M = {}

local CURSOR_RESTS_MS = 150
local DIAGNOSTICS_REST_MS = 300 -- others send several lots for one edit
local MOST_DIAGNOSTICS = 100 -- of a buffer; the prompt has room for the nearest few

---@param buffer integer
local function report_cursor(buffer)
  local client = server.client(buffer)
  if not client or vim.api.nvim_get_current_buf() ~= buffer or ghost.is_asking() then return end
  local place = vim.lsp.util.make_position_params(0, client.offset_encoding)
  server.notify(client, 'codeflow/cursor', { uri = place.textDocument.uri, position = place.position })
end

---@param buffer integer
local function report_diagnostics(buffer)
  local client = server.client(buffer)
  if not client or not vim.api.nvim_buf_is_loaded(buffer) then return end
  local found = {}
  for _, one in ipairs(vim.diagnostic.get(buffer)) do
    if #found == MOST_DIAGNOSTICS then break end
    local function at(line, column)
      local text = vim.api.nvim_buf_get_lines(buffer, line, line + 1, false)[1] or ''
      column = math.min(column, #text)
      return { line = line, character = server.units_of(text, column, client.offset_encoding) }
    end
    table.insert(found, {
      range = { start = at(one.lnum, one.col), ['end'] = at(one.end_lnum or one.lnum, one.end_col or one.col) },
      message = one.message,
      severity = one.severity,
      source = one.source,
    })
  end
  server.notify(client, 'codeflow/diagnostics', { uri = vim.uri_from_bufnr(buffer), diagnostics = found })
end

--- Calls `act` once `delay` ms have passed without another call.
---@param delay integer
---@param act fun()
---@return fun() call, fun() stop
local function when_resting(delay, act)
  local timer = assert(vim.uv.new_timer())
  local function stop()
    if not timer:is_closing() then
      timer:stop()
      timer:close()
    end
  end
  return function()
    if not timer:is_closing() then timer:start(delay, 0, vim.schedule_wrap(act)) end
  end, stop
end

---@param buffer integer
---@param group integer of autocommands
---@return fun() stop
function M.attach(buffer, group)
  local moved, stop_moved = when_resting(CURSOR_RESTS_MS, function() report_cursor(buffer) end)
  local diagnosed, stop_diagnosed = when_resting(DIAGNOSTICS_REST_MS, function() report_diagnostics(buffer) end)
  vim.api.nvim_create_autocmd({ 'CursorMoved', 'BufEnter' }, { group = group, buffer = buffer, callback = moved })
  vim.api.nvim_create_autocmd('DiagnosticChanged', { group = group, buffer = buffer, callback = diagnosed })
  vim.api.nvim_create_autocmd('BufEnter', {
    group = group,
    buffer = buffer,
    callback = function()
      local client = server.client(buffer)
      local document = { uri = vim.uri_from_bufnr(buffer) }
      if client then server.notify(client, 'textDocument/didFocus', { textDocument = document }) end
    end,
  })
  return function()
    stop_moved()
    stop_diagnosed()
  end
end

return M
