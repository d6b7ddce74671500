"""Shows the progress of `qa add`: a bar on a terminal, else a line per file; rate, time left and failures."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import click

from qa.ingest.files import FileOutcome, OnStored

# Between two progress lines without a terminal.
REPORT_SECONDS = 60.0
# Before a rate is shown.
MIN_SECONDS = 2.0


class Rate:
    """Passages stored per second, and the time left for the remaining files at this rate.

    `sizes`: of the files in bytes, in order; by them the time left is estimated. 0 for an unknown size, which counts as the mean.
    """

    def __init__(self, sizes: Sequence[int], clock: Callable[[], float] = time.monotonic) -> None:
        known = [size for size in sizes if size]
        mean = sum(known) // len(known) if known else 1
        self._sizes = [size or mean for size in sizes]
        self._clock, self._start = clock, clock()
        self._passages = 0
        self._share = 0.0  # of the current file
        self._files_done = self._done = 0
        self._reported = self._start

    def add_document(self, share: float, passages: int) -> None:
        self._share = min(self._share + share, 1.0)
        self._passages += passages

    def finish_file(self) -> None:
        self._done += self._size
        self._files_done, self._share = self._files_done + 1, 0.0

    @property
    def _size(self) -> int:
        """The current file's."""
        return self._sizes[self._files_done] if self._files_done < len(self._sizes) else 0

    def is_due(self) -> bool:
        """Whether to print a progress line now; restarts the interval if so."""
        if self._clock() - self._reported < REPORT_SECONDS:
            return False
        self._reported = self._clock()
        return True

    def __str__(self) -> str:
        seconds, done = self._clock() - self._start, self._done + self._share * self._size
        if seconds < MIN_SECONDS or not self._passages:
            return f"{self._passages:,} passages"
        left = seconds / done * (sum(self._sizes) - done) if done else 0.0
        return f"{self._passages:,} passages, {self._passages / seconds:,.0f} a second, {_format_duration(left)} left"


def _format_duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 1:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


class Summary:
    """Prints outcomes as they arrive, and their totals."""

    def __init__(self) -> None:
        self.files = 0
        self.failed = 0
        self._bar: Any = None

    def show(self, outcomes: Iterable[FileOutcome], rate: Rate | None = None, total: int | None = None) -> None:
        """Print outcomes, then totals. `total` is the number of files for the progress bar, `rate` is shown next to it."""
        documents: Counter[str] = Counter()
        failures = []
        on_terminal = sys.stderr.isatty() and total is not None
        with self._open_bar(total or 0) if on_terminal else nullcontext() as bar:
            for outcome in outcomes:
                self.files += 1
                documents.update({str(key): count for key, count in outcome.documents.items()})
                if outcome.failures:
                    self.failed += 1
                    failures.append(outcome)
                if rate:
                    rate.finish_file()
                if bar is not None:
                    bar.update(1, rate)
                else:
                    click.echo(str(outcome))
        if on_terminal:
            for outcome in failures:
                click.echo(str(outcome), err=True)
        counts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(documents.items())) or "nothing added"
        click.echo(f"{self.files} files, {self.failed} with failures; documents: {counts}", err=True)

    def report_to(self, rate: Rate) -> OnStored:
        """A callback for each stored document that updates the rate and the display."""

        def report(share: float, passages: int) -> None:
            rate.add_document(share, passages)
            if self._bar is not None:
                self._bar.update(0, rate)
            elif rate.is_due():
                click.echo(str(rate), err=True)

        return report

    @contextmanager
    def _open_bar(self, total: int) -> Iterator[Any]:
        bar: Any = click.progressbar(
            length=total,
            label="Adding",
            file=sys.stderr,
            show_pos=True,
            show_eta=False,
            item_show_func=lambda rate: str(rate) if rate else None,
        )
        with bar as self._bar:
            yield self._bar
        self._bar = None
