"""The environment variables of whoever is served: what programs are found by and get that run for them.

A process that serves several editors has one environment of its own, and each editor another: another PATH,
another virtual environment. Knows no variable by name.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextvars import ContextVar

_of_client: ContextVar[Mapping[str, str] | None] = ContextVar("environment", default=None)


def client_environment() -> Mapping[str, str]:
    """Those of the client that this context belongs to; the process's own where it belongs to none."""
    variables = _of_client.get()
    return os.environ if variables is None else variables


def serve_with(variables: Mapping[str, str]) -> None:
    """From here on, in this context and those that are copied from it, these are the client's."""
    _of_client.set(variables)
