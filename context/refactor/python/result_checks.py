"""What every rewrite of a Python file must pass before it is given out: it parses, no name is lost.

A net below the refactorings, not their proof. Reads the text before and the text after, knows not what was
done.
"""

from __future__ import annotations

import warnings
from dataclasses import replace

from context.document import Document, split_lines
from context.refactor.python.functions import BUILTINS
from context.refactor.python.scope_tree import ScopeTree
from context.refactor.source_tree import SourceTree
from context.refactor.values import Refused


def parsed(document: Document) -> SourceTree:
    """The document's tree. Refused where it does not parse: what is broken has no exact meaning."""
    tree = SourceTree.of(document)
    if tree is None or tree.source.decode("utf-8", "replace") != document.text:
        raise Refused("The file is too large or holds letters that are none; it cannot be read exactly.")
    if tree.root.has_error and not compiles(document.text):
        raise Refused("The file has a syntax error; mend that first.")
    return tree


def checked(before: ScopeTree, text: str) -> str:
    """``text``, the file's new one; refused where something in it cannot be right."""
    document = before.tree.document
    after = SourceTree.of(replace(document, lines=split_lines(text)))
    if after is None or (after.root.has_error and not before.tree.root.has_error):
        raise Refused("What would come of it does not parse.")
    if compiles(document.text) and not compiles(text):
        raise Refused("What would come of it is no valid Python.")
    if missing := ScopeTree(after).unbound() - before.unbound() - BUILTINS:
        raise Refused(f"The name {min(missing)!r} would be undefined afterwards.")
    return text


def compiles(text: str) -> bool:
    """Whether this Python can compile it; newer syntax it cannot."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the file's own escapes and comparisons
        try:
            compile(text, "<refactored>", "exec", dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return False
    return True
