"""What went wrong between here and a server, as sentences a user can act on.

They name the server, and repeat of its words only a short line that quotes neither the prompt nor the key.
"""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Iterator

import httpx2

from engine.errors import RemoteError
from engine.remote.address import KEY_VARIABLE, Address
from engine.remote.completion_chunk import words_of

_MOST_WORDS = 300  # characters of a server's own sentence
_TELLING = 16  # characters in a row that are also in the prompt: they may be the user's code


def unreached(address: Address, error: Exception) -> RemoteError:
    """The error for a connection that could not be made, or broke."""
    at, causes = address.origin, list(_causes(error))
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return RemoteError(
                f"{at} does not prove who it is ({cause.verify_message or 'it is not trusted'}); "
                "have its certificate's authority trusted by this system"
            )
        if isinstance(cause, ssl.SSLError):
            return RemoteError(f"{at} does not speak TLS as it should ({cause.reason}); is it http://?")
        if isinstance(cause, socket.gaierror):
            return RemoteError(f"no machine is known as that of {at}; correct remote.url, or the network")
        if isinstance(cause, ConnectionRefusedError):
            return RemoteError(f"nothing listens at {at}; start the server, or correct remote.url")
    match error:
        case httpx2.ConnectTimeout():
            return RemoteError(f"{at} cannot be reached; is this machine in the right network?")
        case httpx2.TimeoutException():
            return RemoteError(f"{at} took the request and then said nothing; it may be overloaded")
        case httpx2.ConnectError():
            return RemoteError(f"no connection to {at} could be made; check remote.url and the network")
        case httpx2.SSEError():
            return RemoteError(
                f"{at} does not stream its answers; remote.url should be that of an OpenAI-compatible server"
            )
    return RemoteError(f"{at} broke off in the middle of an answer; its log should say why")


def refused(address: Address, status: int, body: bytes, prompt: str, key: str, model: str) -> RemoteError:
    """The error for an HTTP status that is no success."""
    at, said = address.origin, _said(body, prompt, key)
    if 300 <= status < 400:
        return RemoteError(f"{at} sends requests elsewhere, and prompts do not follow; correct remote.url")
    match status:
        case 401 | 403 if key:
            return RemoteError(f"{at} refuses the key ({status}); set {KEY_VARIABLE} to one it knows")
        case 401 | 403:
            return RemoteError(f"{at} wants a key ({status}); set {KEY_VARIABLE}")
        case 404 | 405:
            what = f"no model {model!r}, or no /completions under {address.base}"
            return RemoteError(f"{at} has {what} ({status}){said}")
        case 429:
            return RemoteError(f"{at} has had too many requests ({status}){said}; it is asked again later")
        case _ if status >= 500:
            return RemoteError(f"{at} failed ({status}){said}; its log should say why")
    return RemoteError(f"{at} cannot take the request ({status}){said}")


def failed(address: Address, words: str, prompt: str, key: str) -> RemoteError:
    """The error for a server that says itself, within an answer, that it failed."""
    return RemoteError(f"{address.origin} failed{_quoted(words, prompt, key)}; its log should say why")


def senseless(address: Address) -> RemoteError:
    """The error for an answer that cannot be read."""
    return RemoteError(f"{address.origin} answers with what is no completion; is it OpenAI-compatible?")


def _said(body: bytes, prompt: str, key: str) -> str:
    try:
        return _quoted(words_of(json.loads(body)), prompt, key)
    except ValueError:
        return ""


def _quoted(words: str, prompt: str, key: str) -> str:
    words, told = " ".join(words.split()), " ".join(prompt.split())
    starts = range(max(0, len(words) - _TELLING + 1))
    if not words or len(words) > _MOST_WORDS or (key and key in words):
        return ""
    if any(words[start : start + _TELLING] in told for start in starts):
        return ""
    return f": {words.rstrip('.')}"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
