-- CodeFlow in Neovim: the functions that mappings and the `:Codeflow` command call, and what is set up once a server
-- is attached to a buffer. doc/codeflow.txt is the manual.

local M = {}

local server = require('codeflow.server')

local stops = {} ---@type table<integer, fun()> what ends with a buffer's server

--- Starts the server for the table's file types. Neovim 0.11 and newer have `vim.lsp.enable('codeflow')` for it.
function M.enable()
  if vim.lsp.enable then
    vim.lsp.enable(server.NAME)
    return
  end
  local path = vim.api.nvim_get_runtime_file('lsp/codeflow.lua', false)[1]
  local config = dofile(path)
  config.name = server.NAME
  vim.api.nvim_create_autocmd('FileType', {
    group = vim.api.nvim_create_augroup('codeflow.enable', {}),
    pattern = config.filetypes,
    callback = function(event)
      local root = vim.fs.root(event.buf, config.root_markers)
      vim.lsp.start(vim.tbl_extend('force', config, { root_dir = root }), { bufnr = event.buf })
    end,
  })
end

--- Sets up a buffer that a CodeFlow server is attached to.
---@param client vim.lsp.Client
---@param buffer integer
function M.attach(client, buffer)
  M.detach(buffer)
  local group = vim.api.nvim_create_augroup('codeflow.buffer.' .. buffer, {})
  local drawn_by = require('codeflow.options').drawn_by()
  if drawn_by == 'own' then
    require('codeflow.ghost').attach(buffer, group)
  elseif drawn_by == 'native' then
    require('codeflow.native').enable(true, client)
  end
  if drawn_by then require('codeflow.keys').map_tab(buffer) end
  if require('codeflow.options').get().next_edit then
    require('codeflow.next_edit').attach(buffer, group)
    require('codeflow.keys').map_next_edit(buffer)
  end
  stops[buffer] = require('codeflow.report').attach(buffer, group)
end

---@param buffer integer
function M.detach(buffer)
  if not stops[buffer] then return end
  stops[buffer]()
  stops[buffer] = nil
  pcall(vim.api.nvim_del_augroup_by_name, 'codeflow.buffer.' .. buffer)
  if vim.api.nvim_get_current_buf() == buffer then require('codeflow.ghost').clear() end
end

-- Ghost text

---@return boolean # whether there was ghost text to accept
function M.accept()
  return require('codeflow.accept').accept('all')
end

---@return boolean
function M.accept_word()
  return require('codeflow.accept').accept('word')
end

---@return boolean
function M.accept_line()
  return require('codeflow.accept').accept('line')
end

---@param step integer
local function cycle(step)
  local drawn = require('codeflow.options').drawn_by() == 'native' and 'codeflow.native' or 'codeflow.ghost'
  require(drawn).cycle(step)
end

--- Shows the next suggestion; asks for several where there is one, or none.
function M.next()
  cycle(1)
end

function M.prev()
  cycle(-1)
end

---@return boolean # whether there was ghost text
function M.dismiss()
  return require('codeflow.ghost').dismiss()
end

-- Edits

--- Goes to where the next edit is likely; there it accepts the text, where one is known.
function M.next_edit()
  require('codeflow.next_edit').go()
end

---@param instruction string
---@param lines? [integer, integer] first and last, from 1; without them what the cursor stands in
function M.edit(instruction, lines)
  require('codeflow.edit').edit(instruction, lines)
end

-- The server

--- For a status line.
---@return string
function M.status()
  return require('codeflow.statusline').text()
end

--- Switches ghost text off, or on again.
function M.toggle()
  local ghost = require('codeflow.ghost')
  ghost.enable(not ghost.is_enabled())
  if require('codeflow.options').drawn_by() == 'native' then
    for _, client in ipairs(vim.lsp.get_clients({ name = server.NAME })) do
      require('codeflow.native').enable(ghost.is_enabled(), client)
    end
  end
  server.tell(ghost.is_enabled() and 'ghost text is on.' or 'ghost text is off.')
end

--- Stops the server and starts it again.
function M.restart()
  local clients = vim.lsp.get_clients({ name = server.NAME })
  for _, client in ipairs(clients) do
    server.stop(client)
  end
  local attempts = 0
  local function start()
    attempts = attempts + 1
    local left = vim.tbl_filter(function(client) return vim.lsp.get_client_by_id(client.id) ~= nil end, clients)
    if #left > 0 and attempts < 50 then
      if attempts == 20 then
        for _, client in ipairs(left) do
          server.stop(client, true)
        end
      end
      vim.defer_fn(start, 100)
      return
    end
    M.enable()
    if not vim.lsp.enable then vim.cmd.doautoall('codeflow.enable FileType') end
  end
  start()
end

--- Has the model, downloading it where it is missing or damaged.
function M.pull()
  local client = server.here()
  if not client then return end
  server.tell('the model is being obtained.')
  server.execute(client, 'codeflow.model.obtain', {}, function(error, is_open)
    if error then
      server.tell(error.message, vim.log.levels.ERROR)
    elseif is_open then
      server.tell('the model is there and open.')
    end -- otherwise the server has said why
  end)
end

--- The server's own sentence about itself.
function M.show_status()
  local status = require('codeflow.statusline').status()
  if not status then
    server.here()
    return
  end
  local words = { status.message }
  if status.state == 'ready' and status.reason then table.insert(words, ('Model: %s.'):format(status.reason)) end
  if status.fix then table.insert(words, ('What mends it: %s.'):format(status.fix.title)) end
  server.tell(table.concat(words, ' '))
end

return M
