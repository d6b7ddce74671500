"""The document that comes with the program: a press release and its metadata."""

from __future__ import annotations

import json
from importlib.resources import files

from corpus.types import Document


def press_release() -> Document:
    """The document: text from `press_release.txt`, everything else from `press_release.json`."""
    folder = files("corpus")
    metadata = json.loads((folder / "press_release.json").read_text("utf-8"))
    return Document(text=(folder / "press_release.txt").read_text("utf-8"), **metadata)
