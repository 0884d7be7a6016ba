"""Measurements over lengths to one SVG: panels side by side, both axes by powers, drawn without a library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log2, log10

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 400, 320, 64, 20, 44, 44  # of one panel, in pixels
_COLOURS = ("#555753", "#3465a4", "#cc0000", "#4e9a06")


@dataclass(frozen=True, slots=True)
class Panel:
    """Curves of (tokens, value) by name; all values above 0. ``y`` names them with their unit."""

    title: str
    y: str
    curves: Mapping[str, Sequence[tuple[int, float]]]


def drawn(panels: Sequence[Panel]) -> str:
    """The SVG."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH * len(panels)}" height="{_HEIGHT}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{_WIDTH * len(panels)}" height="{_HEIGHT}" fill="white"/>',
    ]
    for number, panel in enumerate(panels):
        parts += [f'<g transform="translate({number * _WIDTH},0)">', *_panel(panel), "</g>"]
    return "\n".join((*parts, "</svg>\n"))


def _panel(panel: Panel) -> list[str]:
    points = [point for curve in panel.curves.values() for point in curve]
    left, right = (log2(edge(x for x, _ in points)) for edge in (min, max))
    low = floor(log10(min(y for _, y in points)))
    high = max(low + 1, ceil(log10(max(y for _, y in points))))

    def at(x: float, y: float) -> tuple[float, float]:
        across = (log2(x) - left) / (right - left)
        up = (log10(y) - low) / (high - low)
        wide, tall = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
        return round(_LEFT + across * wide, 1), round(_HEIGHT - _BOTTOM - up * tall, 1)

    parts = [
        f'<text x="{_LEFT}" y="18" font-size="14">{escape(panel.title)}</text>',
        f'<text x="{_LEFT}" y="34" fill="#555753">{escape(panel.y)}</text>',
        f'<text x="{(_WIDTH + _LEFT) // 2}" y="{_HEIGHT - 6}" text-anchor="middle">tokens of context</text>',
    ]
    for power in range(low, high + 1):
        (x, y), (end, _) = at(2**left, 10.0**power), at(2**right, 10.0**power)
        parts.append(f'<path d="M{x},{y}H{end}" stroke="#dddddd"/>')
        parts.append(f'<text x="{x - 6}" y="{y + 4}" text-anchor="end">{10.0**power:g}</text>')
    for tokens in sorted({x for x, _ in points}):
        x, y = at(tokens, 10.0**low)
        parts.append(f'<text x="{x}" y="{y + 16}" text-anchor="middle">{tokens // 1024}K</text>')
    for number, (name, curve) in enumerate(panel.curves.items()):
        colour, places = _COLOURS[number % len(_COLOURS)], [at(*point) for point in sorted(curve)]
        line = " ".join(f"{x},{y}" for x, y in places)
        parts.append(f'<polyline points="{line}" stroke="{colour}" stroke-width="2" fill="none"/>')
        parts += [f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>' for x, y in places]
        y = _TOP + 12 + 16 * number
        parts.append(f'<text x="{_LEFT + 10}" y="{y}" fill="{colour}">{escape(name)}</text>')
    return parts
