"""History as changes: a commit is (before, edits, after) with its message and its fate, named on three
levels.

`FlowBook` finds the past edits most like the one in progress, `load_flows` has them from the disk, `refresh`
brings them up to HEAD in a child process, `export` streams them for training. Knows git through
`context.history.git` only, and every text passes `context.privacy` on its way in.
"""

from context.codeflow.change import Fate, Flow, FlowEdit
from context.codeflow.labels import Label, Level
from context.codeflow.similar import FlowBook, Neighbour, render
from context.codeflow.store import is_fresh, load_flows, refresh

__all__ = [
    "Fate",
    "Flow",
    "FlowBook",
    "FlowEdit",
    "Label",
    "Level",
    "Neighbour",
    "is_fresh",
    "load_flows",
    "refresh",
    "render",
]
