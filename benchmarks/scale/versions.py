"""What keeping the earlier texts of documents costs when documents are replaced.

    python -m benchmarks.scale.versions FOLDER      # with the sample of corpus.py; writes benchmarks/results/versions-COMMIT.json

The same 1,000 documents are replaced in two data folders, one of which keeps ten texts of each and the other none, in turn, a hundred at a
time: twelve times with vectors that are known, which is storing alone, and then 300 once as `qa add` does, which splits and embeds too.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.scale.corpus import Embedded, read_sample
from benchmarks.speed.serving import RESULTS, commit, machine
from corpus.types import Document
from index.engine import KEPT_VERSIONS
from qa.assembly import open_to_write
from qa.ingest.writer import DocumentWriter, IncomingDocument
from qa.settings.reading import read_settings

DOCUMENTS, INGESTED, BLOCK, ROUNDS = 1_000, 300, 100, 12
KEPT = (0, KEPT_VERSIONS)

Replace = Callable[[DocumentWriter, Sequence[Embedded], int], None]


def store(writer: DocumentWriter, block: Sequence[Embedded], round_: int) -> None:
    for one in block:
        document = _revised(one.document, round_)
        name = str(document.id)
        writer.engine.put(name, document, one.passages, one.vectors, keep_versions=writer.keep_versions)


def ingest(writer: DocumentWriter, block: Sequence[Embedded], round_: int) -> None:
    for _ in writer.put_all(IncomingDocument(str(one.document.id), _revised(one.document, round_)) for one in block):
        pass


def _revised(document: Document, round_: int) -> Document:
    return replace(document, text=f"{document.text}\n\nRevision {round_}.") if round_ else document


def in_turn(writers: Sequence[DocumentWriter], documents: Sequence[Embedded], round_: int, put: Replace) -> list[float]:
    """Seconds of each writer for all documents."""
    seconds = [0.0] * len(writers)
    for number, first in enumerate(range(0, len(documents), BLOCK)):
        order = range(len(writers)) if number % 2 else reversed(range(len(writers)))
        for place in order:
            began = time.perf_counter()
            put(writers[place], documents[first : first + BLOCK], round_)
            seconds[place] += time.perf_counter() - began
    return seconds


def measure(folder: Path) -> dict[str, Any]:
    documents = read_sample(folder / "sample")[:DOCUMENTS]
    writers = []
    for kept in KEPT:
        data = folder / f"versions-{kept}"
        shutil.rmtree(data, ignore_errors=True)
        shutil.copytree(folder / "models", data / "models")
        writers.append(open_to_write(read_settings({"data": data, "keep_versions": kept})))
    try:
        in_turn(writers, documents, 0, store)
        stored = [in_turn(writers, documents, round_, store) for round_ in range(1, ROUNDS + 1)]
        ingested = in_turn(writers, documents[:INGESTED], ROUNDS + 1, ingest)
    finally:
        for writer in writers:
            writer.engine.close()
    size = [sum(file.stat().st_size for file in (folder / f"versions-{kept}").glob("store.sqlite*")) for kept in KEPT]
    for kept in KEPT:
        shutil.rmtree(folder / f"versions-{kept}")
    return {
        "documents": len(documents),
        "characters": sum(len(one.document.text) for one in documents),
        "passages": sum(len(one.passages) for one in documents),
        "store": {
            "seconds_without": round(statistics.median(none for none, _ in stored), 2),
            "seconds_with": round(statistics.median(ten for _, ten in stored), 2),
            "ratio": round(statistics.median(ten / none for none, ten in stored), 3),
            "ratios": [round(ten / none, 3) for none, ten in stored],
        },
        "ingest": {
            "documents": INGESTED,
            "seconds_without": round(ingested[0], 1),
            "seconds_with": round(ingested[1], 1),
            "ratio": round(ingested[1] / ingested[0], 3),
        },
        "store_megabytes": [round(each / 1e6) for each in size],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    report = {
        "commit": commit(),
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "kept": KEPT,
        **measure(arguments.folder.resolve()),
    }
    path = RESULTS / f"versions-{report['commit']}.json"
    path.write_text(json.dumps(report, indent=2) + "\n", "utf-8")
    print(json.dumps(report, indent=1), f"written to {path}", sep="\n")


if __name__ == "__main__":
    main()
