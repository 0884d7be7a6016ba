-- `:Codeflow`: its words and what they do.

local M = {}

---@class codeflow.Command
---@field [1] string what it does, for the manual and the completion
---@field [2] fun(words: string, lines: [integer, integer]?)

---@type table<string, codeflow.Command>
M.COMMANDS = {
  edit = {
    'edit by an instruction',
    function(words, lines) require('codeflow').edit(words, lines) end,
  },
  why = { 'why the latest suggestion is what it is', function() require('codeflow.why').show() end },
  stats = { 'what became of suggestions', function() require('codeflow.why').show_statistics() end },
  pull = { 'obtain the model', function() require('codeflow').pull() end },
  restart = { 'restart the server', function() require('codeflow').restart() end },
  toggle = { 'switch ghost text off or on', function() require('codeflow').toggle() end },
  status = { 'what the server does', function() require('codeflow').show_status() end },
}

---@param arguments vim.api.keyset.create_user_command.command_args
function M.run(arguments)
  local name, words = arguments.args:match('^(%S+)%s*(.-)%s*$')
  local command = M.COMMANDS[name]
  if not command then
    local known = vim.tbl_keys(M.COMMANDS)
    table.sort(known)
    require('codeflow.server').tell(
      ('there is no %s; there is %s.'):format(name, table.concat(known, ', ')),
      vim.log.levels.ERROR
    )
    return
  end
  command[2](words, arguments.range > 0 and { arguments.line1, arguments.line2 } or nil)
end

---@param lead string
---@param line string
---@return string[]
function M.complete(lead, line)
  if not line:match('Codeflow%s+%S*$') then return {} end
  local found = vim.tbl_filter(function(name) return vim.startswith(name, lead) end, vim.tbl_keys(M.COMMANDS))
  table.sort(found)
  return found
end

return M
