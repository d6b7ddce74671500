"""Title and date of DOCX, PPTX and XLSX files, as the program that wrote the file recorded them."""

from __future__ import annotations

import zipfile

from corpus.readers.dates import iso_date
from corpus.readers.office.safe_xml import child, part, text_of

# What programs put where a person gave no title.
_NO_TITLES = frozenset(("PowerPoint Presentation", "Word Document", "Presentation", "Untitled"))


def office_properties(archive: zipfile.ZipFile, name: str) -> tuple[str, str | None]:
    """The title, empty where there is none, and the moment of creation."""
    root = part(archive, "docProps/core.xml", name)
    title = text_of(child(root, "title"))
    return "" if title in _NO_TITLES else title, iso_date(text_of(child(root, "created")))
