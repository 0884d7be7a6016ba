"""Who may ask over HTTP: programs on this machine that know the token, and no web page.

Decides by an address and by a request's headers; knows nothing of what is asked. A page in a browser can send
requests to this machine too: what gives it away is an Origin, or a host's name that is not this machine's.
"""

from __future__ import annotations

import hmac
import ipaddress
import os
import secrets
from dataclasses import dataclass
from email.message import Message
from http import HTTPStatus
from pathlib import Path

TOKEN_VARIABLE = "CODEFLOW_HTTP_TOKEN"  # noqa: S105 - a name
_LEAST_CHARACTERS = 16  # of a token
_PAGES = ("Origin", "Referer", "Sec-Fetch-Site", "Sec-Fetch-Mode")  # headers that browsers alone send


class NotServed(ValueError):
    """An address or a token that cannot be served with; ``str`` is a sentence for the user."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is not answered."""

    status: HTTPStatus
    sentence: str


@dataclass(frozen=True, slots=True)
class Guard:
    """Answers for one port and one token."""

    host: str
    port: int
    token: str

    def refusal(self, headers: Message) -> Refusal | None:
        """Why a request with these headers is refused; None where it is not."""
        if any(headers.get(name) is not None for name in _PAGES):
            return Refusal(HTTPStatus.FORBIDDEN, "Web pages are not answered.")
        if not self._is_meant(headers.get_all("Host") or []):
            return Refusal(HTTPStatus.MISDIRECTED_REQUEST, "The request is for another host than this.")
        if not self._is_known(headers.get_all("Authorization") or []):
            sentence = "Send the token that `codeflow-lsp serve` began with: Authorization: Bearer TOKEN"
            return Refusal(HTTPStatus.UNAUTHORIZED, sentence)
        return None

    def _is_meant(self, hosts: list[str]) -> bool:
        names = {"localhost", "127.0.0.1", "[::1]", f"[{self.host}]" if ":" in self.host else self.host}
        return len(hosts) == 1 and hosts[0].lower() in names | {f"{name}:{self.port}" for name in names}

    def _is_known(self, given: list[str]) -> bool:
        scheme, _, token = given[0].partition(" ") if len(given) == 1 else ("", "", "")
        known = hmac.compare_digest(token.strip().encode("utf-8", "replace"), self.token.encode())
        return known and scheme.lower() == "bearer"


def loopback_address(text: str) -> tuple[str, int]:
    """Host and port of ``HOST:PORT``; port 0 takes any that is free. Raises NotServed for other machines'."""
    host, colon, port = text.strip().rpartition(":")
    if not colon or not (port.isascii() and port.isdigit()) or int(port) > 0xFFFF:
        raise NotServed(f"--http takes HOST:PORT, such as 127.0.0.1:8012, and not {text!r}.")
    host = host.removeprefix("[").removesuffix("]")
    if host == "localhost":
        return "127.0.0.1", int(port)
    try:
        is_loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:
        raise NotServed(
            f"{host or 'A server without a host'} could be reached from other machines: --http serves on "
            "127.0.0.1, [::1] or localhost only."
        )
    return host, int(port)


def token_from(file: Path | None) -> tuple[str, str]:
    """The token, and where it is kept ("" where it was made just now).

    From ``file``, which is made where it is missing, or else from the environment. Raises NotServed.
    """
    if file is not None:
        return _checked(_from_file(file), str(file)), str(file)
    if given := os.environ.get(TOKEN_VARIABLE, "").strip():
        return _checked(given, TOKEN_VARIABLE), TOKEN_VARIABLE
    return secrets.token_urlsafe(24), ""


def _from_file(file: Path) -> str:
    try:
        with os.fdopen(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as new:
            new.write(secrets.token_urlsafe(24) + "\n")
    except FileExistsError:
        pass
    except OSError as error:
        raise NotServed(f"The token cannot be kept in {file}: {error.strerror}.") from None
    try:
        if os.name == "posix" and file.stat().st_mode & 0o077:
            raise NotServed(f"Others can read the token in {file}: chmod 600 {file}")
        return file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise NotServed(f"The token in {file} cannot be read: {error}.") from None


def _checked(token: str, where: str) -> str:
    if len(token) < _LEAST_CHARACTERS or not token.isascii() or not token.isprintable() or " " in token:
        raise NotServed(
            f"The token in {where} is none: at least {_LEAST_CHARACTERS} letters and digits, no blanks."
        )
    return token
