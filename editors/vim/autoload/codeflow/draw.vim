vim9script
# Ghost text on the screen, by virtual text properties. On one line, what is drawn is what accepting makes of it.
# Where it has several, Vim cannot hide what stands behind the cursor: that is struck out, and drawn again where it
# will be.

const TYPES = {codeflow_ghost: 'CodeflowGhost', codeflow_more: 'CodeflowMore', codeflow_moved: 'CodeflowMoved'}

var drawn = 0 # the buffer that something is drawn in

# Groups that a colour scheme may set.
export def SetHighlights()
  highlight default link CodeflowGhost NonText
  highlight default link CodeflowMore NonText
  highlight default CodeflowMoved term=strikethrough cterm=strikethrough gui=strikethrough
enddef

SetHighlights()
for [type, group] in items(TYPES)
  if empty(prop_type_get(type))
    prop_type_add(type, {highlight: group})
  endif
endfor

export def Clear()
  if drawn > 0 && bufloaded(drawn)
    for type in keys(TYPES)
      prop_remove({type: type, bufnr: drawn, all: true})
    endfor
  endif
  drawn = 0
enddef

# Virtual text shows a tab as one blank: as many as it takes, from a screen column on.
def WithoutTabs(text: string, column: number): string
  var pieces = split(text, "\t", true)
  var out = pieces[0]
  for piece in pieces[1 :]
    out ..= repeat(' ', &tabstop - (column + strdisplaywidth(out)) % &tabstop) .. piece
  endfor
  return out
enddef

def Put(lnum: number, column: number, type: string, text: string, more: dict<any> = {})
  prop_add(lnum, column, extend({type: type, text: text}, more))
enddef

# Draws what is left of a suggestion at the cursor, which stands behind `byte` bytes of its line.
export def Show(lnum: number, byte: number, rest: dict<any>, behind: string, number: string)
  Clear()
  drawn = bufnr()
  var lines = split(rest.text, "\n", true)
  var screen = virtcol([lnum, byte + 1]) - 1
  var more = number == '' ? '' : ' ' .. number
  if len(lines) == 1
    ShowLine(lnum, byte, rest, screen)
    if more != ''
      Put(lnum, byte + strlen(rest.over) + 1, 'codeflow_more', more)
    endif
    return
  endif
  var tail = rest.over .. behind
  if lines[0] != ''
    Put(lnum, byte + 1, 'codeflow_ghost', WithoutTabs(lines[0], screen))
  endif
  if tail != ''
    prop_add(lnum, byte + 1, {type: 'codeflow_moved', length: strlen(tail)})
  endif
  lines[-1] ..= behind .. more
  for line in lines[1 :]
    Put(lnum, 0, 'codeflow_ghost', line == '' ? ' ' : WithoutTabs(line, 0), {text_align: 'below', text_wrap: 'wrap'})
  endfor
enddef

# What comes before, between and behind what stands behind the cursor.
def ShowLine(lnum: number, byte: number, rest: dict<any>, screen: number)
  var [from, at] = [0, byte + 1]
  var marks = split(rest.over, '\zs')
  for index in range(len(rest.places) + 1)
    var last = index == len(rest.places)
    var place = last ? strlen(rest.text) : rest.places[index]
    if place > from
      Put(lnum, at, 'codeflow_ghost', WithoutTabs(strpart(rest.text, from, place - from), screen))
    endif
    if !last
      from = place + strlen(marks[index])
      at += strlen(marks[index])
    endif
  endfor
enddef
