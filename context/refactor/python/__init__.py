"""Python's exact refactorings, by their names.

Each module is one: what it offers at a selection, and what it makes of the file. Importing this imports no
engine: whatever is heavy is imported by what performs.
"""

from context.refactor.python import extract_variable, move_method_to_function
from context.refactor.values import Action

ACTIONS: dict[str, Action] = {
    "extract-variable": Action(extract_variable.find, extract_variable.perform),
    "move-method-to-function": Action(move_method_to_function.find, move_method_to_function.perform),
}
