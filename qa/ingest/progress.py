"""What a person sees of long work: a bar on a terminal, a line a file otherwise, the rate and the time left, and why files failed."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import click

from qa.ingest.files import FileOutcome, Stored

# Between two lines on the way where there is no terminal.
SAY_SECONDS = 60.0
# Before a rate says anything.
LEAST_SECONDS = 2.0


class Rate:
    """How many passages a second are taken in, and how long the rest of the files takes at the rate of those so far."""

    def __init__(self, files: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._files, self._clock, self._began = files, clock, clock()
        self._passages = 0
        self._share = 0.0  # of the file that is being read
        self._done = 0
        self._said = self._began

    def stored(self, share: float, passages: int) -> None:
        self._share = min(self._share + share, 1.0)
        self._passages += passages

    def file_done(self) -> None:
        self._done, self._share = self._done + 1, 0.0

    def due(self) -> bool:
        """Whether it is time to say something again; then it counts as said."""
        if self._clock() - self._said < SAY_SECONDS:
            return False
        self._said = self._clock()
        return True

    def __str__(self) -> str:
        took, done = self._clock() - self._began, self._done + self._share
        if took < LEAST_SECONDS or not self._passages:
            return f"{self._passages:,} passages"
        left = took / done * (self._files - done) if done else 0.0
        return f"{self._passages:,} passages, {self._passages / took:,.0f} a second, {_duration(left)} left"


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 1:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


class Summary:
    """Shows outcomes as they come and counts them."""

    def __init__(self) -> None:
        self.files = 0
        self.failed = 0
        self._shown: Any = None

    def show(self, outcomes: Iterable[FileOutcome], rate: Rate | None = None, total: int | None = None) -> None:
        """Show each outcome, then how many documents had which; `total` files give the bar its length, `rate` what stands beside it."""
        documents: Counter[str] = Counter()
        failures = []
        on_terminal = sys.stderr.isatty() and total is not None
        with self._bar(total or 0) if on_terminal else nullcontext() as shown:
            for outcome in outcomes:
                self.files += 1
                documents.update({str(key): count for key, count in outcome.documents.items()})
                if outcome.failures:
                    self.failed += 1
                    failures.append(outcome)
                if rate:
                    rate.file_done()
                if shown is not None:
                    shown.update(1, rate)
                else:
                    click.echo(str(outcome))
        if on_terminal:
            for outcome in failures:
                click.echo(str(outcome), err=True)
        counts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(documents.items())) or "nothing added"
        click.echo(f"{self.files} files, {self.failed} with failures; documents: {counts}", err=True)

    def stored(self, rate: Rate) -> Stored:
        """What to tell of every document that is stored, so that it is seen on the way."""

        def tell(share: float, passages: int) -> None:
            rate.stored(share, passages)
            if self._shown is not None:
                self._shown.update(0, rate)
            elif rate.due():
                click.echo(str(rate), err=True)

        return tell

    @contextmanager
    def _bar(self, total: int) -> Iterator[Any]:
        bar: Any = click.progressbar(
            length=total,
            label="Adding",
            file=sys.stderr,
            show_pos=True,
            show_eta=False,
            item_show_func=lambda shown: str(shown) if shown else None,
        )
        with bar as self._shown:
            yield self._shown
        self._shown = None
