"""Which language has which table."""

from context.refactor.grammar.go_table import GO
from context.refactor.grammar.javascript_table import JAVASCRIPT
from context.refactor.grammar.tables import Table

_TABLES = dict.fromkeys(("javascript", "javascriptreact", "typescript", "typescriptreact"), JAVASCRIPT) | {
    "go": GO
}


def table_of(language: str) -> Table | None:
    """The table of a language by LSP's name; None where there is none, and nothing is offered."""
    return _TABLES.get(language)
