"""The fuzzing targets under Hypothesis for some seconds (longer with the mark `long`), and that they detect errors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from benchmarks.fuzzing import asking
from benchmarks.fuzzing.reading import check_found
from benchmarks.fuzzing.targets import TARGETS, Target
from corpus.types import Document, Heading

# Bytes; read in milliseconds.
LARGE, FEW, MANY = 4_000, 10, 200
FILES = [target for target in TARGETS.values() if target.kind != "choices"]

splitting_rightly = asking.split


class Drawn:
    """Choices made by Hypothesis."""

    def __init__(self, draw: Callable[[st.SearchStrategy[Any]], Any]) -> None:
        self._draw = draw

    def integer(self, low: int, high: int) -> int:
        return self._draw(st.integers(low, high))

    def text(self, most: int) -> str:
        return self._draw(st.text(st.characters(), max_size=most))


@st.composite
def inputs(draw: st.DrawFn, target: Target) -> bytes:
    """A seed with some bytes replaced, removed or repeated."""
    data = bytearray(draw(st.sampled_from(list(target.seeds))))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(start + 20, len(data))))
        again = draw(st.integers(0, len(data)))
        data[start:end] = draw(st.binary(max_size=8) | st.just(bytes(data[again : again + 40])))
    return bytes(data)


@pytest.mark.parametrize("target", FILES, ids=lambda target: target.name)
def test_any_file_gives_documents_or_read_error(target: Target) -> None:
    few = max(map(len, target.seeds)) > LARGE

    @settings(max_examples=FEW if few else MANY)
    @given(inputs(target))
    def attempt(data: bytes) -> None:
        target.check(data)

    attempt()


@pytest.mark.parametrize("name", [target.name for target in TARGETS.values() if target.kind == "choices"])
def test_any_request_meets_the_contract(name: str) -> None:
    @settings(max_examples=MANY, phases=[Phase.generate])
    @given(st.data())
    def attempt(data: st.DataObject) -> None:
        TARGETS[name].check(Drawn(data.draw))

    attempt()


FOUND = Document("Fees\n\nWords.", "Fees", (Heading(0, 4, 1, "Fees"),), (0,), date="2025-07-21", metadata={"a": ["b"]})


@pytest.mark.parametrize(
    "wrong",
    [
        {"text": "\0"},
        {"text": "a\r"},
        {"text": "\ud800"},
        {"text": " "},
        {"title": ""},
        {"url": "\0"},
        {"date": "yesterday"},
        {"metadata": {"a": "\0"}},
        {"headings": (Heading(0, 3, 1, "Fees"),)},
        {"headings": (Heading(0, 4, 7, "Fees"),)},
        {"headings": (Heading(0, 99, 1, "Fees"),)},
        {"pages": (99,)},
        {"text": "Fees" + "x" * 2_000_000},
    ],
    ids=lambda wrong: ascii(wrong)[:40],
)
def test_invalid_documents_are_detected(wrong: dict[str, Any]) -> None:
    check_found(FOUND, 100)
    with pytest.raises((AssertionError, ValueError)):
        check_found(replace(FOUND, **wrong), 100)


@pytest.mark.parametrize(
    ("name", "place", "wrong"),
    [
        ("splitter", "split", lambda *given_: splitting_rightly(*given_)[:-1]),
        ("filters", "filter_sql", lambda filter_: ("1", [])),
        ("quotes", "verify", lambda text, quote, start, end: (asking.Verdict.CHANGED, None)),
        ("models", "from_body", lambda request, model: {}["none"]),
    ],
)
def test_broken_code_is_detected(name: str, place: str, wrong: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, place, wrong)
    with pytest.raises((AssertionError, KeyError)):
        test_any_request_meets_the_contract(name)
