vim9script
# Ghost text: asks for it when a key has rested, draws what the text will be, takes it away as soon as it does not fit
# any more. One suggestion at a time, at the cursor, and none beside a completion menu.

import autoload './documents.vim'
import autoload './draw.vim'
import autoload './server.vim'
import autoload './suggestion.vim'

const INVOKED = 1
const AUTOMATIC = 2
const CURSOR_RESTS_MS = 150 # until the server is told where the cursor is

var found: list<dict<any>> = [] # candidates, the best first
var chosen = 0
var numbered = false # whether they were asked for, and are counted
var buffer = 0 # theirs
var asked = 0 # the request that is awaited
var seen: list<any> = [] # what was there when it was last looked at
var quiet: list<number> = [] # sent away: nothing unasked for this buffer and tick
var timer = 0
var cursor_timer = 0
var enabled = true
var latest_key = ''

def Delay(): number
  return get(g:, 'codeflow_debounce_ms', 75)
enddef

# What a suggestion depends on.
def Here(): list<any>
  return [bufnr(), b:changedtick, line('.'), col('.'), pumvisible() != 0]
enddef

def IsInserting(): bool
  return mode()[0] == 'i'
enddef

def ForgetRequest()
  timer_stop(timer)
  timer_stop(cursor_timer)
  server.Cancel(asked)
  asked = 0
enddef

# Nothing is shown, nothing is awaited.
export def Clear()
  ForgetRequest()
  draw.Clear()
  found = []
  seen = []
enddef

def RestOf(one: dict<any>): dict<any>
  return suggestion.RestOf(one, line('.'), col('.') - 1)
enddef

# What is left of what is shown now; {} where nothing is.
export def Current(): dict<any>
  if empty(found) || buffer != bufnr() || !IsInserting() || pumvisible()
    return {}
  endif
  return RestOf(found[chosen])
enddef

def KeyOf(one: dict<any>): string
  return get(get(one.item, 'command', {}) ?? {}, 'arguments', [''])[0]
enddef

# The key of the suggestion that was shown last.
export def LatestKey(): string
  return latest_key
enddef

# Draws what fits of what was found, and forgets the rest of it.
def Show()
  draw.Clear()
  if empty(found) || buffer != bufnr()
    found = []
    return
  endif
  var before = found[chosen]
  found = filter(copy(found), (_, one) => !empty(RestOf(one)))
  chosen = max([index(found, before), 0])
  var rest = Current()
  if empty(rest)
    return
  endif
  var one = found[chosen]
  var number = numbered && len(found) > 1 ? $'{chosen + 1}/{len(found)}' : ''
  draw.Show(line('.'), col('.') - 1, rest, one.behind, number)
  if KeyOf(one) != latest_key
    latest_key = KeyOf(one)
    server.Notify('textDocument/didShowCompletion', {item: one.item})
  endif
enddef

# What the server sent for the cursor; {} where it cannot be shown.
def SuggestionOf(item: dict<any>): dict<any>
  if type(item.insertText) != v:t_string || item.insertText == ''
    return {}
  endif
  var text = getline('.')
  var byte = col('.') - 1
  var [first, last] = [byte, byte]
  var where = get(item, 'range', v:null)
  if type(where) == v:t_dict
    if where.start.line != line('.') - 1 || where.end.line != line('.') - 1
      return {}
    endif
    first = server.ByteOf(text, where.start.character)
    last = max([byte, server.ByteOf(text, where.end.character)])
  endif
  return {
    item: item, text: item.insertText, lnum: line('.'), byte: first,
    replaced: strpart(text, byte, last - byte), behind: strpart(text, last),
  }
enddef

def Ask(trigger: number, step = 0)
  ForgetRequest()
  if !documents.IsOpen(bufnr()) || !IsInserting() || pumvisible()
    return
  endif
  documents.Flush(bufnr())
  var at = Here()
  var before = get(Current(), 'text', '')
  var id = 0
  id = server.Request('textDocument/inlineCompletion', {
    textDocument: {uri: documents.UriOf(bufnr())},
    position: Position(),
    context: {triggerKind: trigger},
  }, (result) => {
    if asked == id # otherwise a newer key has been pressed
      asked = 0
      if enabled && IsInserting() && Here() == at
        Take(type(result) == v:t_dict ? result.items : result ?? [], trigger, before, step)
      endif
    endif
  }, (_) => {
    asked = asked == id ? 0 : asked
  })
  asked = id
enddef

def Position(): dict<any>
  return {line: line('.') - 1, character: server.UnitsOf(strpart(getline('.'), 0, col('.') - 1))}
enddef

# Shows what the server answered. `before` is the text that was shown then, `step` how far to go from it.
def Take(items: list<any>, trigger: number, before: string, step: number)
  found = filter(mapnew(items, (_, item) => SuggestionOf(item)), (_, one) => !empty(one))
  [buffer, chosen, numbered] = [bufnr(), 0, trigger == INVOKED]
  if !empty(found) && before != '' && found[0].text == before
    chosen = Modulo(step, len(found))
  endif
  Show()
enddef

def Modulo(number: number, size: number): number
  return (number % size + size) % size
enddef

# The text, the cursor or the completion menu may have changed.
export def Follow()
  if !enabled || !IsInserting()
    return
  endif
  var now = Here()
  if now == seen
    return
  endif
  if quiet != now[0 : 1]
    quiet = []
  endif
  seen = now
  ForgetRequest()
  Show()
  if !empty(quiet) || reg_executing() != ''
    return
  endif
  timer = timer_start(Delay(), (_) => Ask(AUTOMATIC))
enddef

# Tells the server where the cursor rests: there it may read ahead.
def Moved()
  timer_stop(cursor_timer)
  cursor_timer = timer_start(CURSOR_RESTS_MS, (_) => {
    if documents.IsOpen(bufnr()) && asked == 0
      documents.Flush(bufnr())
      server.Notify('codeflow/cursor', {uri: documents.UriOf(bufnr()), position: Position()})
    endif
  })
enddef

# Shows another candidate; the first time, it has them made.
export def Cycle(step: number)
  quiet = []
  if !numbered || empty(Current())
    Ask(INVOKED, step)
    return
  endif
  chosen = Modulo(chosen + step, len(found))
  Show()
enddef

# Takes ghost text away; nothing comes unasked before the text changes.
export def Dismiss(): bool
  var was = !empty(Current())
  Clear()
  seen = Here()
  quiet = seen[0 : 1]
  return was
enddef

export def Enable(on: bool)
  enabled = on
  Clear()
enddef

export def IsEnabled(): bool
  return enabled
enddef

# Inserts of what is shown as many bytes as `SizeOf` says of it.
export def Accept(SizeOf: func): bool
  var rest = Current()
  if empty(rest)
    return false
  endif
  var one = found[chosen]
  var bytes: number = SizeOf(rest.text)
  draw.Clear()
  Insert(strpart(rest.text, 0, bytes), suggestion.Covered(rest, bytes))
  Report(one, strlen(one.text) - strlen(rest.text) + bytes)
  Follow()
  return true
enddef

# Puts a text in place of so many bytes behind the cursor.
def Insert(text: string, covered: number)
  var lnum = line('.')
  var byte = col('.') - 1
  var whole = getline(lnum)
  var tail = strpart(whole, byte + covered)
  var lines = split(text, "\n", true)
  var reached = (len(lines) == 1 ? byte : 0) + strlen(lines[-1])
  lines[0] = strpart(whole, 0, byte) .. lines[0]
  lines[-1] ..= tail
  &g:undolevels = &g:undolevels # one undo takes away what was accepted, and not what was typed before
  setline(lnum, lines[0])
  append(lnum, lines[1 :])
  cursor(lnum + len(lines) - 1, reached + 1)
enddef

# Tells the server how many bytes of a suggestion stand there now.
def Report(one: dict<any>, reached: number)
  documents.Flush(bufnr())
  var command = get(one.item, 'command', v:null)
  if reached < strlen(one.text)
    server.Notify('textDocument/didPartiallyAcceptCompletion', {
      item: one.item, acceptedLength: server.Units(strpart(one.text, 0, reached)),
    })
  elseif type(command) == v:t_dict
    server.Execute(command.command, get(command, 'arguments', []))
  endif
enddef

# Follows what happens in a buffer.
export def Attach(number: number)
  augroup codeflow_ghost
    execute $'autocmd! * <buffer={number}>'
    execute $'autocmd TextChangedI,TextChangedP,CursorMovedI <buffer={number}> Follow()'
    execute $'autocmd InsertEnter,CompleteChanged,CompleteDone <buffer={number}> timer_start(0, (_) => Follow())'
    execute $'autocmd InsertLeave,BufLeave,WinLeave <buffer={number}> Clear()'
    execute $'autocmd CursorMoved <buffer={number}> Moved()'
  augroup END
enddef
