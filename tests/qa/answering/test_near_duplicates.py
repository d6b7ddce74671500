"""Near-duplicate passages are shown once; passages that differ in a number are both shown."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.answering.near_duplicates import are_near_duplicates
from tests.conftest import Server, StartServer

NOTICE = (
    "The swimming pool in the park is closed for cleaning on the first Monday of every month, and swimmers may use"
    " the pool at the sports centre instead without paying again, as long as they show the ticket they bought here."
)
RATE = (
    "The council tax for a house in band D is {} pounds a year, to be paid in ten instalments from April on, and"
    " whoever lives alone pays a quarter less than that, as do those whose only neighbours at home are students."
)


@pytest.fixture(scope="module")
def notices(data_folder: Callable[[], Path], start_server: StartServer) -> Iterator[Server]:
    """Forty copies of one notice, half of them with a word changed; two tax rates, twice each; three other texts."""
    records = [
        *({"id": f"copy-{n:02}", "text": NOTICE} for n in range(20)),
        *({"id": f"near-{n:02}", "text": NOTICE.replace("swimmers", f"{'abcdefghijklmnopqrst'[n] * 4}ers")} for n in range(20)),
        *({"id": f"rate-{rate}-{n}", "text": RATE.format(rate)} for rate in (1200, 1300) for n in range(2)),
        {"id": "other-1", "text": "The swimming pool has six lanes and a pool for children."},
        {"id": "other-2", "text": "Swimming lessons at the pool are on Fridays."},
        {"id": "other-3", "text": "A ticket for the pool costs four pounds."},
    ]
    with start_server(data_folder()) as running:
        lines = "\n".join(json.dumps(record) for record in records)
        assert running.finished(running.upload("notices.jsonl", lines.encode()).json()["job"])["documents"] == len(records)
        yield running


@pytest.mark.parametrize("limit", [2, 4, 10])
def test_shows_near_duplicates_once(notices: Server, limit: int) -> None:
    results = notices.search("When is the swimming pool in the park closed?", limit=limit)["results"]
    assert len(results) == limit
    assert sum(result["document"]["id"][:4] in {"copy", "near"} for result in results) == 1
    if limit >= 4:
        assert {"other-1", "other-2", "other-3"} <= {result["document"]["id"] for result in results} or limit < 10


def test_shows_passages_that_differ_in_a_number(notices: Server) -> None:
    results = notices.search("How much is the council tax in band D?", limit=4)["results"]
    assert [result["document"]["id"][:9] for result in results[:2]] in (["rate-1200", "rate-1300"], ["rate-1300", "rate-1200"])
    assert sum(result["document"]["id"].startswith("rate") for result in results) == 2


def test_finds_every_copy_with_a_filter_for_it(notices: Server) -> None:
    for name in ("copy-07", "near-03", "rate-1200-1"):
        only = {"type": "eq", "key": "id", "value": name}
        assert [r["document"]["id"] for r in notices.search("pool or tax", filter=only)["results"]] == [name]


def test_ignores_changed_words_but_not_changed_numbers() -> None:
    assert are_near_duplicates(NOTICE, NOTICE)
    assert are_near_duplicates(NOTICE, NOTICE.replace("cleaning", "painting"))
    assert are_near_duplicates(NOTICE, NOTICE.upper())
    assert not are_near_duplicates(RATE.format(1200), RATE.format(1300))
    assert not are_near_duplicates(RATE.format("1,200"), RATE.format("1.200"))
    assert not are_near_duplicates(RATE.format("1200 (last year 1300)"), RATE.format("1300 (last year 1200)"))
    assert not are_near_duplicates(NOTICE, NOTICE[:100])


PASSAGE = st.lists(st.sampled_from("the tax is paid in april by 5 6 2024 2025 all of us".split()), max_size=20).map(" ".join)


@given(PASSAGE, PASSAGE)
def test_is_symmetric_and_compares_numbers(one: str, other: str) -> None:
    assert are_near_duplicates(one, one)
    assert are_near_duplicates(one, other) == are_near_duplicates(other, one)
    numbers = [[word for word in passage.split() if word.isdigit()] for passage in (one, other)]
    assert numbers[0] == numbers[1] or not are_near_duplicates(one, other)
