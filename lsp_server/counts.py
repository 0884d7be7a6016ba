"""Counts of what became of suggestions: values that are added up, given to clients and written to a file.

Numbers and the names of known languages, nothing else: no text, no path, no name of the user's. Knows neither
when a thing is counted nor where counts are kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from context.language import language_named
from lsp_server.latency_histogram import LatencyHistogram

_BY_LANGUAGE = ("suggestions", "shown", "accepted", "partly_accepted", "accepted_characters")
OTHER = "other"  # a language that CodeFlow has no grammar of: an editor may call it what it likes


@dataclass(slots=True)
class Counts:
    """What became of the suggestions of some stretch of time."""

    suggestions: int = 0  # given to the client
    shown: int = 0
    accepted: int = 0  # whole, at once or bit by bit
    partly_accepted: int = 0  # a part, and no more
    accepted_characters: int = 0
    kept: int = 0  # characters that were still there 30 s after they were accepted,
    kept_of: int = 0  # of so many; blanks are not counted
    prompt_tokens: int = 0
    cached_tokens: int = 0
    latency: LatencyHistogram = field(default_factory=LatencyHistogram)
    languages: dict[str, dict[str, int]] = field(default_factory=dict)

    def add(self, other: Counts) -> None:
        """What another one counted, too."""
        for name in _NUMBERS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.latency.add(other.latency)
        for language, numbers in other.languages.items():
            mine = self.languages.setdefault(language, dict.fromkeys(_BY_LANGUAGE, 0))
            for name, number in numbers.items():
                mine[name] += number

    def in_language(self, name: str) -> Counts:
        """The same, counted for a language too. Changes and returns itself."""
        known = name if language_named(name).grammar else OTHER
        self.languages = {known: {one: getattr(self, one) for one in _BY_LANGUAGE}}
        return self

    def as_json(self) -> dict[str, Any]:
        """For a client: milliseconds, shares from 0 to 1; null where there was nothing to measure."""
        # below zero where a part of something was counted before a clearing, and the whole after it
        numbers = {name: max(0, getattr(self, name)) for name in _NUMBERS}
        prompt, cached = numbers.pop("prompt_tokens"), numbers.pop("cached_tokens")
        return numbers | {
            "p50_ms": self.latency.percentile_ms(0.5),
            "p95_ms": self.latency.percentile_ms(0.95),
            "cache_share": round(cached / prompt, 4) if prompt else None,
            "languages": {
                language: {name: max(0, number) for name, number in counts.items()}
                for language, counts in self.languages.items()
            },
        }

    def stored(self) -> dict[str, Any]:
        """For a file."""
        return {
            **{name: getattr(self, name) for name in _NUMBERS},
            "latency": self.latency.stored(),
            "languages": self.languages,
        }

    @classmethod
    def from_stored(cls, raw: Any) -> Counts:
        """What ``stored`` gave, with zeros for what it lacks. Raises ValueError."""
        if not isinstance(raw, dict):
            raise ValueError("counts are an object")
        languages = raw.get("languages", {})
        if not isinstance(languages, dict) or not all(isinstance(one, dict) for one in languages.values()):
            raise ValueError("counts by language are objects")
        return cls(
            **{name: _number(raw.get(name, 0)) for name in _NUMBERS},
            latency=LatencyHistogram.from_stored(raw.get("latency", {})),
            languages={
                str(language): {name: _number(numbers.get(name, 0)) for name in _BY_LANGUAGE}
                for language, numbers in languages.items()
            },
        )


_NUMBERS = tuple(entry.name for entry in fields(Counts) if entry.name not in ("latency", "languages"))


def _number(raw: Any) -> int:
    if type(raw) is not int:
        raise ValueError("a count is a whole number")
    return max(0, raw)
