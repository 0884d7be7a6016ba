"""The models known by name: where they come from, and how a file earns being opened.

A name or a path goes in, the path of a GGUF file comes out whose hash is the publisher's. Nothing here
loads a model or knows what one is for. Importing this package is cheap: the libraries that talk to the
network are imported inside the functions that do.
"""

from engine.catalog.checkpoint import is_checkpoint_name, pull_checkpoint
from engine.catalog.download import NoSourceAnswered, pull, remedy
from engine.catalog.entries import (
    HuggingFaceSource,
    ModelEntry,
    PackageIndexSource,
    Source,
    find_entry,
    load_catalog,
)
from engine.catalog.partial import Progress, PullCancelled
from engine.catalog.resolution import ResolvedModel, resolve
from engine.catalog.store import cache_dir, forget_proofs, local_path, models_dir, trusted_path, verify

__all__ = [
    "HuggingFaceSource",
    "ModelEntry",
    "NoSourceAnswered",
    "PackageIndexSource",
    "Progress",
    "PullCancelled",
    "ResolvedModel",
    "Source",
    "cache_dir",
    "find_entry",
    "forget_proofs",
    "is_checkpoint_name",
    "load_catalog",
    "local_path",
    "models_dir",
    "pull",
    "pull_checkpoint",
    "remedy",
    "resolve",
    "trusted_path",
    "verify",
]
