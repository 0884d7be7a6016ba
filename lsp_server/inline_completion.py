"""textDocument/inlineCompletion (LSP 3.18)."""

from __future__ import annotations

import time

from lsprotocol import types

from context import Query
from engine.errors import RemoteError
from lsp_server.fates import Offer
from lsp_server.from_lsp import position_in
from lsp_server.ghost_text import Suggestion
from lsp_server.place import Place
from lsp_server.server import CodeFlowServer
from lsp_server.to_lsp import inline_item


def register(server: CodeFlowServer) -> None:
    """Add the handler to ``server``."""

    # without the options object pygls advertises nothing
    @server.feature(types.TEXT_DOCUMENT_INLINE_COMPLETION, types.InlineCompletionOptions())
    async def inline_completion(params: types.InlineCompletionParams) -> types.InlineCompletionList:
        invoked = params.context.trigger_kind == types.InlineCompletionTriggerKind.Invoked
        asked_at = time.perf_counter()
        place, found = await suggestions(server, params.text_document.uri, params.position, invoked=invoked)
        if place is None:
            return types.InlineCompletionList(items=[])
        count_offered(server, place, found, waited_ms=(time.perf_counter() - asked_at) * 1e3)
        items = [
            inline_item(place, one.shown, one.key, server.encoding, number)
            for number, one in enumerate(found)
        ]
        if (selected := params.context.selected_completion_info) is not None:
            start = position_in(place.document, selected.range.start, server.encoding)
            items = extending(items, selected, place.head[start.column :])
        return types.InlineCompletionList(items=items)


def extending(
    items: list[types.InlineCompletionItem], selected: types.SelectedCompletionInfo, typed: str
) -> list[types.InlineCompletionItem]:
    """The items that go on from what the completion menu has selected, over its range; no others."""
    found = []
    for item in items:
        whole = typed + str(item.insert_text)
        if item.range is not None and whole.startswith(selected.text):
            item.insert_text, item.range.start = whole, selected.range.start
            found.append(item)
    return found


def count_offered(server: CodeFlowServer, place: Place, found: list[Suggestion], *, waited_ms: float) -> None:
    """Count what is given to the client: candidates of one key, so long after they were asked for."""
    if not found:
        return
    key, uri = found[0].key, place.document.uri
    server.stats.offered(
        key,
        place.document.language,
        [Offer(uri, place.position, one.shown.text, one.shown.replaced) for one in found],
        waited_ms=waited_ms,
        account=server.ghost_text.accounts.get(key),
    )


async def suggestions(
    server: CodeFlowServer, uri: str, position: types.Position, *, invoked: bool
) -> tuple[Place | None, list[Suggestion]]:
    """What to show at a position, and the place; nothing where the document is not open or the language off.

    Invoked asks for several; automatic shows the rest of an earlier suggestion where that still fits, and
    asks nothing where the cursor stands inside of a word: whoever is there changes that word.
    """
    snapshot, settings = server.files.snapshot(), server.settings
    document = snapshot.documents.get(uri)
    completion = settings.completion
    if document is None or not completion.enabled or document.language in completion.disabled_languages:
        return None, []
    place = Place(document, position_in(document, position, server.encoding))
    if not completion.in_comments and place.in_comment:
        return place, []
    server.asked(uri, place.position)
    if not invoked and (rest := server.ghost_text.from_what_was_shown(place)) is not None:
        if (ask := server.ask(snapshot, Query(uri, place.position))) is not None:
            server.ghost_text.look_beyond(ask, rest)
        return place, [rest]
    if not invoked and place.in_word:
        return place, []
    server.notice(uri, place.position.line)
    await server.model.ready()
    if (ask := server.ask(snapshot, Query(uri, place.position))) is None:
        return None, []
    try:
        if invoked:
            found = await server.ghost_text.suggest(ask, candidates=completion.candidates)
        else:
            found = await server.ghost_text.suggest(ask, in_time=True)
    except RemoteError as error:
        server.model.answered(str(error))
        return place, []
    if found:
        server.model.answered()
    return place, found
