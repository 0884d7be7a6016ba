; Java.

(line_comment) @comment
(block_comment) @comment
(string_fragment) @text
(multiline_string_fragment) @text
(annotation) @attribute
(marker_annotation) @attribute

(class_declaration name: (identifier) @name body: (_) @body) @definition.class
(record_declaration name: (identifier) @name body: (_) @body) @definition.class
(interface_declaration name: (identifier) @name body: (_) @body) @definition.interface
(annotation_type_declaration name: (identifier) @name body: (_) @body) @definition.interface
(enum_declaration name: (identifier) @name body: (_) @body) @definition.enum
(method_declaration name: (identifier) @name body: (_)? @body) @definition.function
(constructor_declaration name: (identifier) @name body: (_) @body) @definition.function
(annotation_type_element_declaration name: (identifier) @name) @definition.function
(field_declaration declarator: (variable_declarator
  name: (identifier) @name value: (_)? @value)) @definition.variable
(constant_declaration declarator: (variable_declarator
  name: (identifier) @name value: (_)? @value)) @definition.constant
(enum_constant name: (identifier) @name body: (_)? @body) @definition.constant

(import_declaration) @import.tree
