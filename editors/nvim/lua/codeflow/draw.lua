-- Ghost text on the screen: extmarks so that a line looks as it will once the text is accepted. What stands behind
-- the cursor is never covered, unless it is drawn again where it will be.

local M = {}

M.namespace = vim.api.nvim_create_namespace('codeflow.ghost')

local GHOST, MORE, MOVED = 'CodeflowGhost', 'CodeflowMore', 'CodeflowMoved'

--- Groups that a colour scheme may set.
function M.set_highlights()
  local hint = vim.fn.hlexists('ComplHint') == 1 and 'ComplHint' or 'NonText' -- 0.12 has a group of its own
  vim.api.nvim_set_hl(0, GHOST, { link = hint, default = true })
  vim.api.nvim_set_hl(0, MORE, { link = hint, default = true })
  vim.api.nvim_set_hl(0, MOVED, { link = 'Normal', default = true })
end

---@param buffer integer
function M.clear(buffer)
  if vim.api.nvim_buf_is_valid(buffer) then vim.api.nvim_buf_clear_namespace(buffer, M.namespace, 0, -1) end
end

--- Virtual text shows a tab as one column: blanks in its place, from a screen column on.
---@param text string
---@param column integer
---@return string
local function without_tabs(text, column)
  local pieces = vim.split(text, '\t', { plain = true })
  local out = pieces[1]
  for index = 2, #pieces do
    local width = vim.bo.tabstop - (column + vim.fn.strdisplaywidth(out)) % vim.bo.tabstop
    out = out .. (' '):rep(width) .. pieces[index]
  end
  return out
end

--- Draws the rest of a suggestion at the cursor.
---@param buffer integer
---@param row integer from 0
---@param column integer in bytes
---@param rest codeflow.Rest
---@param behind string what stands on the line behind all that is replaced
---@param number? string which candidate it is
function M.show(buffer, row, column, rest, behind, number)
  local lines = vim.split(rest.text, '\n', { plain = true })
  local screen = vim.fn.virtcol({ row + 1, column + 1 }) - 1
  local function mark(at, options)
    options.hl_mode, options.strict = 'combine', false
    vim.api.nvim_buf_set_extmark(buffer, M.namespace, row, at, options)
  end
  local more = number and { ' ' .. number, MORE }
  if #lines == 1 then
    local from = 1
    for place = 1, #rest.places + 1 do -- what comes before, between and behind what stands there
      local piece = rest.text:sub(from, (rest.places[place] or #rest.text + 1) - 1)
      local chunks = piece ~= '' and { { without_tabs(piece, screen), GHOST } } or {}
      if place == #rest.places + 1 then table.insert(chunks, more) end
      if #chunks > 0 then mark(column + place - 1, { virt_text = chunks, virt_text_pos = 'inline' }) end
      from = (rest.places[place] or 0) + 1
    end
    return
  end
  local first = without_tabs(lines[1], screen)
  local covered = vim.fn.strdisplaywidth(rest.over .. behind, screen) - vim.fn.strdisplaywidth(first)
  if rest.over .. behind == '' then
    if first ~= '' then mark(column, { virt_text = { { first, GHOST } }, virt_text_pos = 'inline' }) end
  else
    mark(column, { virt_text = { { first .. (' '):rep(covered), GHOST } }, virt_text_pos = 'overlay' })
  end
  local below = {}
  for index = 2, #lines do
    table.insert(below, { { without_tabs(lines[index], 0), GHOST } })
  end
  if behind ~= '' then table.insert(below[#below], { behind, MOVED }) end
  table.insert(below[#below], more)
  mark(column, { virt_lines = below })
end

return M
