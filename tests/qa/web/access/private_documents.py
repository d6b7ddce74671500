"""Documents of two collections and three groups with earlier texts, each text with a word of its own, and services over those that a
caller may read, with the same rules of an editor and the same source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from corpus.types import Document, Heading
from index.access.audience import Audience
from index.embedded.opening import open_engine_to_write
from index.types import Origin
from qa.assembly import Service, service_of
from qa.curation.stored import write_curation
from qa.ingest.writer import DocumentWriter, IncomingDocument
from qa.operate.keys import KeyRing, Role, create_key
from qa.settings.settings import Settings
from qa.sources.registry import add_source
from qa.sources.source import Source, utc_now
from qa.state_files import FolderFiles
from qa.web.access.gate import Access
from qa.web.access.quotas import Quotas
from qa.web.application import create_app
from tests.index.engine.reference import HashingEmbedder
from tests.waiting import wait_for

# Unlike each other and every other word, so that a misspelt one has one correction.
# The second ones stand in earlier texts alone, the third in stop answers and synonyms of a collection, and in the address of a source.
CANARIES = ("zephyrine", "quoxilant", "brindovak", "mulgaphir", "whexotorn", "jadrumbel", "kyprolest", "vintagool")
EARLIER = ("ombrefaxe", "trelquist", "yandorple", "scribnolt", "fulwenzar", "pragmotsi", "gorvellum", "dwimhackle")
OF_COLLECTION = {"press": "bexlunter", "hr": "nocturvane"}
SOURCE = "ulthrasket"


@dataclass(frozen=True)
class Place:
    """`earlier`: the one that the document had with its earlier text; None if it is the same."""

    collection: str
    access: tuple[str, ...] | None = None
    earlier: Place | None = None

    @property
    def edits(self) -> dict[str, Any]:
        return {"collection": self.collection, "access": list(self.access) if self.access else None}


PLACES = (
    Place("press", earlier=Place("press", ("board",))),
    Place("press", ("staff",)),
    Place("press", ("board", "guests"), Place("press")),
    Place("hr", earlier=Place("press")),
    Place("hr", ("staff",)),
    Place("hr", ("board",), Place("hr")),
    Place("hr", ("staff", "board")),
    Place("press", ("guests",), Place("hr", ("guests",))),
)


@dataclass(frozen=True)
class CallerExample:
    """Someone who calls. `audience`: None reads everything."""

    role: Role | None
    audience: Audience | None

    def may_read(self, number: int) -> bool:
        return self._may_read(PLACES[number])

    def may_read_earlier(self, number: int) -> bool:
        """Its earlier text: only where neither the access of the document nor that of the time forbids it."""
        return self.may_read(number) and self._may_read(PLACES[number].earlier or PLACES[number])

    def _may_read(self, place: Place) -> bool:
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

    @property
    def texts(self) -> dict[int, bool]:
        """The documents that it may read, and whether it may read their earlier texts."""
        return {number: self.may_read_earlier(number) for number in self.readable}

    @property
    def unspeakable(self) -> list[str]:
        """Canaries that it must never meet."""
        earlier = [EARLIER[number] for number in range(len(PLACES)) if not self.may_read_earlier(number)]
        closed = [
            OF_COLLECTION[name] for name in OF_COLLECTION if name not in {PLACES[each].collection for each in self.readable}
        ]
        return [*(CANARIES[number] for number in self.forbidden), *earlier, *closed, SOURCE]


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
    return f"{text_of(number)}\nThe pier of {EARLIER[number]} is closed.\n"


def rules() -> str:
    """Of an editor, who names everything to everyone: pins, hides, stop answers and synonyms."""
    parts = []
    for number in range(len(PLACES)):
        pinned = f'pin = ["doc-{number}", {{ document = "doc-{number}", text = "{CANARIES[number]}" }}]'
        parts += [
            f'[[rule]]\nquestions = ["{CANARIES[number]}", "the ferry"]\n{pinned}',
            f'[[rule]]\nwords = ["pier"]\npin = [{{ document = "doc-{number}", text = "{EARLIER[number]}" }}]',
            f'[[rule]]\nwords = ["guide"]\nhide = ["doc-{number}"]' if number % 2 else "",
            f'[[rule]]\nwords = ["tides"]\nhide = [{{ document = "doc-{number}", text = "Tides of {CANARIES[number]}" }}]',
            f'[[rule]]\ncollection = "{PLACES[number].collection}"\nwords = ["shallow"]\nhide = ["doc-{number}"]'
            if number < 4
            else "",
            f'[[rule]]\ncollection = "hr"\nwords = ["seven"]\npin = ["doc-{number}"]',
            f'[[synonyms]]\nfrom = ["pounds"]\nto = ["{CANARIES[number]}", "{EARLIER[number]}"]',
            f'[[synonyms]]\nwords = ["says", "harbour of {CANARIES[number]}"]',
        ]
    for name, canary in OF_COLLECTION.items():
        parts += [
            f'[[rule]]\ncollection = "{name}"\nstop_answer = "Ask {canary}."',
            f'[[synonyms]]\ncollection = "{name}"\nwords = ["fares", "{canary}"]',
        ]
    return "\n".join(part for part in parts if part)


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
def service_with(folder: Path, texts: Mapping[int, bool], rules: str = "") -> Iterator[tuple[Service, Settings, str]]:
    """A service that holds these documents, all indexed, and a time at which it held their earlier texts.

    `texts`: number of a document -> whether it had another text before. `rules`: of an editor.
    """
    settings = Settings(data=folder, reader="none", keep_questions=True, feedback=True)
    with DocumentWriter(open_engine_to_write(folder, lambda _: ("hashing", HashingEmbedder()))) as writer:
        files = FolderFiles(folder)
        write_curation(files, rules.encode())
        add_source(files, Source(SOURCE, f"https://{SOURCE}.example/{SOURCE}.xml", utc_now(), 3600, "hr", ("board",)))
        for number in (number for number, had_another in texts.items() if had_another):
            earlier = replace(document_of(number), text=earlier_text(number))
            _put(writer, number, earlier, PLACES[number].earlier or PLACES[number])
        then = _moment_after(utc_now())
        for number in texts:
            _put(writer, number, document_of(number), PLACES[number])
        writer.engine.rebuild()
        yield service_of(writer, settings), settings, then


def _put(writer: DocumentWriter, number: int, document: Document, place: Place) -> None:
    canary = CANARIES[number]
    with writer.engine.keep_original(f"original of {canary}".encode()) as digest:
        origin = Origin(f"/srv/{canary}.txt", f"{canary}/{canary}.txt", digest, f"{canary}.txt", digest)
        writer.put(IncomingDocument(f"doc-{number}", document, origin, place.edits))


def _moment_after(before: str) -> str:
    """A millisecond after which nothing was stored yet; the next has begun."""
    wait_for(lambda: utc_now() > before)
    then = utc_now()
    wait_for(lambda: utc_now() > then)
    return then.replace("+00:00", "Z")


@dataclass(frozen=True)
class Site:
    """A service for all callers. `secrets`: their keys. `then`: when it held the earlier texts, as an address can hold it."""

    app: Flask
    service: Service
    secrets: Mapping[str, str]
    then: str

    def client(self, caller: str) -> FlaskClient:
        """A client that sends the caller's key, if it has one."""
        client = self.app.test_client()
        if caller in self.secrets:
            client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {self.secrets[caller]}"
        return client


@contextmanager
def open_site(folder: Path, rules: str = "") -> Iterator[Site]:
    files = FolderFiles(folder)
    with service_with(folder, dict.fromkeys(range(len(PLACES)), True), rules) as (service, settings, then):
        secrets = {
            name: create_key(files, name, caller.role, *_bindings(caller)) for name, caller in CALLERS.items() if caller.role
        }
        access = Access(KeyRing(files), local=False, public=True, quotas=Quotas(per_address=0))
        yield Site(create_app(lambda: service, settings, access), service, secrets, then)


def _bindings(caller: CallerExample) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None]:
    audience = caller.audience
    return (audience.collections, audience.groups or None) if audience else (None, None)
