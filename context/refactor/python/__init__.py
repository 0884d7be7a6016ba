"""Python's exact refactorings, by their names.

Each module is one: what it offers at a selection, and what it makes of the file. Importing this imports no
engine: whatever is heavy is imported by what performs.
"""

from context.refactor.python import move_method_to_function
from context.refactor.values import Action

ACTIONS: dict[str, Action] = {
    "move-method-to-function": Action(move_method_to_function.find, move_method_to_function.perform),
}
