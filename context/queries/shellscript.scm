; Bash and other shells.

(comment) @comment
(string_content) @text
(raw_string) @text
(heredoc_body) @text
(declaration_command (variable_assignment) @wrapped) @wrapper

(function_definition name: (word) @name body: (_) @body) @definition.function
(program (variable_assignment name: (variable_name) @name value: (_) @value) @definition.variable)
(program (declaration_command
  (variable_assignment name: (variable_name) @name value: (_) @value) @definition.variable))

((command name: (command_name) @is.source.dot . argument: (_) @import.module) @import)
