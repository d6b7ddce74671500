"""Document ids: which are accepted, and the error for those that are not."""

from __future__ import annotations

import pytest

from qa.answering.question.validity import InvalidQuestion
from qa.ingest.writer import MAX_ID, InvalidDocumentId, check_document_id


@pytest.mark.parametrize("document_id", ["a", "guides/passport", "日本", "/government/x", "x" * MAX_ID])
def test_accepts_printable_ids(document_id: str) -> None:
    check_document_id(document_id)


@pytest.mark.parametrize(
    "document_id", ["", " ", "a\0b", "lone \ud800", "a\nb", ".", "..", "guide/text", "x" * (MAX_ID + 1)], ids=ascii
)
def test_an_invalid_id_is_not_reported_as_an_invalid_question(document_id: str) -> None:
    with pytest.raises(InvalidDocumentId, match="must") as raised:
        check_document_id(document_id)
    assert not isinstance(raised.value, InvalidQuestion)
