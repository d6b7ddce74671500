"""The TOML of an editor -> its rules, or what is wrong with it and in which line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from corpus.types import QuotableError
from index.access.audience import check_collection
from index.text.analysis import stems, terms, words
from qa.curation.rules import Curation, Place, Rule, Synonyms

MAX_BYTES = 1_000_000
MAX_RULES = 1_000
MAX_PHRASES = 50  # of one rule
MAX_CHARACTERS = 500  # of a phrase
MAX_PINS, MAX_HIDDEN = 5, 50  # of one rule
MAX_STOP_ANSWER = 1_000  # characters
MAX_SYNONYMS = 10  # of one table
_MESSAGES = {
    "extra_forbidden": "there is no such key",
    "missing": "is missing",
    "string_type": "must be a text in quotation marks",
    "tuple_type": "must be a list in square brackets",
    "list_type": "must be a list in square brackets",
    "model_type": "must be a table",
    "model_attributes_type": "must be a table",
}
_TOML_PLACE = re.compile(r" \(at line (\d+), column \d+\)$")


class CurationError(QuotableError):
    """The file of an editor cannot be used."""


def _phrase(value: str) -> str:
    if not words(value):
        raise ValueError(f"{value!r} has no words of two letters or more")
    return value


def _place(value: Any) -> Any:
    return {"document": value} if isinstance(value, str) else value


def _synonym(value: str) -> str:
    if not terms(value):
        raise ValueError(f"{value!r} has no words that are searched: it consists of words such as “the” and “it”")
    return value


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _Place(_Table):
    document: Annotated[str, Field(min_length=1, max_length=2_000)]
    text: Annotated[str, Field(max_length=MAX_CHARACTERS)] = ""


Phrase = Annotated[str, Field(max_length=MAX_CHARACTERS), AfterValidator(_phrase)]
Phrases = Annotated[list[Phrase], Field(max_length=MAX_PHRASES)]
Name = Annotated[str, AfterValidator(check_collection)]
PlaceOrId = Annotated[_Place, BeforeValidator(_place)]


class _Rule(_Table):
    questions: Phrases = []
    words: Phrases = []
    collection: Name | None = None
    pin: Annotated[list[PlaceOrId], Field(max_length=MAX_PINS)] = []
    hide: Annotated[list[PlaceOrId], Field(max_length=MAX_HIDDEN)] = []
    stop_answer: Annotated[str, Field(min_length=1, max_length=MAX_STOP_ANSWER)] | None = None

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        if not (self.pin or self.hide or self.stop_answer):
            raise ValueError("the rule does nothing: give it pin, hide or stop_answer")
        if (self.pin or self.hide) and not (self.questions or self.words):
            raise ValueError(
                "give questions or words: a rule without them is for every question, and may only have a stop_answer"
            )
        return self


SynonymList = Annotated[list[Annotated[Phrase, AfterValidator(_synonym)]], Field(min_length=1, max_length=MAX_SYNONYMS)]


class _Synonyms(_Table):
    """Either `words`, each of which finds the others, or `from` and `to`."""

    words: SynonymList | None = None
    from_: Annotated[SynonymList | None, Field(alias="from")] = None
    to: SynonymList | None = None
    collection: Name | None = None

    @model_validator(mode="after")
    def _goes_somewhere(self) -> Self:
        two_way, one_way = self.words is not None, self.from_ is not None and self.to is not None
        if two_way == one_way or (two_way and (self.from_ or self.to)):
            raise ValueError("give either words, each of which finds the others, or from and to")
        if self.words and len(self.words) < 2:
            raise ValueError("give two words or more, each of which finds the others")
        return self

    def pairs(self) -> list[Synonyms]:
        if self.words:
            return [
                Synonyms(each, tuple(other for other in self.words if other != each), self.collection) for each in self.words
            ]
        return [Synonyms(each, tuple(self.to or ()), self.collection) for each in self.from_ or ()]


class _Recency(_Table):
    types: Annotated[list[Annotated[str, Field(min_length=1, max_length=MAX_CHARACTERS)]], Field(max_length=MAX_PHRASES)]


class _File(_Table):
    rule: Annotated[list[_Rule], Field(max_length=MAX_RULES)] = []
    synonyms: Annotated[list[_Synonyms], Field(max_length=MAX_RULES)] = []
    recency: _Recency | None = None


def read_curation(content: bytes, name: str) -> Curation:
    """`name`: of the file, for messages. Raises CurationError, which names every line with a mistake."""
    if len(content) > MAX_BYTES:
        raise CurationError(f"{name} has more than {MAX_BYTES:,} bytes")
    try:
        text = content.decode("utf-8-sig")
        found = tomllib.loads(text)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise CurationError(f"{name}, line {line}: not UTF-8; save the file as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        place = _TOML_PLACE.search(str(error))
        line = int(place[1]) if place else len(text.splitlines())  # "at end of document"
        raise CurationError(f"{name}, line {line}: not valid TOML: {str(error).partition(' (at ')[0]}") from error
    lines = _Lines(text, found)
    try:
        file = _File.model_validate(found)
    except ValidationError as error:
        mistakes = [f"{name}{lines.at(each['loc'])}: {_reason(each)}" for each in error.errors()]
        raise CurationError("\n".join(dict.fromkeys(mistakes))) from error
    return Curation(
        tuple(_rule(rule, lines.of("rule", number)) for number, rule in enumerate(file.rule)),
        tuple(pair for each in file.synonyms for pair in each.pairs()),
        frozenset(file.recency.types if file.recency else ()),
    )


def _rule(rule: _Rule, line: int | None) -> Rule:
    return Rule(
        questions=frozenset(tuple(words(question)) for question in rule.questions),
        words=frozenset(stems([word for phrase in rule.words for word in words(phrase)])),
        collection=rule.collection,
        pin=tuple(Place(place.document, place.text, rule.collection) for place in rule.pin),
        hide=tuple(Place(place.document, place.text, rule.collection) for place in rule.hide),
        stop_answer=rule.stop_answer,
        line=line,
    )


def _reason(error: Mapping[str, Any]) -> str:
    if error["type"] == "value_error":
        reason = str(error["ctx"]["error"])
    else:
        reason = _MESSAGES.get(error["type"], str(error["msg"]).replace("Input should", "must").replace("List should", "must"))
    keys = [part for part in error["loc"] if isinstance(part, str)]
    name = ".".join(keys[1:] or keys)
    if error["type"] == "extra_forbidden":
        return f"{name}: {reason}; the keys are in docs/curation.md"
    return f"{name} {reason}" if keys[1:] else reason


class _Lines:
    """Where the tables and keys of a file stand, as far as that can be told from the beginnings of its lines."""

    def __init__(self, text: str, found: Mapping[str, Any]) -> None:
        self._lines = text.splitlines()
        self._headers: dict[str, Sequence[int]] = {}
        for name, tables in found.items():
            headers = [
                number for number, line in enumerate(self._lines, 1) if re.match(rf"\s*\[\[\s*{re.escape(name)}\s*\]\]", line)
            ]
            if isinstance(tables, list) and len(headers) == len(tables):  # else some of them are inside texts
                self._headers[name] = headers

    def of(self, name: str, number: int) -> int | None:
        """The line of the header of a table."""
        headers = self._headers.get(name, ())
        return headers[number] if number < len(headers) else None

    def at(self, place: Sequence[str | int]) -> str:
        """ ", line 12" for a place as pydantic gives it; "" if it is not known."""
        name, *inner = place
        if inner and isinstance(number := inner[0], int):
            header, unknown = self.of(str(name), number), f", {name} {number + 1}"
            inner = inner[1:]
        else:
            header, unknown = self._key(str(name), 0), ""
        if header is None:
            return unknown
        return f", line {(self._key(str(inner[0]), header) if inner else None) or header}"

    def _key(self, key: str, after: int) -> int | None:
        """The line of a key behind line `after`, before the next table if `after` is the header of one."""
        for number, line in enumerate(self._lines[after:], after + 1):
            if after and re.match(r"\s*\[", line):
                return None
            if re.match(rf"\s*\[*\s*[\"']?{re.escape(key)}\b", line):
                return number
        return None
