; JavaScript and JSX. Components are functions; members of a top-level object literal are its methods.

(comment) @comment
(string_fragment) @text
(jsx_text) @text
(regex_pattern) @text
(decorator) @attribute
(export_statement declaration: (_) @wrapped) @wrapper
(lexical_declaration . (variable_declarator) @wrapped) @wrapper
(variable_declaration . (variable_declarator) @wrapped) @wrapper

((variable_declarator
  name: (_) @name
  value: (call_expression function: (identifier) @is.require)) @definition.none)

(function_declaration name: (identifier) @name body: (_) @body) @definition.function
(generator_function_declaration name: (identifier) @name body: (_) @body) @definition.function
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
(class_declaration name: (identifier) @name body: (_) @body) @definition.class
(variable_declarator name: (identifier) @name value: (class body: (_) @body)) @definition.class
(class_body (method_definition name: (_) @name body: (_) @body) @definition.function)
(field_definition
  property: (_) @name
  value: [(arrow_function body: (_) @body) (function_expression body: (_) @body)]) @definition.function
(field_definition property: (_) @name value: (_)? @value) @definition.field

(program (lexical_declaration kind: _ @keyword
  (variable_declarator name: (identifier) @name value: (_)? @value) @definition.variable))
(program (variable_declaration
  (variable_declarator name: (identifier) @name value: (_)? @value) @definition.variable))
(program (export_statement (lexical_declaration kind: _ @keyword
  (variable_declarator name: (identifier) @name value: (_)? @value) @definition.variable)))

(program (export_statement value: (object (method_definition name: (_) @name body: (_) @body) @definition.function)))

(expression_statement (assignment_expression
  left: (member_expression
    object: (member_expression object: (identifier) @parent property: (property_identifier) @is.prototype)
    property: (property_identifier) @name)
  right: [(arrow_function body: (_) @body) (function_expression body: (_) @body)]) @definition.function)
(program (expression_statement (assignment_expression
  left: (member_expression object: (identifier) @is.exports.module property: (property_identifier) @name)
  right: [(arrow_function body: (_) @body) (function_expression body: (_) @body)]) @definition.function))
(program (expression_statement (assignment_expression
  left: (member_expression object: (member_expression) property: (property_identifier) @name)
  right: [(arrow_function body: (_) @body) (function_expression body: (_) @body)]) @definition.function))
(program (expression_statement (assignment_expression
  left: (member_expression object: (identifier) @parent property: (property_identifier) @name)
  right: [(arrow_function body: (_) @body) (function_expression body: (_) @body)]) @definition.function))

(import_statement source: (string) @import.module) @import
(import_statement (import_clause (identifier) @import.name) source: (string) @import.module) @import
(import_statement (import_clause (namespace_import) @import.name) source: (string) @import.module) @import
(import_statement (import_clause (named_imports (import_specifier name: (_) @import.name)))
  source: (string) @import.module) @import
(export_statement source: (string) @import.module) @import
(export_statement (export_clause (export_specifier name: (_) @import.name)) source: (string) @import.module) @import
((call_expression function: (identifier) @is.require arguments: (arguments . (string) @import.module)) @import)
(call_expression function: (import) arguments: (arguments . (string) @import.module)) @import
(variable_declarator
  name: (object_pattern [
    (shorthand_property_identifier_pattern) @import.name
    (pair_pattern key: (property_identifier) @import.name)])
  value: (call_expression function: (identifier) @is.require arguments: (arguments . (string) @import.module))) @import
