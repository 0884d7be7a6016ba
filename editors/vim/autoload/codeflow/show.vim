vim9script
# Texts to read, in a window below the others: why a suggestion is what it is, what became of suggestions, and what the
# server shows.

import autoload './ghost.vim'
import autoload './server.vim'

# Opens a window with lines; q closes it. Returns its buffer.
export def Open(name: string, filetype: string, lines: list<string>): number
  botright new
  setlocal buftype=nofile bufhidden=wipe noswapfile nobuflisted
  var buffer = bufnr()
  execute 'silent file' fnameescape($'codeflow://{buffer}/{name}')
  Fill(buffer, lines)
  &l:filetype = filetype
  Map(buffer, 'q', 'codeflow#show#Close(bufnr())')
  return buffer
enddef

# Other lines in their place; the window as high as they are, up to half of the screen.
export def Fill(buffer: number, lines: list<string>)
  setbufvar(buffer, '&modifiable', true)
  deletebufline(buffer, 1, '$')
  setbufline(buffer, 1, lines)
  setbufvar(buffer, '&modifiable', false)
  setbufvar(buffer, '&modified', false)
  var window = bufwinid(buffer)
  if window > 0
    win_execute(window, $'resize {max([3, min([len(lines), &lines / 2])])}')
    win_execute(window, 'normal! gg')
  endif
enddef

export def Map(buffer: number, key: string, call: string)
  win_execute(bufwinid(buffer), $'nnoremap <buffer> <silent> <nowait> {key} <Cmd>call {call}<CR>')
enddef

export def Close(buffer: number)
  if bufexists(buffer)
    execute $'silent bwipeout! {buffer}'
  endif
enddef

def Failed(words: string)
  server.Tell(words, true)
enddef

def IsKnown(value: any): bool
  return type(value) != v:t_none && value != ''
enddef

# The account of the suggestion that was shown last, or else of the latest answer.
export def Why()
  var key = ghost.LatestKey()
  server.Request('codeflow/explain', key == '' ? {} : {key: key}, (account) => {
    if type(account) != v:t_dict
      server.Tell('nothing has been suggested yet.')
    else
      Open('why', 'codeflow-why', LinesOf(account))
    endif
  }, Failed)
enddef

def LinesOf(account: dict<any>): list<string>
  var lines: list<string> = []
  if type(get(account, 'total_ms', v:null)) != v:t_none
    lines += [printf('%s, %.0f ms: %.0f to make the prompt, %.0f waiting, %.0f to read it, %.0f to write',
      account.source, Float(account.total_ms), Float(account.assemble_ms), Float(account.queue_ms),
      Float(account.prefill_ms), Float(account.decode_ms))]
    lines += [printf('%d tokens of prompt, %d of them known before; %d generated; ended by %s',
      account.prompt_tokens, account.cached_tokens, account.generated_tokens, account.finish)]
  endif
  lines += ['', printf('%6s  %-16s %s', 'tokens', 'source', 'from')]
  for piece in get(account, 'pieces', [])
    var from = [get(piece, 'path', ''), get(piece, 'why', ''), join(get(piece, 'commits', []) ?? [], ' ')]
    lines += [printf('%6d  %-16s %s', piece.tokens, piece.source, join(filter(from, (_, one) => IsKnown(one)), ' · '))]
  endfor
  return mapnew(lines, (_, line) => substitute(line, '\s*\n\s*', ' ', 'g')->substitute('\s\+$', '', ''))
enddef

def Float(value: any): float
  return value * 1.0
enddef

# What became of suggestions.
export def Statistics()
  server.Request('codeflow/stats', {}, (stats) => {
    var since = get(stats, 'since', v:null)
    Open('statistics', 'codeflow-statistics', Section('since the server started', stats.session) + ['']
      + Section(type(since) == v:t_string ? 'since ' .. since : 'in all', stats.total))
  }, Failed)
enddef

def Section(title: string, counts: dict<any>): list<string>
  var lines = [title]
  for name in sort(keys(counts))
    if index([v:t_number, v:t_float, v:t_string], type(counts[name])) >= 0
      lines += [printf('  %-22s %s', substitute(name, '_', ' ', 'g'),
        type(counts[name]) == v:t_float ? printf('%.2f', counts[name]) : $'{counts[name]}')]
    endif
  endfor
  return lines
enddef
