"""A small rate chart as inline SVG: numbers in, text out, nothing fetched."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

WIDTH, HEIGHT = 640, 72
LEFT, RIGHT, TOP, BOTTOM = 46, 6, 8, 16


def rate_chart(counts: Sequence[int], *, seconds: int = 120, unit: str = "messages a second") -> str:
    """Return counts per second, the oldest first, as an area over the last `seconds` seconds.

    The picture has a text for screen readers, and its colours come from the page's theme.
    """
    shown = [max(0, int(count)) for count in counts[-seconds:]]
    top = nice_top(max(shown, default=0))
    label = describe_rate(shown, unit)
    inner = LEFT, TOP, WIDTH - RIGHT, HEIGHT - BOTTOM
    return (
        f'<svg class="bk-chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">'
        f"<title>{escape(label)}</title>"
        f"{_grid(inner, top, seconds)}{_area(inner, shown, top, seconds)}</svg>"
    )


def describe_rate(counts: Sequence[int], unit: str = "messages a second") -> str:
    """Return the chart in words."""
    if not counts:
        return f"no {unit} yet"
    return f"{counts[-1]:,} {unit} now, at most {max(counts):,} in the last {len(counts)} s"


def nice_top(highest: int) -> int:
    """Return the end of the axis: a round number, not below `highest`."""
    scale = 1
    while True:
        for step in (1, 2, 5):
            if highest <= step * scale:
                return step * scale
        scale *= 10


def _grid(inner: tuple[int, int, int, int], top: int, seconds: int) -> str:
    left, upper, right, lower = inner
    parts = []
    for value, y in ((top, upper), (top / 2, (upper + lower) / 2), (0, lower)):
        parts.append(f'<line class="bk-grid" x1="{left}" x2="{right}" y1="{y:g}" y2="{y:g}"/>')
        if value in (top, 0):
            parts.append(
                f'<text class="bk-tick" x="{left - 5}" y="{y + 3:g}" text-anchor="end">{short(value)}</text>'
            )
    for back, anchor in ((seconds, "start"), (seconds // 2, "middle"), (0, "end")):
        x = right - (right - left) * back / seconds
        text = "now" if back == 0 else f"{back} s ago"
        parts.append(f'<text class="bk-tick" x="{x:g}" y="{lower + 12}" text-anchor="{anchor}">{text}</text>')
    return "".join(parts)


def _area(inner: tuple[int, int, int, int], counts: Sequence[int], top: int, seconds: int) -> str:
    if not counts:
        return ""
    left, upper, right, lower = inner
    step = (right - left) / max(1, seconds - 1)
    first = right - step * (len(counts) - 1)
    points = [
        f"{first + step * index:.1f},{lower - (lower - upper) * count / top:.1f}"
        for index, count in enumerate(counts)
    ]
    line = " ".join(points)
    return (
        f'<polygon class="bk-area" points="{first:.1f},{lower} {line} {right},{lower}"/>'
        f'<polyline class="bk-line" points="{line}"/>'
    )


def short(value: float) -> str:
    """Return a number in a few characters: 950, 1.5k, 20M."""
    for size, sign in ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")):
        if value >= size:
            return f"{value / size:.3g}{sign}"
    return f"{value:g}"
