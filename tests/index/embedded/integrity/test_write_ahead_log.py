"""The write-ahead log of a killed process: intact, incomplete in its last write, or damaged, which SQLite does not report."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest

from corpus.splitting.passages import split
from corpus.types import Document
from index.embedded.integrity.write_ahead_log import FRAME_HEADER_BYTES, HEADER_BYTES, State, read_state
from index.embedded.store.database import Database
from index.embedded.store.store import Store
from index.types import Embedder, StoreError

OpenStore = Callable[..., Store]
PAGE_BYTES = 8192
FRAME_BYTES = FRAME_HEADER_BYTES + PAGE_BYTES
DOCUMENTS = 4


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory, embedder: Embedder) -> Path:
    """The files as they are while the store is open: what a killed process leaves behind."""
    place, left = tmp_path_factory.mktemp("open"), tmp_path_factory.mktemp("left")
    with closing(Database(place, create=True)) as database:
        for number in range(DOCUMENTS):
            document = Document(text=f"Document {number} has a sentence.", title="A title")
            passages = split(document, embedder, embedder.max_tokens)
            vectors = embedder.embed_passages([passage.searchable_text for passage in passages])
            Store(database).put(str(number), document, passages, vectors, embedder.fingerprint)
        for name in ("store.sqlite", "store.sqlite-wal"):
            shutil.copyfile(place / name, left / name)
    return left


@pytest.fixture
def log(killed: Path, tmp_path: Path) -> Path:
    shutil.copytree(killed, tmp_path, dirs_exist_ok=True)
    return tmp_path / "store.sqlite-wal"


def flip(path: Path, place: int) -> None:
    contents = bytearray(path.read_bytes())
    contents[place] ^= 1
    path.write_bytes(contents)


def test_untouched_and_missing_logs_are_intact(log: Path, tmp_path: Path) -> None:
    assert read_state(log) is State.INTACT
    assert read_state(tmp_path / "none") is State.INTACT


def test_detects_a_flipped_byte_before_the_last_write(log: Path) -> None:
    whole = log.read_bytes()
    for place in [*range(HEADER_BYTES), *random.Random(0).sample(range(HEADER_BYTES, len(whole) // 2), 100)]:
        flip(log, place)
        assert read_state(log) is State.DAMAGED, place
        log.write_bytes(whole)


def test_a_log_that_ends_within_its_last_write_opens_without_it(log: Path, open_store: OpenStore, tmp_path: Path) -> None:
    flip(log, log.stat().st_size - PAGE_BYTES)
    assert read_state(log) is State.INCOMPLETE
    store = open_store(tmp_path)
    assert store.counts()[0] == DOCUMENTS - 1
    assert not store.damaged


@pytest.mark.parametrize("read_only", [True, False])
def test_reports_a_damaged_log(log: Path, open_store: OpenStore, tmp_path: Path, read_only: bool) -> None:
    flip(log, HEADER_BYTES + 3 * FRAME_BYTES // 2)
    before = log.read_bytes()
    with suppress(StoreError):  # too much may be lost to open the store
        assert open_store(tmp_path, read_only=read_only).damaged
    assert "was damaged" in (tmp_path / "damage.log").read_text()
    if not read_only:
        assert (tmp_path / "store.sqlite-wal.damaged").read_bytes() == before
