"""What git remembers of a workspace: recent commits, the branch's intent, what is not committed yet.

Turns a folder into a `History`, a value that answers which commits touched a file and what changes together
with it. Blocking and bounded, so it belongs on a background thread, keyed by `state_of`. The repository is
untrusted input: nothing that it says is run (see `context.history.git`).
"""

from context.history.git import Git, GitError
from context.history.lines import function_history
from context.history.place import state_of
from context.history.read import read_history
from context.history.values import Commit, FileDiff, FunctionChange, History, Hunk, Limits

__all__ = [
    "Commit",
    "FileDiff",
    "FunctionChange",
    "Git",
    "GitError",
    "History",
    "Hunk",
    "Limits",
    "function_history",
    "read_history",
    "state_of",
]
