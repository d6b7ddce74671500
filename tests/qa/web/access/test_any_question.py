"""Whatever is asked, a bound key gets what a service that holds only its documents would answer: nobody can infer that there are others."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st

from qa.web.application import create_app
from tests.qa.web.access.private_documents import (
    CALLERS,
    CANARIES,
    EARLIER,
    OF_COLLECTION,
    PLACES,
    SOURCE,
    Site,
    open_site,
    rules,
    service_with,
)

WORDS = "the ferry costs seven pounds harbour is shallow tides of guide fares pier closed who says what and where".split()
HIDDEN = (*CANARIES, *EARLIER, *OF_COLLECTION.values(), SOURCE)
BOUND = [name for name, caller in CALLERS.items() if caller.audience]
# What differs between two services with the same documents.
OWN = {"id", "passage_id", "generation", "took_ms", "created", "explanation_id", "as_of"}


@dataclass(frozen=True)
class Pair:
    """A service with all documents, and for each caller one with the texts alone that the caller may read. Both have the same rules.

    `then`: for each caller, when its service held the earlier texts. `logged`: what both log.
    """

    site: Site
    alone: Mapping[str, FlaskClient]
    then: Mapping[str, str]
    logged: Logged


class Logged(logging.Handler):
    """The lines that were logged."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.getMessage()} {record.__dict__}")


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with ExitStack() as stack:
        alone: dict[str, tuple[FlaskClient, str]] = {}
        known: dict[tuple[tuple[int, bool], ...], tuple[FlaskClient, str]] = {}
        for name in BOUND:
            texts = CALLERS[name].texts
            if (key := tuple(texts.items())) not in known:
                opened = stack.enter_context(service_with(tmp_path_factory.mktemp("alone"), texts, rules()))
                service, configured, then = opened
                known[key] = create_app(lambda service=service: service, configured).test_client(), then
            alone[name] = known[key]
        site = stack.enter_context(open_site(tmp_path_factory.mktemp("data"), rules()))
        logged, root = Logged(), logging.getLogger()
        level = root.level
        root.setLevel(logging.DEBUG)
        root.addHandler(logged)
        yield Pair(
            site, {name: each[0] for name, each in alone.items()}, {name: each[1] for name, each in alone.items()}, logged
        )
        root.removeHandler(logged)
        root.setLevel(level)


def misspelt(word: str, place: int, letter: str, kind: str) -> str:
    place %= len(word) - 1
    head, tail = word[:place], word[place:]
    return {
        "right": word,
        "missing": head + tail[1:],
        "added": head + letter + tail,
        "other": head + letter + tail[1:],
        "swapped": head + tail[1] + tail[0] + tail[2:],
        "beginning": word[: place + 2],
        "plural": f"{word}s",
        "capital": word.title(),
    }[kind]


canaries = st.builds(
    misspelt,
    st.sampled_from(HIDDEN),
    st.integers(0, 20),
    st.sampled_from("aeioklmnst"),
    st.sampled_from(["right", "missing", "added", "other", "swapped", "beginning", "plural", "capital"]),
)
questions = st.lists(st.sampled_from(WORDS) | canaries, min_size=1, max_size=8).map(" ".join)
requests = st.fixed_dictionaries(
    {"query": questions},
    optional={
        "collection": st.sampled_from(["press", "hr", "none"]),
        "as_of": st.sampled_from(["then", "2020-01-01", "2200-01-01"]),
        "history": questions.map(lambda asked: [{"role": "user", "content": asked}]),
        "filter": st.sampled_from(sorted({each.collection for each in PLACES})).map(
            lambda name: {"type": "ne", "key": "collection", "value": name}
        ),
    },
)


@given(st.sampled_from(BOUND), requests)
@settings(max_examples=200)
def test_a_bound_key_cannot_tell_what_else_there_is(pair: Pair, caller: str, request: dict[str, Any]) -> None:
    check(pair, caller, request)


@pytest.mark.long
@given(st.sampled_from(BOUND), requests)
@settings(max_examples=10_000)
def test_a_bound_key_can_never_tell_what_else_there_is(pair: Pair, caller: str, request: dict[str, Any]) -> None:
    check(pair, caller, request)


def check(pair: Pair, caller: str, request: dict[str, Any]) -> None:
    search = {**request, "explain": True, "limit": 100, "facets": ["id", "keeper"]}
    turns = [*request.get("history", []), {"role": "user", "content": request["query"]}]
    chat = {"messages": turns, "model": f"quotable/{request['collection']}" if "collection" in request else "quotable"}
    asked = str(request).lower()
    pair.logged.lines.clear()
    for path, body in (("/v1/search", search), ("/v1/chat/completions", chat)):
        ours = pair.site.client(caller).post(path, json=_at(body, pair.site.then))
        logged = " ".join(pair.logged.lines).lower()
        expected = pair.alone[caller].post(path, json=_at(body, pair.then[caller]))
        assert (ours.status_code, essence(ours.json)) == (expected.status_code, essence(expected.json))
        for canary in CALLERS[caller].unspeakable:
            assert canary not in ours.text.lower() or canary in asked
            assert canary not in logged or canary in asked


def _at(body: dict[str, Any], then: str) -> dict[str, Any]:
    """The same for a service that held the earlier texts then."""
    return {**body, "as_of": then} if body.get("as_of") == "then" else body


def essence(value: Any) -> Any:
    """What does not depend on the numbers that a service gives; scores to four digits."""
    if isinstance(value, dict):
        return {name: essence(each) for name, each in value.items() if name not in OWN or isinstance(each, dict)}
    if isinstance(value, list):
        return [essence(each) for each in value]
    if isinstance(value, str) and re.fullmatch(r"p\d+", value):
        return "p"
    return round(value, 3) if isinstance(value, float) else value
