; C#.

(comment) @comment
(string_literal_content) @text
(string_content) @text
(attribute_list) @attribute

(file_scoped_namespace_declaration name: (_) @name) @definition.module
(namespace_declaration name: (_) @name body: (_) @body) @definition.module
(class_declaration name: (identifier) @name body: (_)? @body) @definition.class
(record_declaration name: (identifier) @name body: (_)? @body) @definition.class
(struct_declaration name: (identifier) @name body: (_)? @body) @definition.struct
(interface_declaration name: (identifier) @name body: (_) @body) @definition.interface
(enum_declaration name: (identifier) @name body: (_) @body) @definition.enum
(delegate_declaration name: (identifier) @name) @definition.type

(method_declaration name: (identifier) @name body: (_)? @body) @definition.function
(constructor_declaration name: (identifier) @name
  (constructor_initializer)? @body body: (_) @body) @definition.function
(local_function_statement name: (identifier) @name body: (_) @body) @definition.function
(operator_declaration operator: _ @name body: (_) @body) @definition.function
(indexer_declaration "this" @name) @definition.field
(property_declaration name: (identifier) @name
  accessors: (_)? value: [(arrow_expression_clause) @body (_) @value]?) @definition.field
(event_field_declaration (variable_declaration (variable_declarator name: (identifier) @name))) @definition.field
(field_declaration (modifier) @is.const
  (variable_declaration (variable_declarator name: (identifier) @name))) @definition.constant
(field_declaration (variable_declaration (variable_declarator name: (identifier) @name))) @definition.field
(enum_member_declaration name: (identifier) @name value: (_)? @value) @definition.constant

(using_directive) @import.tree
