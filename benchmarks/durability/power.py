"""Power loss: each unsynced write is on disk, missing, torn at a sector, or overtaken by a later one.

A VFS below SQLite records every write, truncation, sync and deletion of a process that stores, replaces and removes documents and
accepts jobs. A crash state is a prefix of that record: everything synced before it, and any subset of the 512-byte sectors written
since. The store is opened and verified in each state.

Not covered: disks that acknowledge a sync too early, and damage to sectors that were not written. Generations are left out; they are
derived, and a damaged one is discarded when it is opened.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw
import numpy as np

from benchmarks.durability.small import text_of
from corpus.types import Document, Passage, QuotableError
from index.embedded.integrity.scrub import scrub
from index.embedded.store.database import FILE_NAME, Database
from index.embedded.store.jobs import JobQueue
from index.embedded.store.store import Store

SECTOR = 512
CHANGES = 150
NAMES = 12
PAGES_BETWEEN_CHECKPOINTS = 20  # to have many checkpoints


@dataclass(slots=True)
class Log:
    """File operations in order, and the point at which each change was acknowledged."""

    done: list[tuple[str, str, int, bytes]] = field(default_factory=list)
    acknowledged: list[tuple[int, dict[str, int], int]] = field(default_factory=list)

    def note(self, what: str, path: str, place: int = 0, data: bytes = b"") -> None:
        self.done.append((what, Path(path).name, place, data))


class _RecordingVFS(apsw.VFS):
    def __init__(self, log: Log) -> None:
        self.name = f"recorder-{id(self)}"
        self._log = log
        super().__init__(self.name, "")

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        if not path or not Path(path).name.startswith(FILE_NAME):
            return super().xOpen(name, flags)
        return _RecordingFile(self._log, path, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        super().xDelete(filename, syncdir)
        self._log.note("delete", filename)


class _RecordingFile(apsw.VFSFile):
    def __init__(self, log: Log, path: str, name: Any, flags: list[int]) -> None:
        super().__init__("", name, flags)
        self._log, self._path = log, path

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        super().xWrite(data, offset)
        self._log.note("write", self._path, offset, bytes(data))

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        super().xTruncate(newsize)
        self._log.note("truncate", self._path, newsize)

    def xSync(self, flags: int) -> None:  # noqa: N802
        super().xSync(flags)
        self._log.note("sync", self._path)


def run(folder: Path, rounds: int, seed: int, part: slice) -> dict[str, Any]:
    """`rounds`: number of crash states; 0 for ten at every point of the record."""
    log = Log()
    _record(folder / "lived", log, random.Random(seed))
    rng, counts, lost = random.Random(seed), Counter[str](), list[str]()
    moments = [m for m in range(len(log.done) + 1) for _ in range(10)]
    if rounds:
        moments = sorted(rng.choice(moments) for _ in range(rounds))
    for number, moment in list(enumerate(moments))[part]:
        files = _survivors(log, moment, rng)
        state = folder / "state"
        _write(state, files)
        wrong = _problems(state, log, moment)
        counts["crash states"] += 1
        counts["with writes lost or torn"] += any(data != _all(log, moment).get(name) for name, data in files.items())
        lost += [f"state {number} at {moment}: {problem}" for problem in wrong]
    kinds = Counter(what for what, *_ in log.done)
    return {**counts, "changes": len(log.acknowledged), "recorded": dict(kinds), "lost": lost}


def _record(folder: Path, log: Log, rng: random.Random) -> None:
    """Make changes, reopening the store from time to time."""
    folder.mkdir()
    recorder = _RecordingVFS(log)
    there: dict[str, int] = {}
    jobs = 0
    for _ in range(3):
        with closing(Database(folder, create=True, vfs=recorder.name)) as database:
            database.pages_between_checkpoints = PAGES_BETWEEN_CHECKPOINTS
            store, queue = Store(database), JobQueue(database)
            log.acknowledged.append((len(log.done), dict(there), jobs))
            for _ in range(CHANGES // 3):
                name = str(rng.randrange(NAMES))
                drawn = rng.random()
                if drawn < 0.2:
                    queue.accept(f"{jobs}.txt", text_of(name, jobs).encode(), name)
                    jobs += 1
                elif drawn < 0.4 and name in there:
                    store.remove(name)
                    there.pop(name)
                else:
                    there[name] = rng.randrange(1_000_000)
                    _put(store, name, there[name])
                log.acknowledged.append((len(log.done), dict(there), jobs))


def _put(store: Store, name: str, version: int) -> None:
    text = text_of(name, version)
    passages = [Passage(start, start + 50, text[start : start + 50], (), "A title") for start in range(0, len(text) - 49, 50)]
    vectors = np.random.default_rng(version).normal(size=(len(passages), 64)).astype(np.float32)
    store.put(name, Document(text=text, title=f"Document {name}"), passages, vectors, "model")


def _survivors(log: Log, moment: int, rng: random.Random) -> dict[str, bytes]:
    """The files after a power loss at this point of the record."""
    files: dict[str, bytearray] = {}
    unsynced: dict[str, list[Callable[[bytearray], None]]] = {}
    for what, name, place, data in log.done[:moment]:
        if what == "delete":
            files.pop(name, None)
            unsynced.pop(name, None)
        elif what == "sync":
            for apply in unsynced.pop(name, []):
                apply(files.setdefault(name, bytearray()))
        else:
            unsynced.setdefault(name, []).append(_change(what, place, data))
            files.setdefault(name, bytearray())
    share = rng.choice((0.0, 0.1, 0.5, 0.9, 1.0))  # of the sectors that reach the disk
    for what, name, place, data in _unsynced(log, moment):
        if what == "truncate":
            if rng.random() < share:
                _change(what, place, data)(files[name])
            continue
        for first in range(0, len(data), SECTOR):
            if rng.random() < share:
                _change("write", place + first, data[first : first + SECTOR])(files[name])
    return {name: bytes(data) for name, data in files.items()}


def _unsynced(log: Log, moment: int) -> list[tuple[str, str, int, bytes]]:
    pending: list[tuple[str, str, int, bytes]] = []
    for entry in log.done[:moment]:
        if entry[0] in ("sync", "delete"):
            pending = [other for other in pending if other[1] != entry[1]]
        else:
            pending.append(entry)
    return pending


def _all(log: Log, moment: int) -> dict[str, bytes]:
    """The files as the process saw them, without a power loss."""
    files: dict[str, bytearray] = {}
    for what, name, place, data in log.done[:moment]:
        if what == "delete":
            files.pop(name, None)
        elif what != "sync":
            _change(what, place, data)(files.setdefault(name, bytearray()))
    return {name: bytes(data) for name, data in files.items()}


def _change(what: str, place: int, data: bytes) -> Callable[[bytearray], None]:
    def apply(file: bytearray) -> None:
        if what == "truncate":
            del file[place:]
            return
        file.extend(bytes(max(0, place + len(data) - len(file))))
        file[place : place + len(data)] = data

    return apply


def _write(folder: Path, files: dict[str, bytes]) -> None:
    folder.mkdir(exist_ok=True)
    for path in folder.iterdir():
        path.unlink()
    for name, data in files.items():
        (folder / name).write_bytes(data)


def _problems(folder: Path, log: Log, moment: int) -> list[str]:
    """Acknowledged changes that are missing. The current change may be present completely or not at all."""
    before = [state for state in log.acknowledged if state[0] <= moment]
    if not before:
        return []  # the store was being created
    possible = [before[-1], *log.acknowledged[len(before) : len(before) + 1]]
    try:
        with closing(Database(folder, create=True)) as database:
            store = Store(database)
            found = {document.id: store.content(document.id) for document in store.documents(limit=1_000)}
            jobs = database.rows("SELECT count(*) FROM jobs")[0][0]
            seen = {name: content.text if content else None for name, content in found.items()}
            states = [
                ({name: text_of(name, version) for name, version in there.items()}, count) for _, there, count in possible
            ]
            wrong = [] if (seen, jobs) in states else [f"{len(seen)} documents and {jobs} jobs match no possible state"]
            return wrong + scrub(database)
    except QuotableError as error:
        return [f"cannot open: {error}"]
