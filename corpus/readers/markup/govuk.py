"""Reads GOV.UK content items of the Content API and the publishing API: one per file, one per line, or a list.

The anchor of a part of a multi-part page begins with "/" and is appended to the document's URL; the first part has the page's own
URL. Other anchors are fragments.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from corpus.readers.builder import TextBuilder
from corpus.readers.dates import iso_date
from corpus.readers.decoding import sanitise
from corpus.readers.json_records import Record, read_records
from corpus.readers.markup.govspeak import to_html
from corpus.readers.markup.html_text import append_html
from corpus.types import Document, MetadataValue, ReadFailure

SITE = "https://www.gov.uk"

# The fields that a page shows first, in this order.
_FIRST = ("introductory_paragraph", "introduction", "lead_paragraph", "summary", "body", "parts", "more_information")
# Fields about the page or about other pages, without content of the page.
_ABOUT = frozenset(
    ("attachments", "breadcrumbs", "brand", "change_description", "change_history", "change_notes", "child_section_groups")
) | frozenset(("emphasised_organisations", "external_related_links", "facets", "government", "headers", "image", "images"))
_OTHER_PAGES = frozenset(("links", "logo", "metadata", "ordered_featured_documents", "ordered_promotional_features", "tags"))
_TEXT_FIELDS = frozenset(("text", "description", "explanation", "hint_text", "label"))
_HTML = re.compile(r"</?[a-zA-Z][a-zA-Z0-9]*(?:\s[^<>]*)?/?>")
_ID = re.compile(r"""\sid\s*=\s*["']?([^\s"'<>]+)""")
_MARKDOWN = re.compile(r"^(?:#{1,6} |\s*[-*] |\s*\d+\. )|\]\(", re.MULTILINE)
# Levels of nested content fields; every schema has few.
_MAX_DEPTH = 8


class GovukRecordsReader:
    """Reads items of every schema without the fields about the page, such as history, related links and images."""

    def read_records(self, data: bytes, name: str) -> Iterator[Document | ReadFailure]:
        for found in read_records(data, name):
            if isinstance(found, ReadFailure):
                yield found
                continue
            place, item = found
            if not isinstance(item.get("base_path"), str) or not item["base_path"].startswith("/"):
                yield ReadFailure(place, f"{place}: field 'base_path' must be a path such as /vat-rates")
                continue
            yield document_from_item(item)


def document_from_item(item: Record) -> Document:
    """The page of an item. The text of an item without a body is its description, or else its title."""
    builder = TextBuilder()
    builder.block(_plain(item.get("description")))
    details = item.get("details")
    _Writer(builder).page(details if isinstance(details, dict) else {"body": item.get("body")})
    title = _string(item.get("title"))
    if not builder.text:
        builder.block(title)
    base_path = sanitise(item["base_path"])
    return Document(
        text=builder.text,
        title=title or base_path.rpartition("/")[2].replace("-", " "),
        headings=builder.headings,
        tables=builder.tables,
        id=base_path,
        url=SITE + base_path,
        date=iso_date(_string(item.get("public_updated_at"))),
        type=_string(item.get("document_type")) or ("hmrc_manual_section" if "section_id" in item else "govuk"),
        language=_string(item.get("locale")).partition("-")[0] or None,
        metadata=_metadata(item),
    )


class _Slugs:
    """Makes anchors as kramdown does for headings without an id: repeated ones are numbered, ids of elements are not reused."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._element_ids: set[str] = set()

    def reserve_ids(self, html: str) -> None:
        """Reserve the ids of the elements in this HTML."""
        self._element_ids.update(_ID.findall(html))

    def __call__(self, title: str) -> str:
        """The anchor of a heading; empty if it is the id of an element."""
        words = re.sub(r"[^a-zA-Z0-9 -]", "", re.sub(r"^[^a-zA-Z]+", "", title))
        slug = words.replace(" ", "-").lower() or "section"
        self._counts[slug] += 1
        name = slug if self._counts[slug] == 1 else f"{slug}-{self._counts[slug] - 1}"
        return "" if name in self._element_ids else name


class _Writer:
    def __init__(self, builder: TextBuilder) -> None:
        self._builder = builder
        self._slugs = _Slugs()

    def page(self, details: Record) -> None:
        parts = details.get("parts")
        if parts:
            # The body repeats the parts.
            details = {key: value for key, value in details.items() if key != "body"}
        keys = sorted(details, key=lambda key: _FIRST.index(key) if key in _FIRST else len(_FIRST))
        for key in keys:
            if key == "parts" and isinstance(parts, list):
                self._parts(parts)
            elif key not in _ABOUT | _OTHER_PAGES:
                self._content(key, details[key], 0)

    def _parts(self, parts: list[Any]) -> None:
        for number, part in enumerate(part for part in parts if isinstance(part, dict)):
            slug = _string(part.get("slug"))
            path = f"/{slug}" if number and slug else ""
            self._builder.heading(_string(part.get("title")), 2, path or None)
            self._slugs = _Slugs()
            if html := _html(part.get("body")):
                self._slugs.reserve_ids(html)
                append_html(html, self._builder, self._slugs, shift=1, anchor_prefix=f"{path}#" if path else "")

    def _content(self, key: str, value: Any, depth: int) -> None:
        if depth > _MAX_DEPTH or key in _ABOUT:
            return
        html = _html(value)
        if html and (_HTML.search(html) or key == "body"):
            self._slugs.reserve_ids(html)
            append_html(html, self._builder, self._slugs)
        elif isinstance(value, str) and key in _TEXT_FIELDS:
            self._builder.block(value)
        elif isinstance(value, list):
            for inner in value:
                self._content(key, inner, depth + 1)
        elif isinstance(value, dict):
            self._object(value, depth)

    def _object(self, value: Record, depth: int) -> None:
        """Write a group, a step or a question; its title is a heading if it has content."""
        title = _string(value.get("title"))
        has_content = any(key in value for key in ("body", "contents", "steps", "description", "content", "sub_sections"))
        if title and has_content:
            self._builder.heading(title, 2, self._slugs(title) or None)
        for key, inner in value.items():
            self._content(key, inner, depth + 1)


def _html(value: Any) -> str:
    """The HTML of a field: HTML, Govspeak or Markdown, or a list of the same content in several types."""
    if isinstance(value, str):
        return value if _HTML.search(value) or not _MARKDOWN.search(value) else to_html(value)
    if not isinstance(value, list):
        return ""
    by_type = {
        _string(each.get("content_type")): each.get("content")
        for each in value
        if isinstance(each, dict) and isinstance(each.get("content"), str)
    }
    if "text/html" in by_type:
        return str(by_type["text/html"])
    return to_html(str(by_type["text/govspeak"])) if "text/govspeak" in by_type else ""


def _string(value: Any) -> str:
    return sanitise(value).strip() if isinstance(value, str) else ""


def _plain(value: Any) -> str:
    html = _html(value)
    if not _HTML.search(html):
        return _string(value) or html
    builder = TextBuilder()
    append_html(html, builder)
    return builder.text


def _metadata(item: Record) -> dict[str, MetadataValue]:
    metadata: dict[str, MetadataValue] = {}
    notice = item.get("withdrawn_notice")
    if item.get("withdrawn") is True or (isinstance(notice, dict) and notice):
        metadata["withdrawn"] = True
    if isinstance(notice, dict) and (at := iso_date(_string(notice.get("withdrawn_at")))):
        metadata["withdrawn_at"] = at
    if isinstance(notice, dict) and (explanation := _plain(notice.get("explanation"))):
        metadata["withdrawn_explanation"] = explanation
    if section := _string(item.get("section_id")):
        metadata["section_id"] = section
    links = item.get("links")
    organisations = links.get("organisations") if isinstance(links, dict) else None
    if isinstance(organisations, list):
        titles = [_string(each.get("title")) for each in organisations if isinstance(each, dict)]
        metadata["organisations"] = [title for title in titles if title]
    return metadata
