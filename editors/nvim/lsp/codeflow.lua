-- CodeFlow for Neovim 0.11 and newer, found by vim.lsp.enable('codeflow') once this folder's parent is on the
-- runtimepath. Ghost text needs Neovim 0.12; on 0.11 the suggestions are entries of the completion menu.
-- editors/README.md says how to switch it on.

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
  settings = { codeflow = vim.empty_dict() }, -- docs/settings.md, e.g. { completion = { maxTokens = 64 } }
}
