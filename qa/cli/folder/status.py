"""`qa status`."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from qa.cli.console import as_printable_json, settings_of
from qa.version import installed_version

if TYPE_CHECKING:
    from qa.settings.settings import Settings


FAILURES_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Status:
    """State of a data folder, or of a cluster, whose address is the `data_folder`.

    `bytes`: of all files, None for a cluster; `originals`: kept files of documents. `written`: another process, such as `qa serve`, is
    writing to it.
    `recall`: of the approximate index; None when search is exact. `jobs_waiting`: accepted documents that are not indexed yet.
    `jobs_failed`: additions that failed and were neither retried nor dismissed; `failures` are the newest of them.
    """

    version: str
    data_folder: str
    bytes: int | None
    originals: int
    originals_bytes: int
    written: bool
    documents: int
    passages: int
    generation: int | None
    recall: float | None
    model: str
    fingerprint: str | None
    degraded: bool
    jobs_waiting: int
    jobs_failed: int
    failures: list[dict[str, Any]]
    languages: list[dict[str, Any]]


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def status(context: click.Context, as_json: bool) -> None:
    """Show the state of the data folder."""
    found = _status(settings_of(context))
    if as_json:
        click.echo(as_printable_json(asdict(found), indent=2))
        return
    for line in _lines(found):
        click.echo(line)


def _status(settings: Settings) -> Status:
    from index.jobs import JobStatus
    from qa.assembly import model_name, open_reading_engine

    engine = open_reading_engine(settings)
    found, (originals, originals_bytes) = engine.status(), engine.originals()
    return Status(
        version=installed_version(),
        data_folder=settings.engine or str(settings.data.resolve()),
        bytes=None if settings.engine else _size(settings.data),
        originals=originals,
        originals_bytes=originals_bytes,
        written=found.written,
        documents=found.documents,
        passages=found.passages,
        generation=found.generation or None,
        recall=found.recall,
        model=model_name(settings, found.model),
        fingerprint=found.fingerprint,
        degraded=found.degraded,
        jobs_waiting=found.jobs_waiting,
        jobs_failed=found.jobs_failed,
        failures=[
            {
                "job": str(job.id),
                "name": job.name,
                "reasons": list(job.failures),
                "attempts": job.attempts,
                "parked": job.parked,
            }
            for job in engine.jobs.jobs(JobStatus.FAILED, None, FAILURES_SHOWN)
        ],
        languages=[
            {"code": code, "documents": count, "served": code is None or not settings.languages or code in settings.languages}
            for code, count in engine.languages()
        ],
    )


def _size(folder: Path) -> int:
    """In bytes. Files may disappear meanwhile: a server may be running."""
    size = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                size += os.lstat(os.path.join(parent, name)).st_size
    return size


def _lines(found: Status) -> list[str]:
    from corpus.languages import name

    lines = [
        f"{'data folder' if found.bytes is not None else 'cluster':<13}{found.data_folder}",
        *([] if found.bytes is None else [f"size         {found.bytes / 1e6:,.1f} MB"]),
        f"originals    {found.originals} files, {found.originals_bytes / 1e6:,.1f} MB",
        f"documents    {found.documents}",
        f"passages     {found.passages}",
        f"search       {'candidates from the cluster' if found.bytes is None else _search(found.recall)}",
        f"generation   {found.generation or 'none yet'}",
        f"model        {found.model} ({found.fingerprint})",
    ]
    if found.written:
        lines.append("in use       by another process, such as `qa serve`")
    if found.jobs_waiting:
        lines.append(f"waiting      {found.jobs_waiting} accepted documents are not indexed yet")
    if found.jobs_failed:
        lines.append(
            f"failed       {found.jobs_failed} additions; `POST /v1/jobs/ID/retry` tries one again, `DELETE /v1/jobs/ID` dismisses it"
        )
    for failure in found.failures:
        parked = f" (parked after {failure['attempts']} attempts)" if failure["parked"] else ""
        lines.append(f"  job {failure['job']:<7} {failure['name']}: {'; '.join(failure['reasons'])}{parked}")
    if found.degraded:
        lines.append("state        degraded: damaged data is withheld; run `qa check`")
    for language in found.languages:
        note = "" if language["served"] else " (not supported by the model; search for words in the text)"
        label = name(language["code"]) if language["code"] else "unknown"
        lines.append(f"language     {label}: {language['documents']}{note}")
    return lines


def _search(recall: float | None) -> str:
    return "exact" if recall is None else f"recall@10 {recall:.3f}, measured when the index was built"
