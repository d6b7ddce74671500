"""Helpers of the tests of `/v1/documents`."""

from __future__ import annotations

import io
from typing import Any
from urllib.parse import quote

from reportlab.pdfgen.canvas import Canvas


def address(document_id: str, rest: str = "") -> str:
    return f"/v1/documents/{quote(document_id, safe='')}{rest}"


def found_texts(server: Any, query: str, document_id: str) -> list[str]:
    results = server.search(query, limit=100, filter={"type": "eq", "key": "id", "value": document_id})["results"]
    return [result["text"] for result in results]


def assert_problem(response: Any, status: int, field: str | None = None) -> Any:
    assert response.status == status, (response.status, response.text)
    assert response.headers.get_content_type() == "application/problem+json"
    problem = response.json()
    if field is not None:
        assert [error["field"] for error in problem["errors"] if error["message"]] == [field], problem
    return problem


def pdf_file() -> bytes:
    """Two pages, of which the second says what the ferry costs."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer)
    for line in range(20):
        canvas.drawString(72, 750 - 20 * line, f"Line {line} of the first page is about nothing much.")
    canvas.showPage()
    canvas.drawString(72, 700, "The ferry to the island costs seven pounds in pdf.")
    canvas.showPage()
    canvas.save()
    return buffer.getvalue()
