"""Text in, Prompt out. Knows documents, syntax trees and (later) git; no tensors, no model files, no LSP.

What it needs of a model comes in as plain values: ``encode``, a ``PromptFormat``, a budget in tokens.
"""

from context.assemble import Assembled, Query, assemble
from context.document import Document, Edit, Position
from context.prompt import Prompt, PromptFormat
from context.workspace import Snapshot, Workspace

__all__ = [
    "Assembled",
    "Document",
    "Edit",
    "Position",
    "Prompt",
    "PromptFormat",
    "Query",
    "Snapshot",
    "Workspace",
    "assemble",
]
