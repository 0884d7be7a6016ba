"""Which source texts nobody learns to write code from: minified, generated, vendored, huge, tables of data.

From a path and a text to a reason, one word that builds count by, or to nothing. It looks at letters and
lines; whether a text parses is ``structure``'s to say.
"""

from __future__ import annotations

import re

MOST_BYTES = 192 << 10
LEAST_BYTES = 160
LONGEST_LINE = 600  # letters; a longer one is data or minified
LONGEST_MEAN = 90  # letters of a line on average
LEAST_LETTERS = 0.45  # of all that is not blank: below, it is a table
MOST_DIGITS = 0.2

_VENDORED = re.compile(
    r"(?:^|/)(?:_?vendor(?:ed|ized)?|third_?party|externals?|extern|bundled|node_modules|bower_components|umd)/",
    re.I,
)
_GENERATED_PATH = re.compile(
    r"(?:\.min|\.bundle|\.umd|\.prod|\.development|_pb2|_pb2_grpc|_pb|parsetab|lextab|\.generated|\.gen)\.\w+$"
    r"|(?:^|/)(?:generated|__generated__|locale|locales|i18n|migrations|testdata|fixtures|__snapshots__)/",
    re.I,
)
_GENERATED = re.compile(
    r"@generated|auto-?\s?generated|do not (?:edit|modify)|(?:file|code) (?:is|was|has been) generated"
    r"|generated (?:by|from|with|using) ",
    re.I,
)
_COMPILED = re.compile(
    r"Object\.defineProperty\(exports, ['\"]__esModule|//# sourceMappingURL=|__webpack_require__"
    r"|_interopRequire(?:Default|Wildcard)|\b__(?:awaiter|generator|extends|importDefault) = "
)
_NO_LETTERS = bytes(byte for byte in range(128) if not chr(byte).isalpha())
_NO_DIGITS = bytes(byte for byte in range(256) if byte not in b"0123456789")


def reason_against(path: str, text: str) -> str:
    """Why a text is left out: "vendored", "generated", "compiled", "minified", "data", "tiny" or "huge"."""
    size = len(text.encode())
    if _VENDORED.search(path):
        return "vendored"
    if size > MOST_BYTES:
        return "huge"
    if len(text.strip()) < LEAST_BYTES:
        return "tiny"
    if _GENERATED_PATH.search(path) or _GENERATED.search(text[:1500]):
        return "generated"
    if _COMPILED.search(text):
        return "compiled"
    lines = text.splitlines()
    if max(map(len, lines)) > LONGEST_LINE or len(text) / len(lines) > LONGEST_MEAN:
        return "minified"
    filled = text.encode().translate(None, b" \t\r\n\f\v")
    letters, digits = len(filled.translate(None, _NO_LETTERS)), len(filled.translate(None, _NO_DIGITS))
    if letters < LEAST_LETTERS * len(filled) or digits > MOST_DIGITS * len(filled):
        return "data"
    return ""
