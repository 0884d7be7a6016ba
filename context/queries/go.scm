; Go. A method's parent is its receiver's type.

(comment) @comment
(interpreted_string_literal_content) @text
(raw_string_literal_content) @text
(type_declaration (type_spec) @wrapped) @wrapper
(type_declaration (type_alias) @wrapped) @wrapper
(const_declaration (const_spec) @wrapped) @wrapper
(var_declaration (var_spec) @wrapped) @wrapper

(function_declaration name: (identifier) @name body: (block)? @body) @definition.function
(method_declaration
  receiver: (parameter_list (parameter_declaration type: [
    (type_identifier) @parent
    (generic_type type: (type_identifier) @parent)
    (pointer_type [(type_identifier) @parent (generic_type type: (type_identifier) @parent)])]))
  name: (field_identifier) @name
  body: (block)? @body) @definition.function

(type_spec name: (type_identifier) @name
  type: (struct_type (field_declaration_list) @body)) @definition.struct
(type_spec name: (type_identifier) @name type: (interface_type "{" @body)) @definition.interface
(type_declaration "type" @keyword (type_spec name: (type_identifier) @name) @definition.type)
(type_declaration "type" @keyword (type_alias name: (type_identifier) @name) @definition.type)
(field_declaration name: (field_identifier) @name tag: (_)? @body) @definition.field
(field_declaration !name type: (_) @name tag: (_)? @body) @definition.field
(method_elem name: (field_identifier) @name) @definition.function

(const_declaration "const" @keyword
  (const_spec name: (identifier) @name value: (_)? @value) @definition.constant)
(var_declaration "var" @keyword (var_spec name: (identifier) @name value: (_)? @value) @definition.variable)
(var_declaration "var" @keyword
  (var_spec_list (var_spec name: (identifier) @name value: (_)? @value) @definition.variable))

(import_spec path: (_) @import.module) @import
