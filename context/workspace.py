"""The world as the editor tells it. One way in (``apply``), one way out (``snapshot``).

Mutable, and owned by the server's event loop; everything after a snapshot reads nothing that can change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from context.document import Document, Edit


@dataclass(frozen=True, slots=True)
class Opened:
    """A document was opened, with its whole text."""

    document: Document


@dataclass(frozen=True, slots=True)
class Edited:
    """A document changed, by edits that each apply to the result of the one before."""

    uri: str
    version: int
    edits: tuple[Edit, ...]


@dataclass(frozen=True, slots=True)
class Closed:
    """A document is no longer open."""

    uri: str


@dataclass(frozen=True, slots=True)
class Viewed:
    """A document was looked at: it is likelier to matter than the others."""

    uri: str


Change = Opened | Edited | Closed | Viewed


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The world at one moment. ``documents`` is in the order in which they were opened."""

    documents: Mapping[str, Document]
    last_viewed: tuple[str, ...]  # uris, latest first


class Workspace:
    """Follows the editor. An edit of a document that was never opened is ignored, as LSP clients may err."""

    def __init__(self) -> None:
        self._documents: dict[str, Document] = {}
        self._viewed: list[str] = []

    def apply(self, change: Change) -> None:
        """The only way the world changes; microseconds, no disk, no model."""
        match change:
            case Opened(document):
                self._documents[document.uri] = document
                self._look_at(document.uri)
            case Edited(uri, version, edits):
                if (document := self._documents.get(uri)) is not None:
                    for edit in edits:
                        document = document.apply(edit, version)
                    self._documents[uri] = document
                    self._look_at(uri)
            case Closed(uri):
                self._documents.pop(uri, None)
                if uri in self._viewed:
                    self._viewed.remove(uri)
            case Viewed(uri):
                if uri in self._documents:
                    self._look_at(uri)

    def snapshot(self) -> Snapshot:
        """The world now; later changes do not reach it."""
        return Snapshot(MappingProxyType(dict(self._documents)), tuple(self._viewed))

    def document(self, uri: str) -> Document | None:
        """An open document, or None."""
        return self._documents.get(uri)

    def _look_at(self, uri: str) -> None:
        if uri in self._viewed:
            self._viewed.remove(uri)
        self._viewed.insert(0, uri)
