"""A source, its last run, and the pages that were seen."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from corpus.sources.addresses import is_address
from corpus.types import QuotableError
from index.access.audience import placement

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
# Runs in a row that do not find a page, after which its document is removed.
MAX_ABSENCES = 3
FAILURES_SHOWN = 20
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


class SourceError(QuotableError):
    """A source cannot be added, found, read or run."""


@dataclass(frozen=True, slots=True)
class LastRun:
    """How a run ended. `began`, `ended`: ISO 8601, UTC.

    `pages`: the pages or files of the source; `outcomes`: number of documents by outcome; `missing`: pages that were not found, and are
    not removed yet; `left_out`: addresses that the settings or robots.txt do not allow, or that are none; `requests`: that were sent.
    `failed`: pages that could not be fetched or read, `failures` the first of them: page, reason, and attempts in a row.
    `error`: why the run ended early; None if it did not.
    """

    began: str
    ended: str
    pages: int = 0
    outcomes: Mapping[str, int] = field(default_factory=dict)
    missing: int = 0
    left_out: int = 0
    failed: int = 0
    failures: Sequence[Mapping[str, Any]] = ()
    requests: int = 0
    error: str | None = None

    def __str__(self) -> str:
        counts = [f"{count} {outcome}" for outcome, count in sorted(self.outcomes.items())]
        others = {"missing": self.missing, "left out": self.left_out, "failed": self.failed}
        counts += [f"{count} {name}" for name, count in others.items() if count]
        return f"{self.pages} pages: {', '.join(counts) or 'nothing new'}" + (f"; {self.error}" if self.error else "")


@dataclass(frozen=True, slots=True)
class Source:
    """A place whose documents are kept up to date: the address of a sitemap or a page, or the path of a folder.

    `every`: seconds between two runs, None for runs by hand only. `is_sitemap`: None until the first run has seen what the address is.
    """

    name: str
    place: str
    added: str
    every: int | None = None
    collection: str | None = None
    access: tuple[str, ...] | None = None
    is_sitemap: bool | None = None
    last: LastRun | None = None

    @property
    def is_folder(self) -> bool:
        return not is_address(self.place)

    @property
    def edits(self) -> dict[str, Any]:
        """Of its documents, as in `Engine.put`."""
        return placement(self.collection, self.access)

    def is_due(self, now: datetime) -> bool:
        if self.every is None:
            return False
        return self.last is None or now >= datetime.fromisoformat(self.last.began) + timedelta(seconds=self.every)


@dataclass(frozen=True, slots=True)
class Page:
    """What was seen of an address that a source lists, or of a file.

    `at`: the location of its documents, where permanent redirects led. `etag`, `last_modified`: of the address that answered, `source`,
    None for `at`. `digest`: SHA-256 of the body that the documents were read from.
    `lastmod`: of the sitemap. `visited`: when the body was last known to be current, ISO 8601, UTC. `absences`, `failures`: runs in a row.
    `job`: the number of the parked job.
    """

    at: str
    source: str | None = None
    etag: str | None = None
    last_modified: str | None = None
    digest: str | None = None
    lastmod: str | None = None
    visited: str | None = None
    absences: int = 0
    failures: int = 0
    reason: str | None = None
    job: int | None = None


def parse_interval(text: str) -> int:
    """Seconds of a time such as 30m, 6h, 1d or 2w. Raises SourceError."""
    match = re.fullmatch(r"([1-9]\d{0,5})([smhdw])", text)
    if not match:
        raise SourceError(f"{text!r} is not a time such as 30m, 6h, 1d or 2w")
    return int(match[1]) * _UNITS[match[2]]


def format_interval(seconds: int) -> str:
    unit, size = next((unit, size) for unit, size in reversed(_UNITS.items()) if seconds % size == 0)
    return f"{seconds // size}{unit}"


def utc_now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
