; Swift. An extension is a class that has its type's name.

(comment) @comment
(multiline_comment) @comment
(line_str_text) @text
(multi_line_str_text) @text
(attribute) @attribute

(class_declaration "struct" name: (_) @name body: (_) @body) @definition.struct
(class_declaration "enum" name: (_) @name body: (_) @body) @definition.enum
(class_declaration name: (_) @name body: (_) @body) @definition.class
(protocol_declaration name: (_) @name body: (_) @body) @definition.interface
(function_declaration name: (simple_identifier) @name body: (_)? @body) @definition.function
(protocol_function_declaration name: (simple_identifier) @name) @definition.function
(init_declaration "init" @name body: (_)? @body) @definition.function
(subscript_declaration "subscript" @name (computed_property)? @body) @definition.function
(typealias_declaration name: (type_identifier) @name) @definition.type
(associatedtype_declaration name: (type_identifier) @name) @definition.type
(enum_entry name: (simple_identifier) @name) @definition.constant
(property_declaration name: (pattern bound_identifier: (simple_identifier) @name)
  value: (_)? @value computed_value: (_)? @body) @definition.variable
(protocol_property_declaration name: (pattern bound_identifier: (simple_identifier) @name)) @definition.field

(import_declaration) @import.tree
