"""JavaScript and TypeScript, with JSX: one table for the four languages of their grammars."""

from context.refactor.grammar.tables import Table, bindings, each, evaluated, words

_FUNCTIONS = words(
    "function_declaration function_expression generator_function generator_function_declaration "
    "arrow_function method_definition class_static_block "
    "function_type constructor_type call_signature construct_signature method_signature function_signature "
    "abstract_method_signature"  # types: their parameters are names too
)
_VALUES = words("number string template_string regex true false null undefined")
_ONCE = each(
    binary_expression="left right",
    unary_expression="argument",
    parenthesized_expression="-",
    call_expression="function arguments",
    arguments="-",
    spread_element="-",
    new_expression="arguments",
    member_expression="object",
    subscript_expression="object index",
    ternary_expression="condition",
    array="-",
    object="-",
    pair="value",
    template_string="-",
    template_substitution="-",
    assignment_expression="left right",
    augmented_assignment_expression="left right",
    update_expression="argument",
    variable_declarator="value",
    lexical_declaration="-",
    variable_declaration="-",
    expression_statement="-",
    return_statement="-",
    throw_statement="-",
    await_expression="-",
    yield_expression="-",
    as_expression="-",
    satisfies_expression="-",
    non_null_expression="-",
    if_statement="condition",
    switch_statement="value",
    for_statement="initializer",
    for_in_statement="right",
    export_statement="declaration",
    jsx_expression="-",
    jsx_attribute="-",
    jsx_element="- open_tag",
    jsx_opening_element="attribute",
    jsx_self_closing_element="attribute",
    sequence_expression="- left right",
    labeled_statement="body",
)
_EVALUATED = evaluated(
    once=_ONCE,
    again=each(for_statement="condition increment", while_statement="condition", do_statement="condition"),
    perhaps=each(ternary_expression="consequence alternative"),
)
_BINDINGS = bindings(
    block=each(
        variable_declarator="name",
        function_declaration="name",
        generator_function_declaration="name",
        class_declaration="name",
        enum_declaration="name",
        for_in_statement="left",
    ),
    function=each(
        formal_parameters="-",
        required_parameter="pattern",
        optional_parameter="pattern",
        arrow_function="parameter",
    ),
    itself=frozenset(
        ("function_expression.name", "generator_function.name", "catch_clause.parameter", "class.name")
    ),
    file=each(import_clause="-", import_specifier="name alias", namespace_import="-", internal_module="name"),
)

JAVASCRIPT = Table(
    language="javascript",
    statement_lists=words("program statement_block switch_case switch_default"),
    single_bodies=each(
        if_statement="consequence",
        else_clause="-",
        for_statement="body",
        for_in_statement="body",
        while_statement="body",
        do_statement="body",
    ),
    block="statement_block",
    functions=_FUNCTIONS,
    expression_bodies=each(arrow_function="body"),
    scopes=_FUNCTIONS
    | words("program statement_block for_statement for_in_statement switch_body catch_clause class"),
    identifiers=words(
        "identifier shorthand_property_identifier shorthand_property_identifier_pattern type_identifier"
    ),
    patterns=each(
        object_pattern="-",
        array_pattern="-",
        pair_pattern="value",
        assignment_pattern="left",
        object_assignment_pattern="left",
        rest_pattern="-",
    ),
    bindings=_BINDINGS,
    writes=each(
        assignment_expression="left",
        augmented_assignment_expression="left",
        update_expression="argument",
        for_in_statement="left",
    ),
    evaluated=_EVALUATED,
    literal_places=each(
        arrow_function="body",
        while_statement="condition",
        switch_case="value",
        public_field_definition="value",
        field_definition="value",
        required_parameter="value",
        optional_parameter="value",
        assignment_pattern="right",
        object_assignment_pattern="right",
    ),
    expressions=_VALUES
    | words(
        "binary_expression unary_expression call_expression new_expression member_expression "
        "subscript_expression ternary_expression array object arrow_function function_expression "
        "await_expression as_expression satisfies_expression non_null_expression parenthesized_expression "
        "assignment_expression update_expression identifier this jsx_element jsx_self_closing_element"
    ),
    trivial=words("identifier this super undefined null true false import"),
    literals=words("number string true false null undefined"),
    allocating=words(
        "array object arrow_function function_expression generator_function class regex new_expression "
        "jsx_element jsx_self_closing_element"
    ),
    effects=words(
        "call_expression new_expression assignment_expression augmented_assignment_expression "
        "update_expression await_expression yield_expression"
    ),
    reads=words("member_expression subscript_expression spread_element template_substitution in instanceof"),
    harmless=words(
        "binary_expression unary_expression parenthesized_expression ternary_expression number string "
        "true false null undefined this identifier arrow_function function_expression "
        "as_expression satisfies_expression non_null_expression predefined_type type_identifier"
    ),
    harmless_operators=words("=== !== && || ?? ! typeof void"),
    reading_operators=words("+ - * / % ** < > <= >= == != & | ^ << >> >>>"),
    lazy_operators=words("&& || ??"),
    primary=words(
        "identifier this number string template_string regex true false null undefined array "
        "call_expression member_expression subscript_expression parenthesized_expression "
        "jsx_element jsx_self_closing_element"
    ),
    delimited=each(
        arguments="-",
        variable_declarator="value",
        return_statement="-",
        throw_statement="-",
        array="-",
        pair="value",
        parenthesized_expression="-",
        subscript_expression="index",
        template_substitution="-",
        jsx_expression="-",
        assignment_expression="right",
        augmented_assignment_expression="right",
        for_in_statement="right",
    ),
    keywords=words(
        "abstract any arguments as async await boolean break case catch class const continue debugger "
        "declare default delete do else enum eval export extends false finally for from function get if "
        "implements import in infer instanceof interface is keyof let module namespace never new null "
        "number object of package private protected public readonly require return set static string "
        "super switch symbol this throw true try type typeof undefined unknown var void while with yield"
    ),
    declaration="const {name} = {value}",
    constant="const {name} = {value}",
    terminator=";",
    leaves=words("return_statement throw_statement break_statement continue_statement"),
    negations={"===": "!==", "!==": "===", "==": "!=", "!=": "=="},
)
