"""A stored file as a download that no browser opens as a page of this service."""

from __future__ import annotations

import io
from pathlib import PurePosixPath

from flask import Response, send_file

# Types that a browser cannot run as a page; any other file is sent as bytes.
_TYPES = {
    ".pdf": "application/pdf",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ".odt": "application/vnd.oasis.opendocument.text",
    ".txt": "text/plain",
    ".md": "text/plain",
    ".csv": "text/csv",
}
_NO_TYPE = "application/octet-stream"
_RESERVED = frozenset('/\\:*?"<>|')
_MAX_NAME = 150  # characters


def download(content: bytes, name: str) -> Response:
    """The bytes as an attachment under a safe form of the name."""
    kept = "".join(c if c.isprintable() and c not in _RESERVED else "_" for c in PurePosixPath(name).name)
    path = PurePosixPath(kept.lstrip(".") or "document")
    short = path.stem[: _MAX_NAME - len(path.suffix)] + path.suffix[:_MAX_NAME]
    response = send_file(
        io.BytesIO(content),
        mimetype=_TYPES.get(path.suffix.lower(), _NO_TYPE),
        as_attachment=True,
        download_name=short,
        etag=False,
    )
    response.headers["Content-Security-Policy"] = "sandbox"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-store"
    return response
