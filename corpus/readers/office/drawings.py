"""Text of drawings (DrawingML): charts as tables of their values, diagrams as lists of their texts."""

from __future__ import annotations

from collections.abc import Sequence

from lxml import etree

from corpus.readers.builder import TextBuilder
from corpus.readers.office.safe_xml import attribute, child, children, local, text_of

# Points of a chart that are read.
_MAX_POINTS = 1_000


def append_chart(root: etree._Element, builder: TextBuilder) -> None:
    """Append the titles of a chart, and a table with a row per category and a column per series."""
    titles = [" ".join(paragraphs(element)) for element in root.iter() if local(element) == "title"]
    for title in titles:
        builder.block(title)
    series = [element for element in root.iter() if local(element) == "ser"]
    names = [" ".join(_points(child(one, "tx")).values()) or text_of(child(one, "tx", "v")) for one in series]
    categories = next((found for one in series if (found := _points(child(one, "cat")) or _points(child(one, "xVal")))), {})
    values = [_points(child(one, "val")) or _points(child(one, "yVal")) for one in series]
    places = sorted(set(categories).union(*values))[:_MAX_POINTS]
    rows = [[categories.get(place, ""), *(_number(found.get(place, "")) for found in values)] for place in places]
    builder.table([["", *names], *rows] if any(names) else rows, int(any(names)), caption=titles[0] if titles else "")


def append_diagram(root: etree._Element, builder: TextBuilder) -> None:
    """Append the texts of a diagram as lines of one block."""
    add = builder.block
    for point in root.iter():
        if local(point) == "pt" and (text := " ".join(paragraphs(point))):
            add(text)
            add = builder.line


def _points(element: etree._Element | None) -> dict[int, str]:
    """The cached points of a series by their place."""
    if element is None:
        return {}
    cache = next(
        (inner for inner in element.iter() if local(inner) in ("strCache", "numCache", "strLit", "numLit", "lvl")), None
    )
    found: dict[int, str] = {}
    for point in children(cache, "pt") if cache is not None else ():
        place = attribute(point, "idx") or ""
        if place.isdecimal() and len(place) < 7:
            found[int(place)] = " ".join(text_of(child(point, "v")).split())
    return found


def _number(text: str) -> str:
    """A value without the digits that binary fractions add: "4.3" for "4.2999999999999998"."""
    try:
        return f"{float(text):.15g}"
    except ValueError:
        return text


def paragraphs(element: etree._Element) -> Sequence[str]:
    """The texts of the paragraphs below an element, without empty ones."""
    found = (inner for inner in element.iter() if local(inner) == "p")
    texts = ("".join(str(run.text or "") for run in paragraph.iter() if local(run) == "t") for paragraph in found)
    return [" ".join(text.split()) for text in texts if text.strip()]
