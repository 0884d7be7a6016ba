; TypeScript and TSX.

(comment) @comment
(string_fragment) @text
(regex_pattern) @text
(decorator) @attribute
(export_statement declaration: (_) @wrapped) @wrapper
(ambient_declaration (_) @wrapped) @wrapper
(lexical_declaration . (variable_declarator) @wrapped) @wrapper
(variable_declaration . (variable_declarator) @wrapped) @wrapper
(expression_statement (internal_module) @wrapped) @wrapper

((variable_declarator
  name: (_) @name
  value: (call_expression function: (identifier) @is.require)) @definition.none)

(function_declaration name: (identifier) @name body: (_) @body) @definition.function
(generator_function_declaration name: (identifier) @name body: (_) @body) @definition.function
(function_signature name: (identifier) @name) @definition.function
(variable_declarator
  name: (identifier) @name
  value: [(arrow_function body: (_) @body) (function_expression body: (_) @body)]) @definition.function
(program (lexical_declaration (variable_declarator name: (identifier) @name
  value: (object "{" @body [(method_definition) (pair value: (arrow_function)) (pair value: (function_expression))]))
  @definition.module))
(program (export_statement (lexical_declaration (variable_declarator name: (identifier) @name
  value: (object "{" @body [(method_definition) (pair value: (arrow_function)) (pair value: (function_expression))]))
  @definition.module)))
(program (_ (variable_declarator value: (object
  (method_definition name: (_) @name body: (_) @body) @definition.function))))
(program (_ (variable_declarator value: (object
  (pair key: (_) @name value: [(arrow_function body: (_) @body) (function_expression body: (_) @body)])
  @definition.function))))
(program (_ (_ (variable_declarator value: (object
  (method_definition name: (_) @name body: (_) @body) @definition.function)))))
(program (_ (_ (variable_declarator value: (object
  (pair key: (_) @name value: [(arrow_function body: (_) @body) (function_expression body: (_) @body)])
  @definition.function)))))
(class_declaration name: (type_identifier) @name body: (_) @body) @definition.class
(abstract_class_declaration name: (type_identifier) @name body: (_) @body) @definition.class
(interface_declaration name: (type_identifier) @name body: (_) @body) @definition.interface
(enum_declaration name: (identifier) @name body: (_) @body) @definition.enum
(type_alias_declaration name: (type_identifier) @name value: (_) @value) @definition.type
(internal_module name: (_) @name body: (_) @body) @definition.module
(module name: (_) @name body: (_) @body) @definition.module

(class_body (method_definition name: (_) @name body: (_) @body) @definition.function)
(class_body (method_signature name: (_) @name) @definition.function)
(class_body (abstract_method_signature name: (_) @name) @definition.function)
(public_field_definition
  name: (_) @name
  value: [(arrow_function body: (_) @body) (function_expression body: (_) @body)]) @definition.function
(public_field_definition name: (_) @name value: (_)? @value) @definition.field
(interface_body (property_signature name: (_) @name) @definition.field)
(interface_body (method_signature name: (_) @name) @definition.function)
(enum_body name: (_) @name @definition.constant)
(enum_body (enum_assignment name: (_) @name value: (_) @value) @definition.constant)

(program (lexical_declaration kind: _ @keyword
  (variable_declarator name: (identifier) @name value: (_)? @value) @definition.variable))
(program (variable_declaration
  (variable_declarator name: (identifier) @name value: (_)? @value) @definition.variable))
(program (export_statement (lexical_declaration kind: _ @keyword
  (variable_declarator name: (identifier) @name value: (_)? @value) @definition.variable)))
(program (ambient_declaration (lexical_declaration
  (variable_declarator name: (identifier) @name) @definition.variable)))
(internal_module body: (statement_block (export_statement (lexical_declaration
  (variable_declarator name: (identifier) @name value: (_)? @value) @definition.variable))))

(import_statement source: (string) @import.module) @import
(import_statement (import_clause (identifier) @import.name) source: (string) @import.module) @import
(import_statement (import_clause (namespace_import) @import.name) source: (string) @import.module) @import
(import_statement (import_clause (named_imports (import_specifier name: (_) @import.name)))
  source: (string) @import.module) @import
(import_statement (import_require_clause source: (string) @import.module)) @import
(export_statement source: (string) @import.module) @import
(export_statement (export_clause (export_specifier name: (_) @import.name)) source: (string) @import.module) @import
((call_expression function: (identifier) @is.require arguments: (arguments . (string) @import.module)) @import)
(call_expression function: (import) arguments: (arguments . (string) @import.module)) @import
