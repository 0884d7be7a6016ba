-- What the server says of itself, kept for a status line: a few words, as the last `codeflow/status` had it.

local server = require('codeflow.server')

local M = {}

---@class codeflow.Status
---@field state 'starting'|'downloading'|'ready'|'off'|'error'
---@field message string a sentence
---@field model string?
---@field fillsIn boolean?
---@field budgetTokens integer?
---@field reason string?
---@field fix lsp.Command?
---@field index { state: string, done: integer, total: integer, seconds: number }?

local latest = {} ---@type table<integer, codeflow.Status> by client

local WORDS = { starting = ' …', downloading = ' ↓', ready = '', off = ' off', error = ' !' }

--- `lsp.Handler` for `codeflow/status`.
---@param _ lsp.ResponseError?
---@param status codeflow.Status
---@param context lsp.HandlerContext
function M.on_status(_, status, context)
  local before = latest[context.client_id]
  latest[context.client_id] = status
  if before == nil or before.state ~= status.state or before.message ~= status.message then
    if status.state == 'error' then server.tell(status.message, vim.log.levels.WARN) end
  end
  vim.api.nvim_exec_autocmds('User', { pattern = 'CodeflowStatus', data = status, modeline = false })
  vim.schedule(function() vim.cmd.redrawstatus({ bang = true }) end)
end

---@param buffer? integer
---@return codeflow.Status?
function M.status(buffer)
  local client = server.client(buffer or vim.api.nvim_get_current_buf())
  return client and (latest[client.id] or { state = 'starting', message = 'The server is starting.' })
end

--- `CodeFlow`, with a sign where it is not simply ready; empty where no server is attached.
---@param buffer? integer
---@return string
function M.text(buffer)
  local status = M.status(buffer)
  if not status then return '' end
  if status.state == 'ready' and not require('codeflow.ghost').is_enabled() then return 'CodeFlow off' end
  return 'CodeFlow' .. (WORDS[status.state] or '')
end

return M
