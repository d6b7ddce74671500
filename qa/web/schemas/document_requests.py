"""Models of requests about documents and jobs."""

from __future__ import annotations

import base64
import json
from typing import Annotated, Any, Literal, cast, get_args

from pydantic import BeforeValidator, Field, field_validator

from corpus.readers.dates import iso_date
from index.access.audience import MAX_GROUPS
from index.filters import of_collection
from index.listing import DocumentQuery, DocumentState, SortKey
from index.types import DEFAULT_COLLECTION
from qa.ingest.writer import check_document_id
from qa.web.schemas.requests import Collection, Group, Key, Scalar, Strict, Text, number_in_query_string

MAX_TEXT = 10_000_000  # characters of a document sent as JSON
MAX_NUMBER = 2**53
DATE_PART = r"^\d{4}(-\d{2}(-\d{2})?)?$"
SORT = rf"^-?({'|'.join(get_args(SortKey))})$"


PLACEMENT = {"collection", "access"}
Groups = Annotated[list[Group], Field(min_length=1, max_length=MAX_GROUPS)]


def _document_id(value: Any) -> Any:
    if isinstance(value, str):
        check_document_id(value)
    return value


def _date(value: Any) -> Any:
    """In ISO 8601, so that dates compare as text."""
    if not isinstance(value, str):
        return value
    date = iso_date(value)
    if date is None:
        raise ValueError("must be a date such as 2025-07-21")
    return date


class Placement(Strict):
    """Where a document belongs and who may read it; what is not given stays as it was. The groups of null are everyone."""

    collection: Collection = DEFAULT_COLLECTION
    access: Groups | None = None

    def edits(self) -> dict[str, Any]:
        """What is given, as in `Engine.put`."""
        return self.model_dump(include=PLACEMENT & self.model_fields_set)


class DocumentRequest(Placement):
    """`POST /v1/documents` as JSON."""

    title: Annotated[Text, Field(min_length=1, max_length=1_000)]
    text: Annotated[Text, Field(min_length=1, max_length=MAX_TEXT)]
    id: Annotated[str | None, BeforeValidator(_document_id)] = None
    url: Annotated[Text | None, Field(max_length=2_000)] = None
    date: Annotated[str | None, BeforeValidator(_date)] = None
    metadata: Annotated[dict[Key, Scalar | list[Text]], Field(max_length=100, default_factory=dict)]

    @field_validator("title", "text")
    @classmethod
    def _not_blank(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("must not be blank")
        return value


class AddressRequest(Placement):
    """`POST /v1/documents` for a document to fetch."""

    url: Annotated[Text, Field(min_length=1, max_length=2_000)]
    id: Annotated[str | None, BeforeValidator(_document_id)] = None


class AddParameters(Strict):
    """`POST /v1/documents`. `if_exists`: what to do with a stored document of the same name, id or address."""

    if_exists: Literal["replace", "keep", "fail"] = "replace"


class EditRequest(Placement):
    """`PATCH /v1/documents/{id}`: what is given is changed. A date of null removes it, a null in `metadata` its key."""

    title: Annotated[Text, Field(min_length=1, max_length=1_000, pattern=r"\S")] = ""
    date: Annotated[str | None, BeforeValidator(_date)] = None
    metadata: Annotated[dict[Key, Scalar | list[Text] | None], Field(max_length=100, default_factory=dict)]

    def changes(self) -> dict[str, Any]:
        return self.model_dump(include=self.model_fields_set)


class PageParameters(Strict):
    """`GET /v1/documents`. `title`: words in the title or file name. `sort`: a field, with "-" for descending order."""

    title: Annotated[Text, Field(max_length=1_000)] = ""
    type: Text | None = None
    collection: Collection | None = None
    date_from: Annotated[str | None, Field(pattern=DATE_PART)] = None
    date_to: Annotated[str | None, Field(pattern=DATE_PART)] = None
    state: DocumentState | None = None
    sort: Annotated[str, Field(pattern=SORT)] = "id"
    limit: Annotated[int, Field(ge=1, le=1_000), BeforeValidator(number_in_query_string)] = 100
    after: Text | None = None

    def query(self) -> DocumentQuery:
        """Raises ValueError for an `after` that no page of this order gave."""
        key = self.sort.removeprefix("-")
        return DocumentQuery(
            title=self.title,
            type=self.type,
            allowed=of_collection(self.collection),
            date_from=self.date_from,
            date_to=self.date_to,
            state=self.state,
            sort=cast(SortKey, key),
            descending=self.sort.startswith("-"),
            after=read_cursor(self.after, self.sort) if self.after else None,
            limit=self.limit,
        )


def cursor(place: tuple[str, int], sort: str) -> str:
    """The value of `after` for a place in a list: a document's id in the order of ids, else opaque."""
    if sort.removeprefix("-") == "id":
        return place[0]
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode()


def read_cursor(value: str, sort: str) -> tuple[str, int]:
    """Raises ValueError."""
    if sort.removeprefix("-") == "id":
        return value, 0 if sort.startswith("-") else MAX_NUMBER  # ids are unique
    try:
        text, number = json.loads(base64.urlsafe_b64decode(value.encode("ascii")))
    except (ValueError, TypeError) as error:
        raise ValueError("must be the `next` of a page in the same order") from error
    if not isinstance(text, str) or not isinstance(number, int) or not 0 <= number <= MAX_NUMBER:
        raise ValueError("must be the `next` of a page in the same order")
    return text, number


class JobParameters(Strict):
    """`GET /v1/jobs`. `before`: only jobs with lower ids."""

    status: Literal["queued", "running", "done", "failed", "cancelled"] | None = None
    limit: Annotated[int, Field(ge=1, le=1_000), BeforeValidator(number_in_query_string)] = 100
    before: Annotated[int, BeforeValidator(number_in_query_string)] | None = None
