-- Keys: `<Plug>` mappings for everything, and a Tab that accepts ghost text where it is visible and otherwise does what
-- it would do without us, be that another mapping of the buffer, a global one, or a tab.

local M = {}

local TAB = '<Tab>'

---@return table<string, [string[], string, fun()]> # name to modes, description, action
local function actions()
  local codeflow = require('codeflow')
  return {
    ['accept'] = { { 'i' }, 'Accept ghost text', codeflow.accept },
    ['accept-word'] = { { 'i' }, 'Accept the next word of ghost text', codeflow.accept_word },
    ['accept-line'] = { { 'i' }, 'Accept the next line of ghost text', codeflow.accept_line },
    ['next'] = { { 'i' }, 'Show the next suggestion', codeflow.next },
    ['prev'] = { { 'i' }, 'Show the previous suggestion', codeflow.prev },
    ['dismiss'] = { { 'i' }, 'Take ghost text away', codeflow.dismiss },
    ['next-edit'] = { { 'n', 'i' }, 'Go to the next edit; there: accept it', codeflow.next_edit },
  }
end

function M.define()
  for name, action in pairs(actions()) do
    vim.keymap.set(action[1], ('<Plug>(codeflow-%s)'):format(name), action[3], { desc = 'CodeFlow: ' .. action[2] })
  end
end

--- Does what a mapping says, as if its key had been pressed.
---@param map table<string, any> as nvim_get_keymap has it
---@param key string
local function replay(map, key)
  local function feed(keys, remapped)
    vim.api.nvim_feedkeys(keys, remapped and 'im' or 'in', false)
  end
  local function codes(text)
    return vim.api.nvim_replace_termcodes(text, true, true, true)
  end
  local is_remapped = map.noremap == 0
  local keys ---@type string?
  if map.callback then
    local result = map.callback()
    if map.expr ~= 1 or result == nil then return end
    keys = map.replace_keycodes == 1 and codes(result) or result
  else
    local rhs = (map.rhs or ''):gsub('<[sS][iI][dD]>', ('<SNR>%s_'):format(map.sid))
    if map.expr == 1 then
      local result = tostring(vim.api.nvim_eval(rhs))
      keys = map.replace_keycodes == 1 and codes(result) or result
    else
      keys = codes(rhs)
    end
  end
  local own = codes(key)
  if is_remapped and vim.startswith(keys, own) then -- |recursive_mapping|: not its own first key
    feed(keys:sub(#own + 1), true)
    feed(own, false)
  else
    feed(keys, is_remapped)
  end
end

---@param maps table<string, any>[]
---@param key string
---@return table<string, any>?
local function mapping(maps, key)
  local raw = vim.api.nvim_replace_termcodes(key, true, true, true)
  for _, map in ipairs(maps) do
    if (map.lhsraw or map.lhs) == raw or map.lhsrawalt == raw then return map end
  end
end

--- Maps Tab in a buffer, where the user wants such mappings.
---@param buffer integer
function M.map_tab(buffer)
  if vim.g.codeflow_no_default_maps then return end
  local before = mapping(vim.api.nvim_buf_get_keymap(buffer, 'i'), TAB)
  if before and before.desc == M.TAB_DESC then return end
  vim.keymap.set('i', TAB, function()
    if require('codeflow').accept() then return end
    local map = before or mapping(vim.api.nvim_get_keymap('i'), TAB)
    if map then
      replay(map, TAB)
    else
      vim.api.nvim_feedkeys('\t', 'in', false)
    end
  end, { buffer = buffer, desc = M.TAB_DESC })
end

M.TAB_DESC = 'CodeFlow: accept ghost text, or what Tab did before'
M.NEXT_EDIT = '<M-n>'

--- Maps Alt+N to the next edit in a buffer, where that key is free.
---@param buffer integer
function M.map_next_edit(buffer)
  if vim.g.codeflow_no_default_maps then return end
  for _, mode in ipairs({ 'n', 'i' }) do
    local taken = mapping(vim.api.nvim_buf_get_keymap(buffer, mode), M.NEXT_EDIT)
      or mapping(vim.api.nvim_get_keymap(mode), M.NEXT_EDIT)
    if not taken then
      vim.keymap.set(mode, M.NEXT_EDIT, '<Plug>(codeflow-next-edit)', { buffer = buffer, desc = 'CodeFlow: next edit' })
    end
  end
end

--- What the user would press for an action; nil where nothing is mapped to it.
---@param name string such as `next-edit`
---@param mode string
---@return string?
function M.key_of(name, mode)
  local plug = ('<Plug>(codeflow-%s)'):format(name)
  for _, maps in ipairs({ vim.api.nvim_buf_get_keymap(0, mode), vim.api.nvim_get_keymap(mode) }) do
    for _, map in ipairs(maps) do
      if map.rhs == plug then return map.lhs end
    end
  end
end

return M
