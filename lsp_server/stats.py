"""Statistics: what became of the suggestions, in this session and in all since a date.

Counts what is new of a suggestion's fate, and 30 s after an acceptance looks how much of the text is still
there. Numbers only, never text; they stay on this machine: in this process and, a minute later, in a file
(``counts_file``). Knows no LSP; time, documents and the file are given to it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from context.document import Document
from lsp_server.account import Account
from lsp_server.counts import Counts
from lsp_server.counts_file import CountsFile, now
from lsp_server.fates import Acceptance, Fates, Offer
from lsp_server.kept_text import Accepted, kept_letters

KEPT_AFTER_S = 30
SAVED_AFTER_S = 60  # the longest that a server that is killed forgets
_LOOKED_AT = 64  # accepted texts at most that are looked for again; each holds a document's lines

Later = Callable[
    [float, Callable[[], object]], object
]  # calls a function, so many seconds later, on some thread


class Stats:
    """What one server counts. ``document_of`` gives an open document; ``keeps`` says whether the file is
    written. What clients report comes on one thread, all else may be asked on any."""

    def __init__(
        self,
        file: CountsFile,
        *,
        later: Later,
        document_of: Callable[[str], Document | None],
        keeps: Callable[[], bool] = lambda: True,
    ) -> None:
        self._file, self._later, self._document_of, self._keeps = file, later, document_of, keeps
        self._fates = Fates()
        self._lock = threading.Lock()  # of what follows; never held while a disk is asked
        self._saving = threading.Lock()
        self._session, self._unsaved = Counts(), Counts()
        self._since, self._last_known = now(), None
        self._will_save = False
        self._looking = 0

    def offered(
        self,
        key: str,
        language: str,
        offers: Sequence[Offer],
        *,
        waited_ms: float | None = None,
        account: Account | None = None,
    ) -> None:
        """A suggestion was given to the client, so long after it was asked for."""
        if not self._fates.offered(key, language, offers):
            return
        counts = Counts(suggestions=1)
        if waited_ms is not None:
            counts.latency.note(waited_ms)
        if account is not None and account.source == "model":
            counts.prompt_tokens, counts.cached_tokens = account.prompt_tokens, account.cached_tokens
        self._count(counts.in_language(language))

    def was_shown(self, key: str) -> None:
        """The client says that it showed a suggestion; an unknown or repeated key counts as nothing."""
        if (language := self._fates.shown(key)) is not None:
            self._count(Counts(shown=1).in_language(language))

    def was_accepted(self, key: str, number: int = 0) -> None:
        """A suggestion's candidate was accepted; an unknown or repeated key counts as nothing."""
        self._accept(self._fates.accepted(key, number))

    def was_partly_accepted(self, key: str, number: int = 0, *, item: str | None, units: int) -> None:
        """The first UTF-16 units of a suggestion are accepted by now; see ``Fates.partly_accepted``."""
        self._accept(self._fates.partly_accepted(key, number, item=item, units=units))

    def as_json(self) -> dict[str, Any]:
        """For a client: the session, all since a date, and that date. Reads a file."""
        kept = self._file.read()
        with self._lock:
            total = Counts()
            total.add(self._unsaved)
            if kept is not None:
                total.add(kept.counts)
            return {
                "session": self._session.as_json(),
                "total": total.as_json(),
                "since": kept.since if kept is not None else self._since,
            }

    def clear(self) -> None:
        """Begin anew, this session and all. Raises OSError where the file cannot be written."""
        with self._saving:
            cleared = self._file.clear()
            with self._lock:
                self._session, self._unsaved = Counts(), Counts()
                self._since, self._last_known = cleared or now(), cleared

    def save(self) -> None:
        """Add what is new to the file; where that cannot be, later. Idempotent."""
        with self._saving:
            keeps = self._keeps()
            with self._lock:
                self._will_save = False
                if not keeps:
                    return
                counts, self._unsaved = self._unsaved, Counts()
            if counts == Counts():
                return
            date = self._file.add(counts, since=self._since, last_known=self._last_known)
            with self._lock:
                if date is None:
                    self._unsaved.add(counts)
                else:
                    self._last_known = date

    def _count(self, counts: Counts) -> None:
        with self._lock:
            self._session.add(counts)
            self._unsaved.add(counts)
            begins, self._will_save = not self._will_save, True
        if begins:
            self._later(SAVED_AFTER_S, self.save)

    def _accept(self, new: Acceptance | None) -> None:
        if new is None:
            return
        counts = Counts(accepted=new.accepted, partly_accepted=new.partly, accepted_characters=new.characters)
        self._count(counts.in_language(new.language))
        document = self._document_of(new.uri)
        if document is None or self._looking >= _LOOKED_AT or new.end.line >= len(document.lines):
            return
        accepted = Accepted(new.uri, document.lines, new.start, new.end)
        there = "".join(accepted.on(line) for line in range(new.start.line, new.end.line + 1))
        if new.text.strip() and there.split() == new.text.split():
            with self._lock:
                self._looking += 1
            self._later(KEPT_AFTER_S, partial(self._look_again, accepted))

    def _look_again(self, accepted: Accepted) -> None:
        with self._lock:
            self._looking -= 1
        if (document := self._document_of(accepted.uri)) is not None:
            kept, of = kept_letters(accepted, document.lines)
            self._count(Counts(kept=kept, kept_of=of))
