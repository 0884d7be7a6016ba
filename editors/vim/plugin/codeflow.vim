" CodeFlow for Vim 9: ghost text, code actions and edits by instruction from codeflow-lsp.
" Thin on purpose: the rest is loaded once a file of a known type is opened. doc/codeflow.txt is the manual.

if exists('g:loaded_codeflow') || &compatible
  finish
endif
let g:loaded_codeflow = 1

if has('nvim') || !has('patch-9.0.0438') || !has('textprop') || !has('channel') || !has('job') || !has('timers')
  echohl WarningMsg | echomsg 'CodeFlow takes Vim 9.0.438 or newer with +channel, +job, +textprop and +timers.' | echohl None
  finish
endif

let s:types = ['bash', 'c', 'cpp', 'cs', 'go', 'java', 'javascript', 'javascriptreact', 'kotlin', 'lua', 'php',
      \ 'python', 'ruby', 'rust', 'scala', 'sh', 'swift', 'typescript', 'typescriptreact', 'yaml']

augroup codeflow
  autocmd!
  execute 'autocmd FileType' join(get(g:, 'codeflow_filetypes', s:types), ',') 'call codeflow#Attach(bufnr())'
  autocmd ColorScheme * call codeflow#draw#SetHighlights()
augroup END

command! -nargs=+ -range -complete=custom,codeflow#command#Complete Codeflow
      \ call codeflow#command#Run(<q-args>, <range> > 0 ? [<line1>, <line2>] : [])

inoremap <silent> <Plug>(codeflow-accept) <Cmd>call codeflow#Accept()<CR>
inoremap <silent> <Plug>(codeflow-accept-word) <Cmd>call codeflow#AcceptWord()<CR>
inoremap <silent> <Plug>(codeflow-accept-line) <Cmd>call codeflow#AcceptLine()<CR>
inoremap <silent> <Plug>(codeflow-next) <Cmd>call codeflow#Next()<CR>
inoremap <silent> <Plug>(codeflow-prev) <Cmd>call codeflow#Prev()<CR>
inoremap <silent> <Plug>(codeflow-dismiss) <Cmd>call codeflow#Dismiss()<CR>
nnoremap <silent> <Plug>(codeflow-actions) <Cmd>call codeflow#Actions([])<CR>
xnoremap <silent> <Plug>(codeflow-actions) :Codeflow actions<CR>
