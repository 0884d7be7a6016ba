"""Words that are no secrets though they stand where one could: names of secrets, types, examples."""

from __future__ import annotations

import re

LABELS = frozenset(
    (
        # what a secret is called
        "password", "passwords", "passwd", "pwd", "pass", "passphrase", "passcode", "secret", "secrets",
        "token", "tokens", "key", "keys", "api", "apikey", "access", "auth", "authorization",
        "authentication", "client", "credential", "credentials", "private", "public", "id", "user",
        "username", "name", "login", "account", "session", "cookie", "bearer", "basic", "jwt", "oauth",
        "header", "headers", "field", "input", "label", "value", "values", "form", "hash", "hashed", "salt",
        "code", "reset", "confirm", "confirmation", "current", "new", "old", "forgot", "forgotten", "repeat",
        "again", "hidden", "show", "hide", "visible", "strength", "admin", "root", "service", "db",
        "database", "server", "config", "settings", "env", "x", "csrf", "xsrf", "csrfmiddlewaretoken",
        "middleware", "ssh", "ssl", "tls",
        # what stands for a value
        "none", "null", "nil", "true", "false", "undefined", "empty", "unset", "missing", "invalid",
        "required", "optional", "default", "example", "sample", "dummy", "fake", "placeholder", "changeme",
        "change", "me", "replace", "replaceme", "todo", "fixme", "xxx", "redacted", "masked", "removed",
        "test", "tests", "testing", "your", "my", "the", "a", "an", "is", "of", "to", "in", "for", "enter",
        "insert", "put", "here", "this", "that", "type", "url", "uri", "path", "file", "error", "message",
        # types, and names that every program has
        "str", "string", "text", "bytes", "byte", "int", "integer", "number", "bool", "boolean", "float",
        "double", "char", "varchar", "object", "any", "unknown", "list", "dict", "map", "array", "option",
        "maybe", "buffer", "secretstr", "securestring", "sensitive", "data", "literal", "self", "cls", "args",
        "kwargs", "props", "params", "request", "response", "result", "options", "state", "context", "req",
        "res", "event", "item", "node",
    )
)  # fmt: skip
SECRETS = frozenset(
    ("password", "passwd", "pwd", "secret", "token", "key", "credentials", "passphrase", "apikey")
)  # a value that has one of these and more is most often a name

_PARTS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|\d+")


def is_label(value: str) -> bool:
    """Whether a value is made of words about secrets only: `Confirm password`, `client_secret`, `string`."""
    parts = [part.lower() for part in _PARTS.findall(value)]
    return all(part in LABELS or (part.isdigit() and len(part) < 3) for part in parts)


def names_a_secret(value: str) -> bool:
    """`my-app-secret`, `config.password`: a reference by name rather than the thing itself."""
    parts = {part.lower() for part in _PARTS.findall(value)}
    return len(parts) > 1 and not parts.isdisjoint(SECRETS)
