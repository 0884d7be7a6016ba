-- Texts that the server shows (a diff, an explanation): in a window of their own, not in place of the user's code.

local scratch = require('codeflow.scratch')

local M = {}

local FILETYPES = { diff = 'diff', md = 'markdown' }

--- `lsp.Handler` for `window/showDocument`.
---@param error lsp.ResponseError?
---@param params lsp.ShowDocumentParams
---@param context lsp.HandlerContext
---@return lsp.ShowDocumentResult
function M.on_show(error, params, context)
  local path = vim.startswith(params.uri, 'file:') and vim.uri_to_fname(params.uri) or ''
  if params.external or params.selection or vim.fn.filereadable(path) == 0 then
    return vim.lsp.handlers['window/showDocument'](error, params, context)
  end
  local lines = vim.fn.readfile(path)
  if not require('codeflow.edit').refuse(lines) then
    local name = vim.fn.fnamemodify(path, ':t')
    scratch.open(name, FILETYPES[vim.fn.fnamemodify(name, ':e')] or 'text', lines)
  end
  return { success = true }
end

return M
