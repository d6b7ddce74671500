"""Plots of figures over hours, one below the other, as SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from qa.evaluation.plots import svg, text

WIDTH, PANEL, GAP, LEFT, RIGHT, TOP = 640, 110, 34, 58, 12, 24
COLOUR, GREY = "#0072b2", "#767676"


def panels(seconds: Sequence[float], figures: Mapping[str, Sequence[float]]) -> str:
    """A plot per figure, from zero. The dashed line is the start of the second half, which is judged."""
    height = TOP + len(figures) * (PANEL + GAP)
    parts = [_panel(number, name, seconds, values) for number, (name, values) in enumerate(figures.items())]
    return svg(parts, "A server over hours", WIDTH, height) + "\n"


def _panel(number: int, name: str, seconds: Sequence[float], values: Sequence[float]) -> str:
    top = TOP + number * (PANEL + GAP)
    most, last = max(*values, 1) * 1.15, max(seconds[-1], 1)

    def x(second: float) -> float:
        return LEFT + second / last * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        return top + PANEL * (1 - value / most)

    parts = [text(LEFT, top - 6, name, "start")]
    for tick in (0, most / 2, most):
        parts.append(f'<line x1="{LEFT}" y1="{y(tick):.1f}" x2="{WIDTH - RIGHT}" y2="{y(tick):.1f}" stroke="#ddd"/>')
        parts.append(text(LEFT - 6, y(tick) + 4, f"{tick:.3g}", "end"))
    for quarter in range(5):
        parts.append(text(x(last * quarter / 4), top + PANEL + 14, f"{last * quarter / 4 / 60:.0f} min", "middle", GREY))
    half = x(last / 2)
    parts.append(f'<line x1="{half}" y1="{top}" x2="{half}" y2="{top + PANEL}" stroke="{GREY}" stroke-dasharray="4 4"/>')
    line = " ".join(f"{x(second):.1f},{y(value):.1f}" for second, value in zip(seconds, values, strict=True))
    return "".join([*parts, f'<polyline points="{line}" fill="none" stroke="{COLOUR}" stroke-width="1.5"/>'])
