"""The texts that a server has shown: kept in memory under uris of its own, or in a private folder.

Both go with the server.
"""

from __future__ import annotations

import tempfile
from collections import OrderedDict
from pathlib import Path
from urllib.parse import quote

SCHEME = "codeflow"
_KEPT = 32  # texts; a client asks for one once it shows it


class ShownTexts:
    """The texts of one server, by uri. Owned by the event loop."""

    def __init__(self) -> None:
        self._texts: OrderedDict[str, str] = OrderedDict()
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._count = 0

    def text_of(self, uri: str) -> str | None:
        """The text that was given this uri."""
        return self._texts.get(uri)

    def keep(self, name: str, text: str) -> str:
        """A uri of the server's own for a text."""
        self._count += 1
        uri = f"{SCHEME}:/{self._count}/{quote(name)}"
        self._texts[uri] = text
        while len(self._texts) > _KEPT:
            self._texts.popitem(last=False)
        return uri

    def write(self, name: str, text: str) -> Path:
        """A file that only this user may read, in a folder that goes with the server."""
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="codeflow-shown-", ignore_cleanup_errors=True)
        self._count += 1
        path = Path(self._folder.name) / f"{self._count}-{name}"
        path.write_text(text, encoding="utf-8", newline="")
        return path

    def close(self) -> None:
        """Remove what was written."""
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None
