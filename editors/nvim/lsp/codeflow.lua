-- CodeFlow for Neovim 0.11 and newer, found by vim.lsp.enable('codeflow') once this folder's parent is on the
-- runtimepath. Ghost text needs Neovim 0.12; on 0.11 the suggestions are entries of the completion menu.
-- editors/README.md says how to switch it on.

-- Tells the server where the cursor has come to rest, so that it can prepare for what may be typed there.
---@param client vim.lsp.Client
---@param buffer integer
local function report_cursor(client, buffer)
  local timer = assert(vim.uv.new_timer())
  local group = vim.api.nvim_create_augroup('codeflow_cursor_' .. buffer, {})
  vim.api.nvim_create_autocmd('CursorMoved', {
    group = group,
    buffer = buffer,
    callback = function()
      timer:start(150, 0, vim.schedule_wrap(function()
        if client:is_stopped() or vim.api.nvim_get_current_buf() ~= buffer then return end
        local place = vim.lsp.util.make_position_params(0, client.offset_encoding)
        client:notify('codeflow/cursor', { uri = place.textDocument.uri, position = place.position })
      end))
    end,
  })
  vim.api.nvim_create_autocmd({ 'LspDetach', 'BufWipeout' }, {
    group = group,
    buffer = buffer,
    callback = function(event)
      if event.event == 'LspDetach' and event.data.client_id ~= client.id then return end
      timer:stop()
      vim.api.nvim_clear_autocmds({ group = group })
    end,
  })
end

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
  on_attach = report_cursor,
  settings = { codeflow = vim.empty_dict() }, -- docs/settings.md, e.g. { completion = { maxTokens = 64 } }
}
