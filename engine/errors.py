"""Everything that can go wrong in the engine, each with a sentence a user can act on.

EngineError
├── ModelError                    the model file, or getting it
│   ├── UnknownModel              no such name in the catalog and no such file
│   ├── ModelUnavailable          no source answered (names every source tried and the command that helps)
│   ├── ModelCorrupt              wrong hash, truncated, or not what is known
│   └── NotEnoughDisk             names what is needed and what is free
├── BackendError                  the model cannot be run here, or failed to run
│   └── ContextFull               the prompt does not fit in the model's context
├── RemoteError                   a configured server was not reached, refused, or answered nonsense
└── EngineClosed                  a request came after shutdown
"""


class EngineError(Exception):
    """Base of all engine errors; ``str(error)`` is one sentence for the user."""


class ModelError(EngineError):
    """The model file, or getting it."""


class UnknownModel(ModelError):
    """No such name in the catalog, and no such file."""


class ModelUnavailable(ModelError):
    """No source of the model answered."""


class ModelCorrupt(ModelError):
    """A wrong hash, a truncated file, or one of a form or content that is not known."""


class NotEnoughDisk(ModelError):
    """The model does not fit on the disk that holds the cache directory."""


class BackendError(EngineError):
    """The model cannot be run here, or failed to run."""


class ContextFull(BackendError):
    """The prompt does not fit in the model's context."""


class RemoteError(EngineError):
    """A configured server was not reached, refused, or answered nonsense."""


class EngineClosed(EngineError):
    """A request came after shutdown."""
