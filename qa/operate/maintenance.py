"""The data folder as a whole: checked, repaired, backed up, restored, rebuilt."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from corpus.types import QuotableError
from index.embedded.folder_lock import FolderLock, is_held
from index.embedded.integrity.backup import BEFORE, back_up, restore
from index.embedded.integrity.repair import repair
from index.embedded.integrity.scrub import scrub
from index.embedded.opening import open_database_to_read, open_database_to_write
from index.embedded.re_embedding import Embedded, Progress, embed_missing
from index.embedded.segments import generations
from index.embedded.segments.generations import generations_folder
from index.embedded.segments.removed_ids import purge_removed_ids
from index.embedded.store.store import Store
from index.embedding import onnx_embedder
from qa.answering.calibration import FILE_NAME as CALIBRATION_FILE
from qa.answering.calibration import read_calibration
from qa.assembly import absolute_model_name, embedder_of, model_name
from qa.operate.keys import FILE_NAME as KEYS_FILE
from qa.operate.keys import read_keys
from qa.operate.question_log import FILE_NAME as QUESTIONS_FILE
from qa.settings.settings import Settings

# What a backup keeps of the files beside the store.
BESIDE = (CALIBRATION_FILE, KEYS_FILE, QUESTIONS_FILE)

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Finding:
    what: str
    remedy: str


def check_folder(settings: Settings) -> list[Finding]:
    """Read and check all that is in the data folder, while others read and write it; what was found, none where all is whole.

    What the server remembers as damaged is forgotten where all is whole and no other process writes the folder.
    """
    with closing(open_database_to_read(settings.data)) as database:
        damaged = scrub(database)
        if not damaged and not is_held(settings.data):
            database.damage.clear()
    findings = [Finding(what, _remedy(what)) for what in damaged]
    for path in generations.list_folders(generations_folder(settings.data)):
        findings += _tried(
            partial(generations.verify, path), "`qa rebuild` builds another, and so does the server when it starts"
        )
    for folder in sorted((settings.data / "models").glob("[0-9a-f]*")):
        if (folder / onnx_embedder.FACTS_FILE).exists():
            findings += _tried(partial(onnx_embedder.verify, folder), "it is made anew at the next start")
    findings += _tried(lambda: read_calibration(settings.data), "run `qa eval --calibrate` again, or delete it")
    findings += _tried(lambda: read_keys(settings.data), "restore a backup, or make new keys")
    return findings


def repair_folder(settings: Settings, say: Say) -> Iterator[str]:
    """Take out what is damaged; a line for each document. Raises StoreError where another process writes the folder."""
    with open_database_to_write(settings.data, say) as database:
        for document_id in repair(database):
            yield f"taken out: {document_id}"
    rebuild_folder(settings, None, say, lambda done, total: None)


def back_up_folder(settings: Settings, target: Path) -> None:
    """Raises StoreError."""
    with closing(open_database_to_read(settings.data)) as database:
        back_up(database, target, BESIDE)


def restore_folder(settings: Settings, source: Path) -> Path | None:
    """Where what the folder held before is kept, None where it held nothing. Raises StoreError."""
    settings.data.mkdir(parents=True, exist_ok=True)
    lock = FolderLock(settings.data)
    try:
        restore(settings.data, source, BESIDE)
    finally:
        lock.release()
    kept = settings.data / BEFORE
    return kept if kept.exists() else None


def rebuild_folder(settings: Settings, model: str | None, say: Say, progress: Progress) -> Embedded:
    """Make vectors and index anew, by another model where one is named. Raises StoreError where another process writes the folder."""
    with open_database_to_write(settings.data, say) as database:
        store = Store(database)
        name = absolute_model_name(model) if model else model_name(settings, store.model)
        embedder = embedder_of(settings, name, say)
        if model is None:
            store.check_fingerprint(embedder.fingerprint)
        embedded = embed_missing(store, embedder, progress)
        store.set_model(embedder.fingerprint, name)
        folder = generations_folder(settings.data)
        generations.build(folder, store, embedder.fingerprint, embedder.dimension)
        purge_removed_ids(folder, store)
        return embedded


def drop_old_vectors(settings: Settings, say: Say) -> list[str]:
    """Delete the vectors of all models but the one that is searched; their fingerprints."""
    with open_database_to_write(settings.data, say) as database:
        store = Store(database)
        old = [fingerprint for fingerprint in store.fingerprints() if fingerprint != store.fingerprint]
        for fingerprint in old:
            store.drop_vectors(fingerprint)
        return old


def _remedy(what: str) -> str:
    if "qa rebuild" in what:
        return "run `qa rebuild`"
    if "job" in what:
        return "send it again"
    return "add what is named again, or restore a backup with `qa restore FILE`, or take it out with `qa check --repair`"


def _tried(look: Callable[[], object], remedy: str) -> list[Finding]:
    try:
        look()
    except QuotableError as error:
        return [Finding(str(error), remedy)]
    return []
