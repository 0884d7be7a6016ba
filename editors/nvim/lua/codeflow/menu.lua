-- The completion menu beside which ghost text would be drawn: Neovim's own, nvim-cmp's, blink.cmp's. Is it open, and
-- which entry is selected?

local M = {}

--- Whether a menu of a plugin is open. Asked of plugins that are loaded already, and only of those.
---@return boolean
local function is_foreign_open()
  local cmp, blink = package.loaded['cmp'], package.loaded['blink.cmp']
  if cmp and cmp.visible and cmp.visible() then return true end
  local is_visible = blink and (blink.is_menu_visible or blink.is_visible)
  return is_visible and is_visible() or false
end

---@return boolean
function M.is_open()
  return vim.fn.pumvisible() == 1 or is_foreign_open()
end

--- The entry that is selected in Neovim's own menu, as far as it is known what it replaces on the line.
---@param row integer
---@param column integer in bytes
---@return { text: string, column: integer }? # and the byte at which it begins
function M.selected(row, column)
  if vim.fn.pumvisible() == 0 then return nil end
  local info = vim.fn.complete_info({ 'selected', 'items' })
  local entry = info.selected >= 0 and info.items[info.selected + 1]
  if not entry or entry.word == '' then return nil end
  local head = vim.api.nvim_buf_get_lines(0, row, row + 1, false)[1]:sub(1, column)
  if vim.endswith(head, entry.word) then return { text = entry.word, column = column - #entry.word } end
  local typed = vim.fn.matchstr(head, [[\k*$]]) -- selected, not inserted
  if not vim.startswith(entry.word, typed) then return nil end
  return { text = entry.word, column = column - #typed }
end

--- A text that differs whenever what the menu shows does.
---@return string
function M.state()
  if vim.fn.pumvisible() == 1 then return 'own ' .. vim.fn.complete_info({ 'selected' }).selected end
  return is_foreign_open() and 'foreign' or ''
end

local listened = {} ---@type table<string, boolean> by plugin

--- Calls `changed` when the menu of a plugin that is loaded by now opens or closes.
---@param changed fun()
function M.listen(changed)
  if package.loaded['blink.cmp'] and not listened.blink then
    listened.blink = true
    vim.api.nvim_create_autocmd('User', {
      group = vim.api.nvim_create_augroup('codeflow.menu', {}),
      pattern = { 'BlinkCmpMenuOpen', 'BlinkCmpMenuClose' },
      callback = vim.schedule_wrap(changed),
    })
  end
  local cmp = package.loaded['cmp']
  if cmp and cmp.event and not listened.cmp then
    listened.cmp = true
    for _, event in ipairs({ 'menu_opened', 'menu_closed' }) do
      cmp.event:on(event, vim.schedule_wrap(changed))
    end
  end
end

return M
