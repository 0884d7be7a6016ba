"""Fill-in-the-middle formats: which marker strings a model was trained with.

The GGUF's own metadata decides; where it is silent, a family is recognised by its markers being single
tokens of the vocabulary. A model without markers gets ``FimMarkers()``, which is falsy: prefix-only prompts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from engine.backend import FimMarkers

FAMILIES: dict[str, FimMarkers] = {
    "qwen": FimMarkers(
        "<|fim_prefix|>",
        "<|fim_suffix|>",
        "<|fim_middle|>",
        file_separator="<|file_sep|>",
        repository="<|repo_name|>",
    ),
    "starcoder": FimMarkers(
        "<fim_prefix>", "<fim_suffix>", "<fim_middle>", file_separator="<file_sep>", repository="<repo_name>"
    ),
    "granite": FimMarkers("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"),
    "deepseek": FimMarkers("<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>"),
    "codellama": FimMarkers("▁<PRE>", "▁<SUF>", "▁<MID>"),
    "codegemma": FimMarkers(
        "<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", file_separator="<|file_separator|>"
    ),
    "codestral": FimMarkers(  # [SUFFIX]s[PREFIX]p, then generate; files as StarCoder has them
        "[PREFIX]",
        "[SUFFIX]",
        "",
        suffix_first=True,
        file_separator="<file_sep>",
        repository="<repo_name>",
    ),
}


class MarkedModel(Protocol):
    """What finding the format needs of a model."""

    def fim_token_texts(self) -> dict[str, str]:
        """Marker strings named by the file's metadata, by role (pre, suf, mid, rep, sep)."""
        ...

    @property
    def marker_token(self) -> Callable[[str], int | None]:
        """The one token a marker string stands for, if the vocabulary has it."""
        ...


def markers_of(model: MarkedModel) -> FimMarkers:
    """The model's FIM markers; falsy where it has none."""
    named = model.fim_token_texts()
    if {"pre", "suf", "mid"} <= named.keys():
        return FimMarkers(
            named["pre"],
            named["suf"],
            named["mid"],
            file_separator=named.get("sep", ""),
            repository=named.get("rep", ""),
        )
    for markers in FAMILIES.values():
        wanted = [text for text in (markers.prefix, markers.suffix, markers.middle) if text]
        tokens = [model.marker_token(text) for text in wanted]
        if None not in tokens and len(set(tokens)) == len(tokens):
            known = {name: getattr(markers, name) for name in ("file_separator", "repository")}
            kept = {
                name: text for name, text in known.items() if text and model.marker_token(text) is not None
            }
            return FimMarkers(
                markers.prefix, markers.suffix, markers.middle, suffix_first=markers.suffix_first, **kept
            )
    return FimMarkers()
