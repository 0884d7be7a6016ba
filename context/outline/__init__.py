"""The outline of a source file: its symbols with their signatures, its imports, the identifiers it uses.

Plain values (``values``), a way to make them (``outline``), to keep them on disk (``to_json``), to find a
place in them (``enclosing``) and to show them (``render_outline``). What counts as a symbol in a language
says its query (``context/queries/*.scm``); ``query`` documents the captures. Knows no workspace and no disk.
"""

from context.outline.query import outline
from context.outline.render import render_outline
from context.outline.values import (
    OUTLINE_VERSION,
    Import,
    Outline,
    Symbol,
    enclosing,
    from_json,
    qualified,
    to_json,
)

__all__ = [
    "OUTLINE_VERSION",
    "Import",
    "Outline",
    "Symbol",
    "enclosing",
    "from_json",
    "outline",
    "qualified",
    "render_outline",
    "to_json",
]
