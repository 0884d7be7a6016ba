"""What a changed name or signature asks of its uses, in all files at once: one edit, to be looked through.

Offered where the definition's line was just edited. Files are searched once somebody chooses the offer; a new
argument is filled in by the model at each call, or named like the parameter where there is none to ask.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING

from context.document import Document, Position
from context.facts import Facts
from context.language import family_of, language_named, language_of_path
from context.next_edit.changes import runs_of
from context.privacy import may_be_prompted, redact_lines
from context.refactor import Offer, Refused, Rewrite, Selection
from context.refactor.everywhere import Spread, calls, renamed, spread_of
from context.workspace import Snapshot
from lsp_server.brackets import state_after, tokens

if TYPE_CHECKING:
    from lsp_server.model_session import ModelSession
    from lsp_server.server import CodeFlowServer

ACTION = "follow-change"
_MOST_FILES, _MOST_CALLS = 200, 40
_BEFORE, _AFTER, _TOKENS = 30, 6, 16  # lines around a call that the model sees; tokens of an argument


def offer_at(snapshot: Snapshot, document: Document, selection: Selection) -> Offer | None:
    """The offer where the cursor is on a definition that was just changed."""
    line = selection.start.line
    found = spread_of(runs_of(snapshot.recent_edits, document.uri, selection.start), document.uri, line)
    if found is None:
        return None
    title = (
        f"Pass '{found.parameter}' wherever '{found.new}' is called"
        if found.parameter
        else f"Call '{found.old}' '{found.new}' everywhere"
    )
    where = Selection(Position(line, 0), Position(line, len(document.line(line))))
    return Offer(ACTION, "refactor.rewrite", title, where, exact=False)


async def follow(server: CodeFlowServer, document: Document, offer: Offer) -> Rewrite:
    """The edit of every use. Raises Refused."""
    snapshot, line = server.files.snapshot(), offer.selection.start.line
    spread = spread_of(
        runs_of(snapshot.recent_edits, document.uri, offer.selection.start), document.uri, line
    )
    if spread is None:
        raise Refused("The definition is not as it was when this was offered; ask again.")
    facts = server.librarian.facts(document.uri, snapshot) if server.librarian is not None else Facts()
    if not spread.parameter:
        texts = await asyncio.to_thread(_renamed, snapshot, facts, document, spread)
    else:
        texts = []
        for one in await asyncio.to_thread(lambda: list(_documents(snapshot, facts, document, spread.old))):
            if (text := await _passed(server.session, one, spread.new, spread.parameter)) is not None:
                texts.append((one, text))
    if not texts:
        raise Refused(f"No other place uses '{spread.old}'.")
    ours = [pair for pair in texts if pair[0].uri == document.uri] or [(document, document.text)]
    others = [pair for pair in texts if pair[0].uri != document.uri]
    note = f"by name, in {len(texts)} files: look through them, another thing may be called the same"
    return Rewrite((*ours, *others), notes=(note,))


def _renamed(
    snapshot: Snapshot, facts: Facts, document: Document, spread: Spread
) -> list[tuple[Document, str]]:
    found = []
    for one in _documents(snapshot, facts, document, spread.old):
        if (text := renamed(one, spread.old, spread.new)) is not None:
            found.append((one, text))
    return found


def _documents(snapshot: Snapshot, facts: Facts, document: Document, name: str) -> Iterator[Document]:
    """Every document and file of the definition's language family that holds ``name``; this one first."""
    yield document
    seen, root = {document.path}, facts.root
    family = family_of(document.language)
    for other in snapshot.documents.values():
        if other.path not in seen and family_of(other.language) == family and name in other.text:
            seen.add(other.path)
            yield other
    if root is None:
        return
    for path in facts.layout.names:
        if len(seen) >= _MOST_FILES:
            raise Refused(f"More than {_MOST_FILES} files use '{name}'; that is too much for one edit.")
        if path in seen or family_of(language_of_path(path).name) != family:
            continue
        text = facts.text(path)
        if text and name in text:
            seen.add(path)
            yield Document.of((root / path).as_uri(), path, language_of_path(path).name, 0, text)


async def _passed(session: ModelSession | None, document: Document, name: str, parameter: str) -> str | None:
    """The text with one more argument in each call; None where there is no call."""
    places = await asyncio.to_thread(calls, document, name)
    if len(places) > _MOST_CALLS:
        raise Refused(f"{document.path} calls '{name}' {len(places)} times; that is too much for one edit.")
    text = document.text
    for at, empty in reversed(places):  # from the end, so that earlier places stay where they are
        before = text[:at] + ("" if empty else ", ")
        said = await _argument(session, document, before, text[at:], parameter) if session else parameter
        text = before + said + text[at:]
    return text if places else None


async def _argument(
    session: ModelSession, document: Document, before: str, after: str, parameter: str
) -> str:
    """What the model would pass there, or the parameter's own name."""
    from engine.request import GenerationRequest

    form = session.form
    if not form.fills_in or not may_be_prompted(document.path):
        return parameter
    head = "".join(redact_lines(before.splitlines(keepends=True)[-_BEFORE:]))
    tail = "".join(redact_lines(after.splitlines(keepends=True)[:_AFTER]))
    lead = f"{parameter}=" if document.language == "python" else ""
    parts = [(*form.prefix, *session.encode(head + lead)), (*form.suffix, *session.encode(tail))]
    first, last = reversed(parts) if form.suffix_first else parts
    prompt = (*form.begin, *first, *last, *form.middle)
    handle = session.engine.submit(
        GenerationRequest(
            prompt,
            max_tokens=_TOKENS,
            stop_when=lambda said: _end(said, document) is not None,
            lane="pass",
        )
    )
    try:
        found = await asyncio.shield(asyncio.wrap_future(handle.result))
    except asyncio.CancelledError:
        handle.cancel()
        raise
    said = found.candidates[0].text if found.candidates else ""
    end = _end(said, document)
    argument = said[:end].strip() if end is not None else ""
    return lead + argument if argument else lead + parameter


def _end(said: str, document: Document) -> int | None:
    """Where an argument ends in what was said: at a comma, a line's end or a closing bracket that is not its
    own; None where it goes on."""
    language = language_named(document.language)
    last = next((token.at for token in tokens(said, language) if token.closes_nothing), None)
    for at, letter in enumerate(said[:last]):
        if letter in ",\n" and not any(state_after(said[:at], language)):
            return at
    return last
