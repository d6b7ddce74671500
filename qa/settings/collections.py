"""What a collection has of its own: title, language, example questions, threshold and colours."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from index.access.audience import check_collection
from qa.settings import checks

# Names, #rgb and #rrggbb, and the functions of CSS that need no quotes: nothing that could end a declaration or load something.
_COLOUR = re.compile(r"[a-z]{3,30}|#[0-9a-f]{3,8}|(?:rgb|hsl|oklch|light-dark)\([a-z0-9#.,%/ ()-]{1,80}\)", re.IGNORECASE)


def _colour(value: str) -> str:
    if not _COLOUR.fullmatch(value) or "url" in value.lower():
        raise ValueError(f"{value!r} is not a colour such as #1b4f93, navy or light-dark(#1b4f93, #8fbcf7)")
    return value


def _from_json(value: Any) -> Any:
    """In the environment the setting is JSON."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError as error:
        raise ValueError('is not JSON such as {"press": {"title": "Press releases"}}') from error


Line = Annotated[str, AfterValidator(checks.line)]
Colour = Annotated[str, AfterValidator(_colour)]


class CollectionSettings(BaseModel):
    """What is not set is as for the whole service."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: Line | None = None
    language: Annotated[str, AfterValidator(checks.language)] | None = None
    example_questions: tuple[Line, ...] | None = None
    answer_threshold: Annotated[float, Field(ge=0, le=1)] | None = None
    color: Colour | None = None
    background: Colour | None = None
    text_color: Colour | None = None


CollectionName = Annotated[str, AfterValidator(check_collection)]
Collections = Annotated[
    Mapping[CollectionName, CollectionSettings],
    BeforeValidator(_from_json),
    Field(
        description="What a collection has of its own; as [collections.NAME] in a file, as JSON in the environment.",
        examples=[{"press": {"title": "Press releases", "answer_threshold": 0.1}}],
    ),
]
