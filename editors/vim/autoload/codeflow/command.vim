vim9script
# :Codeflow - its words and what they do.

import autoload './documents.vim'
import autoload './edit.vim'
import autoload './ghost.vim'
import autoload './server.vim'
import autoload './show.vim'

# Has the model, downloading it where it is missing or damaged.
def Pull()
  server.Tell('the model is being obtained.')
  server.Execute('codeflow.model.obtain', [], (open) => {
    if type(open) == v:t_bool && open
      server.Tell('the model is there and open.')
    endif # otherwise the server has said why
  }, (words) => server.Tell(words, true))
enddef

# Stops the server and starts it again.
def Restart()
  ghost.Clear()
  server.Stop(() => {
    for buffer in documents.Forget()
      if bufloaded(buffer)
        codeflow#Attach(buffer)
      endif
    endfor
    if !server.IsRunning() # nothing was open in it
      codeflow#Attach(bufnr())
    endif
  })
enddef

# Says what the server does.
def Status()
  var status = server.LatestStatus()
  if empty(status)
    server.Tell('no server runs; it starts with a file of a type that it knows, in a buffer with a name.')
    return
  endif
  var words = [status.message]
  if type(get(status, 'reason', v:null)) == v:t_string
    add(words, $'Model: {status.reason}.')
  endif
  if type(get(status, 'fix', v:null)) == v:t_dict
    add(words, $'What mends it: {status.fix.title}.')
  endif
  server.Tell(join(words, ' '))
enddef

# Switches ghost text off, or on again.
def Toggle()
  ghost.Enable(!ghost.IsEnabled())
  server.Tell(ghost.IsEnabled() ? 'ghost text is on.' : 'ghost text is off.')
enddef

const COMMANDS: dict<func> = {
  actions: (_, lines) => edit.Actions(lines),
  edit: (words, lines) => edit.Edit(words, lines),
  pull: (_, _) => Pull(),
  restart: (_, _) => Restart(),
  stats: (_, _) => show.Statistics(),
  status: (_, _) => Status(),
  toggle: (_, _) => Toggle(),
  why: (_, _) => show.Why(),
}

export def Run(arguments: string, lines: list<number>)
  var [name, words] = matchlist(arguments, '^\s*\(\S*\)\s*\(.\{-}\)\s*$')[1 : 2]
  if has_key(COMMANDS, name)
    COMMANDS[name](words, lines)
  else
    server.Tell($'there is no {name}; there is {join(sort(keys(COMMANDS)), ", ")}.', true)
  endif
enddef

export def Complete(_: string, _: string, _: number): string
  return join(sort(keys(COMMANDS)), "\n")
enddef
