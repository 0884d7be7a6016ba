"""What a change can be called, on three levels. A label says what trees show, not what a message claims."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum

Span = tuple[int, int]  # lines [start, end), zero-based; empty where start == end


class Level(Enum):
    """How far a change reaches."""

    FUNCTION = "function"
    CLASS = "class"
    MODULE = "module"


class Label(StrEnum):
    """One kind of change; its value is "level.name". The rule of each stands beside it."""

    # of a function that is there before and after
    SIGNATURE_CHANGED = "function.signature_changed"  # parameters, result type or async differ
    PARAMETER_ADDED = "function.parameter_added"
    PARAMETER_REMOVED = "function.parameter_removed"
    PARAMETER_RENAMED = "function.parameter_renamed"  # another name in the same place, of the same type
    PARAMETERS_REORDERED = "function.parameters_reordered"  # the same names, in another order
    ANNOTATION_ADDED = "function.annotation_added"  # a result or a parameter had no type and has one
    RESULT_CHANGED = "function.result_changed"  # had a result type and has another, or none
    ASYNC_MADE = "function.async_made"  # async or suspend, and was not
    DECORATOR_CHANGED = "function.decorator_changed"  # decorators, annotations or attributes differ
    RENAMED = "function.renamed"  # gone, and a like one beside it under another name
    ERROR_HANDLING_ADDED = "function.error_handling_added"  # more except, catch, err != nil, ?, Result
    ERROR_HANDLING_REMOVED = "function.error_handling_removed"  # fewer of them
    ERROR_RAISED = "function.error_raised"  # more raise, throw, panic, Errorf
    API_REPLACED = "function.api_replaced"  # where f was called, g is
    ARGUMENTS_CHANGED = "function.arguments_changed"  # the same calls, other arguments
    LOGGING_ADDED = "function.logging_added"  # more calls that write to a log
    CONDITION_CHANGED = "function.condition_changed"  # the condition of an if or while is another one
    EARLY_RETURN = "function.early_return"  # a new condition whose block only leaves
    BODY_CHANGED = "function.body_changed"  # in these lines code of the body differs
    DOCS_ONLY = "function.docs_only"  # in these lines comments or docstring differ, code does not
    ADDED = "function.added"  # a function outside classes
    REMOVED = "function.removed"
    # of a class, interface, struct, trait
    BASE_CHANGED = "class.base_changed"  # what it extends or implements differs
    MEMBER_ADDED = "class.member_added"
    MEMBER_REMOVED = "class.member_removed"
    MEMBER_MOVED = "class.member_moved"  # gone from one class, and a like one in another
    FIELD_ADDED = "class.field_added"
    FIELD_CHANGED = "class.field_changed"  # its type or value differs
    FIELD_REMOVED = "class.field_removed"
    CLASS_RENAMED = "class.renamed"  # gone, and a like one in the same file under another name
    CLASS_ADDED = "class.added"
    CLASS_REMOVED = "class.removed"
    CONSTRUCTOR_CHANGED = "class.constructor_changed"
    # of a file, or of several
    IMPORT_ADDED = "module.import_added"
    IMPORT_REMOVED = "module.import_removed"
    IMPORT_REPLACED = "module.import_replaced"  # one module goes, another comes with the same names or place
    DECOUPLED = "module.decoupled"  # no import of a module of the same project is left, none came for it
    SYMBOLS_MOVED = "module.symbols_moved"  # gone from one file, and like ones in another
    FILE_SPLIT = "module.file_split"  # a file that stays gave symbols to a new one
    FILE_MERGED = "module.file_merged"  # a file that is gone gave symbols to one that was there
    FILE_RENAMED = "module.file_renamed"
    FILE_CREATED = "module.file_created"
    FILE_DELETED = "module.file_deleted"
    CONSTANT_CHANGED = "module.constant_changed"
    CONSTANT_ADDED = "module.constant_added"
    CONSTANT_REMOVED = "module.constant_removed"
    CODE_CHANGED = "module.code_changed"  # code outside functions, in no other rule's reach
    FORMATTING_ONLY = "module.formatting_only"  # the same tokens in the file, or in these lines
    MODULE_DOCS_ONLY = (
        "module.docs_only"  # in these lines, outside functions, only comments or docstrings differ
    )

    @property
    def level(self) -> Level:
        """How far it reaches."""
        return Level(self.value.partition(".")[0])


@dataclass(frozen=True, slots=True)
class Finding:
    """A label with its place: the lines it is about, in the text before (``old``) and after (``new``)."""

    label: Label
    path: str
    symbol: str  # qualified name; "" for the file
    old: Span
    new: Span
    detail: str = ""  # "requests.get -> httpx.get", "timeout", ...
