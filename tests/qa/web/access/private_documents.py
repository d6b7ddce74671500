"""Documents of two collections and three groups, each with a word of its own, and services over those that a caller may read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient

from corpus.types import Document, Heading
from index.access.audience import Audience
from index.embedded.opening import open_engine_to_write
from index.types import Origin
from qa.assembly import Service, service_of
from qa.ingest.writer import DocumentWriter, IncomingDocument
from qa.operate.keys import KeyRing, Role, create_key
from qa.settings.settings import Settings
from qa.state_files import FolderFiles
from qa.web.access.gate import Access
from qa.web.access.quotas import Quotas
from qa.web.application import create_app
from tests.index.engine.reference import HashingEmbedder

# Unlike each other and every other word, so that a misspelt one has one correction.
CANARIES = ("zephyrine", "quoxilant", "brindovak", "mulgaphir", "whexotorn", "jadrumbel", "kyprolest", "vintagool")


@dataclass(frozen=True)
class Place:
    collection: str
    access: tuple[str, ...] | None = None


PLACES = (
    Place("press"),
    Place("press", ("staff",)),
    Place("press", ("board", "guests")),
    Place("hr"),
    Place("hr", ("staff",)),
    Place("hr", ("board",)),
    Place("hr", ("staff", "board")),
    Place("press", ("guests",)),
)


@dataclass(frozen=True)
class CallerExample:
    """Someone who calls. `audience`: None reads everything."""

    role: Role | None
    audience: Audience | None

    def may_read(self, number: int) -> bool:
        place = PLACES[number]
        if self.audience is None:
            return True
        collections, groups = self.audience.collections, self.audience.groups
        in_collection = collections is None or place.collection in collections
        return in_collection and (place.access is None or bool(set(groups) & set(place.access)))

    @property
    def readable(self) -> list[int]:
        return [number for number in range(len(PLACES)) if self.may_read(number)]

    @property
    def forbidden(self) -> list[int]:
        return [number for number in range(len(PLACES)) if not self.may_read(number)]


CALLERS: Mapping[str, CallerExample] = {
    "the unbound writer": CallerExample(Role.WRITE, None),
    "the unbound reader": CallerExample(Role.READ, None),
    "the press": CallerExample(Role.READ, Audience(("press",))),
    "hr staff": CallerExample(Role.READ, Audience(("hr",), ("staff",))),
    "the board": CallerExample(Role.READ, Audience(None, ("board",))),
    "guests of the press": CallerExample(Role.READ, Audience(("press",), ("guests", "others"))),
    "everywhere": CallerExample(Role.READ, Audience(("press", "hr"), ("staff", "board"))),
    "nowhere": CallerExample(Role.READ, Audience(("none",), ("nobody",))),
    "public": CallerExample(None, Audience(None)),
}


def text_of(number: int) -> str:
    """The ferry's fare is the same everywhere, so that every question about it finds all documents."""
    canary = CANARIES[number]
    return (
        f"Fares\n\nThe ferry costs seven pounds, says {canary}.\n\nTides of {canary}\n\nThe harbour of {canary} is shallow.\n"
    )


def earlier_text(number: int) -> str:
    """Of the version before the present one."""
    return f"{text_of(number)}\nThe pier of {CANARIES[number]} is closed.\n"


def document_of(number: int) -> Document:
    text, canary = text_of(number), CANARIES[number]
    start = text.index("Tides")
    heading = f"Tides of {canary}"
    return Document(
        text=text,
        title=f"Guide of {canary}",
        headings=(Heading(0, 5, 2, "Fares"), Heading(start, start + len(heading), 2, heading)),
        id=f"doc-{number}",
        url=f"https://example.org/{canary}",
        date=f"20{10 + number}-01-01",
        type=f"type-{canary}",
        language="en",
        metadata={"keeper": canary, f"key-{canary}": ["ferry", canary]},
    )


@contextmanager
def service_with(folder: Path, numbers: list[int]) -> Iterator[tuple[Service, Settings]]:
    """A service that holds these documents, all indexed."""
    settings = Settings(data=folder, reader="none", keep_questions=True, feedback=True)
    with DocumentWriter(open_engine_to_write(folder, lambda _: ("hashing", HashingEmbedder()))) as writer:
        for number in numbers:
            place, canary = PLACES[number], CANARIES[number]
            edits = {"collection": place.collection, "access": list(place.access) if place.access else None}
            with writer.engine.keep_original(f"original of {canary}".encode()) as digest:
                origin = Origin(f"/srv/{canary}.txt", f"{canary}/{canary}.txt", digest, f"{canary}.txt", digest)
                writer.put(
                    IncomingDocument(f"doc-{number}", replace(document_of(number), text=earlier_text(number)), origin, edits)
                )
                writer.put(IncomingDocument(f"doc-{number}", document_of(number), origin, edits))
        writer.engine.rebuild()
        yield service_of(writer, settings), settings


@dataclass(frozen=True)
class Site:
    """A service for all callers. `secrets`: their keys."""

    app: Flask
    service: Service
    secrets: Mapping[str, str]

    def client(self, caller: str) -> FlaskClient:
        """A client that sends the caller's key, if it has one."""
        client = self.app.test_client()
        if caller in self.secrets:
            client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {self.secrets[caller]}"
        return client


@contextmanager
def open_site(folder: Path) -> Iterator[Site]:
    files = FolderFiles(folder)
    with service_with(folder, list(range(len(PLACES)))) as (service, settings):
        secrets = {
            name: create_key(files, name, caller.role, *_bindings(caller)) for name, caller in CALLERS.items() if caller.role
        }
        access = Access(KeyRing(files), local=False, public=True, quotas=Quotas(per_address=0))
        yield Site(create_app(lambda: service, settings, access), service, secrets)


def _bindings(caller: CallerExample) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None]:
    audience = caller.audience
    return (audience.collections, audience.groups or None) if audience else (None, None)
