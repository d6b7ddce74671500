"""Documents for the soak test: one of each format, with words that depend on its number."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from email.message import EmailMessage

import docx
from openpyxl import Workbook
from pptx import Presentation
from reportlab.pdfgen.canvas import Canvas

SUBJECTS = ("ferry", "library card", "parking permit", "garden waste bin", "school place", "market stall")


def sentences(number: int) -> list[str]:
    """Ten words that are unique to the number."""
    return [
        f"Under rule {number}.{line} the {SUBJECTS[(number + line) % len(SUBJECTS)]} costs {number % 90 + line} pounds a month."
        for line in range(10)
    ]


def _text(number: int) -> bytes:
    return "\n\n".join(sentences(number)).encode()


def _markdown(number: int) -> bytes:
    return "\n\n".join([f"# Prices {number}", *(f"## Rule {n}\n\n{line}" for n, line in enumerate(sentences(number)))]).encode()


def _html(number: int) -> bytes:
    paragraphs = "".join(f"<p>{line}</p>" for line in sentences(number))
    page = f"<html><head><title>Prices {number}</title></head><body><main><h1>Prices {number}</h1>{paragraphs}</main></body></html>"
    return page.encode()


def _csv(number: int) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["rule", "what it says"])
    writer.writerows(enumerate(sentences(number)))
    return out.getvalue().encode()


def _email(number: int) -> bytes:
    message = EmailMessage()
    message["From"], message["To"] = "clerk@example.org", "everyone@example.org"
    message["Subject"], message["Date"] = f"Prices {number}", "Mon, 21 Jul 2025 10:00:00 +0000"
    message.set_content("\n\n".join(sentences(number)))
    return message.as_bytes()


def _json_lines(number: int) -> bytes:
    records = ({"id": f"soak-record-{n}", "title": f"Rule {n}", "text": line} for n, line in enumerate(sentences(number)[:3]))
    return "\n".join(json.dumps(record) for record in records).encode()


def _docx(number: int) -> bytes:
    document = docx.Document()
    document.add_heading(f"Prices {number}", 1)
    for line in sentences(number):
        document.add_paragraph(line)
    return _saved(document.save)


def _pdf(number: int) -> bytes:
    out = io.BytesIO()
    canvas = Canvas(out)
    for n, line in enumerate(sentences(number)):
        canvas.drawString(50, 750 - 20 * n, line)
    canvas.save()
    return out.getvalue()


def _xlsx(number: int) -> bytes:
    book = Workbook()
    for row in enumerate(sentences(number)):
        book.active.append(row)  # type: ignore[union-attr]
    return _saved(book.save)


def _pptx(number: int) -> bytes:
    slides = Presentation()
    slide = slides.slides.add_slide(slides.slide_layouts[1])
    slide.shapes.title.text = f"Prices {number}"
    slide.placeholders[1].text = "\n".join(sentences(number))
    return _saved(slides.save)


def _saved(save: Callable[[io.BytesIO], None]) -> bytes:
    out = io.BytesIO()
    save(out)
    return out.getvalue()


FORMATS: Mapping[str, Callable[[int], bytes]] = {
    "txt": _text,
    "md": _markdown,
    "html": _html,
    "csv": _csv,
    "eml": _email,
    "jsonl": _json_lines,
    "docx": _docx,
    "pdf": _pdf,
    "xlsx": _xlsx,
    "pptx": _pptx,
}
