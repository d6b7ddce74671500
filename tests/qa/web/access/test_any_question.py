"""Whatever is asked, a bound key gets what a service that holds only its documents would answer: nobody can infer that there are others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st

from qa.web.application import create_app
from tests.qa.web.access.private_documents import CALLERS, CANARIES, PLACES, Site, open_site, service_with

WORDS = "the ferry costs seven pounds harbour is shallow tides of guide fares who says what and where".split()
BOUND = [name for name, caller in CALLERS.items() if caller.audience]
# What differs between two services with the same documents.
OWN = {"id", "passage_id", "generation", "took_ms", "created", "explanation_id"}


@dataclass(frozen=True)
class Pair:
    """A service with all documents, and for each caller one with those alone that the caller may read."""

    site: Site
    alone: Mapping[str, FlaskClient]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with ExitStack() as stack:
        alone: dict[str, FlaskClient] = {}
        clients: dict[tuple[int, ...], FlaskClient] = {}
        for name in BOUND:
            readable = tuple(CALLERS[name].readable)
            if readable not in clients:
                service, configured = stack.enter_context(service_with(tmp_path_factory.mktemp("alone"), list(readable)))
                clients[readable] = create_app(lambda service=service: service, configured).test_client()
            alone[name] = clients[readable]
        yield Pair(stack.enter_context(open_site(tmp_path_factory.mktemp("data"))), alone)


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
    st.sampled_from(CANARIES),
    st.integers(0, 20),
    st.sampled_from("aeioklmnst"),
    st.sampled_from(["right", "missing", "added", "other", "swapped", "beginning", "plural", "capital"]),
)
questions = st.lists(st.sampled_from(WORDS) | canaries, min_size=1, max_size=8).map(" ".join)
requests = st.fixed_dictionaries(
    {"query": questions},
    optional={
        "collection": st.sampled_from(["press", "hr", "none"]),
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
    for path, body in (("/v1/search", search), ("/v1/chat/completions", chat)):
        ours, expected = (client.post(path, json=body) for client in (pair.site.client(caller), pair.alone[caller]))
        assert (ours.status_code, essence(ours.json)) == (expected.status_code, essence(expected.json))
        asked = str(request)
        for number in CALLERS[caller].forbidden:
            assert CANARIES[number] not in ours.text.lower() or CANARIES[number] in asked.lower()


def essence(value: Any) -> Any:
    """What does not depend on the numbers that a service gives; scores to four digits."""
    if isinstance(value, dict):
        return {name: essence(each) for name, each in value.items() if name not in OWN or isinstance(each, dict)}
    if isinstance(value, list):
        return [essence(each) for each in value]
    return round(value, 3) if isinstance(value, float) else value
