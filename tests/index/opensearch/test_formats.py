"""An index on the cluster that an older version created goes on as it was."""

from __future__ import annotations

from dataclasses import replace

from corpus.types import Document
from index.opensearch.address import parse
from index.opensearch.connection import Connection
from index.opensearch.documents.mapping import ALIAS
from tests.index.engine.test_engine_contract import put
from tests.index.engine.test_languages import share_of
from tests.index.opensearch.conftest import OpenClusterEngine

HOUSES = Document("Die Häuser am Markt", "", id="houses", language="de")


def test_an_index_of_format_1_goes_on_with_english_terms(engine_address: str, open_cluster_engine: OpenClusterEngine) -> None:
    put(open_cluster_engine(), Document("Ein Haus", "", id="first", language="de"))
    connection = Connection(parse(engine_address))
    index, found = next(iter(connection.request("GET", f"/{connection.index(ALIAS)}/_mapping").body.items()))
    facts = found["mappings"]["_meta"]
    assert facts["format"] == 2
    connection.write("PUT", f"/{index}/_mapping", {"_meta": facts | {"format": 1}})
    engine = open_cluster_engine()
    put(engine, HOUSES)
    query = engine.prepare("Häuser", ("de",))
    assert query.languages == ("en",)
    assert share_of("houses", engine, query) > 0
    assert share_of("houses", engine, replace(query, languages=("de",))) == 0
