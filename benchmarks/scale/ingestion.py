"""Measure ingestion, for this project and for txtai."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from benchmarks.scale.corpus import read_sample
from benchmarks.speed.processes import Txtai, weights

INGESTED = 600  # passages


def ingest_ours(folder: Path, sample: Path) -> float:
    """Passages per second from documents to a searchable folder: splitting, embedding, storing."""
    from qa.assembly import open_to_write
    from qa.ingest.writer import IncomingDocument
    from qa.settings.reading import read_settings

    entries = [IncomingDocument(str(one.document.id), one.document) for one in _documents(sample)]
    with open_to_write(read_settings({"data": folder})) as writer:
        began = time.monotonic()
        passages = sum(placed.passages for placed in writer.put_all(entries))
        writer.engine.maintain()
        return passages / (time.monotonic() - began)


def ingest_txtai(folder: Path, sample: Path, python: Path) -> float:
    """Passages per second for the same passages, already split; txtai writes only its database."""
    file = folder / "passages.jsonl"
    passages = [passage for one in _documents(sample) for passage in one.passages]
    records = [{"id": number, "title": passage.context, "text": passage.text} for number, passage in enumerate(passages)]
    file.write_text("".join(f"{json.dumps(record)}\n" for record in records), "utf-8")
    txtai = Txtai(python, file, weights())
    txtai.stop()
    return txtai.passages_per_second


def _documents(sample: Path) -> list[Any]:
    """Documents with at least INGESTED passages."""
    taken, passages = [], 0
    for one in read_sample(sample):
        if passages >= INGESTED:
            break
        taken.append(one)
        passages += len(one.passages)
    return taken
