; Ruby.

(comment) @comment
(string_content) @text
(heredoc_content) @text

(module name: (_) @name body: (_)? @body) @definition.module
(class name: (_) @name body: (_)? @body) @definition.class
(method name: (_) @name body: (_)? @body) @definition.function
(singleton_method name: (_) @name body: (_)? @body) @definition.function
(call
  method: (identifier) @is.attr_reader.attr_writer.attr_accessor
  arguments: (argument_list (simple_symbol) @name)) @definition.field
(program (assignment left: (constant) @name right: (_) @value) @definition.constant)
(body_statement (assignment left: (constant) @name right: (_) @value) @definition.constant)

(call
  method: (identifier) @is.require.require_relative.load.autoload
  arguments: (argument_list (string) @import.module .)) @import
