"""What the user wrote as a server's address, checked; whose key it is.

Knows the rules of addresses, the environment and the OS keyring; asks no server anything.
"""

from __future__ import annotations

import importlib
import ipaddress
import os
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from engine.errors import RemoteError

KEY_VARIABLE = "CODEFLOW_REMOTE_KEY"
KEYRING_SERVICE = "codeflow-lsp"


@dataclass(frozen=True, slots=True)
class Address:
    """A server's address. ``base`` is what ``/completions`` is asked under, and ends as a rule in ``/v1``;
    ``origin`` is scheme, host and port."""

    base: str
    origin: str
    is_local: bool  # this very machine
    is_encrypted: bool

    @property
    def root(self) -> str:
        """Where vLLM and llama-server have what is no part of OpenAI's interface."""
        return self.base.removesuffix("/v1")


def parse_address(url: str) -> Address:
    """The address that ``url`` stands for; without a path, ``/v1`` is meant. Raises RemoteError."""
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise RemoteError(f"remote.url is no address: {error}") from None
    if parts.scheme not in ("http", "https") or not host:
        raise RemoteError("remote.url should be like https://models.example.org/v1")
    if "@" in parts.netloc:
        raise RemoteError(f"remote.url holds a name or password; give the key as {KEY_VARIABLE} instead")
    if parts.query or parts.fragment:
        raise RemoteError("remote.url should end with its path, without ? or #")
    shown = f"[{host}]" if ":" in host else host
    origin = f"{parts.scheme}://{shown}" + (f":{port}" if port else "")
    path = parts.path.rstrip("/").removesuffix("/completions") or "/v1"
    return Address(origin + path, origin, _is_loopback(host), parts.scheme == "https")


def key_for(address: Address) -> str:
    """The key for a server, from the environment or from the OS keyring; "" where there is none.

    In the keyring it is kept under the server's origin, so no other server is ever sent it. Raises
    RemoteError where it cannot be one; neither that nor anything else repeats it.
    """
    key = os.environ.get(KEY_VARIABLE, "").strip() or _from_keyring(address.origin).strip()
    if not key.isascii() or not key.isprintable() or " " in key:
        raise RemoteError("the key of the server holds blanks or other signs that no key has; set it anew")
    return key


def _from_keyring(origin: str) -> str:
    with suppress(Exception):  # not installed, locked, or without a backend: there is no key, then
        keyring: Any = importlib.import_module("keyring")
        return keyring.get_password(KEYRING_SERVICE, origin) or ""
    return ""


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
