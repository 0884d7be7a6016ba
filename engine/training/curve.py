"""Numbers of a training to a picture: curves over steps as an SVG, drawn here without a plotting library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from math import ceil, floor, log10

_WIDTH, _HEIGHT = 720, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 40, 48
_COLOURS = ("#3465a4", "#cc0000", "#4e9a06", "#75507b", "#c17d11", "#555753")
Point = tuple[float, float]


def drawn(title: str, across: str, curves: Mapping[str, Sequence[Point]]) -> str:
    """An SVG of one or more curves; ``across`` names the lower edge. Empty ones are left out."""
    kept = {name: [p for p in points if all(map(_finite, p))] for name, points in curves.items()}
    kept = {name: points for name, points in kept.items() if points}
    xs = [x for points in kept.values() for x, _ in points] or [0.0]
    ys = [y for points in kept.values() for _, y in points] or [0.0]
    marks_x, marks_y = _marks(min(xs), max(xs)), _marks(min(ys), max(ys))
    left, right, low, high = marks_x[0], marks_x[-1], marks_y[0], marks_y[-1]

    def at(x: float, y: float) -> str:
        across_px = _LEFT + (x - left) / (right - left) * (_WIDTH - _LEFT - _RIGHT)
        down_px = _HEIGHT - _BOTTOM - (y - low) / (high - low) * (_HEIGHT - _TOP - _BOTTOM)
        return f"{across_px:.1f},{down_px:.1f}"

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        f'<text x="{_LEFT}" y="20" font-size="14">{escape(title)}</text>',
        f'<text x="{_WIDTH // 2}" y="{_HEIGHT - 8}" text-anchor="middle">{escape(across)}</text>',
    ]
    for y in marks_y:
        start, end = at(left, y), at(right, y)
        parts.append(f'<polyline points="{start} {end}" stroke="#dddddd" fill="none"/>')
        parts.append(
            f'<text x="{_LEFT - 6}" y="{float(start.split(",")[1]) + 4:.1f}" text-anchor="end">{y:g}</text>'
        )
    for x in marks_x:
        place = at(x, low).split(",")[0]
        parts.append(f'<text x="{place}" y="{_HEIGHT - _BOTTOM + 16}" text-anchor="middle">{x:g}</text>')
    for number, (name, points) in enumerate(kept.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        line = " ".join(at(x, y) for x, y in sorted(points))
        parts.append(f'<polyline points="{line}" stroke="{colour}" stroke-width="1.5" fill="none"/>')
        y = _TOP + 14 + 16 * number
        parts.append(
            f'<text x="{_WIDTH - _RIGHT - 4}" y="{y}" text-anchor="end" fill="{colour}">{escape(name)}</text>'
        )
    return "\n".join((*parts, "</svg>\n"))


def _marks(low: float, high: float) -> list[float]:
    """Round numbers from below ``low`` to above ``high``, some five of them."""
    span = (high - low) or abs(high) or 1.0
    step = 10 ** floor(log10(span / 4))
    step = next(step * times for times in (1, 2, 2.5, 5, 10) if span / (step * times) <= 6)
    first, last = floor(low / step), ceil(high / step)
    return [round(n * step, 12) for n in range(first, max(last, first + 1) + 1)]


def _finite(value: float) -> bool:
    return abs(value) < float("inf")
