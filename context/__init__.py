"""Text in, Prompt out. Knows documents, syntax trees and git; no tensors, no model files, no LSP.

What it needs of a model comes in as plain values: ``encode``, a ``PromptFormat``, a budget in tokens.
"""

from context.assemble import Assembled, Held, Query, assemble
from context.document import Document, Edit, Position
from context.prompt import Prompt, PromptFormat
from context.workspace import Snapshot, Workspace

__all__ = [
    "Assembled",
    "Document",
    "Edit",
    "Held",
    "Position",
    "Prompt",
    "PromptFormat",
    "Query",
    "Snapshot",
    "Workspace",
    "assemble",
]
