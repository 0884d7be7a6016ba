-- The server's table for Neovim: found by vim.lsp.enable('codeflow') once the folder above is on the runtimepath.
-- What is done in a buffer is set up by plugin/codeflow.lua, so that `on_attach` is free for users.

---@type vim.lsp.Config
return {
  cmd = { 'codeflow-lsp', '--stdio' },
  filetypes = {
    'bash', 'c', 'cpp', 'cs', 'go', 'java', 'javascript', 'javascriptreact', 'kotlin', 'lua', 'php', 'python',
    'ruby', 'rust', 'scala', 'sh', 'swift', 'typescript', 'typescriptreact', 'yaml',
  },
  root_markers = { '.git' },
  -- Neovim's name for a file type, where it is not the Language Server Protocol's
  get_language_id = function(_, filetype)
    return filetype == 'cs' and 'csharp' or filetype
  end,
  -- known from the first moment: some settings say what the server registers
  before_init = function(params, config)
    params.initializationOptions = vim.tbl_get(config, 'settings', 'codeflow')
  end,
  capabilities = require('codeflow.options').capabilities(),
  handlers = {
    ['codeflow/status'] = function(...) require('codeflow.statusline').on_status(...) end,
    ['window/showDocument'] = function(...) return require('codeflow.show').on_show(...) end,
  },
  settings = { codeflow = vim.empty_dict() }, -- docs/settings.md, e.g. { completion = { maxTokens = 64 } }
}
