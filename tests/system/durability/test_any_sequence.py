"""After any sequence of operations, a data folder holds the same documents as a plain dictionary."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from benchmarks.durability import small
from benchmarks.durability.small import Expected
from qa.ingest.writer import DocumentWriter

NAMES = st.sampled_from([str(number) for number in range(8)])
VERSIONS = st.integers(1, 1_000)
FILES_OF_A_KILLED_PROCESS = ("store.sqlite", "store.sqlite-wal", "generations")


class Folder(RuleBasedStateMachine):
    """Counts the steps of all machines, for the long form."""

    steps = 0
    template: Path

    def __init__(self) -> None:
        super().__init__()
        self.place = Path(tempfile.mkdtemp(dir=self.template.parent))
        self.data = self.place / "data"
        shutil.copytree(self.template / "models", self.data / "models")
        self.model = str(self.template / "model")
        self.expected = Expected()
        self.writer: DocumentWriter = small.open_writer(self.data, self.model)

    def teardown(self) -> None:
        with suppress(Exception):
            self.writer.close()
        shutil.rmtree(self.place, ignore_errors=True)

    def counted(self) -> None:
        type(self).steps += 1

    @initialize()
    def begin(self) -> None:
        self.look()

    @rule(name=NAMES, version=VERSIONS)
    def put(self, name: str, version: int) -> None:
        self.counted()
        small.put(self.writer, name, version)
        self.expected.there[name] = version
        self.expected.gone.pop(name, None)

    @rule(name=NAMES)
    def remove(self, name: str) -> None:
        self.counted()
        assert self.writer.engine.remove(name) == (name in self.expected.there)
        if name in self.expected.there:
            self.expected.gone[name] = self.expected.there.pop(name)

    @rule(name=NAMES)
    def search(self, name: str) -> None:
        self.counted()
        version = self.expected.there.get(name, self.expected.gone.get(name, 1))
        candidates = [
            c
            for c in self.writer.engine.search(self.writer.engine.prepare(small.mark(name, version))).candidates
            if c.lexical > 0
        ]
        found = {stored.document.id for stored in self.writer.engine.store.passages([c.passage_id for c in candidates])}
        assert found == ({name} if name in self.expected.there else set())

    @precondition(lambda self: self.expected.there)
    @rule()
    def swap(self) -> None:
        self.counted()
        before = self.writer.engine.generation
        self.writer.engine.rebuild()
        assert self.writer.engine.generation > before

    @rule()
    def restart(self) -> None:
        self.counted()
        self.writer.close()
        self.writer = small.open_writer(self.data, self.model)

    @rule()
    def kill(self) -> None:
        """Open a copy of the current files, as a killed process leaves them behind."""
        self.counted()
        left = self.place / "left"
        left.mkdir()
        for name in FILES_OF_A_KILLED_PROCESS:
            if (self.data / name).is_dir():
                with suppress(shutil.Error):  # segments are being merged; incomplete copies are part of the test
                    shutil.copytree(self.data / name, left / name, copy_function=os.link)
            elif (self.data / name).exists():
                shutil.copyfile(self.data / name, left / name)
        shutil.copytree(self.data / "models", left / "models")
        self.writer.close()
        shutil.rmtree(self.data)
        left.rename(self.data)
        self.writer = small.open_writer(self.data, self.model)

    @rule()
    def look(self) -> None:
        self.counted()
        assert small.problems(self.writer, self.expected) == []
        assert self.writer.engine.store.counts()[0] == len(self.expected.there)


@pytest.fixture
def template(tmp_path: Path) -> Path:
    small.make_model(tmp_path / "template" / "model", tmp_path / "template" / "models")
    return tmp_path / "template"


@pytest.mark.parametrize(
    ("machines", "least"), [(6, 100), pytest.param(450, 20_000, marks=pytest.mark.long)], ids=["short", "long"]
)
def test_any_sequence_of_changes_restarts_and_kills_matches_a_dictionary(template: Path, machines: int, least: int) -> None:
    Folder.template, Folder.steps = template, 0
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Folder,
        settings=settings(
            max_examples=machines, stateful_step_count=60, deadline=None, suppress_health_check=list(HealthCheck), database=None
        ),
    )
    print(f"\n{Folder.steps} steps over {machines} machines, no divergence")
    assert Folder.steps >= least
