-- Why a suggestion is what it is, and what became of suggestions: what the server knows, as a text to read.

local scratch = require('codeflow.scratch')
local server = require('codeflow.server')

local M = {}

---@param value any
---@return boolean
local function is_known(value)
  return value ~= nil and value ~= ''
end

--- An account with its pieces, line by line.
---@param account table as `codeflow/explain` answers
---@return string[]
function M.lines_of(account)
  local lines = {}
  if is_known(account.total_ms) then
    table.insert(lines, ('%s, %.0f ms: %.0f to make the prompt, %.0f waiting, %.0f to read it, %.0f to write'):format(
      account.source, account.total_ms, account.assemble_ms, account.queue_ms, account.prefill_ms, account.decode_ms
    ))
    table.insert(lines, ('%d tokens of prompt, %d of them known before; %d generated; ended by %s'):format(
      account.prompt_tokens, account.cached_tokens, account.generated_tokens, account.finish
    ))
  end
  vim.list_extend(lines, { '', ('%6s  %-16s %s'):format('tokens', 'source', 'from') })
  for _, piece in ipairs(account.pieces or {}) do
    local from = {}
    for _, one in ipairs({ piece.path, piece.why, table.concat(piece.commits or {}, ' ') }) do
      if is_known(one) then table.insert(from, one) end
    end
    table.insert(lines, ('%6d  %-16s %s'):format(piece.tokens, piece.source, table.concat(from, ' · ')))
  end
  return vim.tbl_map(function(line) return (line:gsub('\n', ' '):gsub('%s+$', '')) end, lines)
end

--- The account of the suggestion that was shown last, or else of the latest answer.
function M.show()
  local client = server.here()
  if not client then return end
  local key = require('codeflow.ghost').latest_key
  local params = key and { key = key } or vim.empty_dict()
  server.request(client, 'codeflow/explain', params, function(error, account)
    if error then
      server.tell(error.message, vim.log.levels.WARN)
    elseif not is_known(account) then
      server.tell('nothing has been suggested yet.')
    else
      scratch.open('why', 'codeflow-why', M.lines_of(account))
    end
  end, 0)
end

---@param name string
---@param counts table
---@return string[]
local function section(name, counts)
  local lines = { name }
  local names = vim.tbl_filter(function(one) return one ~= 'languages' end, vim.tbl_keys(counts))
  table.sort(names)
  for _, one in ipairs(names) do
    local value = counts[one]
    if type(value) == 'number' then
      value = value == math.floor(value) and ('%d'):format(value) or ('%.2f'):format(value)
    end
    if is_known(value) and type(value) ~= 'table' then
      table.insert(lines, ('  %-22s %s'):format(one:gsub('_', ' '), value))
    end
  end
  return lines
end

function M.show_statistics()
  local client = server.here()
  if not client then return end
  server.request(client, 'codeflow/stats', vim.empty_dict(), function(error, stats)
    if error or not is_known(stats) then
      server.tell(error and error.message or 'there are no statistics.', vim.log.levels.WARN)
      return
    end
    local lines = section('since the server started', stats.session or {})
    table.insert(lines, '')
    local since = is_known(stats.since) and ('since %s'):format(stats.since) or 'in all'
    vim.list_extend(lines, section(since, stats.total or {}))
    scratch.open('statistics', 'codeflow-statistics', lines)
  end, 0)
end

return M
