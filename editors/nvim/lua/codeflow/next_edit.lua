-- Where the next edit is likely, said quietly: after an edit has rested, an arrow and a few words in the colour of
-- ghost text. One key goes there, the same key accepts the text where there is one. Nothing beside ghost text: there
-- somebody looks now. The places and texts are the server's (`codeflow/nextEdit`).

local keys = require('codeflow.keys')
local server = require('codeflow.server')

local M = {}

---@class codeflow.NextEdit
---@field textDocument { uri: string, version: integer? }
---@field range lsp.Range
---@field text string?
---@field reason string
---@field score number share of all likelihood, 0 to 1
---@field key string

local RESTED_MS = 400 -- after the last key: nobody looks elsewhere while typing
-- after 532 steps of real changes (docs/log.md), 59% of the places with at least 0.15 were edited sooner or later, and
-- 69% of those with 0.5: good enough for a hint there, and for one where somebody types
local WORTH_A_LOOK, SURE = 0.15, 0.5
local LONGEST = 48 -- characters of a reason: behind a line of code there is not much room

local namespace = vim.api.nvim_create_namespace('codeflow.next_edit')
local timer = assert(vim.uv.new_timer())
local hint ---@type { buffer: integer, edit: codeflow.NextEdit }? the buffer whose cursor it was asked for
local asked ---@type { client: vim.lsp.Client, id: integer }?

---@param edit codeflow.NextEdit
local function buffer_of(edit)
  return vim.uri_to_bufnr(edit.textDocument.uri)
end

---@param edit codeflow.NextEdit
local function is_in_view(edit)
  local line = edit.range.start.line + 1
  return vim.api.nvim_get_current_buf() == buffer_of(edit) and vim.fn.line('w0') <= line and line <= vim.fn.line('w$')
end

---@param edit codeflow.NextEdit
local function is_at_hand(edit)
  local row = vim.api.nvim_win_get_cursor(0)[1] - 1
  return vim.api.nvim_get_current_buf() == buffer_of(edit)
    and edit.range.start.line <= row
    and row <= math.max(edit.range.start.line, edit.range['end'].line)
end

--- Whether an edit is for the text as it is.
---@param edit codeflow.NextEdit
local function is_current(edit)
  local version = edit.textDocument.version
  local buffer = buffer_of(edit)
  if not vim.api.nvim_buf_is_loaded(buffer) then return version == nil end
  return version == nil or version == vim.lsp.util.buf_versions[buffer]
end

---@param text string
---@return string
local function on_one_line(text)
  local lines = vim.split((text:gsub('\n$', '')), '\n', { plain = true })
  local more = #lines - 1
  return more == 0 and lines[1] or ('%s ⏎ +%d line%s'):format(lines[1], more, more > 1 and 's' or '')
end

--- The words behind a line: where to, if that is out of sight; why; by which key.
---@param edit codeflow.NextEdit
---@return string
local function wording(edit)
  local words = {}
  local line = edit.range.start.line + 1
  if not is_in_view(edit) then
    if vim.api.nvim_get_current_buf() == buffer_of(edit) then
      table.insert(words, ('%s line %d'):format(line > vim.fn.line('.') and '↓' or '↑', line))
    else
      table.insert(words, ('→ %s:%d'):format(vim.fn.fnamemodify(vim.uri_to_fname(edit.textDocument.uri), ':.'), line))
    end
  end
  if edit.text and is_at_hand(edit) then
    table.insert(words, edit.text == '' and '(removed)' or vim.trim(on_one_line(edit.text)))
  else
    local reason = vim.trim((edit.reason:gsub('%s+', ' ')))
    if vim.fn.strchars(reason) > LONGEST then reason = vim.fn.strcharpart(reason, 0, LONGEST - 1) .. '…' end
    table.insert(words, reason)
  end
  table.insert(words, keys.key_of('next-edit', vim.api.nvim_get_mode().mode:sub(1, 1)))
  return '  ← ' .. table.concat(words, ' · ')
end

local function erase()
  if hint and vim.api.nvim_buf_is_valid(hint.buffer) then
    vim.api.nvim_buf_clear_namespace(hint.buffer, namespace, 0, -1)
  end
end

local function draw()
  erase()
  if not hint or hint.buffer ~= vim.api.nvim_get_current_buf() or require('codeflow.ghost').current() then return end
  local row = is_in_view(hint.edit) and hint.edit.range.start.line or vim.fn.line('.') - 1
  vim.api.nvim_buf_set_extmark(hint.buffer, namespace, row, 0, {
    virt_text = { { wording(hint.edit), 'CodeflowGhost' } },
    virt_text_pos = 'eol',
    strict = false,
  })
end

local function forget()
  timer:stop()
  if asked and not server.is_stopped(asked.client) then server.cancel(asked.client, asked.id) end
  asked = nil
  erase()
  hint = nil
end

---@param with_text boolean
---@param done fun(edits: codeflow.NextEdit[])
local function ask(with_text, done)
  local buffer = vim.api.nvim_get_current_buf()
  local client = server.client(buffer)
  if not client then return end
  local params = vim.lsp.util.make_position_params(0, client.offset_encoding)
  ---@diagnostic disable-next-line: inject-field
  params.withText = with_text
  local id
  id = server.request(client, 'codeflow/nextEdit', params, function(error, result)
    if not asked or asked.id ~= id then return end
    asked = nil
    if error or vim.api.nvim_get_current_buf() ~= buffer then return end
    local edits = {}
    for _, edit in ipairs(result and result.edits or {}) do
      if is_current(edit) then table.insert(edits, edit) end
    end
    done(edits)
  end, buffer)
  asked = id and { client = client, id = id } or nil
end

local function look()
  ask(false, function(edits)
    for _, edit in ipairs(edits) do
      if edit.score >= (is_in_view(edit) and WORTH_A_LOOK or SURE) then
        hint = { buffer = vim.api.nvim_get_current_buf(), edit = edit }
        draw()
        return
      end
    end
  end)
end

---@param edit codeflow.NextEdit
local function accept(edit)
  local buffer = buffer_of(edit)
  local client = server.client(buffer)
  forget()
  if not client or not is_current(edit) then return end
  vim.cmd('let &g:undolevels = &g:undolevels')
  vim.lsp.util.apply_text_edits({ { range = edit.range, newText = edit.text } }, buffer, client.offset_encoding)
  server.execute(client, 'codeflow.accepted', { edit.key })
end

---@param edit codeflow.NextEdit
local function jump(edit)
  local from = vim.api.nvim_get_current_buf()
  vim.cmd("normal! m'") -- so that Ctrl-O comes back
  local buffer = buffer_of(edit)
  if buffer ~= from then
    vim.bo[buffer].buflisted = true
    vim.api.nvim_win_set_buf(0, buffer)
  end
  local row = math.min(edit.range.start.line, vim.api.nvim_buf_line_count(buffer) - 1)
  local line = vim.api.nvim_buf_get_lines(buffer, row, row + 1, false)[1] or ''
  vim.api.nvim_win_set_cursor(0, { row + 1, #line:match('^%s*') })
  vim.cmd('normal! zv')
  erase()
  hint = { buffer = buffer, edit = edit }
  draw()
  if edit.text then return end
  ask(true, function(edits)
    for _, one in ipairs(edits) do
      if one.text and one.textDocument.uri == edit.textDocument.uri and one.reason == edit.reason then
        hint = { buffer = buffer, edit = one }
        draw()
        return
      end
    end
  end)
end

--- Goes to the next edit; where the cursor stands there already, and its text is known, makes it.
function M.go()
  local edit = hint and is_current(hint.edit) and hint.edit
  if not edit then
    ask(false, function(edits)
      if edits[1] then
        jump(edits[1])
      else
        server.tell('no next edit is known here.')
      end
    end)
  elseif is_at_hand(edit) and edit.text then
    accept(edit)
  else
    jump(edit)
  end
end

--- Follows the edits in a buffer.
---@param buffer integer
---@param group integer of autocommands
function M.attach(buffer, group)
  vim.api.nvim_create_autocmd({ 'TextChanged', 'TextChangedI' }, {
    group = group,
    buffer = buffer,
    callback = function()
      forget()
      timer:start(RESTED_MS, 0, vim.schedule_wrap(look))
    end,
  })
  vim.api.nvim_create_autocmd({ 'CursorMoved', 'CursorMovedI', 'InsertLeave', 'WinScrolled' }, {
    group = group,
    buffer = buffer,
    callback = function()
      if hint then vim.schedule(draw) end
    end,
  })
  vim.api.nvim_create_autocmd('BufLeave', { group = group, buffer = buffer, callback = forget })
end

return M
