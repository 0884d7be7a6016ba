-- Edit by instruction: words from the user become an edit that the server makes and checks. It is shown as a diff, and
-- made only if its reader says so, and if the text is still the one that it was made for.

local scratch = require('codeflow.scratch')
local server = require('codeflow.server')

local M = {}

local diff = vim.text.diff or vim.diff -- another name from 0.12 on

---@class codeflow.Proposal
---@field client vim.lsp.Client
---@field edit lsp.WorkspaceEdit
---@field ticks table<integer, integer> changedticks of the buffers that it changes

local waiting ---@type integer? the scratch buffer of an edit that is being written

---@param buffer integer
---@param lines? [integer, integer]
---@param encoding string
---@return lsp.Range
local function range_of(buffer, lines, encoding)
  if lines then
    local last = vim.api.nvim_buf_get_lines(buffer, lines[2] - 1, lines[2], false)[1] or ''
    return {
      start = { line = lines[1] - 1, character = 0 },
      ['end'] = { line = lines[2] - 1, character = server.units_of(last, #last, encoding) },
    }
  end
  local at = vim.lsp.util.make_position_params(0, encoding).position
  return { start = at, ['end'] = at }
end

--- The changes of open documents, in one shape.
---@param edit lsp.WorkspaceEdit
---@return { uri: string, edits: lsp.TextEdit[] }[] changes, string[] others what else is done, in words
local function changes_of(edit)
  local changes, others = {}, {}
  for uri, edits in pairs(edit.changes or {}) do
    table.insert(changes, { uri = uri, edits = edits })
  end
  for _, change in ipairs(edit.documentChanges or {}) do
    if change.kind then
      local from, to = change.uri or change.oldUri, change.newUri
      local name = vim.fn.fnamemodify(vim.uri_to_fname(from), ':.')
      table.insert(others, to and ('%s %s to %s'):format(change.kind, name, to) or change.kind .. ' ' .. name)
    else
      table.insert(changes, { uri = change.textDocument.uri, edits = change.edits })
    end
  end
  return changes, others
end

---@param proposal codeflow.Proposal
---@return string[]
local function diff_of(proposal)
  local lines = {}
  local changes, others = changes_of(proposal.edit)
  for _, one in ipairs(others) do
    table.insert(lines, '# ' .. one)
  end
  for _, change in ipairs(changes) do
    local buffer = vim.uri_to_bufnr(change.uri)
    vim.fn.bufload(buffer)
    local old = vim.api.nvim_buf_get_lines(buffer, 0, -1, false)
    local copy = vim.api.nvim_create_buf(false, true)
    vim.api.nvim_buf_set_lines(copy, 0, -1, false, old)
    vim.lsp.util.apply_text_edits(vim.deepcopy(change.edits), copy, proposal.client.offset_encoding)
    local new = vim.api.nvim_buf_get_lines(copy, 0, -1, false)
    vim.api.nvim_buf_delete(copy, { force = true })
    local name = vim.fn.fnamemodify(vim.uri_to_fname(change.uri), ':.')
    vim.list_extend(lines, { '--- a/' .. name, '+++ b/' .. name })
    local hunks = diff(table.concat(old, '\n') .. '\n', table.concat(new, '\n') .. '\n', { ctxlen = 3 })
    vim.list_extend(lines, vim.split(vim.trim(hunks --[[@as string]]), '\n', { plain = true }))
  end
  return lines
end

---@param edit lsp.WorkspaceEdit
---@return table<integer, integer>
local function ticks_of(edit)
  local ticks = {}
  for _, change in ipairs((changes_of(edit))) do
    local buffer = vim.uri_to_bufnr(change.uri)
    ticks[buffer] = vim.api.nvim_buf_get_changedtick(buffer)
  end
  return ticks
end

---@param proposal codeflow.Proposal
---@return boolean
local function apply(proposal)
  for buffer, tick in pairs(proposal.ticks) do
    if vim.api.nvim_buf_get_changedtick(buffer) ~= tick then
      server.tell('the text was changed meanwhile, so nothing was done; ask again.', vim.log.levels.WARN)
      return false
    end
  end
  for _, annotation in pairs(proposal.edit.changeAnnotations or {}) do
    annotation.needsConfirmation = false -- its reader has just said so
  end
  vim.lsp.util.apply_workspace_edit(proposal.edit, proposal.client.offset_encoding)
  return true
end

--- What the checks of the edit said, where the server could say it.
---@param edit lsp.WorkspaceEdit
---@return string[]
local function remarks_of(edit)
  local remarks = {}
  for _, annotation in pairs(edit.changeAnnotations or {}) do
    for _, text in ipairs({ annotation.label, annotation.description or '' }) do
      if text ~= '' then table.insert(remarks, '# ' .. text:gsub('\n', '; ')) end
    end
  end
  return remarks
end

---@param buffer integer the scratch buffer
---@param proposal codeflow.Proposal
---@param title string
local function propose(buffer, proposal, title)
  local lines = { '# ' .. title, '# Enter: apply   q: leave it' }
  vim.list_extend(lines, remarks_of(proposal.edit))
  table.insert(lines, '')
  vim.list_extend(lines, diff_of(proposal))
  scratch.fill(buffer, lines)
  vim.keymap.set('n', '<CR>', function()
    vim.cmd.close()
    if apply(proposal) then server.tell('applied; u takes it back.') end
  end, { buffer = buffer, desc = 'CodeFlow: apply this edit', nowait = true })
end

--- Takes a diff that the server shows in place of an edit, because the edit fails its checks.
---@param lines string[]
---@return boolean # whether one was awaited
function M.refuse(lines)
  local buffer = waiting
  waiting = nil
  if not buffer or not vim.api.nvim_buf_is_valid(buffer) then return false end
  scratch.fill(buffer, vim.list_extend({ '# not to be applied: it fails its checks   q: close' }, lines))
  return true
end

---@param client vim.lsp.Client
---@param action lsp.CodeAction
---@param document integer
local function make(client, action, document)
  local title = action.title
  local window = vim.api.nvim_get_current_win()
  local buffer = scratch.open('edit.diff', 'diff', { '# ' .. title, '# being written …   q: cancel' })
  waiting = buffer
  local id
  id = server.request(client, 'codeAction/resolve', action, function(error, resolved)
    id = nil
    local is_refused = waiting ~= buffer
    if waiting == buffer then waiting = nil end
    if not vim.api.nvim_buf_is_valid(buffer) or is_refused then return end
    if error or not resolved or not resolved.edit then -- the server has said why
      local own = vim.fn.bufwinid(buffer)
      if own ~= -1 then vim.api.nvim_win_close(own, true) end
      if error then server.tell(error.message, vim.log.levels.WARN) end
      return
    end
    local edit = resolved.edit
    propose(buffer, { client = client, edit = edit, ticks = ticks_of(edit) }, title)
  end, document)
  vim.api.nvim_create_autocmd('BufWipeout', {
    buffer = buffer,
    callback = function()
      if waiting == buffer then waiting = nil end
      if id and not server.is_stopped(client) then server.cancel(client, id) end
      if vim.api.nvim_win_is_valid(window) then vim.schedule(function() vim.api.nvim_set_current_win(window) end) end
    end,
  })
end

--- Asks for an edit and shows it. Without words the user is asked for them.
---@param instruction string
---@param lines? [integer, integer] first and last, from 1; without them what the cursor stands in
function M.edit(instruction, lines)
  local client = server.here()
  if not client then return end
  local buffer = vim.api.nvim_get_current_buf()
  if instruction == '' then
    vim.ui.input({ prompt = 'CodeFlow, edit: ' }, function(words)
      if words and vim.trim(words) ~= '' then M.edit(vim.trim(words), lines) end
    end)
    return
  end
  local params = {
    textDocument = { uri = vim.uri_from_bufnr(buffer) },
    range = range_of(buffer, lines, client.offset_encoding),
    instruction = instruction,
    preview = false, -- the preview is ours
  }
  server.request(client, 'codeflow/edit', params, function(error, action)
    if error then
      server.tell(error.message, vim.log.levels.WARN)
    elseif action then
      make(client, action, buffer)
    end -- otherwise the server has said why
  end, buffer)
end

return M
