-- Thin on purpose: most is loaded once a server is attached or a command given.

if vim.g.loaded_codeflow then return end
vim.g.loaded_codeflow = true

if vim.fn.has('nvim-0.10') == 0 then
  vim.notify('CodeFlow takes Neovim 0.10 or newer.', vim.log.levels.WARN)
  return
end

local function attach(client, buffer)
  if client and client.name == 'codeflow' then require('codeflow').attach(client, buffer) end
end

local group = vim.api.nvim_create_augroup('codeflow', {})
vim.api.nvim_create_autocmd('LspAttach', {
  group = group,
  callback = function(event) attach(vim.lsp.get_client_by_id(event.data.client_id), event.buf) end,
})
vim.api.nvim_create_autocmd('LspDetach', {
  group = group,
  callback = function(event)
    local client = vim.lsp.get_client_by_id(event.data.client_id)
    if client and client.name == 'codeflow' then require('codeflow').detach(event.buf) end
  end,
})
vim.api.nvim_create_autocmd('ColorScheme', {
  group = group,
  callback = function() require('codeflow.draw').set_highlights() end,
})
for _, client in ipairs(vim.lsp.get_clients({ name = 'codeflow' })) do -- for plugin managers that load late
  for buffer in pairs(client.attached_buffers) do
    attach(client, buffer)
  end
end

require('codeflow.draw').set_highlights()
require('codeflow.keys').define()
vim.api.nvim_create_user_command('Codeflow', function(arguments) require('codeflow.command').run(arguments) end, {
  nargs = '+',
  range = true,
  complete = function(...) return require('codeflow.command').complete(...) end,
  desc = 'CodeFlow: edit, why, stats, pull, restart, toggle, status',
})
