vim9script
# The buffers that the server knows, and how their text gets there: what differs from what was sent last, in lines.

import autoload './server.vim'

const RESTS_MS = 300 # after a change, until the server is told without being asked anything

# by buffer: uri, version, lines and tick of what was sent last
var sent: dict<dict<any>> = {}
var timers: dict<number> = {}

export def IsServed(buffer: number): bool
  return getbufvar(buffer, '&buftype') == '' && bufname(buffer) != '' && &encoding == 'utf-8'
enddef

export def IsOpen(buffer: number): bool
  return has_key(sent, buffer)
enddef

# The folder of the repository that a buffer's file is in; '' where there is none.
export def Root(buffer: number): string
  var folder = fnamemodify(bufname(buffer), ':p:h')
  while !isdirectory(folder .. '/.git') && !filereadable(folder .. '/.git')
    var above = fnamemodify(folder, ':h')
    if above == folder
      return ''
    endif
    folder = above
  endwhile
  return folder
enddef

export def UriOf(buffer: number): string
  return server.Uri(fnamemodify(bufname(buffer), ':p'))
enddef

export def VersionOf(buffer: number): number
  return sent[buffer].version
enddef

# The buffer of a URI, loaded; its file need not exist.
export def BufferOf(uri: string): number
  var buffer = bufadd(server.Path(uri))
  bufload(buffer)
  setbufvar(buffer, '&buflisted', true)
  return buffer
enddef

def Language(buffer: number): string
  var filetype = getbufvar(buffer, '&filetype')
  return filetype == 'cs' ? 'csharp' : filetype
enddef

def Lines(buffer: number): list<string>
  return getbufline(buffer, 1, '$')
enddef

# Lets the server have a buffer, now or as soon as it is ready.
export def Open(buffer: number)
  server.WhenReady(() => SayOpened(buffer))
  augroup codeflow_documents
    execute $'autocmd! * <buffer={buffer}>'
    execute $'autocmd TextChanged,TextChangedI,TextChangedP <buffer={buffer}> Changed({buffer})'
    execute $'autocmd BufWritePost <buffer={buffer}> Saved({buffer})'
    execute $'autocmd BufEnter <buffer={buffer}> Viewed({buffer})'
    execute $'autocmd BufUnload <buffer={buffer}> Close({buffer})'
    execute $'autocmd BufFilePost <buffer={buffer}> Reopen({buffer})'
  augroup END
enddef

def SayOpened(buffer: number)
  if !bufloaded(buffer) || IsOpen(buffer)
    return
  endif
  var lines = Lines(buffer)
  sent[buffer] = {uri: UriOf(buffer), version: 1, lines: lines, tick: getbufvar(buffer, 'changedtick')}
  server.Notify('textDocument/didOpen', {textDocument: {
    uri: UriOf(buffer), languageId: Language(buffer), version: 1, text: Text(lines),
  }})
enddef

def Text(lines: list<string>): string
  return empty(lines) ? '' : join(lines, "\n") .. "\n"
enddef

def Close(buffer: number)
  if IsOpen(buffer)
    server.Notify('textDocument/didClose', {textDocument: {uri: sent[buffer].uri}})
    remove(sent, $'{buffer}')
  endif
enddef

def Reopen(buffer: number)
  Close(buffer)
  Open(buffer)
enddef

def Saved(buffer: number)
  if IsOpen(buffer)
    Flush(buffer)
    server.Notify('textDocument/didSave', {textDocument: {uri: sent[buffer].uri}})
  endif
enddef

def Viewed(buffer: number)
  if IsOpen(buffer)
    server.Notify('textDocument/didFocus', {textDocument: {uri: sent[buffer].uri}})
  endif
enddef

def Changed(buffer: number)
  timer_stop(get(timers, buffer, 0))
  timers[buffer] = timer_start(RESTS_MS, (_) => Flush(buffer))
enddef

# The server has a buffer's text as it is now.
export def Flush(buffer: number)
  if !IsOpen(buffer) || !server.IsReady() || !bufloaded(buffer)
    return
  endif
  var before = sent[buffer]
  var tick = getbufvar(buffer, 'changedtick')
  if before.tick == tick
    return
  endif
  var lines = Lines(buffer)
  before.tick = tick
  var [first, old_end, new_end] = Difference(before.lines, lines)
  if first == old_end && first == new_end
    return
  endif
  before.lines = lines
  before.version += 1
  server.Notify('textDocument/didChange', {
    textDocument: {uri: before.uri, version: before.version},
    contentChanges: [{
      range: {start: {line: first, character: 0}, end: {line: old_end, character: 0}},
      text: Text(slice(lines, first, new_end)),
    }],
  })
enddef

# Which lines differ: the first, and where they end in each, from 0; the ends are exclusive.
export def Difference(old: list<string>, new: list<string>): list<number>
  var first = 0
  var least = min([len(old), len(new)])
  while first < least && old[first] ==# new[first]
    first += 1
  endwhile
  var [old_end, new_end] = [len(old), len(new)]
  while old_end > first && new_end > first && old[old_end - 1] ==# new[new_end - 1]
    old_end -= 1
    new_end -= 1
  endwhile
  return [first, old_end, new_end]
enddef

# All that was open, for another server.
export def Forget(): list<number>
  var open = mapnew(keys(sent), (_, buffer) => str2nr(buffer))
  sent = {}
  return open
enddef
