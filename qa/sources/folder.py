"""A run over a folder or a file of this machine."""

from __future__ import annotations

from collections.abc import Callable
from itertools import takewhile
from pathlib import Path

from corpus.sandbox.pool import Sandbox
from corpus.sources.crawler import Stopped
from corpus.types import ReadError
from qa.ingest.files import FoundFile, add_files, files_below, location_of
from qa.sources.run import Run
from qa.sources.source import Page, SourceError, utc_now


def follow_folder(run: Run, sandbox: Sandbox, is_stopping: Callable[[], bool]) -> None:
    """Raises SourceError if the folder is not there, and Stopped."""
    folder = Path(run.source.place)
    if not folder.exists():
        raise SourceError(f"{folder} is not there; nothing was removed")
    listed: dict[str, FoundFile] = {}
    for file in files_below([folder]):
        try:
            listed[location_of(file.path)] = file
        except ReadError as error:
            run.show_failure(ascii(str(file.path)), str(error))
    outcomes = add_files(run.writer, sandbox, takewhile(lambda _: not is_stopping(), listed.values()), edits=run.source.edits)
    for location, outcome in zip(listed, outcomes, strict=False):
        if outcome.failures:
            run.progress.outcomes.update({str(name): count for name, count in outcome.documents.items()})
            run.fail(location, "; ".join(outcome.failures))
        else:
            run.succeed(location, Page(location, visited=utc_now()), outcome)
        run.checkpoint()
    if is_stopping():
        raise Stopped("stopped before its end; the next run goes on")
    for location in run.unlisted(listed):
        run.miss(location)
