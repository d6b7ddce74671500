"""Copies of a whole service: between data folders and clusters, and backups of a cluster, which go through a folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, closing
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from corpus.types import QuotableError
from qa.answering.calibration import FILE_NAME as CALIBRATION_FILE
from qa.assembly import open_reading_engine, open_to_change
from qa.curation.stored import FILE_NAME as CURATION_FILE
from qa.operate.copying import Copier, CopyReport, Progress
from qa.operate.keys import FILE_NAME as KEYS_FILE
from qa.operate.maintenance import back_up_folder, restore_folder
from qa.operate.state import audit_of, questions_of, state_files_of
from qa.settings.reading import settings_at
from qa.settings.settings import Settings
from qa.sources.registry import FILE_NAME as SOURCES_FILE
from qa.sources.registry import PAGES_FILE_NAME as SOURCE_PAGES_FILE

Say = Callable[[str], None]
# Shows the progress of a step with this name.
Show = Callable[[str], AbstractContextManager[Progress]]


def copy_service(source: Settings, target: Settings, say: Say, show: Show, *, delete: bool = False) -> CopyReport:
    """Copy documents, calibration, keys, curation, sources, kept questions and the audit log, and compare the documents.

    `delete`: those that only the target holds. The model of a new target is that of the source. Raises StoreError or ModelError.
    """
    with closing(open_reading_engine(source, say)) as ours:
        status = ours.status()
        with open_to_change(target, say, new_model=status.model) as writer:
            copier = Copier(ours, writer.engine, keep_originals=target.keep_originals)
            with show("Copying") as progress:
                copier.copy(progress, delete=delete)
            writer.engine.maintain()
            _copy_state(source, target)
            with show("Checking") as progress:
                copier.check(progress)
    if status.jobs_waiting:
        say(f"{status.jobs_waiting} accepted documents are not indexed yet, and were not copied.")
    if status.degraded and not source.engine:
        copier.report.problems.append("damaged documents were left out; run `qa check`")
    return copier.report


def back_up_cluster(settings: Settings, target: Path, say: Say, show: Show) -> None:
    """Raises StoreError, and QuotableError if a document could not be copied."""
    with TemporaryDirectory(dir=target.absolute().parent, prefix=f".{target.name}-") as scratch:
        folder = settings_at(settings, scratch)
        _require_complete(copy_service(settings, folder, say, show))
        back_up_folder(folder, target)


def restore_cluster(settings: Settings, source: Path, say: Say, show: Show) -> None:
    """Make the documents of a cluster those of a backup, one after another. Raises StoreError."""
    with TemporaryDirectory(dir=source.absolute().parent, prefix=f".{source.name}-") as scratch:
        folder = settings_at(settings, scratch)
        restore_folder(folder, source)
        _require_complete(copy_service(folder, settings, say, show, delete=True))


def _require_complete(report: CopyReport) -> None:
    if report.problems:
        raise QuotableError(f"{len(report.problems)} documents could not be copied: {'; '.join(report.problems[:3])}")


def _copy_state(source: Settings, target: Settings) -> None:
    """In place of the target's, but for the audit log; what the source does not have stays."""
    ours, theirs = state_files_of(source), state_files_of(target)
    for name in (CALIBRATION_FILE, KEYS_FILE, CURATION_FILE, SOURCES_FILE, SOURCE_PAGES_FILE):
        content = ours.read(name)
        if content is not None and content != theirs.read(name):
            theirs.change(name, partial(_replace_by, content))
    journal = questions_of(target).journal
    entries = list(questions_of(source).journal.entries())
    if entries and entries != list(journal.entries()):
        journal.clear()
        for entry in entries:
            journal.append(entry)
    _copy_audit_log(source, target)


def _copy_audit_log(source: Settings, target: Settings) -> None:
    """Add the entries that the target does not have; those that it has stay."""
    theirs = audit_of(target)
    known = {_as_key(entry) for entry in theirs.entries()}
    for entry in audit_of(source).entries():
        if theirs.journal and _as_key(entry) not in known:
            theirs.journal.append(entry)


def _as_key(entry: Mapping[str, Any]) -> str:
    return json.dumps(entry, sort_keys=True)


def _replace_by(content: bytes, _: bytes | None) -> bytes:
    return content
