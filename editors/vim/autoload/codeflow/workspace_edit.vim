vim9script
# Edits of the server's: what they make of lines, what that looks like as a diff, and how they are made in buffers.

import autoload './documents.vim'
import autoload './server.vim'

const CONTEXT = 3 # lines around what changes, in a diff

# The changes of texts in an edit, each with its uri, its version (v:null where none) and its edits.
def ChangesOf(edit: dict<any>): list<dict<any>>
  var changes: list<dict<any>> = []
  for [uri, edits] in items(get(edit, 'changes', {}) ?? {})
    add(changes, {uri: uri, version: v:null, edits: edits})
  endfor
  for one in get(edit, 'documentChanges', []) ?? []
    if !has_key(one, 'kind')
      add(changes, {uri: one.textDocument.uri, version: get(one.textDocument, 'version', v:null), edits: one.edits})
    endif
  endfor
  return changes
enddef

# What an edit does that cannot be done here; '' where there is nothing.
def Unknown(edit: dict<any>): string
  for one in get(edit, 'documentChanges', []) ?? []
    if get(one, 'kind', 'create') != 'create'
      return one.kind
    endif
  endfor
  return ''
enddef

# Lines as they are after edits.
export def Edited(lines: list<string>, edits: list<dict<any>>): list<string>
  var out = lines + [''] # the end of the last line
  var last_first = reverse(sort(copy(edits), (one, other) => Order(one.range.start, other.range.start)))
  for edit in last_first
    var [start, end] = [edit.range.start, edit.range.end]
    if start.line >= len(out)
      start = {line: len(out) - 1, character: strlen(out[-1])}
    endif
    var before = strpart(out[start.line], 0, server.ByteOf(out[start.line], start.character))
    var after = ''
    if end.line < len(out)
      after = strpart(out[end.line], server.ByteOf(out[end.line], end.character))
    endif
    var new = split(before .. edit.newText .. after, "\n", true)
    out = slice(out, 0, start.line) + new + slice(out, end.line + 1)
  endfor
  return out[-1] == '' ? out[: -2] : out
enddef

def Order(one: dict<any>, other: dict<any>): number
  return one.line == other.line ? one.character - other.character : one.line - other.line
enddef

# An edit as a unified diff with one hunk for each text.
export def Diff(edit: dict<any>): list<string>
  var lines: list<string> = []
  for change in ChangesOf(edit)
    var buffer = documents.BufferOf(change.uri)
    var name = fnamemodify(bufname(buffer), ':.')
    var old = getbufline(buffer, 1, '$')
    var new = Edited(old, change.edits)
    var [first, old_end, new_end] = documents.Difference(old, new)
    var from = max([first - CONTEXT, 0])
    var head = slice(old, from, first)
    var tail = slice(old, old_end, old_end + CONTEXT)
    lines += [$'--- a/{name}', $'+++ b/{name}']
    lines += [printf('@@ -%d,%d +%d,%d @@', from + 1, len(head) + old_end - first + len(tail),
      from + 1, len(head) + new_end - first + len(tail))]
    lines += mapnew(head, (_, line) => ' ' .. line)
    lines += mapnew(slice(old, first, old_end), (_, line) => '-' .. line)
    lines += mapnew(slice(new, first, new_end), (_, line) => '+' .. line)
    lines += mapnew(tail, (_, line) => ' ' .. line)
  endfor
  return lines
enddef

# The changedticks of the buffers that an edit changes.
export def Ticks(edit: dict<any>): dict<number>
  var ticks: dict<number> = {}
  for change in ChangesOf(edit)
    var buffer = documents.BufferOf(change.uri)
    ticks[buffer] = getbufvar(buffer, 'changedtick')
  endfor
  return ticks
enddef

# Makes an edit; says in a sentence why not, '' where it was made.
export def Apply(edit: dict<any>): string
  if Unknown(edit) != ''
    return $'this edit would {Unknown(edit)} a file, which Vim leaves to you.'
  endif
  for change in ChangesOf(edit)
    var buffer = bufnr(server.Path(change.uri))
    if buffer > 0 && documents.IsOpen(buffer)
      documents.Flush(buffer)
      if type(change.version) == v:t_number && change.version != documents.VersionOf(buffer)
        return 'the text was changed meanwhile, so nothing was done; ask again.'
      endif
    endif
  endfor
  for change in ChangesOf(edit)
    var buffer = documents.BufferOf(change.uri)
    Replace(buffer, Edited(getbufline(buffer, 1, '$'), change.edits))
    documents.Flush(buffer)
  endfor
  return ''
enddef

# Only the lines that differ are touched: marks and the cursor stay where they are.
def Replace(buffer: number, new: list<string>)
  var old = getbufline(buffer, 1, '$')
  var [first, old_end, new_end] = documents.Difference(old, new)
  var lines = slice(new, first, new_end)
  var common = min([old_end - first, len(lines)])
  if common > 0
    setbufline(buffer, first + 1, lines[: common - 1])
  endif
  if common < len(lines)
    appendbufline(buffer, first + common, lines[common :])
  elseif first + common < old_end
    deletebufline(buffer, first + common + 1, old_end)
  endif
enddef
