; C++. A method defined outside of its class has the class as parent: its name is split at "::".

(comment) @comment
(string_content) @text
(raw_string_content) @text
(char_literal) @text
(template_declaration (_) @wrapped .) @wrapper

(function_definition declarator: [
  (function_declarator declarator: (_) @name)
  (pointer_declarator (function_declarator declarator: (_) @name))
  (pointer_declarator (pointer_declarator (function_declarator declarator: (_) @name)))
  (reference_declarator (function_declarator declarator: (_) @name))
  (operator_cast) @name]
  (field_initializer_list)? @body
  body: (_)? @body) @definition.function
(field_declaration declarator: [
  (function_declarator declarator: [(field_identifier) (operator_name)] @name)
  (pointer_declarator (function_declarator declarator: [(field_identifier) (operator_name)] @name))
  (reference_declarator (function_declarator declarator: [(field_identifier) (operator_name)] @name))]
  ) @definition.function
(declaration declarator: [
  (function_declarator declarator: [(identifier) (destructor_name) (operator_name)] @name)
  (pointer_declarator (function_declarator declarator: (identifier) @name))
  (reference_declarator (function_declarator declarator: [(identifier) (operator_name)] @name))]
  ) @definition.function

(class_specifier name: (_) @name body: (_) @body) @definition.class
(struct_specifier name: (_) @name body: (_) @body) @definition.struct
(union_specifier name: (_) @name body: (_) @body) @definition.struct
(enum_specifier name: (_) @name body: (_) @body) @definition.enum
(namespace_definition name: (_) @name body: (_) @body) @definition.module
(type_definition type: (struct_specifier !name body: (_) @body)
  declarator: (type_identifier) @name) @definition.struct
(type_definition type: (enum_specifier !name body: (_) @body)
  declarator: (type_identifier) @name) @definition.enum
(type_definition type: (_ name: (_) body: (_) @body) declarator: (type_identifier) @name) @definition.type
(type_definition declarator: (type_identifier) @name) @definition.type
(type_definition declarator: (function_declarator declarator: (parenthesized_declarator
  (pointer_declarator declarator: (type_identifier) @name)))) @definition.type
(alias_declaration name: (type_identifier) @name) @definition.type
(concept_definition name: (identifier) @name) @definition.type
(enumerator name: (identifier) @name value: (_)? @value) @definition.constant
(field_declaration declarator: [
  (field_identifier) @name
  (pointer_declarator (field_identifier) @name)
  (reference_declarator (field_identifier) @name)
  (array_declarator declarator: (field_identifier) @name)]
  default_value: (_)? @value) @definition.field

(preproc_def name: (identifier) @name value: (_) @value) @definition.constant
(preproc_function_def name: (identifier) @name value: (_)? @value) @definition.function
(declaration declarator: [
  (identifier) @name
  (array_declarator declarator: (identifier) @name)
  (pointer_declarator (identifier) @name)]) @definition.variable
(declaration (type_qualifier) @is.constexpr declarator: (init_declarator declarator: (identifier) @name
  value: (_) @value)) @definition.constant
(declaration declarator: (init_declarator declarator: [
  (identifier) @name
  (array_declarator declarator: (identifier) @name)
  (pointer_declarator [(identifier) @name (array_declarator declarator: (identifier) @name)])]
  value: (_) @value)) @definition.variable

(preproc_include path: (_) @import.module) @import
