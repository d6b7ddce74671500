"""Generates values from choices, which atheris or Hypothesis makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeVar

from corpus.types import Document, Heading

T = TypeVar("T")

WORDS = (
    *"the fee is £1,250.00 Dr. Smith e.g. U.K. No. 10 It works! Why? 这是一句。 यह है। a - | :".split(),
    *("\n", "\n\n", ":\n\n", " ", "\t", "\u00a0", "\u2028", "\x85", "e\u0301", "🇬🇧", "supercalifragilistic" * 12, "x" * 300),
)
SCALARS = ("", "a", "2024", "2024-06-15", "en", 0, 1, -3, 2.5, 10**30, -(10**30), 2**63, True, False, None, 1e308)


class Choices(Protocol):
    """The source of choices: atheris or Hypothesis."""

    def integer(self, low: int, high: int) -> int:
        """An integer, both ends included."""
        ...

    def text(self, most: int) -> str:
        """Any code points, including lone surrogates and NUL."""
        ...


def one_of(choices: Choices, values: Sequence[T]) -> T:
    return values[choices.integer(0, len(values) - 1)]


def chance(choices: Choices, of: int) -> bool:
    """True once in `of` times."""
    return choices.integer(1, of) == 1


def prose(choices: Choices, most: int = 20) -> str:
    """Words, sentences and line ends without surrogates, sometimes any text."""
    if chance(choices, 6):
        return clean(choices.text(60))
    return " ".join(one_of(choices, WORDS) for _ in range(choices.integer(0, most)))


def clean(text: str) -> str:
    """The text without characters that a document cannot contain."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\ufffd").replace("\r", "\n")


def document(choices: Choices) -> Document:
    """Any text with any headings and pages."""
    text, headings = prose(choices), []
    for _ in range(choices.integer(0, 4)):
        title = " ".join(prose(choices, 5).split())
        text += one_of(choices, ("", "\n", "\n\n"))
        anchor = one_of(choices, (None, "anchor"))
        headings.append(Heading(len(text), len(text) + len(title), choices.integer(1, 6), title, anchor))
        text += title + one_of(choices, ("", "\n", "\n\n")) + prose(choices)
    pages = sorted({choices.integer(0, len(text)) for _ in range(choices.integer(0, 3))} | {0}) if chance(choices, 2) else []
    return Document(text=text, title=" ".join(prose(choices, 5).split()), headings=tuple(headings), pages=tuple(pages))


def json_value(choices: Choices, depth: int = 3) -> Any:
    """Any shallow JSON value."""
    kind = choices.integer(0, 5 if depth else 2)
    if kind < 2:
        return one_of(choices, SCALARS)
    if kind == 2:
        return choices.text(20)
    if kind == 3:
        return [json_value(choices, depth - 1) for _ in range(choices.integer(0, 3))]
    return {choices.text(6): json_value(choices, depth - 1) for _ in range(choices.integer(0, 3))}


def json_like(choices: Choices, schema: Mapping[str, Any], definitions: Mapping[str, Any], depth: int = 6) -> Any:
    """A value that nearly matches a JSON Schema: parts are sometimes removed, added or replaced."""
    if depth == 0 or chance(choices, 15):
        return json_value(choices)
    if "$ref" in schema:
        return json_like(choices, definitions[schema["$ref"].rpartition("/")[2]], definitions, depth)
    for word in ("anyOf", "oneOf"):
        if word in schema:
            return json_like(choices, one_of(choices, schema[word]), definitions, depth - 1)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return one_of(choices, schema["enum"])
    match schema.get("type"):
        case "object":
            return _object_like(choices, schema, definitions, depth)
        case "array":
            items = schema.get("items", {})
            return [json_like(choices, items, definitions, depth - 1) for _ in range(choices.integer(0, 3))]
        case "string":
            return (
                one_of(choices, ("user", "who signed?", "p12", "2025-07-21", "default", "id"))
                if chance(choices, 2)
                else choices.text(30)
            )
        case "integer":
            return choices.integer(-2, 120) if chance(choices, 2) else choices.integer(-(2**70), 2**70)
        case "number":
            return choices.integer(-10, 10) / 8
        case "boolean":
            return chance(choices, 2)
        case "null":
            return None
    return json_value(choices)


def _object_like(choices: Choices, schema: Mapping[str, Any], definitions: Mapping[str, Any], depth: int) -> dict[str, Any]:
    required = schema.get("required", ())
    made = {}
    for name, part in schema.get("properties", {}).items():
        if chance(choices, 20 if name in required else 3) != (name in required):
            made[name] = json_like(choices, part, definitions, depth - 1)
    more = schema.get("additionalProperties")
    if isinstance(more, dict):
        made |= {choices.text(8): json_like(choices, more, definitions, depth - 1) for _ in range(choices.integer(0, 2))}
    if chance(choices, 20):
        made[choices.text(8)] = json_value(choices)
    return made


def filter_value(choices: Choices, keys: Sequence[str], values: Sequence[Any], depth: int = 4) -> dict[str, Any]:
    """A valid filter over these keys and values."""
    if depth and chance(choices, 3):
        parts = [filter_value(choices, keys, values, depth - 1) for _ in range(choices.integer(0, 3))]
        return {"type": one_of(choices, ("and", "or")), "filters": parts}
    kind = one_of(choices, ("eq", "ne", "gt", "gte", "lt", "lte", "in", "nin"))
    some = [_filtered_by(choices, values) for _ in range(choices.integer(0, 3))] if kind in ("in", "nin") else None
    return {"type": kind, "key": one_of(choices, keys), "value": _filtered_by(choices, values) if some is None else some}


def _filtered_by(choices: Choices, values: Sequence[Any]) -> Any:
    match choices.integer(0, 5):
        case 0:
            return clean(choices.text(6))
        case 1:
            return choices.integer(-(2**66), 2**66)
    return one_of(choices, values)
