"""Python's exact refactorings, by their names.

Each module is one: what it offers at a selection, and what it makes of the file. Importing this imports no
engine: whatever is heavy is imported by what performs.
"""

from context.refactor.python import (
    early_return,
    extract_constant,
    extract_function,
    extract_variable,
    inline_function,
    inline_variable,
    introduce_parameter_object,
    invert_if,
    move_function_to_method,
    move_method_to_function,
    rename,
    simplify_conditional,
)
from context.refactor.values import Action

ACTIONS: dict[str, Action] = {  # in the order of a menu
    "extract-variable": Action(extract_variable.find, extract_variable.perform),
    "extract-constant": Action(extract_constant.find, extract_constant.perform),
    "extract-function": Action(extract_function.find, extract_function.perform),
    "extract-method": Action(extract_function.find_method, extract_function.perform),
    "inline-variable": Action(inline_variable.find, inline_variable.perform),
    "inline-function": Action(inline_function.find, inline_function.perform),
    "rename": Action(rename.find, rename.perform),
    "invert-if": Action(invert_if.find, invert_if.perform),
    "early-return": Action(early_return.find, early_return.perform),
    "simplify-conditional": Action(simplify_conditional.find, simplify_conditional.perform),
    "move-method-to-function": Action(move_method_to_function.find, move_method_to_function.perform),
    "move-function-to-method": Action(move_function_to_method.find, move_function_to_method.perform),
    "introduce-parameter-object": Action(introduce_parameter_object.find, introduce_parameter_object.perform),
}
