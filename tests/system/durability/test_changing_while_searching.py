"""Documents are added, replaced and deleted while clients search: no request fails, no result is incomplete."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from corpus.splitting.passages import split
from corpus.types import Document, text_version
from index.types import Embedder

PLACES = "Aberdeen Bath Cardiff Derby Exeter Fleetwood Glasgow Hull Ipswich Jarrow Keswick Leeds".split()
WEATHER = "fog frost gale hail haze mist rain sleet snow storm sunshine thunder wind".split()


@dataclass
class Facts:
    """Requests sent and answered so far."""

    versions: dict[str, list[str]] = field(default_factory=dict)
    there: set[str] = field(default_factory=set)  # added, and no DELETE sent
    deleted_at: dict[str, float] = field(default_factory=dict)
    wrong: list[object] = field(default_factory=list)
    searches: int = 0
    passages: int = 0
    whole_documents: int = 0
    slowest: float = 0.0


def station_log(number: int, version: int) -> str:
    """Paragraphs of passage length, whose word order is unique to this document and version."""
    chance = random.Random(f"{number} {version}")
    paragraphs = []
    for day in range(chance.randint(1, 3)):
        seen = ", ".join(
            f"{chance.choice(WEATHER)} near {chance.choice(PLACES)} at {chance.randint(0, 999)}" for _ in range(12)
        )
        paragraphs.append(f"Station {number} wrote on day {day} of log {version}: {seen}.")
    return "\n\n".join(paragraphs)


def search_continuously(server: Any, facts: Facts, passages_of: dict[str, int], stop: threading.Event, seed: int) -> None:
    chance = random.Random(seed)
    while not stop.is_set():
        query = f"Where was {chance.choice(WEATHER)} near {chance.choice(PLACES)} at station {chance.randint(0, 1000)}?"
        one = chance.choice(list(facts.versions)) if chance.random() < 0.5 and facts.versions else None
        must_be_found = one in facts.there
        only = {"filter": {"type": "eq", "key": "id", "value": one}} if one else {}
        began = time.monotonic()
        try:
            results = server.search(query, limit=100, **only)["results"]
        except Exception as error:  # noqa: BLE001 - reported by the main thread
            facts.wrong.append(error)
            return
        facts.slowest = max(facts.slowest, time.monotonic() - began)
        facts.searches += 1
        facts.passages += len(results)
        facts.wrong += wrong_passages(results, facts, began)
        if must_be_found and not results and one in facts.there:
            facts.wrong.append(("not found though it is there", one))
        if one and results:
            facts.whole_documents += 1
            versions = {result["document"]["version"] for result in results}
            if {result["document"]["id"] for result in results} != {one} or len(versions) != 1:
                facts.wrong.append(("versions mixed", one, versions))
            elif len(results) != passages_of[versions.pop()]:
                facts.wrong.append(("half a document", one, len(results)))


def wrong_passages(results: Sequence[Any], facts: Facts, began: float) -> list[object]:
    wrong: list[object] = []
    for result in results:
        document_id, start, end = result["document"]["id"], result["start"], result["end"]
        if facts.deleted_at.get(document_id, began + 1) <= began:
            wrong.append(("found after its deletion", document_id))
        if document_id in facts.versions:
            text = next((v for v in facts.versions[document_id] if text_version(v) == result["document"]["version"]), "")
            if text[start:end] != result["text"]:
                wrong.append(("in neither version", result))
    return wrong


def change(server: Any, facts: Facts, passages_of: dict[str, int], counts: tuple[int, int, int], count: Any) -> None:
    """Add, replace and delete in turn, ten steps at a time; each document is replaced or deleted at most once."""
    adds, replaced, deleted = counts
    chance = random.Random(1)
    rounds = 10
    settled: list[str] = []

    def send(number: int, version: int) -> Any:
        text = station_log(number, version)
        passages_of[text_version(text)] = count(text)
        name = f"station/{number}"
        facts.versions.setdefault(name, []).append(text)
        return server.add(id=name, title=f"Log of station {number}", text=text)

    for part in range(rounds):
        new = range(adds * part // rounds, adds * (part + 1) // rounds)
        jobs = [send(number, 1) for number in new]
        for _ in range(replaced * part // rounds, replaced * (part + 1) // rounds):
            if part and settled:
                jobs.append(send(int(settled.pop(chance.randrange(len(settled))).partition("/")[2]), 2))
        for _ in range(deleted * part // rounds, deleted * (part + 1) // rounds):
            if part and settled:
                name = settled.pop(chance.randrange(len(settled)))
                facts.there.discard(name)
                assert server.request("DELETE", f"/v1/documents/{quote(name, safe='')}").status == 200
                facts.deleted_at[name] = time.monotonic()
        assert all(server.finished(job)["status"] == "done" for job in jobs)
        settled += [f"station/{number}" for number in new]
        facts.there.update(f"station/{number}" for number in new)


@pytest.mark.parametrize(
    ("counts", "searchers"),
    [((20, 6, 6), 4), pytest.param((1000, 334, 334), 8, marks=pytest.mark.long)],
    ids=["short", "long"],
)
def test_no_request_fails_and_no_result_is_incomplete(
    data_folder: Callable[[], Path],
    start_server: Callable[..., Any],
    embedder: Embedder,
    counts: tuple[int, int, int],
    searchers: int,
) -> None:
    def passages_in(text: str) -> int:
        return len(split(Document(text, "Log of station 1"), embedder, embedder.max_tokens))

    facts, passages_of, stop = Facts(), {}, threading.Event()
    began = time.monotonic()
    with start_server(data_folder()) as running:
        clients = [
            threading.Thread(target=search_continuously, args=(running, facts, passages_of, stop, seed))
            for seed in range(searchers)
        ]
        for client in clients:
            client.start()
        try:
            change(running, facts, passages_of, counts, passages_in)
        finally:
            stop.set()
            for client in clients:
                client.join()
        assert facts.wrong == []
        replaced = sum(len(versions) == 2 for versions in facts.versions.values())
        print(
            f"\n{len(facts.versions)} added, {replaced} replaced, {len(facts.deleted_at)} deleted in"
            f" {time.monotonic() - began:.0f} s; {facts.searches} searches, {facts.passages} passages and"
            f" {facts.whole_documents} whole documents checked; slowest search {facts.slowest:.2f} s"
        )
        assert len(facts.versions) == counts[0]
        assert (replaced, len(facts.deleted_at)) == (counts[1] - counts[1] // 10, counts[2] - counts[2] // 10)
        assert facts.whole_documents > 20
        listed = {document["id"] for document in running.get("/v1/documents?limit=1000").json()["data"]} - {"press-release"}
        assert listed == set(facts.versions) - set(facts.deleted_at)
        for name in listed:
            text = running.get(f"/v1/documents/{quote(name, safe='')}/text").json()["text"]
            assert text == facts.versions[name][-1]
        assert "Traceback" not in running.log
