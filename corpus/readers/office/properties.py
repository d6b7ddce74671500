"""Title and creation date of DOCX, PPTX and XLSX files."""

from __future__ import annotations

import zipfile

from corpus.readers.dates import iso_date
from corpus.readers.office.safe_xml import child, part, text_of
from corpus.types import MetadataValue


def office_properties(archive: zipfile.ZipFile, name: str) -> tuple[str, dict[str, MetadataValue]]:
    """The title property (empty if there is none), and `created`, the date of the file, as metadata."""
    root = part(archive, "docProps/core.xml", name)
    created = iso_date(text_of(child(root, "created")))
    return text_of(child(root, "title")), {"created": created} if created else {}
