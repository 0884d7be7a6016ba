; Lua. A function's parent is the table it is put into.

(comment) @comment
(string_content) @text
(variable_declaration (assignment_statement) @wrapped) @wrapper

((assignment_statement
  (variable_list name: (_) @name)
  (expression_list value: (function_call name: (identifier) @is.require))) @definition.none)

(function_declaration name: (_) @name body: (_)? @body) @definition.function
(assignment_statement (variable_list . name: (_) @name)
  (expression_list . value: (function_definition body: (_)? @body))) @definition.function
(chunk (variable_declaration (assignment_statement (variable_list name: (_) @name)) @definition.variable))
(chunk (assignment_statement (variable_list name: (_) @name)) @definition.variable)

((function_call name: (identifier) @is.require.dofile arguments: (arguments . (string) @import.module)) @import)
