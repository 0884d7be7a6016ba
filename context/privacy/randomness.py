"""Values whose letters were drawn by lot: tokens and keys of formats that nobody knows.

detect-secrets' entropy plugins take every quoted hash and identifier for one (6,000 values in 45,000 lines of
Python's library before their limit, and nothing without quotes). Its entropy is used here as one test of
several. Hexadecimal values are checksums as often as keys; they count only where a word of the line says so.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from itertools import pairwise

# With these values 9 of 131,279 lines of Python's library change, 0.7 in 10,000 (300 files; sample passwords
# and keys in its tests), 6 of 114,780 lines of installed packages, and 28 of 129,693 lines of Markdown. Of
# texts drawn from 62 letters 95% are found at 20 letters, 99% from 32 on.
LEAST_RANDOM = 20  # letters; the shortest tokens in use; identifiers of that length are rare inside quotes
LEAST_HINTED = 12  # the same where a name such as `token` stands before the value
HINTED_EASE = 0.75  # of what is asked otherwise, for the same reason
ENTROPY_SHARE = (
    0.84  # of the most a text of its length can have: random ones lie above 0.92, camel case below 0.85
)
MOST_ENTROPY_MIXED = 4.5  # bits a letter; detect-secrets' limit for base64
MOST_ENTROPY_ONE_CASE = 4.0  # the same where there are 36 letters to draw from
CHANGES_MIXED = 0.33  # of neighbours of another class (a, A, 0): 0.62 by lot, about 0.25 in camel case
CHANGES_ONE_CASE = 0.22  # the same without capitals: 0.40 by lot, below 0.15 in names with numbers

MOST_WORDS = (
    3  # runs of four small letters in a short value: fewer than one by lot, as many as it has words in a name
)

_WORDS = re.compile(r"[a-z]{4,}")
_RANDOM_QUOTED = re.compile(r"([\"'`])([A-Za-z0-9+/_=.~-]{20,500})\1")
_RANDOM_ASSIGNED = re.compile(
    r"(?:[\w\])\"']\s{0,40}[:=]\s{0,40}|[?&]\w+=)([A-Za-z0-9+/_~-]{20,500}={0,2})(?=$|[\s;,&\"'`<)\]}])"
)
_BARE = re.compile(r"^[\s\"'`+>#*\\-]*([A-Za-z0-9+/]{70}|[A-Za-z0-9+/]{64})(?:\\[nr])*[\"'`\s,;+\\)]*$")
_UUID = re.compile(r"^\{?[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\}?$")
_CHECKSUM = re.compile(r"^(?:sha\d+|md5|h1)[-:]", re.IGNORECASE)
_HASH_WORDS = re.compile(
    r"(?i)sha-?\d|\bsha\b|md5|digest|checksum|hash|commit|revision|\brev\b|uuid|etag|fingerprint|integrity|version|public"
)
_KEY_WORDS = re.compile(r"(?i)key|token|secret|auth|cred|pass|sign|salt|pwd|session|bearer")


def random_values(line: str) -> Iterator[tuple[int, int]]:
    """The places of quoted, assigned or bare values whose letters seem drawn by lot."""
    for expression, group in ((_RANDOM_QUOTED, 2), (_RANDOM_ASSIGNED, 1), (_BARE, 1)):
        for found in expression.finditer(line):
            value = found.group(group)
            if looks_random(value) or (
                is_hex(value)
                and len(value) >= 32
                and _KEY_WORDS.search(line)
                and not _HASH_WORDS.search(line)
            ):
                yield found.span(group)


def is_hex(value: str) -> bool:
    """Whether a value has hexadecimal digits only: as often a checksum or a commit as a key."""
    return all(letter in "0123456789abcdefABCDEF" for letter in value)


def looks_random(value: str, *, hinted: bool = False) -> bool:
    """Whether the letters of a value seem drawn by lot; never for hexadecimal digits, UUIDs and checksums.

    `hinted`: its name makes a secret likely, so that less is asked of it.
    """
    core = value.rstrip("=")
    ease, least = (HINTED_EASE, LEAST_HINTED) if hinted else (1.0, LEAST_RANDOM)
    if len(core) < least or is_hex(core) or _UUID.match(core) or _CHECKSUM.match(core):
        return False
    digits = sum(letter.isdigit() for letter in core)
    if not digits or digits > 0.7 * len(core):
        return False
    upper, lower = not core.islower(), not core.isupper()
    pairs = list(pairwise(core))
    if sum(ord(right) - ord(left) == 1 for left, right in pairs) > 0.25 * len(pairs):
        return False  # an alphabet
    changes = sum(
        _class(left) != _class(right) for left, right in pairs if left.isalnum() and right.isalnum()
    )
    if upper and lower:
        enough, most = CHANGES_MIXED, MOST_ENTROPY_MIXED
        if len(core) < 40 and len(_WORDS.findall(core)) >= MOST_WORDS:
            return False
    else:
        enough, most = CHANGES_ONE_CASE, MOST_ENTROPY_ONE_CASE
        if digits < 3 or max(map(len, re.split(r"[-_/+.~]", core))) < least:
            return False
    if changes < ease * enough * len(pairs):
        return False
    return _entropy(core) >= ease * min(most, ENTROPY_SHARE * math.log2(len(core)))


def _class(letter: str) -> int:
    return 0 if letter.islower() else 1 if letter.isupper() else 2


def _entropy(value: str) -> float:
    """Bits a letter."""
    from detect_secrets.plugins.high_entropy_strings import Base64HighEntropyString

    return Base64HighEntropyString().calculate_shannon_entropy(value)
