"""What pages say of an answer and where they link to. The same as static/results.js says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from qa.answering.confidence import LIKELY_CONFIDENCE

_FOLLOWED = re.compile(r"https?://\S+", re.IGNORECASE)
MONTHS = "January February March April May June July August September October November December".split()


def verdict(body: Mapping[str, Any]) -> str:
    """`likely`, `closest`, `none` (the nearest passages are there) or `nothing` (not even those)."""
    if body["answer"]:
        return "likely" if body["confidence"] >= LIKELY_CONFIDENCE else "closest"
    return "none" if body["results"] else "nothing"


def shown_result(result: Mapping[str, Any]) -> dict[str, str]:
    """The slots of one of `results`. An empty one is not shown."""
    document, text, start = result["document"], result["text"], result["start"]
    mark = result["highlights"][0]
    first, last = mark["start"] - start, mark["end"] - start
    return {
        "place": place(document["id"], result["id"]),
        "title": document["title"],
        "path": " › ".join(result["headings"]),
        "page": f"page {result['page']}" if result["page"] else "",
        "date": document["date"] or "",
        "day": day(document["date"]),
        "outside": outside(result["url"]),
        "before": text[:first],
        "quote": text[first:last],
        "after": text[last:],
    }


def place(document_id: str, passage: str) -> str:
    """The address of a passage in its document's page."""
    return f"/d/{quote(document_id)}#{passage}"


def outside(url: str | None) -> str:
    """The address where it is one that may be followed; empty otherwise."""
    return url if url and _FOLLOWED.fullmatch(url) else ""


def day(date: str | None) -> str:
    """An ISO 8601 date as people write it: 21 July 2025."""
    year, _, rest = (date or "")[:10].partition("-")
    month, _, number = rest.partition("-")
    if not (month.isdigit() and number.isdigit() and 1 <= int(month) <= 12):
        return date or ""
    return f"{int(number)} {MONTHS[int(month) - 1]} {year}"
