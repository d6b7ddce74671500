"""A source over a site of 2,000 pages that changes at random for 20 rounds: what it asked for, and whether its documents are the pages.

    python -m benchmarks.documents.sources [PAGES]   # prints each round, writes benchmarks/results/sources-COMMIT.json

Texts are embedded by a model of a few kilobytes: this measures requests, not reading.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.documents.changing_site import ChangingSite, documents_of
from benchmarks.speed.serving import ROOT, commit, machine
from qa.sources.source import MAX_ABSENCES
from tests.qa.sources.service import SmallService

PAGES, ROUNDS, SEED = 2_000, 20, 3


def follow(site: ChangingSite, service: SmallService) -> Iterator[dict[str, Any]]:
    """The rounds: what happened to the site, what the source did, and what it should not have asked for."""
    for number in range(ROUNDS + MAX_ABSENCES + 1):
        begin: Callable[[], None] = (lambda: None) if number == 0 else site.change if number <= ROUNDS else site.rest
        begin()
        started = time.monotonic()
        last = service.run()
        row = {"round": number, "seconds": round(time.monotonic() - started, 1), **asdict(last)}
        asked = site.round.conditional.total(), site.round.plain.total()
        yield {
            **{name: value for name, value in row.items() if name not in ("began", "ended", "failures")},
            "conditional": asked[0],
            "unconditional": asked[1],
            "misbehaving": len(site.failing),
            "broken_rules": list(site.broken_rules()),
        }


def main() -> None:
    pages = int(sys.argv[1]) if len(sys.argv) > 1 else PAGES
    report: dict[str, Any] = {
        "commit": commit(),
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "seed": SEED,
    }
    site, rows = ChangingSite(pages, SEED), []
    with tempfile.TemporaryDirectory() as folder:
        service = SmallService(Path(folder), site.port, f"{site.address}/sitemap.xml")
        for row in follow(site, service):
            rows.append(row)
            print(
                f"round {row['round']:2}: {row['pages']:5} pages, {row['outcomes']}, {row['missing']} missing, {row['failed']} failed;"
                f" {row['conditional']} requests with a condition, {row['unconditional']} without; {row['seconds']} s"
            )
        stored, expected = documents_of(service.writer.engine), site.expected()
        service.writer.close()
    site.stop()
    wrong = [url for url in stored.keys() | expected.keys() if expected.get(url, "?") not in stored.get(url, "")]
    total = {name: sum(row[name] for row in rows) for name in ("conditional", "unconditional", "requests", "seconds")}
    broken = sum(len(row["broken_rules"]) for row in rows)
    report |= {"pages_at_the_end": len(expected), "documents_at_the_end": len(stored), "wrong": wrong, "broken_rules": broken}
    print(f"{len(stored)} documents for {len(expected)} pages, {len(wrong)} wrong; {broken} requests too many; {total}")
    target = ROOT / "benchmarks" / "results" / f"sources-{report['commit']}.json"
    target.write_text(json.dumps({**report, "total": total, "rounds": rows}, indent=2) + "\n")
    print(f"written to {target.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
