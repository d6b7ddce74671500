"""Maintenance of a whole data folder: check, repair, back up, restore, rebuild."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from corpus.splitting.passages import split
from corpus.types import QuotableError
from index.embedded import originals
from index.embedded.candidate import CandidateEngine
from index.embedded.folder_lock import is_held
from index.embedded.integrity.backup import BEFORE as BEFORE_RESTORE
from index.embedded.integrity.backup import back_up, restore
from index.embedded.integrity.re_embedding import Embedded, Progress, embed_missing
from index.embedded.integrity.repair import BEFORE as BEFORE_REPAIR
from index.embedded.integrity.repair import repair
from index.embedded.integrity.scrub import scrub
from index.embedded.opening import (
    close_to_others,
    open_database_to_read,
    open_database_to_share,
    open_database_to_write,
    open_engine_to_share,
)
from index.embedded.segments import generations
from index.embedded.segments.generations import Generation, generations_folder
from index.embedded.segments.manifest import verify
from index.embedded.segments.removed_ids import purge_removed_ids
from index.embedded.store.store import Store
from index.embedding import onnx_embedder
from index.types import DamagedRow, Embedder, StoreError
from qa.answering.calibration import FILE_NAME as CALIBRATION_FILE
from qa.answering.calibration import read_calibration
from qa.assembly import absolute_model_name, embedder_of, embedder_opener, gate_of, model_folders, model_name
from qa.audit import FILE_NAME as AUDIT_FILE
from qa.curation.stored import FILE_NAME as CURATION_FILE
from qa.curation.stored import stored_curation
from qa.operate.keys import FILE_NAME as KEYS_FILE
from qa.operate.keys import read_keys
from qa.operate.question_log import FILE_NAME as QUESTIONS_FILE
from qa.operate.state import state_files_of
from qa.settings.settings import Settings
from qa.sources.registry import FILE_NAME as SOURCES_FILE
from qa.sources.registry import PAGES_FILE_NAME as SOURCE_PAGES_FILE
from qa.sources.registry import read_pages, read_sources

# Files beside the store that a backup includes.
INCLUDED_FILES = (CALIBRATION_FILE, KEYS_FILE, CURATION_FILE, QUESTIONS_FILE, AUDIT_FILE, SOURCES_FILE, SOURCE_PAGES_FILE)

REPAIR = "run `qa check --repair`, which keeps everything that can be read, or restore a backup with `qa restore FILE`"
RESTORE = "restore a backup with `qa restore FILE`"

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Finding:
    damage: str
    remedy: str


def check_folder(settings: Settings) -> list[Finding]:
    """Read and check everything in the data folder, and its prepared model, while other processes may use it.

    Damage remembered by the server is forgotten if the store is intact and no other process writes the folder.
    """
    findings = _check_store(settings.data)
    findings += _check_originals(settings.data)
    for path in generations.list_folders(generations_folder(settings.data)):
        findings += _find(partial(verify, path), "run `qa rebuild`, or start the server, which rebuilds it")
    for folder in _exports(settings):
        findings += _find(partial(onnx_embedder.verify, folder), "the next start prepares it again")
    return findings + check_state(settings)


def check_state(settings: Settings) -> list[Finding]:
    """Check what a service keeps besides documents."""
    files = state_files_of(settings)
    findings = _find(lambda: read_calibration(files), "run `qa eval --calibrate` again, or delete the file")
    findings += _find(lambda: stored_curation(files), "store a corrected file with `qa curate FILE`")
    findings += _find(lambda: read_keys(files), "restore a backup, or create new keys")
    findings += _find(lambda: read_sources(files), "restore a backup, or delete the file and add the sources again")
    return findings + _find(lambda: read_pages(files), "delete the file: the next runs ask for every page again")


def repair_folder(settings: Settings, say: Say) -> Iterator[str]:
    """Rewrite the store without its damaged rows, then rebuild what is derived; yield a line for each loss.

    Raises StoreError if another process writes the folder, or if nothing can be saved.
    """
    with close_to_others(settings.data):
        yield from repair(settings.data)
    yield f"The damaged store is kept as {settings.data / BEFORE_REPAIR}."
    unguarded = settings.model_copy(update={"invariants": None})  # the index before does not fit the repaired store
    rebuild_folder(unguarded, None, say, lambda done, total: None)


def back_up_folder(settings: Settings, target: Path) -> None:
    """Raises StoreError."""
    with closing(open_database_to_read(settings.data)) as database:
        back_up(database, target, INCLUDED_FILES)


def restore_folder(settings: Settings, source: Path) -> Path | None:
    """Restore a backup; return where the previous store is kept, None if there was none. Raises StoreError.

    An audit log that is there stays: it tells what happened since the backup, too.
    """
    settings.data.mkdir(parents=True, exist_ok=True)
    has_audit_log = (settings.data / AUDIT_FILE).exists()
    names = [name for name in INCLUDED_FILES if not (has_audit_log and name == AUDIT_FILE)]
    with close_to_others(settings.data):
        restore(settings.data, source, names)
    kept = settings.data / BEFORE_RESTORE
    return kept if kept.exists() else None


def rebuild_folder(settings: Settings, model: str | None, say: Say, progress: Progress) -> Embedded:
    """Make missing vectors and the index, with another model if one is named. Where a server runs on the folder, it builds the index.

    Raises StoreError, also for another model while a server runs, and InvariantsMissed: the model and the index stay as they were.
    """
    if is_held(settings.data):
        return _rebuild_with_owner(settings, model, say, progress)
    with open_database_to_write(settings.data, say) as database:
        store = Store(database)
        name = absolute_model_name(model) if model else model_name(settings, store.model)
        embedder = embedder_of(settings, name, say)
        if model is None:
            store.check_fingerprint(embedder.fingerprint)
            _split_again(store, embedder)
        embedded = embed_missing(store, embedder, progress)
        gate = gate_of(settings)

        def take_over(built: Generation) -> None:
            if gate:
                gate(CandidateEngine(database, embedder, built))
            store.set_model(embedder.fingerprint, name)

        folder = generations_folder(settings.data)
        generations.build(folder, store, embedder.fingerprint, embedder.dimension, accept=take_over)
        if model is not None:  # only now: before, the store does not accept the vectors of another model
            _split_again(store, embedder)
        purge_removed_ids(folder, store)
        return embedded


def _rebuild_with_owner(settings: Settings, model: str | None, say: Say, progress: Progress) -> Embedded:
    with closing(open_engine_to_share(settings.data, embedder_opener(settings, say))) as engine:
        store = engine.store
        if model and absolute_model_name(model) != store.model:
            raise StoreError(f"a server runs on {settings.data}: stop it to change the embedding model")
        embedded = embed_missing(store, engine.embedder, progress)
        _split_again(store, engine.embedder)
        engine.rebuild()
        return embedded


def drop_old_vectors(settings: Settings, say: Say) -> list[str]:
    """Delete the vectors of all models but the one in use; return their fingerprints."""
    shared = is_held(settings.data)
    with open_database_to_share(settings.data) if shared else open_database_to_write(settings.data, say) as database:
        store = Store(database)
        old = [fingerprint for fingerprint in store.fingerprints() if fingerprint != store.fingerprint]
        for fingerprint in old:
            store.drop_vectors(fingerprint)
        return old


def _split_again(store: Store, embedder: Embedder) -> None:
    """Give documents that a repair left without passages new ones."""
    for document_id in store.documents_without_passages():
        document, stored = store.content(document_id), store.document(document_id)
        if document and stored:
            passages = split(document, embedder, embedder.max_tokens)
            vectors = embedder.embed_passages([passage.searchable_text for passage in passages])
            store.put(document_id, document, passages, vectors, embedder.fingerprint, stored.origin)


def _exports(settings: Settings) -> list[Path]:
    """The prepared models of the data folder, and those of its embedding model in the cache."""
    cache, own = model_folders(settings)
    found = set((own or cache).glob("[0-9a-f]*"))
    with suppress(QuotableError), closing(open_database_to_read(settings.data)) as database:
        fingerprint = Store(database).fingerprint
        found |= {cache / f"{fingerprint}", cache / f"{fingerprint}-int8"}
    return sorted(folder for folder in found if (folder / onnx_embedder.FACTS_FILE).exists())


def _check_store(folder: Path) -> list[Finding]:
    try:
        with closing(open_database_to_read(folder)) as database:
            damage = scrub(database)
            if not damage and not is_held(folder):
                database.damage.clear()
    except DamagedRow as error:
        return [Finding(str(error), REPAIR)]
    return [Finding(line, _remedy(line)) for line in damage]


def _check_originals(folder: Path) -> list[Finding]:
    try:
        with closing(open_database_to_read(folder)) as database:
            return [Finding(line, "add its file again; the text is not affected") for line in originals.damaged(database)]
    except DamagedRow:
        return []  # the store is damaged, and reported


def _remedy(damage: str) -> str:
    if damage.startswith("an earlier text"):
        return REPAIR
    if "qa rebuild" in damage:
        return "run `qa rebuild`"
    if "job" in damage:
        return "send it again"
    if "document" in damage:
        return f"add the document again, or {REPAIR}"
    return REPAIR


def _find(check: Callable[[], object], remedy: str) -> list[Finding]:
    try:
        check()
    except QuotableError as error:
        return [Finding(str(error), remedy)]
    return []
