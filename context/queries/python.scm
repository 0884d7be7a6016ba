; Python. Functions, classes, values of modules and classes, attributes where a method first sets them.

(comment) @comment
(string_content) @text
(decorator) @attribute
(decorated_definition definition: (_) @wrapped) @wrapper

(module . (expression_statement (string) @module.doc))
(function_definition body: (block . (expression_statement (string) @doc))) @documented
(class_definition body: (block . (expression_statement (string) @doc))) @documented

(function_definition name: (identifier) @name body: (block) @body) @definition.function
(class_definition name: (identifier) @name body: (block) @body) @definition.class
(module (type_alias_statement
  left: (type [(identifier) @name (generic_type . (identifier) @name)])) @definition.type)

(module (expression_statement (assignment left: (identifier) @name right: (_) @value) @definition.variable))
(module (expression_statement (assignment left: (identifier) @name !right) @definition.variable))
(module (if_statement consequence: (block
  (expression_statement (assignment left: (identifier) @name right: (_) @value) @definition.variable))))
(module (try_statement body: (block
  (expression_statement (assignment left: (identifier) @name right: (_) @value) @definition.variable))))
(class_definition body: (block
  (expression_statement (assignment left: (identifier) @name right: (_) @value) @definition.variable)))
(class_definition body: (block
  (expression_statement (assignment left: (identifier) @name !right) @definition.variable)))
((assignment left: (attribute object: (identifier) @is.self attribute: (identifier) @name) right: (_) @value)
  @definition.attribute)

(import_statement name: (dotted_name) @import.module) @import
(import_statement name: (aliased_import name: (dotted_name) @import.module)) @import
(import_from_statement module_name: (_) @import.module name: (dotted_name) @import.name) @import
(import_from_statement
  module_name: (_) @import.module name: (aliased_import name: (dotted_name) @import.name)) @import
(import_from_statement module_name: (_) @import.module (wildcard_import) @import.name) @import
