"""Small plots as SVG text without scripts, fonts or external resources. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from qa.evaluation.measures import Bin

WIDTH, HEIGHT = 420, 300
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 14, 44
TICKS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
# Distinct in print and with colour vision deficiency (Okabe and Ito 2008).
COLOURS = ("#0072b2", "#d55e00")
GREY = "#767676"


def recall_curve(curves: Sequence[tuple[str, Sequence[tuple[int, float]]]]) -> str:
    """Named curves of recall (0..1) over cut-offs. The cut-offs are spaced equally, because they roughly double."""
    cutoffs = [cutoff for cutoff, _ in curves[0][1]] if curves else []
    parts = [_axes("number of results (k)", "R@k")]
    places = {cutoff: _x(place / max(len(cutoffs) - 1, 1)) for place, cutoff in enumerate(cutoffs)}
    parts += [text(x, HEIGHT - BOTTOM + 16, str(cutoff), "middle") for cutoff, x in places.items()]
    for number, (name, points) in enumerate(curves):
        colour = COLOURS[number % len(COLOURS)]
        line = " ".join(f"{places[cutoff]:.1f},{_y(recall):.1f}" for cutoff, recall in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [
            f'<circle cx="{places[k]:.1f}" cy="{_y(r):.1f}" r="3" fill="{colour}"><title>R@{k} {r:.3f}</title></circle>'
            for k, r in points
        ]
        parts.append(text(WIDTH - RIGHT - 6, HEIGHT - BOTTOM - 10 - 16 * number, name, "end", colour))
    return svg(parts, "Recall over the number of results")


def reliability_diagram(bins: Sequence[Bin]) -> str:
    """Confidence against the share of answerable questions. The area of a point grows with the weight of its bin."""
    parts = [_axes("confidence", "share answerable")]
    parts += [text(_x(tick), HEIGHT - BOTTOM + 16, f"{tick:g}", "middle") for tick in TICKS]
    parts.append(f'<line x1="{_x(0)}" y1="{_y(0)}" x2="{_x(1)}" y2="{_y(1)}" stroke="{GREY}" stroke-dasharray="4 4"/>')
    total = sum(one.weight for one in bins) or 1.0
    line = " ".join(f"{_x(one.confidence):.1f},{_y(one.answerable):.1f}" for one in bins)
    parts.append(f'<polyline points="{line}" fill="none" stroke="{COLOURS[0]}" stroke-width="1.5"/>')
    for one in bins:
        radius = 2.5 + 12 * (one.weight / total) ** 0.5
        title = f"confidence {one.confidence:.2f}, answerable {one.answerable:.2f}, {one.weight / total:.1%} of the questions"
        place = f'cx="{_x(one.confidence):.1f}" cy="{_y(one.answerable):.1f}" r="{radius:.1f}"'
        parts.append(f'<circle {place} fill="{COLOURS[0]}" fill-opacity=".5"><title>{title}</title></circle>')
    return svg(parts, "Reliability of confidence")


def risk_coverage_curve(curves: Sequence[tuple[str, Sequence[tuple[float, float]]]]) -> str:
    """Named curves of risk (the share of quotes that are not right, 0..1) over coverage, from the most confident questions on."""
    parts = [_axes("coverage: share of questions answered, the most confident first", "risk: share not right")]
    parts += [text(_x(tick), HEIGHT - BOTTOM + 16, f"{tick:g}", "middle") for tick in TICKS]
    for number, (name, points) in enumerate(curves):
        colour = COLOURS[number % len(COLOURS)]
        line = " ".join(f"{_x(coverage):.1f},{_y(risk):.1f}" for coverage, risk in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(text(LEFT + 6, TOP + 12 + 16 * number, name, "start", colour))
    return svg(parts, "Risk over coverage")


def differences(values: Sequence[float], measure: str) -> str:
    """One bar for each question that differs, largest gain first. Above the line the second setting is better."""
    changed = sorted((value for value in values if abs(value) > 1e-9), reverse=True)
    middle = (TOP + HEIGHT - BOTTOM) / 2
    half = (HEIGHT - BOTTOM - TOP) / 2
    parts = [f'<line x1="{LEFT}" y1="{middle}" x2="{WIDTH - RIGHT}" y2="{middle}" stroke="{GREY}"/>']
    parts += [text(LEFT - 6, middle - half * tick + 4, f"{tick:+g}" if tick else "0", "end") for tick in (1, 0.5, 0, -0.5, -1)]
    step = (WIDTH - LEFT - RIGHT) / max(len(changed), 1)
    for place, value in enumerate(changed):
        height = abs(value) * half
        top = middle - height if value > 0 else middle
        parts.append(
            f'<rect x="{LEFT + place * step:.2f}" y="{top:.1f}" width="{max(step * 0.9, 0.4):.2f}" height="{height:.1f}"'
            f' fill="{COLOURS[0] if value > 0 else COLOURS[1]}"/>'
        )
    parts.append(
        text(
            (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, f"{len(changed)} of {len(values)} questions differ in {measure}", "middle"
        )
    )
    return svg(parts, f"Differences in {measure}, by question")


def _axes(across: str, up: str) -> str:
    lines = [
        f'<line x1="{LEFT}" y1="{_y(tick):.1f}" x2="{WIDTH - RIGHT}" y2="{_y(tick):.1f}" stroke="#ddd"/>'
        + text(LEFT - 6, _y(tick) + 4, f"{tick:g}", "end")
        for tick in TICKS
    ]
    lines.append(text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, across, "middle"))
    rotated = (
        f'<text transform="translate(14 {(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" text-anchor="middle">{escape(up)}</text>'
    )
    return "".join([*lines, rotated])


def _x(share: float) -> float:
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def _y(share: float) -> float:
    return HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP)


def text(x: float, y: float, words: str, anchor: str, colour: str = "currentColor") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(words)}</text>'


def svg(parts: Sequence[str], title: str, width: int = WIDTH, height: int = HEIGHT) -> str:
    """A complete SVG image."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img"'
        f' font-family="sans-serif" font-size="12"><title>{escape(title)}</title>{"".join(parts)}</svg>'
    )
