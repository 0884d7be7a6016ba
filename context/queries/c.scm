; C. A typedef of an anonymous struct has the typedef's name.

(comment) @comment
(string_content) @text
(char_literal) @text

(function_definition declarator: [
  (function_declarator declarator: (identifier) @name)
  (pointer_declarator (function_declarator declarator: (identifier) @name))
  (pointer_declarator (pointer_declarator (function_declarator declarator: (identifier) @name)))]
  body: (_) @body) @definition.function
(declaration declarator: [
  (function_declarator declarator: (identifier) @name)
  (pointer_declarator (function_declarator declarator: (identifier) @name))
  (pointer_declarator (pointer_declarator (function_declarator declarator: (identifier) @name)))]
  ) @definition.function

(type_definition type: (struct_specifier !name body: (_) @body)
  declarator: (type_identifier) @name) @definition.struct
(type_definition type: (union_specifier !name body: (_) @body)
  declarator: (type_identifier) @name) @definition.struct
(type_definition type: (enum_specifier !name body: (_) @body)
  declarator: (type_identifier) @name) @definition.enum
(type_definition type: (_ name: (_) body: (_) @body) declarator: (type_identifier) @name) @definition.type
(type_definition declarator: (type_identifier) @name) @definition.type
(type_definition declarator: (function_declarator declarator: (parenthesized_declarator
  (pointer_declarator declarator: (type_identifier) @name)))) @definition.type
(type_definition declarator: (pointer_declarator declarator: (type_identifier) @name)) @definition.type
(struct_specifier name: (type_identifier) @name body: (_) @body) @definition.struct
(union_specifier name: (type_identifier) @name body: (_) @body) @definition.struct
(enum_specifier name: (type_identifier) @name body: (_) @body) @definition.enum
(enumerator name: (identifier) @name value: (_)? @value) @definition.constant
(field_declaration declarator: [
  (field_identifier) @name
  (pointer_declarator [
    (field_identifier) @name
    (pointer_declarator (field_identifier) @name)])
  (array_declarator declarator: [(field_identifier) @name (pointer_declarator (field_identifier) @name)])
  (function_declarator declarator: (parenthesized_declarator
    (pointer_declarator (field_identifier) @name)))]) @definition.field

(preproc_def name: (identifier) @name value: (_) @value) @definition.constant
(preproc_function_def name: (identifier) @name value: (_)? @value) @definition.function
(declaration declarator: [
  (identifier) @name
  (array_declarator declarator: (identifier) @name)
  (pointer_declarator (identifier) @name)]) @definition.variable
(declaration declarator: (init_declarator declarator: [
  (identifier) @name
  (array_declarator declarator: (identifier) @name)
  (pointer_declarator [(identifier) @name (array_declarator declarator: (identifier) @name)])]
  value: (_) @value)) @definition.variable

(preproc_include path: (_) @import.module) @import
