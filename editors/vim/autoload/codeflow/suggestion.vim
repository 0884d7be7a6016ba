vim9script
# A suggestion and the text around the cursor: does it still fit, what of it is left, what becomes of the brackets
# that were closed by a plugin. Texts and bytes only; knows neither windows nor the server.
#
# A suggestion is a dict: `item` as the server sent it, `text` all that would stand there, `lnum` and `byte` (from 0)
# where its range begins, `replaced` what stood in its range behind the cursor, `behind` what stands on the line behind
# its range. What is left of one is a dict too: `text` is not there yet; `over` stands behind the cursor and is part of
# it; `places` are the bytes of `text` at which the characters of `over` are.

# Which bytes of a text its `marks` begin at, in their order, as far to the right as can be; [-1] where they do not.
def PlacesOf(text: string, marks: string): list<number>
  var places: list<number> = []
  var at = strlen(text)
  for mark in reverse(split(marks, '\zs'))
    at = at == 0 ? -1 : strridx(text, mark, at - 1)
    if at < 0
      return [-1]
    endif
    insert(places, at)
  endfor
  return places
enddef

# What is left of a suggestion with the cursor behind `byte` bytes of a line; {} where it does not fit.
export def RestOf(one: dict<any>, lnum: number, byte: number): dict<any>
  if lnum < one.lnum || (lnum == one.lnum && byte < one.byte)
    return {}
  endif
  var lines = getline(one.lnum, lnum)
  if empty(lines) || strlen(lines[0]) < one.byte
    return {}
  endif
  var after = strpart(lines[-1], byte)
  lines[-1] = strpart(lines[-1], 0, byte)
  lines[0] = strpart(lines[0], one.byte)
  var typed = join(lines, "\n")
  if strlen(typed) >= strlen(one.text) || !StartsWith(one.text, typed) || !EndsWith(after, one.behind)
    return {}
  endif
  var over = strpart(after, 0, strlen(after) - strlen(one.behind))
  var text = strpart(one.text, strlen(typed))
  var places = PlacesOf(text, over)
  if places == [-1] || PlacesOf(typed .. over, one.replaced) == [-1]
    return {}
  endif
  return {text: text, over: over, places: places}
enddef

def StartsWith(text: string, head: string): bool
  return strpart(text, 0, strlen(head)) ==# head
enddef

def EndsWith(text: string, tail: string): bool
  return strlen(text) >= strlen(tail) && strpart(text, strlen(text) - strlen(tail)) ==# tail
enddef

# How many bytes of what stands behind the cursor the first `bytes` of what is left replace.
export def Covered(rest: dict<any>, bytes: number): number
  var count = len(filter(copy(rest.places), (_, place) => place < bytes))
  return count == 0 ? 0 : strlen(join(split(rest.over, '\zs')[: count - 1], ''))
enddef

# How much is accepted, in bytes

export def All(text: string): number
  return strlen(text)
enddef

# Blanks, then a word or a run of signs; alone what is left where there are only blanks.
export def Word(text: string): number
  return max([matchend(text, '^\_s*\%(\k\+\|\%(\k\@!\S\)\+\)\?'), 1])
enddef

# The first line, or where the text begins with a line break that and the next line.
export def Line(text: string): number
  var stop = stridx(text, "\n", 1)
  return stop < 0 ? strlen(text) : stop
enddef
