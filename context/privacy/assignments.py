"""Secrets that only their names give away: what is assigned to a `password`, an `api_key`, a `token`.

detect-secrets' keyword plugin is not used for it: it takes 43 µs a line, reports a value without its place,
sees no unquoted value in code, and does not know `token` or `access_key`. Its list of words is the first part
of `STRONG`. What must stay is everything that is no value: references, calls, types, labels, templates,
paths.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from context.privacy.labels import is_label, names_a_secret
from context.privacy.randomness import is_hex, looks_random

# Words that name a secret at the end of a name. The first row is detect-secrets' own list.
STRONG = (
    r"api[_-]?key|auth[_-]?key|service[_-]?key|account[_-]?key|db[_-]?key|database[_-]?key|priv(?:ate)?[_-]?key"
    r"|client[_-]?key|(?:db|database|key)[_-]?pass|password|passwd|pwd|secret|contraseña|contrasena"
    r"|pass(?:phrase|code)|access[_-]?key(?:[_-]?id)?|secret[_-]?(?:access[_-]?)?key|master[_-]?key|signing[_-]?key"
    r"|encryption[_-]?key|crypt[_-]?key|license[_-]?key|credentials?|mnemonic|seed[_-]?phrase|passwort|kennwort"
    r"|(?<![A-Za-z])pass|(?<=[a-z])(?-i:Pass)|(?<![A-Za-z])pw|mot[_-]?de[_-]?passe"
)
WEAK = r"token|auth|jwt|session[_-]?id|session|cookie|signature|salt|key|dsn|webhook"
SUFFIX = (
    r"(?:[_-]?(?:v?\d{1,3}|value|hash|base64|b64|hex|prod|production|dev|development|staging|test|live|default|old"
    r"|new|current|primary|secondary|main|raw|plain|text|string|str))?s?"
)
NAME = rf"(?:(?P<strong>{STRONG})|(?P<weak>{WEAK})){SUFFIX}(?![A-Za-z0-9_])"

WORDS_IN_LINE = (
    "pass", "pwd", "secret", "key", "token", "auth", "cred", "contrase", "mnemonic", "seed", "jwt", "session",
    "cookie", "signature", "wort", "pw", "dsn", "salt", "webhook", "mot",
)  # fmt: skip

_QUOTED = re.compile(
    NAME + r"[\"'`\])]{0,3}"
    r"(?:\s{0,9}[:\s]\s{0,9}&?[A-Za-z][\w.\[\]<>|&? ]{0,40}(?==))?"  # a type between the name and the value
    r"(?:\s{0,40}(?P<sep>=>|:=|={1,3}|!==?|~=|\?=|:|,|\(|value=)\s{0,40}|\s{1,40})"
    r"(?P<kind>@?[bBrRuUfFLN$]{0,2})"
    r"(?P<quote>\"\"\"|'''|\\?[\"'`])(?P<value>(?:\\.|(?!(?P=quote))[^\\]){1,2000}?)(?:(?P=quote)|(?=\s*$))",
    re.IGNORECASE,
)
_REVERSED = re.compile(
    rf"(?P<quote>[\"'])(?P<value>[^\"'\s]{{3,200}})(?P=quote)\s{{0,9}}[!=]={{1,2}}\s{{0,9}}[\w.$>-]{{0,80}}?{NAME}",
    re.IGNORECASE,
)
_UNQUOTED = re.compile(
    NAME + r"[\"'`\])]{0,3}(?P<sep>\s{0,40}(?::=|[:=])\s{0,40}|\s{1,40}|>)"
    r"(?P<value>(?:[^\s\"'`,;(){}\[\]<>&|]|&(?!\w+=)){3,500})(?P<after>.?)",
    re.IGNORECASE,
)
_WHOLE_LINE = re.compile(
    r"^(?:[\s>+]|- ){0,60}(?P<command>export\s+|set\s+|setx\s+|env\s+|arg\s+|declare\s+-x\s+|\$env:|-e\s+)?"
    r"(?P<name>[\w.-]{0,80}?"
    + NAME
    + r")(?P<sep>\s{0,40}[:=]\s{0,40}|\s{1,40})(?P<value>[^\s\"'`].{0,500}?)\s{0,40}$",
    re.IGNORECASE,
)
_IN_CONNECTION = re.compile(
    r"(?i)(?<=;)\s{0,9}(?:password|pwd|accountkey|sharedaccesskey)\s{0,9}=\s{0,9}(?P<value>[^;\"'\s]{3,})"
)

_TEMPLATE = re.compile(
    r"^\s*[$%@]?[({<\[]|\$\{|\$\(|\{\{|#\{|%\(|%[sdvq]\b|\{[\w.!:]*\}"
    r"|<[\w -]+>|^\$\w+$|^%\w+%$|^[*x.•·#_?-]+$|\.\.\.",
    re.IGNORECASE,
)
_PATH = re.compile(r"^(?:~?[./\\]|[A-Za-z]:[\\/]|\w+://|\w+[/\\](?:\w+[/\\])*[\w.]+\.\w{1,5}$)")
_PLAIN_WORD = re.compile(r"^[A-Za-z][A-Za-z0-9]{2,}(?:[-_][A-Za-z0-9]+)*$")
_IDENTIFIER = re.compile(r"^[@*&!:$-]*[A-Za-z_]\w*(?:(?:\.|::|->|\?\.)\w+)*[!?]?$")
_PROSE = re.compile(
    r"\b(?:the|your|a|an|is|are|must|not|to|of|for|with|and|or|enter|please|in|on|at|this|has|was|be|no)\b|[A-Z].*\.$",
    re.IGNORECASE,
)
_HOST = re.compile(r"^[\w-]+(?:\.[\w-]+)+(?::\d+)?$|^[\w.+-]+@[\w-]+\.[\w.]+$|^[\w-]+:\d+$")
_EARLIER_NAMES = re.compile(r"^\s*(?:\w+\s+)?((?:[\w.]+\s*,\s*)+)[\w.]*$")
_STRING = re.compile(r"([\"'])((?:\\.|(?!\1)[^\\])*)\1")
_GIVES = re.compile(  # what stands before a name whose value comes next without a sign of equality
    r"(?:(?:env|define|setdefault|default|\.get|config|setting|property)\w*[(\[]\s*[\"'][\w.-]*,"
    r"|(?:set|with|using|use|update)_?\w*\(|[.>]\w*\("
    r"|^\s*(?!return|await|raise|yield)[\w:<>]+[\s&*]+\w*\(|^\s*#\s*define\s[\w ]*\s)$",
    re.IGNORECASE,
)
_ASKS = re.compile(  # names of functions that are given the name of a secret, or a text to take apart
    r"(?:get|fetch|load|read|find|has|lookup|delete|require|check|prompt|ask|test|is|split|parse|valid\w*)_?\w*$",
    re.IGNORECASE,
)


def assigned(line: str) -> Iterator[tuple[int, int]]:
    """The places of values assigned to names of secrets, as code points from and to; they may overlap."""
    for found in _QUOTED.finditer(line):
        if _is_quoted_secret(found, line[: found.start()]):
            yield _value_of_its_own(found, line)
    for found in _REVERSED.finditer(line):
        if found["strong"] and _is_secret_word(found["value"]):
            yield found.span("value")
    for found in _UNQUOTED.finditer(line):
        if _is_unquoted_secret(found):
            yield found.span("value")
    whole = _WHOLE_LINE.match(line)
    if whole and _is_whole_line_secret(whole):
        yield whole.span("value")
    for found in _IN_CONNECTION.finditer(line):
        if not _TEMPLATE.search(found["value"]):
            yield found.span("value")


def _value_of_its_own(found: re.Match[str], line: str) -> tuple[int, int]:
    """The place of a name's value; in `user, password = "bob", "..."` that is the second."""
    before = _EARLIER_NAMES.search(line[: found.start()]) if found["sep"] in ("=", ":=") else None
    values = [value.span(2) for value in _STRING.finditer(line, found.start("quote"))] if before else []
    return (
        values[before[1].count(",")] if before and before[1].count(",") < len(values) else found.span("value")
    )


def _is_quoted_secret(found: re.Match[str], head: str) -> bool:
    value, separator = found["value"], found["sep"] or " "
    if "f" in found["kind"].lower() and "{" in value:
        return False
    if " " in value.strip():
        return bool(found["strong"]) and separator in ("=", ":", ":=", "=>") and _is_phrase(value)
    if found["weak"]:
        return _is_weak_secret(value)
    if separator == "(" and _ASKS.search(head):
        return False
    if separator in (",", "(", " ") and not _GIVES.search(head + separator):
        return _has_letter_and_mark(value) and not _HOST.match(value) and _is_secret_word(value)
    return _is_secret_word(value)


def _is_phrase(value: str) -> bool:
    words = value.split()
    return (
        len(words) >= 3
        and not _PROSE.search(value)
        and value.replace(" ", "").isalnum()
        and not is_label(value)
    )


def _is_secret_word(value: str) -> bool:
    """Whether a quoted value without spaces is a secret, given that its name says so."""
    if len(value) < 3 or _TEMPLATE.search(value) or _PATH.match(value) or is_label(value):
        return False
    if names_a_secret(value):
        return looks_random(value)
    return any(letter.isalnum() for letter in value)


def _is_weak_secret(value: str, *, hinted: bool = True) -> bool:
    if len(value) < 10 or _TEMPLATE.search(value) or _PATH.match(value) or is_label(value):
        return False
    if is_hex(value):
        return len(value) >= 32
    return looks_random(value, hinted=hinted)


def _is_unquoted_secret(found: re.Match[str]) -> bool:
    value, separator = found["value"].rstrip(".:!?"), found["sep"]
    if found["after"] in ("(", "[", "{") or (found["after"] == "<" and separator != ">"):
        return False
    if _TEMPLATE.search(value) or _PATH.match(value) or is_label(value):
        return False
    if found["weak"] and re.match(r"\w{1,20}=\w", value):
        return False  # `Cookie: sid=...`: the name that counts is the inner one
    if found["weak"]:
        return _is_weak_secret(value, hinted="." not in value and not separator.startswith(" "))
    if separator == ">" and found["after"] == "<" and _PLAIN_WORD.match(value):
        return True
    if not separator.strip() and (len(value) < 6 or value[0] in "-+=<>!" or not re.search(r"\d", value)):
        return False  # only a space between: most often prose
    return _is_no_code(value)


def _is_whole_line_secret(found: re.Match[str]) -> bool:
    value, name, separator = found["value"], found["name"], found["sep"]
    if found["weak"] or not (separator.strip() or found["command"]):
        return False
    if (
        _TEMPLATE.search(value)
        or _PATH.match(value)
        or is_label(value)
        or re.search(r"[(){}\[\],;]$|\(|\s", value)
    ):
        return False
    if _is_no_code(value):
        return True
    if len(value) < 4 or not _PLAIN_WORD.match(value) or names_a_secret(value):
        return False
    # DB_PASSWORD=swordfish, spring.password=swordfish, --password=swordfish, password: swordfish: settings;
    # code has spaces there, or a sign at the end of the line, or names in which words are run together
    tight, colon = separator in ("=", ":"), separator.strip() == ":"
    is_setting = tight and (name.isupper() or "." in name or name.startswith("-"))
    is_yaml = colon and (name.isupper() or (value.islower() and "_" not in value and len(value) > 5))
    return bool(found["command"]) or is_setting or is_yaml or value.count("-") > 1


def _is_no_code(value: str) -> bool:
    """Whether an unquoted value is a secret and no name, number or operation."""
    if value.isdigit():
        return len(value) >= 6
    if names_a_secret(value):
        return looks_random(value)
    if not _has_letter_and_mark(value) or len(value) < 6:
        return False
    bare = value.lstrip("@*&!:$-")
    if _IDENTIFIER.match(bare):
        simple = bare.isalnum() and any(letter.isdigit() for letter in bare)
        return simple or looks_random(bare)
    return not re.search(r"^[=<>!]|[=<>]=|->|::|\w\.\w+\.|^\w+[-+/%^]\w+$", value) or looks_random(value)


def _has_letter_and_mark(value: str) -> bool:
    return any(letter.isalpha() for letter in value) and bool(re.search(r"\d|[!@#$%^&*+~?]", value))
