"""What is asked of a model for one place, and all that is read to answer it: values that cannot change."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING

from context import Assembled, Edit, Held, Position, Prompt, Query, Snapshot, assemble
from context.document import end_of
from context.dossier import Dossier
from context.pack import Pack
from context.prompt import encode_lines
from context.restored import restored
from lsp_server.from_lsp import file_of
from lsp_server.installed_adapters import adapter_for
from lsp_server.model_session import ModelSession
from lsp_server.place import Extent, Place
from lsp_server.ranking import second_look
from lsp_server.settings import Settings
from lsp_server.trim import Shown, is_finished

if TYPE_CHECKING:
    from engine.request import GenerationRequest

_LINE_TOKENS = 48  # most tokens of a suggestion that is one line
_DELETED_EDITS = 3  # recent edits whose old lines an answer may repeat


@dataclass(frozen=True)
class Ask:
    """A place in a snapshot, and the model that is to say what comes there."""

    snapshot: Snapshot
    query: Query
    session: ModelSession
    settings: Settings
    repository: str = ""
    dossier: Dossier | None = None
    supposed: bool = False  # the document is not so yet

    @cached_property
    def place(self) -> Place:
        """The cursor in its document."""
        document = self.snapshot.documents[self.query.uri]
        return Place(document, document.clamp(self.query.position))

    @cached_property
    def adapter(self) -> str:
        """The low-rank changes to complete with: those that the settings name, else this folder's own."""
        wanted, installed = self.settings.completion.adapter, self.session.installed
        return adapter_for(file_of(self.query.uri) if installed else None, installed, wanted)

    def assemble(self, previous: Held | None, elsewhere: Pack | None) -> Assembled | None:
        """The whole prompt; None where the cursor stands in a secret."""
        return assemble(
            self.snapshot,
            self.query,
            form=self.session.form,
            encode=self.session.encode,
            tokenised=self.session.tokenised,
            budget_tokens=self.session.budget_tokens,
            repository=self.repository,
            previous=previous,
            elsewhere=elsewhere,
            dossier=self.dossier,
            disabled=self.settings.context.disabled_sources,
        )

    def restored(self) -> Held | None:
        """What the saved prompt of an earlier session held, where there is one for this document."""
        tokens = self.session.engine.saved(self.query.uri)
        place, session = self.place, self.session
        if not tokens:
            return None
        return restored(
            place.document,
            place.position,
            tokens,
            form=session.form,
            encode=session.encode,
            repository=self.repository,
        )

    def accepted(self, shown: Shown) -> Ask:
        """The same once a suggestion is accepted, with the cursor behind it."""
        place = self.place
        line, column = place.position
        edit = Edit(shown.text, place.position, Position(line, column + shown.replaced))
        document, end = place.document.apply(edit, place.document.version), end_of(place.position, shown.text)
        documents = MappingProxyType({**self.snapshot.documents, document.uri: document})
        snapshot = replace(self.snapshot, documents=documents)
        return replace(self, snapshot=snapshot, query=Query(self.query.uri, end), supposed=True)

    def request(
        self, prompt: Prompt, *, candidates: int, answer_by: float | None, whole: bool, background: bool
    ) -> GenerationRequest:
        """What the engine is asked. ``whole``: the prompt is all it should be, and worth keeping."""
        from engine.engine import MAX_CANDIDATES
        from engine.request import GenerationRequest, Priority

        place, uri, limit = self.place, self.query.uri, self.settings.completion.max_tokens
        look = second_look(place, prompt, always=candidates > 1)
        return GenerationRequest(
            tokens=prompt.tokens,
            begin_with=prompt.begin_with,
            max_tokens=min(limit, _LINE_TOKENS) if place.extent is Extent.LINE else limit,
            candidates=MAX_CANDIDATES if look else max(1, min(candidates, MAX_CANDIDATES)),
            second_look=look,
            stop_when=lambda text: is_finished(place, text),
            priority=Priority.BACKGROUND if background else Priority.INTERACTIVE,
            deadline=None if background else time.monotonic() + self.settings.completion.timeout_ms / 1e3,
            answer_by=answer_by,
            lane="ahead" if background else uri,
            owner=uri if whole and not self.supposed else "",
            adapter=self.adapter,
            lookup=self._deleted(),
        )

    def _deleted(self) -> tuple[int, ...]:
        """Tokens of the lines that were changed or deleted last, the latest at the end."""
        recent = [edit for edit in self.snapshot.recent_edits if edit.uri == self.query.uri]
        lines = [line for edit in recent[-_DELETED_EDITS:] for line in edit.before]
        return encode_lines(lines, self.session.encode)
