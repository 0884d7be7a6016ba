vim9script
# Code actions, and edits by instruction: words from the user become an edit that the server makes and checks. Such an
# edit is shown as a diff, and made only if its reader says so, and if the text is still the one it was made for.

import autoload './documents.vim'
import autoload './server.vim'
import autoload './show.vim'
import autoload './workspace_edit.vim'

var waiting = 0 # the scratch buffer of an edit that is being written
var proposals: dict<dict<any>> = {} # by scratch buffer: the edit, and the ticks of the buffers that it changes
var requests: dict<number> = {} # by scratch buffer

# Lines as an LSP range, or the cursor where there are none. Where the lines are those of a selection that begins and
# ends inside of them, that is meant.
def RangeOf(lines: list<number>): dict<any>
  if empty(lines)
    return {start: Position(line('.'), col('.') - 1), end: Position(line('.'), col('.') - 1)}
  endif
  var [first, last] = [0, strlen(getline(lines[1]))]
  if visualmode() ==# 'v' && lines == [line("'<"), line("'>")]
    first = col("'<") - 1
    last = min([last, matchend(getline(lines[1]), '.', col("'>") - 1)])
    last = last < 0 ? strlen(getline(lines[1])) : last
  endif
  return {start: Position(lines[0], first), end: Position(lines[1], last)}
enddef

def Position(lnum: number, byte: number): dict<any>
  return {line: lnum - 1, character: server.UnitsOf(strpart(getline(lnum), 0, byte))}
enddef

# Whether the current buffer can be asked about; where not, its user is told.
def IsServed(): bool
  if server.IsReady() && documents.IsOpen(bufnr())
    documents.Flush(bufnr())
    return true
  endif
  server.Tell('no server is attached to this buffer; :Codeflow status says why.', true)
  return false
enddef

def Failed(words: string)
  if words != ''
    server.Tell(words, true)
  endif
enddef

# Code actions

# Offers the code actions of lines, or of the cursor where there are none, in a menu.
export def Actions(lines: list<number>)
  if !IsServed()
    return
  endif
  server.Request('textDocument/codeAction', {
    textDocument: {uri: documents.UriOf(bufnr())}, range: RangeOf(lines), context: {diagnostics: []},
  }, (result) => Choose(result ?? []), Failed)
enddef

def Choose(actions: list<dict<any>>)
  if empty(actions)
    server.Tell('there are no code actions here.')
    return
  endif
  popup_menu(mapnew(actions, (_, one) => one.title), {
    title: ' CodeFlow ', maxheight: &lines / 2,
    callback: (_, choice) => choice > 0 ? Do(actions[choice - 1]) : 0,
  })
enddef

def Do(action: dict<any>): number
  if type(get(action, 'command', v:null)) == v:t_dict
    server.Execute(action.command.command, get(action.command, 'arguments', []), (_) => 0, Failed)
    return 0
  endif
  return server.Request('codeAction/resolve', action, (resolved) => {
    if type(get(resolved, 'edit', v:null)) == v:t_dict # otherwise the server has said why
      Made(resolved.edit)
    endif
  }, Failed)
enddef

def Made(edit: dict<any>): bool
  var problem = workspace_edit.Apply(edit)
  if problem != ''
    server.Tell(problem, true)
  endif
  return problem == ''
enddef

server.Answer('workspace/applyEdit', (params, Reply) => Reply({applied: Made(params.edit)}))

# Edits by instruction

# Asks for an edit of lines, or of what the cursor stands in, and shows it. Without words the user is asked for them.
export def Edit(instruction: string, lines: list<number>)
  if !IsServed()
    return
  endif
  var words = instruction ?? trim(input('CodeFlow, edit: '))
  if words == ''
    return
  endif
  server.Request('codeflow/edit', {
    textDocument: {uri: documents.UriOf(bufnr())}, range: RangeOf(lines), instruction: words,
    preview: false, # the preview is ours
  }, (action) => {
    if type(action) == v:t_dict # otherwise the server has said why
      Make(action)
    endif
  }, Failed)
enddef

def Make(action: dict<any>)
  var buffer = show.Open('edit.diff', 'diff', ['# ' .. action.title, '# being written …   q: cancel'])
  waiting = buffer
  execute $'autocmd BufWipeout <buffer={buffer}> ++once Leave({buffer})'
  requests[buffer] = server.Request('codeAction/resolve', action, (resolved) => {
    if !Arrived(buffer)
      return
    endif
    if type(get(resolved, 'edit', v:null)) == v:t_dict
      Propose(buffer, resolved.edit, action.title)
    else # the server has said why
      show.Close(buffer)
    endif
  }, (words) => {
    if Arrived(buffer)
      show.Close(buffer)
      Failed(words)
    endif
  })
enddef

# Whether a scratch buffer still waits for the answer that has come.
def Arrived(buffer: number): bool
  if has_key(requests, buffer)
    remove(requests, $'{buffer}')
  endif
  var awaited = waiting == buffer && bufexists(buffer)
  waiting = waiting == buffer ? 0 : waiting
  return awaited
enddef

def Leave(buffer: number)
  if has_key(requests, buffer)
    server.Cancel(remove(requests, $'{buffer}'))
  endif
  if has_key(proposals, buffer)
    remove(proposals, $'{buffer}')
  endif
  waiting = waiting == buffer ? 0 : waiting
enddef

# What the checks of an edit said, where the server could say it.
def Remarks(edit: dict<any>): list<string>
  var remarks: list<string> = []
  for one in values(get(edit, 'changeAnnotations', {}) ?? {})
    remarks += filter([one.label, get(one, 'description', '')], (_, text) => text != '')
  endfor
  return mapnew(remarks, (_, text) => '# ' .. substitute(text, '\n', '; ', 'g'))
enddef

def Propose(buffer: number, edit: dict<any>, title: string)
  proposals[buffer] = {edit: edit, ticks: workspace_edit.Ticks(edit)}
  show.Fill(buffer, ['# ' .. title, '# Enter: apply   q: leave it'] + Remarks(edit) + [''] + workspace_edit.Diff(edit))
  show.Map(buffer, '<CR>', 'codeflow#edit#Apply()')
enddef

# Makes the edit that the current buffer proposes.
export def Apply()
  if !has_key(proposals, bufnr())
    return
  endif
  var proposal = proposals[bufnr()]
  show.Close(bufnr())
  for [buffer, tick] in items(proposal.ticks)
    if getbufvar(str2nr(buffer), 'changedtick') != tick
      server.Tell('the text was changed meanwhile, so nothing was done; ask again.', true)
      return
    endif
  endfor
  if Made(proposal.edit)
    server.Tell('applied; u takes it back.')
  endif
enddef

# Takes a diff that the server shows in place of an edit, because the edit fails its checks. Was one awaited?
export def Refuse(lines: list<string>): bool
  if waiting == 0 || !bufexists(waiting)
    return false
  endif
  show.Fill(waiting, ['# not to be applied: it fails its checks   q: close'] + lines)
  waiting = 0
  return true
enddef

server.Answer('window/showDocument', (params, Reply) => {
  var path = server.Path(params.uri)
  if !filereadable(path)
    Reply({success: false})
    return
  endif
  Reply({success: true})
  if type(get(params, 'selection', v:null)) == v:t_dict
    execute 'edit' fnameescape(path)
  elseif !Refuse(readfile(path))
    var name = fnamemodify(path, ':t')
    show.Open(name, {diff: 'diff', md: 'markdown'}->get(fnamemodify(name, ':e'), 'text'), readfile(path))
  endif
})
