vim9script
# What mappings and the :Codeflow command call, and what is set up for a buffer.

import autoload './codeflow/documents.vim'
import autoload './codeflow/edit.vim'
import autoload './codeflow/ghost.vim'
import autoload './codeflow/keys.vim'
import autoload './codeflow/server.vim'
import autoload './codeflow/suggestion.vim'

# Serves a buffer, and starts the server where it does not run.
export def Attach(buffer: number)
  if !documents.IsServed(buffer)
    return
  endif
  server.Start(documents.Root(buffer))
  documents.Open(buffer)
  ghost.Attach(buffer)
  keys.MapTab(buffer)
enddef

# Ghost text; each says whether there was some.

export def Accept(): bool
  return ghost.Accept(suggestion.All)
enddef

export def AcceptWord(): bool
  return ghost.Accept(suggestion.Word)
enddef

export def AcceptLine(): bool
  return ghost.Accept(suggestion.Line)
enddef

export def Dismiss(): bool
  return ghost.Dismiss()
enddef

# Shows the next suggestion; asks for several where there is one, or none.
export def Next()
  ghost.Cycle(1)
enddef

export def Prev()
  ghost.Cycle(-1)
enddef

# Offers the code actions of lines, or of the cursor where `lines` is empty.
export def Actions(lines: list<number>)
  edit.Actions(lines)
enddef

# For a status line.
export def Status(): string
  return server.Words() .. (server.Words() == 'CodeFlow' && !ghost.IsEnabled() ? ' off' : '')
enddef
