"""Where evidence comes from: one short function each, all with the same result. For now, open files."""

from __future__ import annotations

from context.document import Document
from context.privacy import may_be_prompted
from context.prompt import ContextItem
from context.workspace import Snapshot

_LARGEST_OPEN_FILE_LINES = 400  # beyond this the head of the file: imports and the first definitions


def open_files(snapshot: Snapshot, current: Document) -> list[ContextItem]:
    """The other open documents; the ones viewed last matter most, the ones opened first stand first."""
    order = list(snapshot.documents)
    items = []
    for rank, uri in enumerate(uri for uri in snapshot.last_viewed if uri != current.uri):
        document = snapshot.documents[uri]
        if not may_be_prompted(document.path) or not document.text.strip():
            continue
        text = "".join(document.lines[:_LARGEST_OPEN_FILE_LINES])
        same_language = 0.5 if document.language == current.language else 0.0
        relevance = 1.0 / (rank + 1) + same_language
        items.append(ContextItem("open file", document.path, text, relevance, -float(order.index(uri))))
    return items
