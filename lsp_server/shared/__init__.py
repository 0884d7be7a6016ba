"""One process for all editors of a user: it holds the models, and each editor has a thin proxy to it.

`proxy` is what an editor starts, `rendezvous` how it finds the process, `process` the process itself. Of the
language server itself this room knows how to make one and how to close it.
"""
