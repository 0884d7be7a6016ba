"""Why no model answers: an error of the engine to a sentence for people, and to what would mend it.

A fix is a command with a title, for an editor to put on a button. Nothing is mended or asked here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lsp_server.settings import Settings

OBTAIN_COMMAND = "codeflow.model.obtain"  # this server's
_SETTINGS_COMMAND = "codeflow.settings.open"  # the client's; its argument is the name of a setting


@dataclass(frozen=True, slots=True)
class Fix:
    """A command that would mend it."""

    title: str
    command: str
    arguments: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """As LSP's Command."""
        return {"title": self.title, "command": self.command, "arguments": list(self.arguments)}


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and what mends it where something does."""

    sentence: str
    fix: Fix | None = None


def problem_of(error: Exception, settings: Settings) -> Problem:
    """What went wrong while the model that ``settings`` ask for was obtained and opened."""
    from engine import errors
    from engine.catalog import PullCancelled

    match error:
        case errors.RemoteError():
            return Problem(str(error), _settings("remote.url"))
        case errors.BackendError():
            return Problem(str(error), _settings("engine"))
        case PullCancelled():
            return Problem(str(error), Fix("Resume Download", OBTAIN_COMMAND))
        case errors.UnknownModel():
            return Problem(str(error), _settings("model.name"))
        case errors.ModelError() if not _can_be_obtained(settings.model.name):
            return Problem(str(error), _settings("model.name"))
        case errors.ModelCorrupt():
            return Problem(str(error), Fix("Download Again", OBTAIN_COMMAND))
        case errors.ModelUnavailable() if not settings.model.download:
            sentence = f"{error} Nothing is downloaded unasked, since `codeflow.model.download` is false."
            return Problem(sentence, Fix("Download Model", OBTAIN_COMMAND))
        case errors.ModelError():
            return Problem(str(error), Fix("Try Again", OBTAIN_COMMAND))
        case _:
            return Problem(str(error))


def _settings(name: str) -> Fix:
    return Fix("Open Settings", _SETTINGS_COMMAND, (f"codeflow.{name}",))


def _can_be_obtained(name: str) -> bool:
    from engine.catalog import find_entry, is_checkpoint_name
    from engine.errors import UnknownModel

    try:
        return name == "auto" or is_checkpoint_name(name) or find_entry(name).pullable
    except UnknownModel:  # a path: nobody else has the user's own file
        return False
