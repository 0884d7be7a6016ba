"""Token ids in, tokens out. Knows model files and tensors; no workspace files, no git, no LSP.

The front door: importing it loads neither numpy nor llama.cpp nor torch until a model is opened.
"""

from engine.errors import EngineError

__all__ = ["EngineError"]
