"""textDocument/completion, completionItem/resolve: suggestions in a menu, for want of inline completion.

Turns a suggestion into an entry that this client's menu can show and insert as it is meant; clients differ
(LSP 3.18, "CompletionClientCapabilities"). How a suggestion is made it does not know.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from dataclasses import dataclass

from lsprotocol import types

from context.items import Source
from lsp_server.account import Account
from lsp_server.ghost_text import Suggestion
from lsp_server.inline_completion import count_offered, suggestions
from lsp_server.place import Place, indentation
from lsp_server.server import CodeFlowServer
from lsp_server.to_lsp import ACCEPTED_COMMAND, position_of

_TRIGGERS = list(".( =")  # no colon: who types one means to press Enter next, which would accept an entry
_BELOW = "~"  # names that language servers offer come first: what they begin with sorts before it
_LABEL = 60  # characters
_TOLD = 4  # files that are named
_OTHER_FILES = (
    Source.OPEN_FILE,
    Source.IMPORTS,
    Source.SAME_FOLDER,
    Source.TESTS,
    Source.SIMILAR_CODE,
    Source.OTHER_FILES,
)
_WORD = re.compile(r"\w*$")
_FENCE = re.compile(r"`{3,}")
_AS_SNIPPET = re.compile(r"[\\$}]")  # what means something else in a snippet


@dataclass(frozen=True, slots=True)
class Menu:
    """What a client's menu can do."""

    shows_details: bool = False  # a word beside the label
    shows_markdown: bool = True  # said by few that do
    takes_as_is: bool = False  # leaves further lines alone where it is asked to
    indents: bool = False  # moves further lines to the right, whatever it is asked
    expands: bool = False  # inserts snippets whole, and of plain text what precedes the first blank
    defaults: frozenset[str] = frozenset()  # fields that may stand once for all entries


def register(server: CodeFlowServer) -> None:
    """Nothing yet: whether the menu is served is known only once the client has said what it can do."""
    del server


def is_wanted(server: CodeFlowServer, client: types.ClientCapabilities) -> bool:
    """Whether to serve the menu: as the setting says, or where the client lacks inline completion."""
    menu = server.settings.completion.menu
    inline = client.text_document is not None and client.text_document.inline_completion is not None
    return menu == "always" or (menu == "auto" and not inline)


def register_menu(server: CodeFlowServer, client_name: str) -> None:
    """Add the handlers, during initialize."""

    @server.feature(
        types.TEXT_DOCUMENT_COMPLETION,
        types.CompletionOptions(trigger_characters=_TRIGGERS, resolve_provider=True),
    )
    async def completion(params: types.CompletionParams) -> types.CompletionList:
        uri, asked_at = params.text_document.uri, time.perf_counter()
        place, found = await suggestions(server, uri, params.position, invoked=False)
        if place is None or not found:
            return types.CompletionList(is_incomplete=True, items=[])
        count_offered(server, place, found, waited_ms=(time.perf_counter() - asked_at) * 1e3)
        menu = menu_of(server.client_capabilities, client_name)
        return menu_list(place, found[0], menu, server.encoding)

    @server.feature(types.COMPLETION_ITEM_RESOLVE)
    def resolve(item: types.CompletionItem) -> types.CompletionItem:
        """Add to an entry's documentation what the model was told."""
        key = item.command.arguments[0] if item.command and item.command.arguments else ""
        account, documentation = server.ghost_text.accounts.get(str(key)), item.documentation
        if account is not None and isinstance(documentation, types.MarkupContent):
            documentation.value += f"\n\n{told(account, documentation.kind)}"
        return item


def menu_of(client: types.ClientCapabilities, name: str = "") -> Menu:
    """What a client says of its menu, and what is known of Neovim's own (its lua/vim/lsp/completion.lua)."""
    can = client.text_document.completion if client.text_document else None
    if can is None:
        return Menu()
    item = can.completion_item or types.ClientCompletionItemOptions()
    modes = item.insert_text_mode_support.value_set if item.insert_text_mode_support else ()
    as_is = types.InsertTextMode.AsIs in modes
    formats = item.documentation_format
    return Menu(
        shows_details=bool(item.label_details_support),
        shows_markdown=not formats or types.MarkupKind.Markdown in formats,
        takes_as_is=as_is,
        indents=not as_is and types.InsertTextMode.AdjustIndentation in (*modes, can.insert_text_mode),
        expands=name == "Neovim" and bool(item.snippet_support),
        defaults=frozenset((can.completion_list and can.completion_list.item_defaults) or ()),
    )


def menu_list(
    place: Place, found: Suggestion, menu: Menu, encoding: types.PositionEncodingKind | str
) -> types.CompletionList:
    """A suggestion as the menu's one entry; incomplete, so that it is asked for again at the next key."""
    word = _word_before(place)
    column = place.position.column
    start, end = (
        position_of(place.document, place.position._replace(column=one), encoding)
        for one in (column - len(word), column + found.shown.replaced)
    )
    around, text = types.Range(start, end), word + found.shown.text
    inserted = _left_to_client(text, indentation(place.head)) if menu.indents or menu.expands else text
    item = types.CompletionItem(
        label=_label(text),
        kind=types.CompletionItemKind.Text,
        documentation=_documentation(text, place.document.language, markdown=menu.shows_markdown),
        filter_text=text.split("\n", 1)[0].rstrip("\r"),
        sort_text=_BELOW,
        command=types.Command(title="CodeFlow: accepted", command=ACCEPTED_COMMAND, arguments=[found.key]),
    )
    if menu.shows_details:
        item.label_details = types.CompletionItemLabelDetails(description="CodeFlow")
    else:
        item.detail = "CodeFlow"
    if menu.expands:  # and it leaves alone what stands behind the cursor
        cursor = position_of(place.document, place.position, encoding)
        around, inserted = types.Range(start, cursor), _AS_SNIPPET.sub(r"\\\g<0>", inserted)
        item.insert_text_format = types.InsertTextFormat.Snippet
        item.additional_text_edits = [types.TextEdit(types.Range(cursor, end), "")] if cursor != end else None
    defaults = types.CompletionItemDefaults()
    if "editRange" in menu.defaults:
        defaults.edit_range, item.text_edit_text = around, inserted
    else:
        item.text_edit = types.TextEdit(around, inserted)
    if menu.takes_as_is:
        holder = defaults if "insertTextMode" in menu.defaults else item
        holder.insert_text_mode = types.InsertTextMode.AsIs
    return types.CompletionList(
        is_incomplete=True,
        items=[item],
        item_defaults=defaults if defaults != types.CompletionItemDefaults() else None,
    )


def told(account: Account, kind: types.MarkupKind) -> str:
    """What a suggestion was made with: the other files in its prompt, the largest part first."""
    tokens: Counter[str] = Counter()
    for piece in account.pieces:
        if piece.source in _OTHER_FILES:
            tokens[piece.path] += piece.tokens
    paths = [path for path, _ in tokens.most_common()]
    mark = "`" if kind == types.MarkupKind.Markdown else ""
    shown = ", ".join(f"{mark}{path}{mark}" for path in paths[:_TOLD])
    more = f" and {len(paths) - _TOLD} more" if len(paths) > _TOLD else ""
    return f"CodeFlow, told of {shown}{more}" if paths else "CodeFlow, from this file alone"


def _word_before(place: Place) -> str:
    found = _WORD.search(place.head)
    return found[0] if found else ""


def _label(text: str) -> str:
    first = text.strip().split("\n", 1)[0].rstrip()
    return first if len(first) <= _LABEL else first[: _LABEL - 1] + "…"


def _left_to_client(text: str, base: str) -> str:
    """``text`` without the indentation that the client gives further lines: that of the cursor's line."""
    first, *further = text.split("\n")
    shared = (next(n for n in range(len(base), -1, -1) if line.startswith(base[:n])) for line in further)
    return "\n".join([first, *(line[n:] for line, n in zip(further, shared, strict=True))])


def _documentation(text: str, language: str, *, markdown: bool) -> types.MarkupContent:
    """The whole text, of which the label shows one line."""
    if not markdown:
        return types.MarkupContent(types.MarkupKind.PlainText, text)
    fence = "`" * max([3, *(len(run) + 1 for run in _FENCE.findall(text))])
    return types.MarkupContent(types.MarkupKind.Markdown, f"{fence}{language}\n{text}\n{fence}")
