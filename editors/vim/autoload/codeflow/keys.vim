vim9script
# A Tab that accepts ghost text where it is visible, and otherwise does what it would do without us, be that another
# mapping of the buffer, a global one, or a tab.

import autoload './ghost.vim'

const ACCEPT = "\<Cmd>call codeflow#Accept()\<CR>"

# Maps Tab in a buffer, where the user wants such mappings.
export def MapTab(buffer: number)
  if get(g:, 'codeflow_no_default_maps', false) || bufnr() != buffer || getbufvar(buffer, 'codeflow_has_tab', false)
    return
  endif
  var before = maparg('<Tab>', 'i', false, true)
  b:codeflow_has_tab = true
  b:codeflow_tab_before = get(before, 'buffer', 0) ? before : {}
  inoremap <buffer> <silent> <expr> <Tab> codeflow#keys#Tab()
enddef

export def Tab(): string
  if !empty(ghost.Current())
    return ACCEPT
  endif
  var before = b:codeflow_tab_before ?? Global()
  if empty(before)
    return "\<Tab>"
  endif
  Replay(before)
  return ''
enddef

# The global mapping of Tab; {} where there is none.
def Global(): dict<any>
  for one in maplist()
    if one.lhsraw == "\<Tab>" && one.mode =~ '[i!]' && !one.buffer && !one.abbr
      return one
    endif
  endfor
  return {}
enddef

# Does what a mapping says, as if its key had been pressed.
def Replay(map: dict<any>)
  var rhs = substitute(map.rhs, '\c<SID>', $'<SNR>{map.sid}_', 'g')
  var keys = map.expr ? AsText(map.scriptversion > 1000 ? eval(rhs) : EvalOldScript(rhs)) : Codes(rhs)
  if !map.noremap && keys[0] == "\<Tab>" # not its own first key again
    feedkeys(keys[1 :], 'im')
    feedkeys("\<Tab>", 'in')
  else
    feedkeys(keys, map.noremap ? 'in' : 'im')
  endif
enddef

# What an expression means in a script that is not Vim9 script.
def EvalOldScript(text: string): any
  execute 'legacy let g:codeflow_tab_keys = ' .. text
  return remove(g:, 'codeflow_tab_keys')
enddef

def AsText(value: any): string
  return type(value) == v:t_string ? value : string(value)
enddef

# <CR> and the like as the keys that they are.
def Codes(rhs: string): string
  return substitute(rhs, '<[^<>]\+>', (found) => eval('"\' .. found[0] .. '"'), 'g')
enddef
