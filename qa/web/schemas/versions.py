"""JSON of the versions of a document: each type with the function that fills it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from corpus.types import Document
from index.types import DocumentVersion
from qa.web.schemas.documents import Version


class ListedVersion(TypedDict):
    """A text that the document has or had. `title`, `date`: as they were with this text."""

    version: Version
    title: str
    date: str | None
    since: Annotated[str | None, Field(description="When it was stored; null if unknown.")]
    until: Annotated[str | None, Field(description="When it was replaced; null for the present text.")]
    by: Annotated[str | None, Field(description="Who stored it; null if unknown, and for callers without the role write.")]


class VersionList(TypedDict):
    data: Annotated[list[ListedVersion], Field(description="The newest first.")]


class VersionText(ListedVersion):
    text: str


def listed_version_json(version: DocumentVersion, *, name_authors: bool) -> ListedVersion:
    return {
        "version": version.stored.version,
        "title": version.stored.title,
        "date": version.stored.date,
        "since": version.since or None,
        "until": version.until,
        "by": version.by if name_authors else None,
    }


def version_list_json(versions: Sequence[DocumentVersion], *, name_authors: bool) -> VersionList:
    return {"data": [listed_version_json(version, name_authors=name_authors) for version in versions]}


def version_text_json(version: DocumentVersion, content: Document, *, name_authors: bool) -> VersionText:
    return {**listed_version_json(version, name_authors=name_authors), "text": content.text}
