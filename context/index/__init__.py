"""The index: what is known of every file of a workspace folder, kept on disk, filled by a child process.

The server's process only asks questions of it (``Index``); walking, parsing and ranking happen in a child
at low priority (``worker``), which is the only one that writes. It turns files into outlines, names and
ranks, and knows neither open documents nor prompts. Importing it opens nothing.
"""

from context.index.index import Index, IndexState

__all__ = ["Index", "IndexState"]
