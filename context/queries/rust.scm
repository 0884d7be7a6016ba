; Rust. An impl block is a class that has its type's name.

(line_comment) @comment
(block_comment) @comment
(string_content) @text
(attribute_item) @attribute
(source_file . (line_comment (inner_doc_comment_marker)) @module.doc)

(function_item name: (identifier) @name body: (_) @body) @definition.function
(function_signature_item name: (identifier) @name) @definition.function
(macro_definition name: (identifier) @name . (macro_rule) @body) @definition.function
(struct_item name: (type_identifier) @name body: (field_declaration_list) @body) @definition.struct
(struct_item name: (type_identifier) @name) @definition.struct
(union_item name: (type_identifier) @name body: (_) @body) @definition.struct
(enum_item name: (type_identifier) @name body: (_) @body) @definition.enum
(trait_item name: (type_identifier) @name body: (_) @body) @definition.trait
(impl_item type: (_) @name body: (_) @body) @definition.class
(mod_item name: (identifier) @name body: (_) @body) @definition.module

(type_item name: (type_identifier) @name) @definition.type
(associated_type name: (type_identifier) @name) @definition.type
(const_item name: (identifier) @name value: (_)? @value) @definition.constant
(static_item name: (identifier) @name value: (_)? @value) @definition.constant
(struct_item body: (field_declaration_list
  (field_declaration name: (field_identifier) @name) @definition.field))
(union_item body: (field_declaration_list
  (field_declaration name: (field_identifier) @name) @definition.field))
(enum_variant name: (identifier) @name) @definition.constant

(use_declaration) @import.tree
(mod_item name: (identifier) @import.module !body) @import
