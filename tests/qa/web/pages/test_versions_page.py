"""The page of a document's versions: what changed, marked for everyone, and nothing that may not be read."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.types import text_version
from qa.web.pages.document.changes import Piece, changes
from tests.conftest import Server, StartServer
from tests.examples import examples

FIRST = "# Ferries\n\nThe ferry costs seven pounds.\n\nIt sails daily.\n\nA\n\nB\n\nC\n\nDogs stay at home.\n"
SECOND = "# Ferries\n\nThe ferry costs nine pounds.\n\nIt sails daily.\n\nA\n\nB\n\nC\n\n"
THIRD = f"{SECOND}Cats may come <b>too</b>.\n"
LINES = st.lists(st.sampled_from(["a b c\n", "a b d\n", "\n", "x y", "🙂 z\n", "a  b\n"]), max_size=12).map("".join)


@given(LINES, LINES, st.booleans())
@examples(300)
def test_the_pieces_are_both_texts(old: str, new: str, whole: bool) -> None:
    found = changes(old, new, whole=True)
    assert "".join(piece.text for piece in found if piece.kind != "ins") == old
    assert "".join(piece.text for piece in found if piece.kind != "del") == new
    shortened = changes(old, new)
    assert [piece for piece in shortened if piece.kind != "same"] == [piece for piece in found if piece.kind != "same"]
    if old == new:
        assert all(piece.kind == "same" for piece in shortened)


def test_words_of_a_line_are_compared_and_far_lines_are_counted() -> None:
    lines = [f"Line {number} says what it says.\n" for number in range(100)]
    changed = [*lines]
    changed[50] = "Line 50 says what it said.\n"
    assert changes("".join(lines), "".join(changed)) == [
        Piece("same", "", 48),
        Piece("same", f"{lines[48]}{lines[49]}Line 50 says what it "),
        Piece("del", "says"),
        Piece("ins", "said"),
        Piece("same", f".\n{lines[51]}{lines[52]}"),
        Piece("same", "", 47),
    ]


def test_long_and_repetitive_texts_take_no_long_time() -> None:
    chance = random.Random(1)
    texts = ["".join(chance.choice(["yes\n", "no\n", "maybe so\n"]) for _ in range(20_000)) for _ in range(2)]
    began = time.process_time()
    assert changes(*texts)
    assert time.process_time() - began < 20


@pytest.fixture(scope="module")
def server(data_folder: Callable[[], Path], start_server: StartServer) -> Iterator[Server]:
    with start_server(data_folder()) as running:
        for text in (FIRST, SECOND, THIRD):
            running.finished(running.add(id="ferries", title="Ferries", text=text))
        running.finished(running.add(id="alone", title="Alone", text="Only this."))
        yield running
        assert "Traceback" not in running.log, running.log


def page(server: Server, address: str, language: str = "en") -> str:
    response = server.request("GET", address, headers={"Accept": "text/html", "Accept-Language": language})
    assert response.status == 200, response.text
    return str(response.text)


def marked(text: str) -> list[tuple[str, str]]:
    """Added and removed texts, without the words for screen readers."""
    found = re.findall(r"<(ins|del)>(.*?)</\1>", text, re.DOTALL)
    hidden = r'<span class="visually-hidden">[^<]*</span>'
    assert all(len(re.findall(hidden, words)) == 2 for _, words in found)
    return [(kind, unescape(re.sub(hidden, "", words))) for kind, words in found]


def test_the_page_shows_what_changed(server: Server) -> None:
    newest = page(server, "/d/ferries/versions")
    assert marked(newest) == [("ins", "Cats may come <b>too</b>.\n")]
    assert "It sails daily" not in newest
    digits = [text_version(text).removeprefix("sha256:") for text in (FIRST, SECOND, THIRD)]
    links = [unescape(link) for link in re.findall(r'href="(/d/ferries/versions[^"]*)"', newest)]
    addresses = [f"/d/ferries/versions?older={digits[a][:12]}&newer={digits[b][:12]}" for a, b in ((1, 2), (0, 1), (0, 2))]
    assert links[:3] == addresses
    assert marked(page(server, addresses[1])) == [("del", "seven"), ("ins", "nine"), ("del", "Dogs stay at home.\n")]
    whole = page(server, f"{addresses[2]}&whole=true")
    assert "It sails daily" in whole
    assert marked(whole)[:2] == [("del", "seven"), ("ins", "nine")]
    assert "this machine" in newest
    assert server.get(f"/d/ferries/versions?older={'0' * 12}").status == 404
    assert server.get("/d/ferries/versions?older=zz").status == 422
    assert server.get("/d/nowhere/versions").status == 404


def test_documents_and_links_of_former_quotes_lead_there(server: Server) -> None:
    assert 'href="/d/ferries/versions"' in page(server, "/d/ferries")
    assert "/versions" not in page(server, "/d/alone")
    assert "No earlier text of this document is kept" in page(server, "/d/alone/versions")
    first, third = (text_version(text).removeprefix("sha256:")[:12] for text in (FIRST, THIRD))
    former = page(server, f"/d/ferries?start=11&end=40&version={first}")
    assert f'href="/d/ferries/versions?older={first}&amp;newer={third}"' in former
    assert "<mark" not in former
    assert "What changed" not in page(server, f"/d/ferries?start=11&end=40&version={'0' * 12}")


def test_the_page_speaks_the_readers_language(server: Server) -> None:
    assert "[hinzugefügt: " in page(server, "/d/ferries/versions", "de")
    assert "Fersiynau" in page(server, "/d/ferries/versions", "cy")
