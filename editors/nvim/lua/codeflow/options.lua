-- What `vim.g.codeflow` may hold, and what holds where it says nothing. Settings of the server are not here: they
-- go into `vim.lsp.config('codeflow', { settings = { codeflow = ... } })`.

---@class codeflow.Options
---@field ghost_text 'own'|'native'|false drawn by this plugin; by Neovim 0.12 (vim.lsp.inline_completion); not at all
---@field debounce_ms integer rest after a key before ghost text is asked for
---@field next_edit boolean whether hints of next edits are shown

local M = {}

---@type codeflow.Options
local DEFAULTS = { ghost_text = 'own', debounce_ms = 75, next_edit = true }

---@return codeflow.Options
function M.get()
  return vim.tbl_extend('force', DEFAULTS, vim.g.codeflow or {})
end

--- What of `vim.g.codeflow` cannot be used, in sentences.
---@return string[]
function M.problems()
  local problems = {}
  for name, value in pairs(vim.g.codeflow or {}) do
    if DEFAULTS[name] == nil then
      table.insert(problems, ('vim.g.codeflow.%s is no option'):format(name))
    elseif name == 'ghost_text' then
      if not vim.list_contains({ 'own', 'native', false }, value) then
        table.insert(problems, "vim.g.codeflow.ghost_text is 'own', 'native' or false")
      elseif value == 'native' and not M.has_native() then
        table.insert(problems, "vim.g.codeflow.ghost_text = 'native' takes Neovim 0.12")
      end
    elseif type(value) ~= type(DEFAULTS[name]) then
      table.insert(problems, ('vim.g.codeflow.%s is a %s'):format(name, type(DEFAULTS[name])))
    end
  end
  return problems
end

---@return boolean
function M.has_native()
  return vim.lsp.inline_completion ~= nil
end

--- Who draws ghost text.
---@return 'own'|'native'|false
function M.drawn_by()
  local wanted = M.get().ghost_text
  return wanted == 'native' and not M.has_native() and 'own' or wanted
end

--- Without ghost text the server's suggestions are entries of the completion menu.
---@return lsp.ClientCapabilities
function M.capabilities()
  if not M.drawn_by() then return {} end
  return { textDocument = { inlineCompletion = { dynamicRegistration = false } } }
end

return M
