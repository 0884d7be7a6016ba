-- A window below the others for a text that is looked at and thrown away.

local M = {}

---@param name string in the window's title
---@param filetype string
---@param lines string[]
---@return integer buffer
function M.open(name, filetype, lines)
  vim.cmd('botright new')
  local buffer = vim.api.nvim_get_current_buf()
  vim.bo[buffer].buftype = 'nofile'
  vim.bo[buffer].bufhidden = 'wipe'
  vim.bo[buffer].swapfile = false
  vim.api.nvim_buf_set_name(buffer, ('codeflow://%d/%s'):format(buffer, name))
  M.fill(buffer, lines)
  vim.bo[buffer].filetype = filetype
  vim.keymap.set('n', 'q', '<Cmd>close<CR>', { buffer = buffer, desc = 'CodeFlow: close', nowait = true })
  return buffer
end

--- Other lines in their place; the window as high as they are, up to half of the screen.
---@param buffer integer
---@param lines string[]
function M.fill(buffer, lines)
  vim.bo[buffer].modifiable = true
  vim.api.nvim_buf_set_lines(buffer, 0, -1, false, lines)
  vim.bo[buffer].modifiable = false
  vim.bo[buffer].modified = false
  local window = vim.fn.bufwinid(buffer)
  if window ~= -1 then
    vim.api.nvim_win_set_height(window, math.max(3, math.min(#lines, math.floor(vim.o.lines / 2))))
  end
end

return M
