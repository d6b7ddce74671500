"""Plots over sizes that grow tenfold, as SVG; both axes are logarithmic, or the vertical one starts at zero."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from qa.evaluation.plots import svg, text

WIDTH, HEIGHT = 420, 280
LEFT, RIGHT, TOP, BOTTOM = 58, 30, 34, 44
COLOURS = ("#0072b2", "#d55e00", "#767676")

Line = tuple[str, Sequence[tuple[float, float]]]


def growth(title: str, unit: str, lines: Sequence[Line], *, logarithmic: bool = False) -> str:
    """Named lines of (passages, value); all values are positive."""
    points = [point for _, line in lines for point in line]
    left, right = (math.log10(edge([x for x, _ in points])) for edge in (min, max))
    top, bottom = max(y for _, y in points) * 1.1, min(y for _, y in points) / 1.3 if logarithmic else 0.0

    def x(value: float) -> float:
        return LEFT + (math.log10(value) - left) / max(right - left, 1e-9) * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        share = math.log(value / bottom) / math.log(top / bottom) if logarithmic else value / top
        return HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP)

    ticks = [bottom * (top / bottom) ** (n / 4) for n in range(5)] if logarithmic else [top * n / 4 for n in range(5)]
    parts = [text(LEFT, 18, f"{title} ({unit})", "start")]
    for tick in ticks:
        parts.append(f'<line x1="{LEFT}" y1="{y(tick):.1f}" x2="{WIDTH - RIGHT}" y2="{y(tick):.1f}" stroke="#ddd"/>')
        parts.append(text(LEFT - 6, y(tick) + 4, f"{tick:.3g}", "end"))
    for size in sorted({size for size, _ in points}):
        parts.append(text(x(size), HEIGHT - BOTTOM + 16, f"{size:,.0f}", "middle"))
    parts.append(text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, "passages", "middle"))
    for number, (name, line) in enumerate(lines):
        colour = COLOURS[number % len(COLOURS)]
        path = " ".join(f"{x(size):.1f},{y(value):.1f}" for size, value in line)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [
            f'<circle cx="{x(size):.1f}" cy="{y(value):.1f}" r="3" fill="{colour}"><title>{value:.3g}</title></circle>'
            for size, value in line
        ]
        parts.append(text(LEFT + 8, TOP + 12 + 16 * number, name, "start", colour))
    return svg(parts, title, WIDTH, HEIGHT) + "\n"


def growth_plots(figures: dict[int, dict[str, Any]]) -> dict[str, str]:
    def line(key: str) -> list[tuple[float, float]]:
        return [(size, max(row[key], 1e-3)) for size, row in figures.items() if key in row]

    return {
        "latency": growth(
            "/v1/search, one client", "ms", [("median", line("median_milliseconds")), ("p95", line("p95_milliseconds"))]
        ),
        "memory": growth("Resident memory of the server", "MB", [("after the questions", line("resident_mb"))]),
        "build": growth("Time to build the index", "s", [("build", line("build_seconds"))], logarithmic=True),
        "start": growth("Warm start", "s", [("until it serves", line("warm_start_seconds"))]),
    }
