"""Server time of lists of documents: the first page, further pages, a title search, filters and orders.

    python -m benchmarks.scale.listing            # 100,000 documents; writes benchmarks/results/listing-COMMIT.json

Synthetic documents of one passage are written through the store, a thousand in a transaction. Each list is requested from the application
itself, so a time includes parsing, SQLite and JSON or HTML, but no network. Times are milliseconds.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.durability import small
from benchmarks.speed.serving import RESULTS, commit, machine
from corpus.types import Document, Passage
from index.embedded.store.store import Store
from index.types import Origin
from qa.assembly import open_to_share
from qa.web.application import create_app

DOCUMENTS = 100_000
TOGETHER = 1_000
ASKED = 30
WORDS = "annual report on the safety of bridges and tunnels in rural areas guide to licences for small boats council minutes".split()
TYPES = ("pdf", "docx", "html", "md")
LISTS = {
    "first page": "/v1/documents?limit=50",
    "first page by title": "/v1/documents?limit=50&sort=title",
    "first page by date, newest first": "/v1/documents?limit=50&sort=-date",
    "first page by change, newest first": "/v1/documents?limit=50&sort=-changed",
    "title search, many": "/v1/documents?limit=50&title=bridges+report&sort=title",
    "title search, one": "/v1/documents?limit=50&title=N77777&sort=title",
    "the manager's first page": "/manage",
    "the manager's title search": "/manage?title=bridges+report&sort=title",
    "type, date and state": "/v1/documents?limit=50&type=pdf&date_from=2020&date_to=2022&state=ready&sort=-date",
}


def fill(data: Path, documents: int) -> None:
    rng = random.Random(1)
    vector = np.full((1, small.DIMENSION), small.DIMENSION**-0.5, np.float32)
    with small.open_writer(data, None) as writer:
        store, fingerprint = writer.engine.store, writer.engine.embedder.fingerprint  # type: ignore[attr-defined]
        assert isinstance(store, Store)
        for first in range(0, documents, TOGETHER):
            with writer.engine.database.transaction():  # type: ignore[attr-defined]
                for number in range(first, min(first + TOGETHER, documents)):
                    _put(store, fingerprint, number, rng, vector)


def _put(store: Store, fingerprint: str, number: int, rng: random.Random, vector: Any) -> None:
    title = f"{' '.join(rng.sample(WORDS, 6)).capitalize()} N{number}"
    text = f"{title}. {' '.join(rng.choices(WORDS, k=300))}."
    kind = rng.choice(TYPES)
    date = f"{rng.randrange(2010, 2026)}-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02}"
    document = Document(text=text, title=title, date=date, type=kind, language="en", metadata={"owner": rng.choice(WORDS)})
    name = f"folder-{number % 100}/file-{number}.{kind}"
    origin = Origin(f"/srv/{name}", name, None, name.rpartition("/")[2])
    store.put(f"file-{number}", document, [Passage(0, len(text), text, (), title)], vector, fingerprint, origin)


def measure(data: Path) -> dict[str, Any]:
    """Median, highest and first time of each list, and the median of processor time, which other processes disturb less."""
    service = open_to_share(small.settings_for(data, None))
    client = create_app(lambda: service).test_client()
    times: dict[str, Any] = {}
    for name, address in {**LISTS, "second page": ""}.items():
        address = address or f"{LISTS['first page by title']}&after={_get(client, LISTS['first page by title'])['next']}"
        taken, used = [], []
        for _ in range(ASKED):
            began, processor = time.perf_counter(), time.process_time()
            page = _get(client, address)
            taken.append((time.perf_counter() - began) * 1000)
            used.append((time.process_time() - processor) * 1000)
        rounded = {"median": round(statistics.median(taken), 1), "highest": round(max(taken), 1), "first": round(taken[0], 1)}
        times[name] = rounded | {"processor": round(statistics.median(used), 1), "total": page["total"] if page else None}
    service.engine.close()
    return times


def _get(client: Any, address: str) -> Any:
    response = client.get(address)
    assert response.status_code == 200, response.text
    return response.json if response.is_json else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--documents", type=int, default=DOCUMENTS)
    parser.add_argument("--output", type=Path, default=RESULTS / f"listing-{commit()}.json")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        small.open_writer(data, small.make_model(Path(folder) / "model", data / "models")).close()
        began = time.monotonic()
        fill(data, options.documents)
        report = {
            "commit": commit(),
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": machine(),
            "documents": options.documents,
            "fill_seconds": round(time.monotonic() - began, 1),
            "asked": ASKED,
            "milliseconds": measure(data),
        }
    options.output.write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
