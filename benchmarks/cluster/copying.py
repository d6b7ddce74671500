"""Copy a data folder to a cluster and back, killing the copy at random moments.

    python -m benchmarks.cluster.copying --engine opensearch://127.0.0.1:9200/copied
    python -m benchmarks.cluster.copying                       # from folder to folder

Ends with 1 unless every text, place, version, vector, original, key and kept question is the same afterwards.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, nullcontext
from functools import partial
from pathlib import Path

from benchmarks.durability import small
from corpus.types import Document
from index.types import Origin
from qa.assembly import open_reading_engine, open_to_write
from qa.ingest.writer import DocumentWriter, IncomingDocument
from qa.operate.copying import Copier
from qa.operate.keys import FILE_NAME as KEYS_FILE
from qa.operate.keys import Role, create_key
from qa.operate.question_log import Outcome
from qa.operate.state import questions_of, state_files_of
from qa.operate.transfer import copy_service
from qa.settings.reading import settings_at
from qa.settings.settings import Settings

EVERY_ORIGINAL = 10  # documents have an original


def main() -> int:
    parser = argparse.ArgumentParser(description="Copy a data folder there and back, with kills.")
    parser.add_argument("--engine", help="the address of a cluster; without one the copy goes to another folder")
    parser.add_argument("--documents", type=int, default=20_000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="quotable-copying-") as scratch:
        facts = run(Path(scratch), arguments)
    print(json.dumps(facts, indent=1))
    return 0 if not facts["problems"] else 1


def run(scratch: Path, arguments: argparse.Namespace) -> dict[str, object]:
    settings = Settings(model=small.make_model(scratch / "model", scratch / "models"), cache=scratch / "models", threads=1)
    places = [settings_at(settings, str(scratch / "from"))]
    places += [settings_at(settings, arguments.engine or str(scratch / "there")), settings_at(settings, str(scratch / "back"))]
    fill(places[0], arguments.documents)
    chance, problems = random.Random(arguments.seed), []
    facts: dict[str, object] = {"documents": arguments.documents, "cluster": bool(arguments.engine)}
    for name, (source, target) in {"there": places[:2], "back": places[1:]}.items():
        began = time.monotonic()
        killed = copy_with_kills(source, target, arguments.kills // 2, arguments.documents, chance)
        problems += finish(source, target)
        facts[name] = {"killed": killed, "seconds": round(time.monotonic() - began, 1)}
    return facts | {"problems": problems + differences(places[0], places[2])}


def fill(settings: Settings, documents: int) -> None:
    with open_to_write(settings) as writer:
        for _ in writer.put_all(incoming(writer, documents)):
            pass
        writer.engine.maintain()
    create_key(state_files_of(settings), "reader", Role.READ)
    for number in range(20):
        questions_of(settings).record(Outcome.UNANSWERED, f"question {number}", 1, [])


def incoming(writer: DocumentWriter, documents: int) -> Iterator[IncomingDocument]:
    for number in range(documents):
        name = f"d{number:06}"
        document = Document(text=small.text_of(name, 1), title=f"Document {name}", metadata={"number": number})
        if number % EVERY_ORIGINAL:
            yield IncomingDocument(name, document, Origin(f"/files/{name}", name))
        else:
            with writer.engine.keep_original(name.encode()) as digest:
                writer.put(IncomingDocument(name, document, Origin(f"/files/{name}", name, digest, f"{name}.txt", digest)))


def copy_with_kills(source: Settings, target: Settings, kills: int, documents: int, chance: random.Random) -> int:
    """The number of copies that were killed before they ended: after a random number of documents, and a moment later."""
    killed = 0
    for place in sorted(chance.randrange(documents) for _ in range(kills)):
        child = small.Child(partial(copy, source, target))
        child.go()
        while (line := child.line()) and line["kind"] == "progress" and line["done"] < place:
            pass
        time.sleep(chance.uniform(0, 0.2))
        child.kill()
        killed += not any(each["kind"] == "ended" for each in ([line] if line else []) + child.rest())
    return killed


def copy(source: Settings, target: Settings, send: small.Send, wait: small.Wait) -> None:
    """In a process of its own, which may be killed."""
    wait()
    with closing(open_reading_engine(source)) as ours, open_to_write(target, new_model=ours.status().model) as theirs:
        Copier(ours, theirs.engine).copy(lambda done, total: send(kind="progress", done=done))
    send(kind="ended")


def finish(source: Settings, target: Settings) -> list[str]:
    """Copy the documents and the state of a service that the target lacks; return the differences that were found at the end."""
    return copy_service(source, target, lambda _: None, lambda _: nullcontext(lambda done, total: None)).problems


def differences(source: Settings, target: Settings) -> list[str]:
    with closing(open_reading_engine(source)) as ours, open_to_write(target) as theirs:
        copier = Copier(ours, theirs.engine)
        copier.check(lambda done, total: None)
    problems = list(copier.report.problems)
    if copier.report.copied:
        problems.append(f"{copier.report.copied} documents had to be copied again")
    if state_files_of(source).read(KEYS_FILE) != state_files_of(target).read(KEYS_FILE):
        problems.append("the keys differ")
    if list(questions_of(source).entries()) != list(questions_of(target).entries()):
        problems.append("the kept questions differ")
    return problems


if __name__ == "__main__":
    sys.exit(main())
