"""Go: its table."""

from context.refactor.grammar.tables import Table, bindings, each, evaluated, words

_FUNCTIONS = words("function_declaration method_declaration func_literal function_type method_elem")
_LITERALS = words(
    "int_literal float_literal imaginary_literal rune_literal interpreted_string_literal "
    "raw_string_literal true false nil iota"
)
_ONCE = each(
    binary_expression="left right",
    unary_expression="operand",
    parenthesized_expression="-",
    call_expression="function arguments",
    argument_list="-",
    variadic_argument="-",
    selector_expression="operand",
    index_expression="operand index",
    slice_expression="operand start end capacity",
    type_assertion_expression="operand",
    type_conversion_expression="operand",
    composite_literal="body",
    literal_value="-",
    literal_element="-",
    keyed_element="value",
    expression_list="-",
    short_var_declaration="right",
    var_declaration="-",
    var_spec="value",
    assignment_statement="right left",
    expression_statement="-",
    return_statement="-",
    send_statement="channel value",
    if_statement="initializer condition",
    for_statement="-",
    for_clause="initializer",
    range_clause="right",
    expression_switch_statement="initializer value",
    type_switch_statement="initializer value",
    go_statement="-",
    defer_statement="-",
)
_EVALUATED = evaluated(once=_ONCE, again=each(for_clause="condition update"), perhaps=frozenset())
_BINDINGS = bindings(
    block=each(
        short_var_declaration="left",
        var_spec="name",
        const_spec="name",
        range_clause="left",
        receive_statement="left",
        type_switch_statement="alias",
        type_spec="name",
    ),
    function=each(parameter_declaration="name", variadic_parameter_declaration="name"),
    file=each(import_spec="name", function_declaration="name"),
)

GO = Table(
    language="go",
    statement_lists=words("statement_list"),
    single_bodies=frozenset(),
    block="block",
    functions=_FUNCTIONS,
    expression_bodies=frozenset(),
    scopes=_FUNCTIONS
    | words(
        "source_file block if_statement for_statement expression_switch_statement type_switch_statement "
        "expression_case type_case default_case communication_case"
    ),
    identifiers=words("identifier type_identifier package_identifier"),
    patterns=each(expression_list="-"),
    bindings=_BINDINGS,
    writes=each(
        assignment_statement="left",
        inc_statement="-",
        dec_statement="-",
        range_clause="left",
        receive_statement="left",
        short_var_declaration="left",
    ),
    evaluated=_EVALUATED,
    literal_places=frozenset(),
    expressions=_LITERALS
    | words(
        "binary_expression unary_expression call_expression selector_expression index_expression "
        "slice_expression type_assertion_expression type_conversion_expression composite_literal "
        "func_literal parenthesized_expression identifier"
    ),
    trivial=words("identifier nil true false iota"),
    literals=words(
        "int_literal float_literal rune_literal interpreted_string_literal raw_string_literal true false"
    ),
    allocating=words("composite_literal func_literal"),
    effects=words("call_expression assignment_statement inc_statement dec_statement send_statement"),
    reads=words(
        "selector_expression index_expression slice_expression type_assertion_expression "
        "type_conversion_expression"
    ),
    harmless=_LITERALS
    | words("binary_expression unary_expression parenthesized_expression identifier func_literal"),
    harmless_operators=words("&& || ! + - * < > <= >= & | ^"),
    reading_operators=words("/ % << >>"),
    lazy_operators=words("&& ||"),
    primary=_LITERALS
    | words(
        "identifier call_expression selector_expression index_expression slice_expression "
        "type_assertion_expression parenthesized_expression"
    ),
    delimited=each(
        argument_list="-",
        expression_list="-",
        parenthesized_expression="-",
        literal_element="-",
        index_expression="index",
        slice_expression="start end capacity",
        send_statement="value",
    ),
    keywords=words(
        "break case chan const continue default defer else fallthrough for func go goto if import interface "
        "map package range return select struct switch type var "
        "any append bool byte cap clear close comparable complex complex64 complex128 copy delete error "
        "false float32 float64 imag int int8 int16 int32 int64 iota len make max min new nil panic print "
        "println real recover rune string true uint uint8 uint16 uint32 uint64 uintptr init main _"
    ),
    declaration="{name} := {value}",
    constant="const {name} = {value}",
    terminator="",
    leaves=words("return_statement break_statement continue_statement goto_statement"),
    negations={"==": "!=", "!=": "=="},
    calls_before_reads=True,
    bare_conditions=True,
)
