"""What a person sees of long work: a bar on a terminal, a line a file otherwise, and a summary with the reasons of failures."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable
from contextlib import nullcontext

import click

from qa.ingestion import FileOutcome


class Summary:
    """Shows outcomes as they come and counts them."""

    def __init__(self) -> None:
        self.files = 0
        self.failed = 0

    def show(self, outcomes: Iterable[FileOutcome], total: int | None = None) -> None:
        """Show each outcome, then how many documents had which; `total` files give the bar its length."""
        documents: Counter[str] = Counter()
        failures = []
        on_terminal = sys.stderr.isatty() and total is not None
        bar = (
            click.progressbar(length=total or 0, label="Adding", file=sys.stderr, show_pos=True)
            if on_terminal
            else nullcontext()
        )
        with bar as shown:
            for outcome in outcomes:
                self.files += 1
                documents.update({str(key): count for key, count in outcome.documents.items()})
                if outcome.failures:
                    self.failed += 1
                    failures.append(outcome)
                if shown is not None:
                    shown.update(1)
                else:
                    click.echo(str(outcome))
        if on_terminal:
            for outcome in failures:
                click.echo(str(outcome), err=True)
        counts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(documents.items())) or "nothing added"
        click.echo(f"{self.files} files, {self.failed} with failures; documents: {counts}", err=True)
