"""The corridor between context and engine, and the only room that speaks LSP. Importing it loads nothing."""

__version__ = "0.1.0"
