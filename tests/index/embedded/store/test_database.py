"""Opening files: formats, foreign files, read-only access, concurrent writers."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import apsw
import pytest

from index.embedded.store.store import Store
from index.types import NewerFormat, StoreError
from tests.index.embedded.store.examples import (
    DOCUMENT,
    FILE,
    OTHER,
    put,
    read_everything,
    stored_passages,
)

OpenStore = Callable[..., Store]


def test_refuses_a_newer_format_with_the_way_out(store: Store, open_store: OpenStore, tmp_path: Path) -> None:
    with apsw.Connection(str(tmp_path / FILE)) as connection:
        connection.pragma("user_version", connection.pragma("user_version") + 1)
    for options in ({}, {"read_only": True}, {"create": True}):
        with pytest.raises(NewerFormat, match="install the version that wrote it"):
            open_store(tmp_path, **options)


@pytest.mark.parametrize(
    "contents", [b"just some text, not a database " * 40, b"\0" * 4096, b""], ids=["text", "zeros", "empty"]
)
def test_refuses_a_foreign_file_and_leaves_it_unchanged(open_store: OpenStore, tmp_path: Path, contents: bytes) -> None:
    (tmp_path / FILE).write_bytes(contents)
    with pytest.raises(StoreError, match="not a Quotable store"):
        open_store(tmp_path)
    assert (tmp_path / FILE).read_bytes() == contents


def test_refuses_a_foreign_database_and_leaves_it_unchanged(open_store: OpenStore, tmp_path: Path) -> None:
    with apsw.Connection(str(tmp_path / FILE)) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
    contents = (tmp_path / FILE).read_bytes()
    for options in ({}, {"create": True}, {"read_only": True}):
        with pytest.raises(StoreError, match="not a Quotable store"):
            open_store(tmp_path, **options)
    assert (tmp_path / FILE).read_bytes() == contents


def test_opening_for_reading_does_not_create_a_store(open_store: OpenStore, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot open"):
        open_store(tmp_path, read_only=True)
    with pytest.raises(StoreError, match="cannot open"):
        open_store(tmp_path / "missing", create=True)
    assert list(tmp_path.iterdir()) == []


def test_a_read_only_store_cannot_be_written(store: Store, open_store: OpenStore, tmp_path: Path) -> None:
    reading = open_store(tmp_path, read_only=True)
    with pytest.raises(StoreError, match="cannot be written"):
        reading.remove("fees")
    assert reading.content("fees") == DOCUMENT


WRITES_SLOWLY = """
import sys, apsw
connection = apsw.Connection(sys.argv[1])
connection.execute("BEGIN IMMEDIATE")
connection.execute("UPDATE documents SET title = 'half done'")
print("writing", flush=True)
sys.stdin.readline()
connection.execute("ROLLBACK")
"""


def test_readers_see_the_last_commit_while_another_process_writes(store: Store, open_store: OpenStore, tmp_path: Path) -> None:
    before = read_everything(store)
    with subprocess.Popen(
        [sys.executable, "-c", WRITES_SLOWLY, str(tmp_path / FILE)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdin is not None
        assert writer.stdout.readline() == "writing\n"
        reading = open_store(tmp_path, read_only=True)
        assert read_everything(reading) == before
        writer.stdin.write("\n")
    assert writer.returncode == 0


def test_stores_have_different_identities(open_store: OpenStore, tmp_path: Path) -> None:
    identities = set()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        identities |= {open_store(tmp_path / name, create=True).identity, open_store(tmp_path / name).identity}
    assert len(identities) == 2


def test_opens_a_folder_through_a_symbolic_link(open_store: OpenStore, tmp_path: Path) -> None:
    folder, link = tmp_path / "data", tmp_path / "link"
    folder.mkdir()
    link.symlink_to(folder)
    open_store(link, create=True)
    assert open_store(folder, read_only=True).last_passage_id() == 0


def test_threads_do_not_each_keep_the_pages_they_read(store: Store, open_store: OpenStore, tmp_path: Path) -> None:
    names = [f"large-{number}" for number in range(40)]
    for name in names:
        put(store, replace(OTHER, id=name, text=random.Random(name).randbytes(50_000).hex()), size=1_000)
    reading = open_store(tmp_path, read_only=True)

    threads = 8
    ready = threading.Barrier(threads)

    def read(_: int) -> int:
        ready.wait()  # so each is another thread
        return sum(len(stored_passages(reading, name)) for name in names)

    before = apsw.memory_used()
    with ThreadPoolExecutor(threads) as pool:
        assert list(pool.map(read, range(threads))) == [4_000] * threads
        assert apsw.memory_used() - before < threads * 1_000_000
