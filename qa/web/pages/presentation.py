"""The texts and fields of an answer on a page. Scripts get the texts with the page; static/results.js repeats the field functions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from index.types import DEFAULT_COLLECTION
from qa.answering.confidence import LIKELY_CONFIDENCE
from qa.answering.labels import CHOSEN, CLOSEST, LIKELY
from qa.answering.labels import missing_sentence as sentence_of
from qa.web.pages.language import translate as _
from qa.web.schemas.addresses import quote_address, with_text_fragment

_HTTP_URL = re.compile(r"https?://\S+", re.IGNORECASE)
MONTHS = "January February March April May June July August September October November December".split()


def texts() -> Mapping[str, Any]:
    """The texts of an answer by its verdict, in the language of the page."""
    return {
        "labels": {
            "likely": _(LIKELY),
            "closest": _(CLOSEST),
            "none": _("Not in these documents"),
            "nothing": _("Not in these documents"),
        },
        "reasons": {
            "none": _("No document answers this question. The nearest passages below may be about something else."),
            "nothing": _("No passage matches this question."),
        },
        "chosen": _(CHOSEN),
        "caution": _("This is the closest passage found. Read it in context before you rely on it."),
        "advice": [
            _("Try words that the documents would use."),
            _("Ask about one thing at a time."),
            _("If the answer should be here, tell the people who maintain these documents."),
        ],
    }


def missing_sentence(missing: Sequence[str]) -> str:
    """What the documents do not mention, in the language of the page."""
    return sentence_of(missing, _)


def verdict(body: Mapping[str, Any]) -> str:
    """`likely`, `closest`, `none` (no answer, but nearest passages) or `nothing` (no passages)."""
    if body["answer"]:
        return answer_kind(body["answer"])
    return "none" if body["results"] else "nothing"


def answer_kind(answer: Mapping[str, Any]) -> str:
    """`likely` or `closest`, for one of `answers`."""
    return "likely" if answer["confidence"] >= LIKELY_CONFIDENCE else "closest"


def source_fields(source: Mapping[str, Any]) -> dict[str, str]:
    """Where a quote is from. Empty fields are not shown."""
    document = source["document"]
    return {
        "address": quote_address(document["id"], document["version"], (source["start"], source["end"])),
        "title": document["title"],
        "collection": shown_collection(document["collection"]),
        "path": " › ".join(source["headings"]),
        "page": _("page {number}", number=source["page"]) if source["page"] else "",
        "image": source["page_url"] or "",
        "note": document["note"] or "",
        "date": document["date"] or "",
        "day": format_date(document["date"]),
        "original": with_text_fragment(http_url(source["url"]), source["text"]),
    }


def result_fields(result: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of one of `results` for a template."""
    text, start = result["text"], result["start"]
    mark = result["highlights"][0]
    first, last = mark["start"] - start, mark["end"] - start
    words = {"before": text[:first], "quote": text[first:last], "after": text[last:]}
    return source_fields({**result, **mark, "text": words["quote"]}) | words | {"pinned": result["pinned"]}


def shown_collection(name: str) -> str:
    """Empty for the default collection, which most services have alone."""
    return "" if name == DEFAULT_COLLECTION else name


def http_url(url: str | None) -> str:
    """The URL if its scheme is http or https, else empty."""
    return url if url and _HTTP_URL.fullmatch(url) else ""


def format_date(date: str | None) -> str:
    """An ISO 8601 date as 21 July 2025, in the language of the page."""
    year, month, number = [*(date or "")[:10].split("-"), "", ""][:3]
    if not (month.isdigit() and number.isdigit() and 1 <= int(month) <= 12):
        return date or ""
    return _("{day} {month} {year}", day=int(number), month=_(MONTHS[int(month) - 1]), year=year)
