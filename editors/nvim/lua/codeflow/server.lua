-- The CodeFlow client of a buffer: found, asked, told. Hides what Neovim 0.10, 0.11 and 0.12 call differently;
-- knows nothing of what is asked.

local M = {}

M.NAME = 'codeflow'

-- before 0.11 a client's functions were no methods, and positions were converted by other arguments
local is_new = vim.fn.has('nvim-0.11') == 1

---@param buffer? integer its client; without one, any
---@return vim.lsp.Client?
function M.client(buffer)
  return vim.lsp.get_clients({ name = M.NAME, bufnr = buffer })[1]
end

--- The client of the current buffer; where there is none, its user is told.
---@return vim.lsp.Client?
function M.here()
  local client = M.client(vim.api.nvim_get_current_buf())
  if not client then
    M.tell('no server is attached to this buffer; :checkhealth codeflow says why.', vim.log.levels.WARN)
  end
  return client
end

---@param client vim.lsp.Client
---@param method string
---@param params table
---@param handler fun(error: lsp.ResponseError?, result: any)
---@param buffer integer
---@return integer? # by which it can be cancelled
function M.request(client, method, params, handler, buffer)
  local sent, id
  if is_new then
    sent, id = client:request(method, params, handler, buffer)
  else
    sent, id = client.request(method, params, handler, buffer)
  end
  return sent and id or nil
end

---@param client vim.lsp.Client
---@param id integer
function M.cancel(client, id)
  if is_new then
    client:cancel_request(id)
  else
    client.cancel_request(id)
  end
end

---@param client vim.lsp.Client
---@param method string
---@param params table
function M.notify(client, method, params)
  if is_new then
    client:notify(method, params)
  else
    client.notify(method, params)
  end
end

---@param client vim.lsp.Client
---@param command string
---@param arguments? any[]
---@param done? fun(error: lsp.ResponseError?, result: any)
---@param buffer? integer
function M.execute(client, command, arguments, done, buffer)
  local params = { command = command, arguments = arguments }
  M.request(client, 'workspace/executeCommand', params, done or function() end, buffer or 0)
end

---@param client vim.lsp.Client
---@param force? boolean without waiting for its goodbye
function M.stop(client, force)
  if is_new then
    client:stop(force)
  else
    client.stop(force)
  end
end

---@param client vim.lsp.Client
---@return boolean
function M.is_stopped(client)
  if is_new then return client:is_stopped() end
  return client.is_stopped()
end

--- Byte of a line at which an LSP `character` stands.
---@param line string
---@param character integer
---@param encoding string the client's `offset_encoding`
---@return integer
function M.byte_of(line, character, encoding)
  if encoding == 'utf-8' then return math.min(character, #line) end
  if is_new then return vim.str_byteindex(line, encoding, character, false) end
  local ok, byte = pcall(vim.str_byteindex, line, character, encoding == 'utf-16')
  return ok and byte or #line
end

--- How many code units of `encoding` the first `bytes` of a text are.
---@param text string
---@param bytes integer
---@param encoding string
---@return integer
function M.units_of(text, bytes, encoding)
  if encoding == 'utf-8' then return bytes end
  if is_new then return vim.str_utfindex(text, encoding, bytes, false) end
  local utf32, utf16 = vim.str_utfindex(text, bytes)
  return encoding == 'utf-16' and utf16 or utf32
end

---@param message string a sentence without its subject
---@param level? integer
function M.tell(message, level)
  vim.notify('CodeFlow: ' .. message, level or vim.log.levels.INFO)
end

return M
