"""The gate and the tokenizer in one: each text is redacted and tokenised once in its life.

Equal text gives equal ids wherever it stands, so prefix reuse lives on this. Any thread may call.
"""

from __future__ import annotations

import threading
from array import array
from collections import OrderedDict
from collections.abc import Sequence

from context.items import ContextItem
from context.privacy import redact_lines
from context.prompt import Encode, PromptFormat, encode_lines, plain

_MOST_TOKENS = 1 << 20  # kept, 4 MB: eight prompts of 128K tokens


class TokenisedItems:
    """Items as token ids under their file's heading, remembered by path and text."""

    def __init__(self, encode: Encode, form: PromptFormat, most_tokens: int = _MOST_TOKENS) -> None:
        self._encode, self._form, self._most = encode, form, most_tokens
        self._known: OrderedDict[tuple[str, str], array[int]] = OrderedDict()
        self._held = 0
        self._lock = threading.Lock()

    def known(self, item: ContextItem) -> Sequence[int] | None:
        """The item's ids where they were made before; never slow."""
        key = (item.path, item.text)
        with self._lock:
            if (ids := self._known.get(key)) is not None:
                self._known.move_to_end(key)
            return ids

    def ids(self, item: ContextItem) -> Sequence[int]:
        """The item's ids, made where they are not known: some milliseconds for a long text."""
        if (ids := self.known(item)) is not None:
            return ids
        made = array("i", self._form.file_separator)
        heading = item.path if self._form.file_separator else f"# {item.path}"
        made.extend(self._encode(heading.replace("\n", " ") + "\n"))
        made.extend(encode_lines(plain(redact_lines(item.text.splitlines(True))), self._encode))
        with self._lock:
            if (item.path, item.text) not in self._known:
                self._known[(item.path, item.text)] = made
                self._held += len(made)
            while self._held > self._most and len(self._known) > 1:
                self._held -= len(self._known.popitem(last=False)[1])
        return made

    def told(self, item: ContextItem) -> str:
        """The item's text as a prompt holds it: redacted."""
        return "".join(plain(redact_lines(item.text.splitlines(True))))
