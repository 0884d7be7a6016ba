; Kotlin. Members of a companion object are the class's; an extension function's parent is what it extends.

(line_comment) @comment
(block_comment) @comment
(string_content) @text
(annotation) @attribute

(class_declaration "interface" name: (identifier) @name (class_body)? @body) @definition.interface
(class_declaration (modifiers (class_modifier) @is.enum) name: (identifier) @name
  (enum_class_body)? @body) @definition.enum
(class_declaration name: (identifier) @name (class_body)? @body) @definition.class
(object_declaration name: (identifier) @name (class_body)? @body) @definition.class
(function_declaration (user_type) @parent . name: (identifier) @name (function_body)? @body) @definition.function
(function_declaration name: (identifier) @name (function_body)? @body) @definition.function
(secondary_constructor "constructor" @name
  (constructor_delegation_call)? @body (block)? @body) @definition.function
(type_alias type: (identifier) @name) @definition.type
(enum_entry (identifier) @name (class_body)? @body) @definition.constant
(source_file (property_declaration (variable_declaration . (identifier) @name)
  (getter)? @body) @definition.variable)
(class_body (property_declaration (variable_declaration . (identifier) @name)
  (getter)? @body) @definition.variable)

(import) @import.tree
