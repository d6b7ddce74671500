"""Checks that every quote of a chat is verbatim in its document, and times chats against searches.

    python -m benchmarks.quality.chat               # prints the figures, writes benchmarks/results/chat-COMMIT.json
    python -m benchmarks.quality.chat times         # one part, added to the file of the same commit

Quotes: asks the chat all dev questions of mtrag (with their histories) and squad2, and compares every annotation with the text from
GET /v1/documents/{id}/text and with the reply. Times: `qa serve` on the documents of squad2 over one keep-alive connection; each question
is asked once, as a search or as a chat, in alternating blocks. Follow-ups have one exchange before them.
"""

from __future__ import annotations

import argparse
import http.client
import json
import re
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from benchmarks.quality.dev_sets import DATA, FOLDERS, open_dev_set, read_dev_set
from benchmarks.quality.follow_ups import FOLDER, given_history
from benchmarks.quality.run import RESULTS, about, commit
from benchmarks.speed.processes import Server

TIMED, BLOCK, WARM_UP = 400, 50, 50
SETS = ("mtrag", "squad2")


def quotes(name: str) -> dict[str, int]:
    """Counts of replies, quotes and errors."""
    open_dev_set(name)
    texts: dict[str, Any] = {}
    counts: Counter[str] = Counter({"not verbatim": 0, "not cited": 0})
    with _serve(name) as connection:
        for messages in _conversations(name):
            completion = _ask(connection, "/v1/chat/completions", {"messages": messages})
            message = completion["choices"][0]["message"]
            counts["replies"] += 1
            counts["answered"] += bool(completion["grounding"]["answerable"])
            quoted = set()
            for each in message["annotations"]:
                counts["quotes"] += 1
                identity, place = each["document"]["id"], each["url_citation"]
                if identity not in texts:
                    texts[identity] = _get(connection, f"/v1/documents/{quote(identity)}/text")
                document = texts[identity]
                shown = message["content"][place["start_index"] : place["end_index"]]
                exact = document["text"][each["start"] : each["end"]] == each["quote"] == shown
                counts["not verbatim"] += not (exact and document["version"] == each["document"]["version"])
                counts["not cited"] += not message["content"][place["end_index"] :].startswith(f"” [{each['number']}]")
                quoted.add(place["start_index"])
            # A quotation mark at the start of a line must belong to an annotated quote.
            body = message["content"].partition("\n\nSources:\n")[0]
            opened = [found.end() for found in re.finditer(r"(?:^|\n\n)“", body)]
            inside = [(e["url_citation"]["start_index"], e["url_citation"]["end_index"]) for e in message["annotations"]]
            counts["not cited"] += sum(
                place not in quoted and not any(start <= place < end for start, end in inside) for place in opened
            )
    return dict(counts)


def times() -> dict[str, Any]:
    """Median times of searches and chats in milliseconds, and their ratios."""
    questions = [question.text for question in read_dev_set("squad2").questions]
    found: dict[str, list[float]] = {name: [] for name in ("search", "chat", "search after a turn", "chat after a turn")}
    before = {"role": "user", "content": questions[-1]}
    with _serve("squad2") as connection:
        reply = _ask(connection, "/v1/chat/completions", {"messages": [before]})["choices"][0]["message"]
        history = [before, {"role": "assistant", "content": reply["content"]}]
        for number, text in enumerate(questions[: WARM_UP + len(found) * TIMED]):
            name = list(found)[number // BLOCK % len(found)]
            turns = history if name.endswith("turn") else []
            route, body = ("/v1/search", {"query": text, "history": turns})
            if name.startswith("chat"):
                route, body = "/v1/chat/completions", {"messages": [*turns, {"role": "user", "content": text}]}
            began = time.perf_counter()
            _ask(connection, route, body)
            if number >= WARM_UP:
                found[name].append((time.perf_counter() - began) * 1000)
    medians = {name: round(statistics.median(values), 2) for name, values in found.items()}
    return medians | {
        "questions": TIMED,
        "chat / search": round(medians["chat"] / medians["search"], 3),
        "chat / search, after a turn": round(medians["chat after a turn"] / medians["search after a turn"], 3),
    }


def _conversations(name: str) -> Iterator[list[dict[str, str]]]:
    if name == "mtrag":
        for line in (FOLDER / "queries.jsonl").read_text("utf-8").splitlines():
            record = json.loads(line)
            turns = given_history(record) if record.get("history") else ()
            yield [
                *({"role": turn.role, "content": turn.content} for turn in turns),
                {"role": "user", "content": record["text"][:2000]},
            ]
        return
    dev = read_dev_set(name)
    yield from ([{"role": "user", "content": question.text}] for question in (*dev.questions, *dev.near))


@contextmanager
def _serve(name: str) -> Iterator[http.client.HTTPConnection]:
    """Start `qa serve` on the documents of a set and yield a connection."""
    with tempfile.TemporaryDirectory() as folder:
        server = Server(FOLDERS / name, Path(folder) / "log")
        try:
            yield server.connection
        finally:
            server.stop()


def _ask(connection: http.client.HTTPConnection, route: str, body: dict[str, Any]) -> Any:
    connection.request("POST", route, json.dumps(body).encode(), {"Content-Type": "application/json"})
    return _read_json(connection)


def _get(connection: http.client.HTTPConnection, route: str) -> Any:
    connection.request("GET", route)
    return _read_json(connection)


def _read_json(connection: http.client.HTTPConnection) -> Any:
    response = connection.getresponse()
    body = json.loads(response.read())
    assert response.status == 200, body
    return body


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("parts", nargs="*", metavar="PART", help="only these of: quotes, times")
    parser.add_argument("--no-result", action="store_true", help="print only, write no file")
    given = parser.parse_args(arguments)
    if not DATA.is_dir():
        print(f"skipped: the dev sets are not at {DATA}; set QUOTABLE_SHARED to the folder that holds data/")
        return
    figures: dict[str, Any] = {}
    if not given.parts or "quotes" in given.parts:
        figures["quotes"] = {name: quotes(name) for name in SETS}
    if not given.parts or "times" in given.parts:
        figures["times"] = times()
    print(json.dumps(figures, indent=1))
    if not given.no_result:
        target = RESULTS / f"chat-{commit()}.json"
        known = json.loads(target.read_text()) if target.is_file() else {}
        target.write_text(json.dumps(known | about() | figures, indent=1) + "\n")
        print(f"written to {target.name}")


if __name__ == "__main__":
    main()
