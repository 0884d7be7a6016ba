vim9script
# The server's process and what is said to it and by it, as JSON-RPC messages. One for all of Vim. Knows neither
# buffers nor windows; who wants to hear of a method says so by On() or Answer().

const STOPS_WITHIN_MS = 3000

var process: job
var ready = false
var stopping = false
var waiting: list<func> = [] # until the server is ready
var encoding = 'utf-16'
var folders: list<string> = []
var status: dict<any> = {}
var errors: list<string> = [] # the last lines of what it printed
var heard: dict<func> = {} # notifications, by method
var answers: dict<func> = {} # requests of the server's, by method

# What a user sets

export def Settings(): dict<any>
  return deepcopy(get(g:, 'codeflow_settings', {}))
enddef

def Command(): list<string>
  return get(g:, 'codeflow_command', ['codeflow-lsp', '--stdio'])
enddef

export def Tell(words: string, is_problem = false)
  if is_problem
    echohl WarningMsg
  endif
  echomsg 'CodeFlow: ' .. words
  echohl None
enddef

# Its life

export def IsReady(): bool
  return ready
enddef

export def IsRunning(): bool
  return job_status(process) == 'run'
enddef

# Calls `Act` once the server is ready: now, or later.
export def WhenReady(Act: func)
  if ready
    Act()
  else
    add(waiting, Act)
  endif
enddef

# Starts the server where it does not run, and adds a folder to those that it reads; '' is none.
export def Start(folder: string)
  if IsRunning()
    if folder != '' && index(folders, folder) < 0
      add(folders, folder)
      WhenReady(() => Notify('workspace/didChangeWorkspaceFolders', {
        event: {added: [Folder(folder)], removed: []},
      }))
    endif
    return
  endif
  if !executable(Command()[0])
    if get(status, 'state', '') != 'error'
      Tell(Command()[0] .. ' is not found; `make setup` makes it, g:codeflow_command names it.', true)
    endif
    status = {state: 'error', message: Command()[0] .. ' is not found.'}
    return
  endif
  folders = folder == '' ? [] : [folder]
  [ready, stopping, status, errors] = [false, false, {state: 'starting', message: 'The server is starting.'}, []]
  process = job_start(Command(), {
    in_mode: 'lsp', out_mode: 'lsp', err_mode: 'nl', noblock: 1,
    out_cb: OnMessage, err_cb: OnError, exit_cb: OnExit,
  })
  if !IsRunning()
    return
  endif
  ch_sendexpr(process, {method: 'initialize', params: {
    processId: getpid(),
    clientInfo: {name: 'Vim', version: $'{v:versionlong}'},
    rootUri: folder == '' ? v:null : Uri(folder),
    workspaceFolders: folder == '' ? v:null : [Folder(folder)],
    initializationOptions: Settings(),
    capabilities: Capabilities(),
  }}, {callback: OnInitialized})
enddef

def Capabilities(): dict<any>
  return {
    general: {positionEncodings: ['utf-8']}, # as Vim counts
    workspace: {
      applyEdit: true, configuration: true, workspaceFolders: true,
      workspaceEdit: {documentChanges: true, resourceOperations: ['create']},
    },
    textDocument: {
      synchronization: {didSave: true},
      inlineCompletion: {},
      codeAction: {
        codeActionLiteralSupport: {codeActionKind: {valueSet: ['quickfix', 'refactor', 'source']}},
        dataSupport: true,
        resolveSupport: {properties: ['edit']},
      },
    },
    window: {showDocument: {support: true}},
  }
enddef

def Folder(path: string): dict<any>
  return {uri: Uri(path), name: fnamemodify(path, ':t')}
enddef

def OnInitialized(_: channel, answer: dict<any>)
  if !has_key(answer, 'result')
    Tell('the server could not be started: ' .. get(get(answer, 'error', {}), 'message', '?'), true)
    return
  endif
  encoding = get(answer.result.capabilities, 'positionEncoding', 'utf-16')
  Notify('initialized', {})
  ready = true
  for Act in remove(waiting, 0, -1)
    Act()
  endfor
enddef

def OnError(_: channel, line: string)
  add(errors, line)
  if len(errors) > 50
    remove(errors, 0)
  endif
enddef

def OnExit(_: job, code: number)
  ready = false
  waiting = []
  if !stopping
    status = {state: 'error', message: $'The server has ended with {code}. ' .. get(errors, -1, '')}
    Tell(status.message .. ' :Codeflow restart starts it again.', true)
  endif
enddef

# Ends the server, and calls `Done` once it has ended.
export def Stop(Done: func = () => 0)
  stopping = true
  if !IsRunning()
    Done()
    return
  endif
  var ended = process
  if ready
    ready = false
    ch_sendexpr(ended, {method: 'shutdown'}, {callback: (_, _) => {
      ch_sendexpr(ended, {method: 'exit'})
    }})
  else
    job_stop(ended)
  endif
  var waited = 0
  timer_start(50, (timer) => {
    waited += 50
    if job_status(ended) == 'run' && waited == STOPS_WITHIN_MS
      job_stop(ended, 'kill')
    elseif job_status(ended) != 'run'
      timer_stop(timer)
      Done()
    endif
  }, {repeat: 2 * STOPS_WITHIN_MS / 50})
enddef

# What is said to it

# Asks; `Done` is called with the result, `Failed` with a sentence. Returns the id, 0 where nothing was asked.
export def Request(
    method: string, params: any, Done: func, Failed: func = (_) => 0
): number
  if !ready
    return 0
  endif
  var sent = ch_sendexpr(process, {method: method, params: params}, {callback: (_, answer) => {
    if has_key(answer, 'result')
      Done(answer.result)
    else
      Failed(get(get(answer, 'error', {}), 'message', ''))
    endif
  }})
  return get(sent, 'id', 0)
enddef

export def Cancel(id: number)
  if ready && id > 0
    Notify('$/cancelRequest', {id: id})
  endif
enddef

export def Notify(method: string, params: any)
  if IsRunning()
    ch_sendexpr(process, {method: method, params: params})
  endif
enddef

export def Execute(
    command: string, arguments: list<any>, Done: func = (_) => 0, Failed: func = (_) => 0
)
  Request('workspace/executeCommand', {command: command, arguments: arguments}, Done, Failed)
enddef

# What it says

# `Act` is called with the parameters of each notification of a method.
export def On(method: string, Act: func)
  heard[method] = Act
enddef

# `Act` is called with the parameters of each request of a method, and a function that takes the result.
export def Answer(method: string, Act: func)
  answers[method] = Act
enddef

def OnMessage(_: channel, message: any)
  if type(message) != v:t_dict || !has_key(message, 'method')
    return
  endif
  var params = get(message, 'params', v:null)
  if !has_key(message, 'id')
    if has_key(heard, message.method)
      heard[message.method](params)
    endif
  elseif has_key(answers, message.method)
    answers[message.method](params, (result) => Send({id: message.id, result: result}))
  else
    Send({id: message.id, error: {code: -32601, message: $'Vim does not know {message.method}'}})
  endif
enddef

# Vim's own way of answering takes no ids but numbers, and the server's are texts.
def Send(message: dict<any>)
  var body = json_encode(extend({jsonrpc: '2.0'}, message))
  if IsRunning()
    ch_sendraw(process, $"Content-Length: {strlen(body)}\r\n\r\n{body}")
  endif
enddef

On('codeflow/status', (said) => {
  var before = status
  status = said
  if said.state == 'error' && get(before, 'message', '') != said.message
    Tell(said.message, true)
  endif
  silent! doautocmd <nomodeline> User CodeflowStatus
  redrawstatus!
})
On('window/showMessage', (said) => Tell(said.message, said.type <= 2))
Answer('workspace/configuration', (params, Reply) => Reply(mapnew(params.items, (_, _) => Settings())))
Answer('window/workDoneProgress/create', (_, Reply) => Reply(v:null))
Answer('client/registerCapability', (_, Reply) => Reply(v:null))
def AskUser(params: dict<any>, Reply: func)
  var actions: list<any> = get(params, 'actions', []) ?? []
  popup_menu(mapnew(actions, (_, one) => one.title), {
    title: ' ' .. params.message .. ' ',
    callback: (_, choice) => Reply(choice > 0 ? actions[choice - 1] : v:null),
  })
enddef

Answer('window/showMessageRequest', AskUser)

# The last `codeflow/status`; docs/protocol.md has its fields.
export def LatestStatus(): dict<any>
  return status
enddef

# `CodeFlow`, with a sign where it is not simply ready; '' where no server runs.
export def Words(): string
  const SIGNS = {starting: ' …', downloading: ' ↓', ready: '', off: ' off', error: ' !'}
  return empty(status) ? '' : 'CodeFlow' .. get(SIGNS, get(status, 'state', ''), '')
enddef

# Positions and names

# Byte of a line at which an LSP `character` stands.
export def ByteOf(line: string, character: number): number
  if encoding == 'utf-8'
    return min([character, strlen(line)])
  endif
  var left = character
  var byte = 0
  for one in split(line, '\zs')
    if left <= 0
      break
    endif
    left -= Units(one)
    byte += strlen(one)
  endfor
  return byte
enddef

# How many code units of the encoding that is agreed on a text is.
export def UnitsOf(text: string): number
  return encoding == 'utf-8' ? strlen(text) : Units(text)
enddef

# How many code units of UTF-16 a text is.
export def Units(text: string): number
  return reduce(str2list(text), (sum, one) => sum + (one > 0xffff ? 2 : 1), 0)
enddef

export def Uri(path: string): string
  return 'file://' .. substitute(path, '[^A-Za-z0-9/._~-]', (found) => Escaped(found[0]), 'g')
enddef

def Escaped(character: string): string
  return range(strlen(character))->mapnew((_, at) => printf('%%%02X', char2nr(strpart(character, at, 1))))->join('')
enddef

export def Path(uri: string): string
  var text = substitute(uri, '^file://', '', '')
  # bytes, not characters, are what is escaped: they are put together by Vim's own strings
  return eval('"' .. escape(text, '\"')->substitute('%\(\x\x\)', '\\x\1', 'g') .. '"')
enddef
