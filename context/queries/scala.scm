; Scala 2 and 3. An object is a class.

(comment) @comment
(block_comment) @comment
(string) @text
(annotation) @attribute

(class_definition name: (_) @name body: (_)? @body) @definition.class
(object_definition name: (_) @name body: (_)? @body) @definition.class
(package_object name: (_) @name body: (_)? @body) @definition.class
(trait_definition name: (_) @name body: (_)? @body) @definition.trait
(enum_definition name: (_) @name body: (_)? @body) @definition.enum
(function_definition name: (_) @name body: (_) @body) @definition.function
(function_declaration name: (_) @name) @definition.function
(type_definition name: (_) @name) @definition.type
(simple_enum_case name: (_) @name) @definition.constant
(full_enum_case name: (_) @name) @definition.constant
(given_definition name: (_) @name) @definition.variable
(compilation_unit (val_definition pattern: (identifier) @name value: (_) @value) @definition.variable)
(compilation_unit (var_definition pattern: (identifier) @name value: (_) @value) @definition.variable)
(template_body (val_definition pattern: (identifier) @name value: (_) @value) @definition.variable)
(template_body (var_definition pattern: (identifier) @name value: (_) @value) @definition.variable)
(template_body (val_declaration name: (identifier) @name) @definition.field)

(import_declaration) @import.tree
