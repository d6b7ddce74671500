"""Title and creation date of DOCX, PPTX and XLSX files."""

from __future__ import annotations

import zipfile

from corpus.readers.dates import iso_date
from corpus.readers.office.safe_xml import child, part, text_of

# Titles that programs set by default.
_DEFAULT_TITLES = frozenset(("PowerPoint Presentation", "Word Document", "Presentation", "Untitled"))


def office_properties(archive: zipfile.ZipFile, name: str) -> tuple[str, str | None]:
    """The title (empty if there is none) and the creation date."""
    root = part(archive, "docProps/core.xml", name)
    title = text_of(child(root, "title"))
    return "" if title in _DEFAULT_TITLES else title, iso_date(text_of(child(root, "created")))
