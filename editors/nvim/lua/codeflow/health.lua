-- `:checkhealth codeflow`: is everything there that suggestions take, and if not, what mends it?

local M = {}

local ANSWERS_WITHIN_MS = 5000

---@return vim.lsp.Config?
local function table_of_server()
  if vim.lsp.config then return vim.lsp.config.codeflow end
  local path = vim.api.nvim_get_runtime_file('lsp/codeflow.lua', false)[1]
  return path and dofile(path)
end

---@param program string
local function check_version(program)
  local ok, run = pcall(vim.system, { program, '--version' }, { text = true, timeout = ANSWERS_WITHIN_MS })
  local done = ok and run:wait() or nil
  if done and done.code == 0 then
    vim.health.ok(vim.trim(done.stdout))
  else
    local said = done and vim.trim(done.stderr or '') or tostring(run)
    vim.health.error(('%s does not answer: %s'):format(program, said), 'In the repository: make setup')
  end
end

local function check_program()
  vim.health.start('CodeFlow: the server')
  local config = table_of_server()
  if not config then
    vim.health.error('lsp/codeflow.lua is not found.', 'Put editors/nvim of the repository on the runtimepath.')
    return
  end
  local cmd = config.cmd
  if type(cmd) ~= 'table' then
    vim.health.ok('it is started by a function of yours')
    return
  end
  local found = vim.fn.exepath(cmd[1])
  if found == '' then
    vim.health.error(('%s is not found.'):format(cmd[1]), {
      'In the repository: make setup, then ln -s "$PWD/.venv/bin/codeflow-lsp" ~/.local/bin/',
      "Or name it: vim.lsp.config('codeflow', { cmd = { '/path/to/codeflow-lsp', '--stdio' } })",
    })
    return
  end
  local why = cmd[1] == 'codeflow-lsp' and 'the first on the PATH' or 'named by vim.lsp.config'
  vim.health.ok(('%s (%s)'):format(found, why))
  check_version(found)
  if vim.lsp.is_enabled and not vim.lsp.is_enabled('codeflow') then
    vim.health.warn('It is not enabled.', "In init.lua: vim.lsp.enable('codeflow')")
  end
end

---@param client vim.lsp.Client
---@param method string
---@return table?
local function answer(client, method)
  local server = require('codeflow.server')
  local done, result = false, nil
  server.request(client, method, vim.empty_dict(), function(_, value)
    done, result = true, value
  end, 0)
  vim.wait(ANSWERS_WITHIN_MS, function() return done end, 20)
  return result
end

---@param client vim.lsp.Client
local function check_client(client)
  local buffers = vim.tbl_count(client.attached_buffers)
  vim.health.ok(('runs for %s: %d buffer%s, %s'):format(
    client.root_dir or 'single files', buffers, buffers == 1 and '' or 's', client.offset_encoding
  ))
  local status = answer(client, 'codeflow/status')
  if not status then
    vim.health.error('It does not answer.', { ':Codeflow restart', 'Its log: ' .. require('vim.lsp.log').get_filename() })
    return
  end
  if status.state == 'error' then
    vim.health.error(status.message, status.fix and status.fix.title)
  elseif status.state == 'ready' then
    vim.health.ok(status.message)
    vim.health.info(('model %s: %s'):format(status.model, status.reason))
    vim.health.info(('prompts of up to %d tokens; %s'):format(
      status.budgetTokens,
      status.fillsIn and 'what follows the cursor is seen' or 'only what stands before the cursor is seen'
    ))
  else
    vim.health.info(('%s: %s'):format(status.state, status.message))
  end
  local stats = answer(client, 'codeflow/stats')
  local session = stats and stats.session or {}
  if type(session.p50_ms) == 'number' then
    vim.health.info(('suggestions: half of them within %.0f ms, 95%% within %.0f ms'):format(
      session.p50_ms, session.p95_ms
    ))
  end
  vim.health.info('settings: ' .. vim.json.encode(client.settings.codeflow or vim.empty_dict()))
end

local function check_clients()
  vim.health.start('CodeFlow: now')
  local clients = vim.lsp.get_clients({ name = 'codeflow' })
  if #clients == 0 then
    vim.health.info('No server runs: it starts with the first file of a known type.')
  end
  vim.tbl_map(check_client, clients)
end

local function check_editor()
  vim.health.start('CodeFlow: Neovim')
  if vim.fn.has('nvim-0.10') == 0 then
    vim.health.error('This Neovim is too old.', 'Neovim 0.10 or newer')
    return
  end
  if not vim.g.loaded_codeflow then
    local advice = 'Put editors/nvim on the runtimepath before Neovim has started.'
    vim.health.warn('plugin/codeflow.lua was not loaded.', advice)
  end
  local options = require('codeflow.options')
  for _, problem in ipairs(options.problems()) do
    vim.health.warn(problem)
  end
  local drawn_by = options.drawn_by()
  local who = { own = 'drawn by this plugin', native = 'drawn by Neovim' }
  vim.health.ok('ghost text: ' .. (who[drawn_by] or 'off; suggestions are in the completion menu'))
  if drawn_by == 'own' and options.has_native() and vim.lsp.inline_completion.is_enabled() then
    vim.health.warn('vim.lsp.inline_completion is on as well: ghost text is drawn twice.', {
      'Leave vim.lsp.inline_completion.enable() out of init.lua',
      "Or: vim.g.codeflow = { ghost_text = 'native' }",
    })
  end
  local keys = require('codeflow.keys')
  local taken = vim.g.codeflow_no_default_maps and 'no keys are mapped (vim.g.codeflow_no_default_maps)'
    or ('Tab accepts ghost text where there is some; %s goes to the next edit'):format(keys.NEXT_EDIT)
  vim.health.info(taken)
end

function M.check()
  check_program()
  check_clients()
  check_editor()
end

return M
