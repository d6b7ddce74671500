"""Models of JSON bodies and query strings. `reading.py` parses requests into them."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    model_validator,
)
from pydantic.dataclasses import dataclass

from index.access.audience import COLLECTION, GROUP
from index.filters import Combination, Comparison, Filter, of_collection
from qa.answering.question.turn import Turn
from qa.answering.question.validity import MAX_CHARACTERS, check_text, clean_question, read_moment
from qa.settings.settings import Read

MAX_LIMIT = 100
DEFAULT_LIMIT = 5
MAX_FILTER_DEPTH = 5
MAX_FILTERS = 50  # in one combination
MAX_FILTERS_IN_TOTAL = 500
MAX_FILTER_VALUES = 1_000
MAX_FACETS = 10
MAX_TURNS = 2_000  # clients need not shorten a conversation; only its last turns are used
MAX_TURN = 100_000  # characters of a turn


def _question(value: Any) -> Any:
    # Before pydantic's own type check, which fails on lone surrogates.
    return clean_question(value) if isinstance(value, str) else value


def _text(value: Any) -> Any:
    if isinstance(value, str):
        check_text(value)
    return value


def _check_nesting(value: Any) -> Any:
    """Refuse a filter that is nested too deeply, before recursive code sees it."""
    level, parts = [value], 1
    for _ in range(MAX_FILTER_DEPTH):
        level = [
            part for one in level if isinstance(one, dict) and isinstance(one.get("filters"), list) for part in one["filters"]
        ]
        parts += len(level)
    if parts > MAX_FILTERS_IN_TOTAL:
        raise ValueError(f"must have at most {MAX_FILTERS_IN_TOTAL} parts in total")
    if level:
        raise ValueError(f"must be nested at most {MAX_FILTER_DEPTH} deep")
    return value


def number_in_query_string(value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) <= 9):
        raise ValueError("must be a whole number")
    return int(value)


def _flag_in_query_string(value: Any) -> Any:
    if value not in ("true", "false", False, True):
        raise ValueError("must be true or false")
    return value in ("true", True)


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


Text = Annotated[str, BeforeValidator(_text)]
Flag = Annotated[bool, BeforeValidator(_flag_in_query_string)]
Scalar = Annotated[Text | int | float | bool, Field(union_mode="smart")]
Collection = Annotated[str, Field(pattern=f"^{COLLECTION}$")]
Group = Annotated[str, Field(pattern=f"^{GROUP}$")]
PassageName = Annotated[str, Field(pattern=r"^p\d{1,18}$")]
Key = Annotated[Text, Field(min_length=1, max_length=200)]


Moment = Annotated[
    str,
    Field(
        pattern=r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}.*)?$",
        description="A time, or a date for its end; in UTC unless it says else.",
    ),
    AfterValidator(read_moment),
]


# The rules of `clean_question` that JSON Schema can express.
QUESTION_SCHEMA: dict[str, Any] = {"minLength": 1, "maxLength": MAX_CHARACTERS, "pattern": r"\S"}
Question = Annotated[str, BeforeValidator(_question), Field(json_schema_extra=QUESTION_SCHEMA)]


class ComparisonFilter(Strict):
    """`{"type": "eq", "key": "language", "value": "en"}`; `in` and `nin` take a list of values."""

    type: Literal["eq", "ne", "gt", "gte", "lt", "lte", "in", "nin"]
    key: Key
    value: Scalar | Annotated[list[Scalar], Field(max_length=MAX_FILTER_VALUES)]

    @model_validator(mode="after")
    def _value_fits(self) -> Self:
        if isinstance(self.value, list) != (self.type in ("in", "nin")):
            raise ValueError(
                f"the filter {self.type!r} takes {'a list of values' if self.type in ('in', 'nin') else 'one value'}"
            )
        return self

    def filter(self) -> Filter:
        return Comparison(self.type, self.key, tuple(self.value) if isinstance(self.value, list) else self.value)


class CombinationFilter(Strict):
    """`{"type": "and", "filters": [...]}`."""

    type: Literal["and", "or"]
    filters: Annotated[list[AnyFilter], Field(max_length=MAX_FILTERS)]

    def filter(self) -> Filter:
        return Combination(self.type, tuple(part.filter() for part in self.filters))


def _kind_of_filter(value: Any) -> str:
    kind = value.get("type") if isinstance(value, dict) else getattr(value, "type", None)
    return "combination" if kind in ("and", "or") else "comparison"


AnyFilter = Annotated[
    Annotated[ComparisonFilter, Tag("comparison")] | Annotated[CombinationFilter, Tag("combination")],
    Discriminator(_kind_of_filter),
]
OptionalFilter = Annotated[AnyFilter | None, BeforeValidator(_check_nesting)]


@dataclass(frozen=True, slots=True, config=ConfigDict(extra="forbid"))
class HistoryTurn(Turn):
    """A turn of limited size: `{"role": "user", "content": "How do I renew a passport?"}`."""

    content: Annotated[Text, Field(max_length=MAX_TURN)]


class SearchRequest(Strict):
    """`POST /v1/search`. `facets`: keys whose values are counted over the documents that match the filter.

    `collection`: only its documents are searched. `history`: the turns before the question, oldest first; the last 40 are used.
    `read`: when the reading model reads, by default as the service is set. `spelling`: correct it. `explain`: add an explanation of its
    rank to each result, and the units considered. `typing`: the question is incomplete, so it is not recorded. `as_of`: answer from the
    texts that were valid then.
    """

    query: Question
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT
    filter: OptionalFilter = None
    collection: Collection | None = None
    facets: Annotated[list[Key], Field(max_length=MAX_FACETS)] = []
    history: Annotated[list[HistoryTurn], Field(max_length=MAX_TURNS)] = []
    read: Read | None = None
    spelling: bool = True
    explain: bool = False
    typing: bool = False
    as_of: Moment | None = None

    def allowed(self) -> Filter | None:
        """None if all documents are searched."""
        return of_collection(self.collection, self.filter.filter() if self.filter else None)


class QuestionParameters(Strict):
    """A question in an address."""

    q: Question
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT), BeforeValidator(number_in_query_string)] = DEFAULT_LIMIT
    spelling: Flag = True


class SearchParameters(QuestionParameters):
    """`GET /v1/search`."""

    read: Read | None = None
    collection: Collection | None = None
    as_of: Moment | None = None


class Narrowing(Strict):
    """Filters in the address of the search page."""

    collection: Collection | None = None
    source: Text | None = None
    type: Text | None = None
    year: Annotated[str | None, Field(pattern=r"^\d{4}$")] = None

    def chosen(self) -> dict[str, str]:
        values = {"collection": self.collection, "source": self.source, "type": self.type, "year": self.year}
        return {key: value for key, value in values.items() if value}

    def filter(self) -> Filter | None:
        """None if all documents match."""
        parts: list[Filter] = [Comparison("eq", key, value) for key, value in self.chosen().items() if key != "year"]
        if self.year:
            parts += [Comparison("gte", "date", self.year), Comparison("lt", "date", str(int(self.year) + 1))]
        return Combination("and", tuple(parts)) if parts else None


class SearchPageParameters(QuestionParameters, Narrowing):
    """`GET /` and `GET /embed` with a question. `explain`: also show the units considered."""

    explain: Flag = False


class FeedbackRequest(Strict):
    """`POST /v1/feedback`: whether the results helped. `results`: ids of the passages shown."""

    query: Question
    helped: bool
    generation: Annotated[int, Field(ge=0, le=2**53)]
    results: Annotated[list[PassageName], Field(max_length=MAX_LIMIT)]


class VerifyRequest(Strict):
    """`POST /v1/verify`: a quote and its place in a document."""

    quote: Annotated[Text, Field(min_length=1, max_length=100_000)]
    document_id: Text
    version: Text | None = None
    start: Annotated[int, Field(ge=0, le=2**53)]
    end: Annotated[int, Field(ge=0, le=2**53)]
