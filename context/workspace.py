"""The world as the editor tells it. One way in (``apply``), one way out (``snapshot``).

Mutable, and owned by the server's event loop; everything after a snapshot reads nothing that can change.
What lies on disk is not its business: ``context.librarian`` follows that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from context.document import Document, Edit
from context.edit_log import EditLog, RecentEdit

_CLOSED_KEPT = 10  # documents closed lately that still count as looked at


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


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What some checker says of a line (zero-based)."""

    line: int
    message: str


@dataclass(frozen=True, slots=True)
class Diagnosed:
    """The problems known of a document, in place of those known before."""

    uri: str
    diagnoses: tuple[Diagnosis, ...]


Change = Opened | Edited | Closed | Viewed | Diagnosed


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The world at one moment. ``documents`` is in the order in which they were opened."""

    documents: Mapping[str, Document]
    last_viewed: tuple[str, ...]  # uris, latest first
    recent_edits: tuple[RecentEdit, ...] = ()  # oldest first
    closed: tuple[Document, ...] = ()  # closed lately, the latest first; their text may be old
    diagnoses: Mapping[str, tuple[Diagnosis, ...]] = field(default_factory=dict)


class Workspace:
    """Follows the editor. An edit of a document that was never opened is ignored, as LSP clients may err."""

    def __init__(self) -> None:
        self._documents: dict[str, Document] = {}
        self._viewed: list[str] = []
        self._closed: list[Document] = []
        self._diagnoses: dict[str, tuple[Diagnosis, ...]] = {}
        self._log = EditLog()

    def apply(self, change: Change) -> None:
        """The only way the world changes; microseconds, no disk, no model."""
        match change:
            case Opened(document):
                self._documents[document.uri] = document
                self._closed = [closed for closed in self._closed if closed.uri != document.uri]
                self._look_at(document.uri)
            case Edited(uri, version, edits):
                if (document := self._documents.get(uri)) is not None:
                    for edit in edits:
                        before, document = document, document.apply(edit, version)
                        self._log.record(before, document, edit)
                    self._documents[uri] = document
                    self._look_at(uri)
            case Closed(uri):
                if (document := self._documents.pop(uri, None)) is not None:
                    self._log.close(document)
                    self._closed = [document, *self._closed][:_CLOSED_KEPT]
                self._diagnoses.pop(uri, None)
                if uri in self._viewed:
                    self._viewed.remove(uri)
            case Viewed(uri):
                if uri in self._documents:
                    self._look_at(uri)
            case Diagnosed(uri, diagnoses):
                if uri in self._documents:
                    self._diagnoses[uri] = diagnoses

    def snapshot(self) -> Snapshot:
        """The world now; later changes do not reach it."""
        return Snapshot(
            MappingProxyType(dict(self._documents)),
            tuple(self._viewed),
            self._log.edits(self._documents),
            tuple(self._closed),
            MappingProxyType(dict(self._diagnoses)),
        )

    def document(self, uri: str) -> Document | None:
        """An open document, or None."""
        return self._documents.get(uri)

    def _look_at(self, uri: str) -> None:
        if uri in self._viewed:
            self._viewed.remove(uri)
        self._viewed.insert(0, uri)
