"""`POST /v1/verify`: unchanged, replaced and removed documents."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.types import text_version
from qa.answering.verification import Verdict, verify
from tests.conftest import Server, StartServer
from tests.examples import examples

FIRST = "The museum opens at nine. 🏛️ Tickets cost ten pounds.\n\nChildren enter free."
SECOND = "From May on, this holds.\n\nThe museum opens at nine. 🏛️ Tickets cost twelve pounds.\n\nChildren enter free."


@pytest.fixture(scope="module")
def museum(data_folder: Callable[[], Path], start_server: StartServer) -> Iterator[Server]:
    with start_server(data_folder()) as running:
        yield running
        assert "Traceback" not in running.log, running.log


def verified(server: Server, **fields: Any) -> Any:
    response = server.post("/v1/verify", json.dumps(fields).encode())
    assert response.status == 200, response.text
    return response.json()


def quoted(text: str, quote: str) -> dict[str, Any]:
    start = text.index(quote)
    return {"quote": quote, "document_id": "museum", "start": start, "end": start + len(quote)}


def test_verifies_a_quote_after_replacement_and_removal(museum: Server) -> None:
    museum.finished(museum.add(id="museum", title="Museum", text=FIRST))
    answer = museum.search("What do tickets of the museum cost?")["answer"]
    from_answer = {"quote": answer["text"], "document_id": "museum", "start": answer["start"], "end": answer["end"]}
    first, second = text_version(FIRST), text_version(SECOND)
    for quote in (from_answer, quoted(FIRST, "Tickets cost ten pounds."), quoted(FIRST, FIRST), quoted(FIRST, "🏛️")):
        expected = {"status": "verbatim", "start": quote["start"], "end": quote["end"], "version": first, "earlier": None}
        assert verified(museum, **quote) == expected | {"version_is_current": True}
        assert verified(museum, **quote, version=first) == expected | {"version_is_current": True}
        assert verified(museum, **quote, version=second) == expected | {"version_is_current": False}

    museum.finished(museum.add(id="museum", title="Museum", text=SECOND))
    now, before = museum.get("/v1/documents/museum/versions").json()["data"]
    moved, here = quoted(FIRST, "Children enter free."), quoted(SECOND, "Children enter free.")
    state = {"start": here["start"], "end": here["end"], "version": second}
    earlier = {"version": first, "since": before["since"], "until": now["since"]}
    # A quote that names the version it is from, or none.
    assert verified(museum, **moved, version=first) == state | {
        "status": "superseded",
        "version_is_current": False,
        "earlier": earlier | {"start": moved["start"], "end": moved["end"]},
    }
    assert verified(museum, **moved) == state | {"status": "moved", "version_is_current": True, "earlier": None}
    # Words that only an earlier version has.
    price = quoted(FIRST, "Tickets cost ten pounds.")
    for version, place in ((first, price), (None, price), (None, price | {"start": 3, "end": 9}), (second, price)):
        fields = {"version": version} if version else {}
        assert verified(museum, **place, **fields) == {
            "status": "superseded",
            "start": None,
            "end": None,
            "version": second,
            "version_is_current": version != first,
            "earlier": earlier | {"start": price["start"], "end": price["end"]},
        }
    nowhere = quoted(FIRST, "Tickets cost ten pounds.") | {"quote": "Tickets cost 10 pounds."}
    assert verified(museum, **nowhere, version=first) == {
        "status": "changed",
        "start": None,
        "end": None,
        "version": second,
        "version_is_current": False,
        "earlier": None,
    }

    museum.request("DELETE", "/v1/documents/museum")
    gone = verified(museum, **moved, version=second)
    nothing = {"start": None, "end": None, "version": None, "earlier": None}
    assert gone == nothing | {"status": "gone", "version_is_current": False}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"quote": ""}, "quote"),
        ({"quote": 5}, "quote"),
        ({"quote": "a\0"}, "quote"),
        ({"quote": "x" * 100_001}, "quote"),
        ({"document_id": None}, "document_id"),
        ({"document_id": "\ud800"}, "document_id"),
        ({"version": 5}, "version"),
        ({"start": -1}, "start"),
        ({"start": "0"}, "start"),
        ({"start": True}, "start"),
        ({"end": 1.5}, "end"),
        ({"end": 2**60}, "end"),
        ({"ends": 5}, "ends"),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_rejects_an_invalid_field_by_name(museum: Server, change: dict[str, object], field: str) -> None:
    body = json.dumps({"quote": "a", "document_id": "b", "start": 0, "end": 1} | change).encode()
    response = museum.post("/v1/verify", body)
    assert response.status == 422
    assert [error["field"] for error in response.json()["errors"]] == [field]


def test_accepts_offsets_outside_the_text(museum: Server) -> None:
    for start, end in ((0, 2**53), (2**53, 2**53), (5, 2), (10**6, 10**6 + 3)):
        found = verified(museum, quote="no such words", document_id="press-release", start=start, end=end)
        assert found["status"] == "changed"
    assert verified(museum, quote="OpenAI", document_id="press-release", start=2**53, end=2**53)["status"] == "moved"


TEXT = st.text("ab\n🙂", max_size=30)


@given(TEXT, st.text("ab\n🙂", min_size=1, max_size=2), st.integers(0, 40), st.integers(0, 40))
@examples(500)
def test_verdict_agrees_with_the_text(text: str, quote: str, start: int, end: int) -> None:
    verdict, place = verify(text, quote, start, end)
    places = [position for position in range(len(text)) if text.startswith(quote, position)]
    if text[start:end] == quote:
        assert (verdict, place) == (Verdict.VERBATIM, (start, end))
    elif places:
        assert verdict == Verdict.MOVED
        assert place is not None
        assert text[place[0] : place[1]] == quote
        assert abs(place[0] - start) == min(abs(position - start) for position in places)
    else:
        assert (verdict, place) == (Verdict.CHANGED, None)
    assert verify(None, quote, start, end) == (Verdict.GONE, None)


@given(TEXT, st.data())
def test_slice_of_a_text_is_verbatim(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    if start < end:
        assert verify(text, text[start:end], start, end) == (Verdict.VERBATIM, (start, end))
