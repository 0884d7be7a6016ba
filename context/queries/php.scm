; PHP.

(comment) @comment
(string_content) @text
(nowdoc_string) @text
(text) @text
(attribute_list) @attribute

(namespace_definition name: (_) @name body: (_) @body) @definition.module
(namespace_definition name: (_) @name !body) @definition.module
(class_declaration name: (name) @name body: (_) @body) @definition.class
(interface_declaration name: (name) @name body: (_) @body) @definition.interface
(trait_declaration name: (name) @name body: (_) @body) @definition.trait
(enum_declaration name: (name) @name body: (_) @body) @definition.enum
(function_definition name: (name) @name body: (_) @body) @definition.function
(method_declaration name: (name) @name body: (_)? @body) @definition.function
(property_declaration (property_element name: (variable_name (name) @name)
  default_value: (_)? @value)) @definition.field
(enum_case name: (name) @name value: (_)? @value) @definition.constant
(const_declaration (const_element . (name) @name (_) @value)) @definition.constant
((function_call_expression function: (name) @is.define
  arguments: (arguments . (argument (string (string_content) @name)))) @definition.constant)

(namespace_use_declaration) @import.tree
(require_expression (string) @import.module) @import
(require_once_expression (string) @import.module) @import
(include_expression (string) @import.module) @import
(include_once_expression (string) @import.module) @import
(require_expression (binary_expression right: (string) @import.module)) @import
(require_once_expression (binary_expression right: (string) @import.module)) @import
(include_expression (binary_expression right: (string) @import.module)) @import
(include_once_expression (binary_expression right: (string) @import.module)) @import
