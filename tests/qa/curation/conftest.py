"""A service over a few documents whose curation a test sets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from flask.testing import FlaskClient

from corpus.types import Document
from index.embedded.opening import open_engine_to_write
from qa.assembly import Service, service_of
from qa.curation.reading import read_curation
from qa.curation.stored import write_curation
from qa.ingest.writer import DocumentWriter, IncomingDocument
from qa.operate.state import audit_of
from qa.settings.settings import Settings
from qa.state_files import FolderFiles
from qa.web.application import create_app
from tests.index.engine.reference import HashingEmbedder

TEXTS = {
    "otters": "The otter lives beside the river. It eats trout and salmon.",
    "passports": "A passport costs 82 pounds for adults. Children pay 53 pounds.",
    "prices": "Last year a passport cost 79 pounds for adults.",
    "library": "The library opens at nine. Membership costs adults nothing.",
    "news-1": "The ferry to the island sails twice a day in summer.",
    "news-2": "The ferry to the island sails four times a day in summer, weather permitting, and twice in winter.",
    "news-3": "The ferry to the island sails three times a day in summer, and twice a day in winter.",
    "herons": "The heron stands in shallow water. It catches trout at dawn.",
}
DATES = {"news-1": "2019-03-01", "news-2": "2026-03-01", "news-3": "2022"}
FEE = "How much does a passport cost adults?"
PIN = '[[rule]]\nquestions = ["How much does a passport cost adults?"]\npin = ["library"]\n'


@dataclass(frozen=True)
class Site:
    service: Service
    client: FlaskClient
    files: FolderFiles

    def curate(self, toml: str) -> None:
        read_curation(toml.encode(), "test.toml")
        write_curation(self.files, toml.encode())

    def search(self, query: str = FEE, **fields: Any) -> Any:
        found = self.client.post("/v1/search", json={"query": query, **fields})
        assert found.status_code == 200, found.text
        return found.json

    def ids(self, query: str = FEE, **fields: Any) -> list[str]:
        return [result["document"]["id"] for result in self.search(query, **fields)["results"]]


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("data")
    settings = Settings(data=folder, reader="none")
    engine = open_engine_to_write(folder, lambda _: ("hashing", HashingEmbedder()))
    with DocumentWriter(engine, audit=audit_of(settings)) as writer:
        for document_id, text in TEXTS.items():
            edits = {"collection": "animals"} if document_id in ("otters", "herons") else {}
            document = Document(
                text=text, title=document_id.capitalize(), language="en", type="page", date=DATES.get(document_id)
            )
            writer.put(IncomingDocument(document_id, document, edits=edits))
        writer.engine.rebuild()
        service = service_of(writer, settings)
        yield Site(service, create_app(lambda: service, settings).test_client(), FolderFiles(folder))


@pytest.fixture
def site(opened: Site) -> Site:
    opened.curate("")
    return opened
