-- A suggestion and the text around the cursor: does it still fit, what of it is left, what becomes of the brackets
-- that an editor closed by itself. Texts and bytes only; knows neither windows nor the server.

local M = {}

---@class codeflow.Suggestion
---@field item lsp.InlineCompletionItem
---@field text string all that would stand there
---@field row integer where its range begins, from 0
---@field column integer the same, in bytes
---@field replaced string what stood in its range behind the cursor; part of the text too
---@field behind string what stands on the line behind its range

---@class codeflow.Rest
---@field text string what is not there yet
---@field over string what stands behind the cursor and is part of it
---@field places integer[] which bytes of `text` those are

--- Which bytes of a text are `marks`, in their order, as far to the right as they can be; nil where they are not.
---@param text string
---@param marks string
---@return integer[]?
function M.places_of(text, marks)
  local places, at = {}, #text
  for number = #marks, 1, -1 do
    local mark = marks:byte(number)
    while at > 0 and text:byte(at) ~= mark do
      at = at - 1
    end
    if at == 0 then return nil end
    places[number], at = at, at - 1
  end
  return places
end

--- What is left of a suggestion with the cursor there; nil where the text is not what it goes on from.
---@param one codeflow.Suggestion
---@param buffer integer
---@param row integer
---@param column integer in bytes
---@return codeflow.Rest?
function M.rest_of(one, buffer, row, column)
  if row < one.row or (row == one.row and column < one.column) then return nil end
  local first = vim.api.nvim_buf_get_lines(buffer, one.row, one.row + 1, false)[1]
  if not first or one.column > #first then return nil end
  local typed = table.concat(vim.api.nvim_buf_get_text(buffer, one.row, one.column, row, column, {}), '\n')
  if #typed >= #one.text or not vim.startswith(one.text, typed) then return nil end
  local after = vim.api.nvim_buf_get_lines(buffer, row, row + 1, false)[1]:sub(column + 1)
  if not vim.endswith(after, one.behind) then return nil end
  local over, text = after:sub(1, #after - #one.behind), one.text:sub(#typed + 1)
  local places = M.places_of(text, over)
  if not places or not M.places_of(typed .. over, one.replaced) then return nil end
  return { text = text, over = over, places = places }
end

--- How many bytes of what stands behind the cursor the first `bytes` of the rest replace.
---@param rest codeflow.Rest
---@param bytes integer
---@return integer
function M.covered(rest, bytes)
  local count = 0
  while rest.places[count + 1] and rest.places[count + 1] <= bytes do
    count = count + 1
  end
  return count
end

-- blanks, then a word or a run of signs; alone what is left where there are only blanks
local WORD = vim.regex([[^\_s*\%(\k\+\|\%(\k\@!\S\)\+\)\?]])

--- The first word of a text: how many bytes.
---@param text string
---@return integer
function M.word(text)
  local _, finish = WORD:match_str(text)
  return finish and finish > 0 and finish or #text
end

--- The first line of a text, or where it begins with a line break that and the next line: how many bytes.
---@param text string
---@return integer
function M.line(text)
  local stop = text:find('\n', 2, true)
  return stop and stop - 1 or #text
end

return M
