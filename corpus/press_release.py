"""The document that comes with the program: the press release, with what is known of it beside its text."""

from __future__ import annotations

import json
from importlib.resources import files

from corpus.types import Document


def press_release() -> Document:
    """The embedded corpus, its text exactly as in `press_release.txt`."""
    folder = files("corpus")
    facts = json.loads((folder / "press_release.json").read_text("utf-8"))
    return Document(text=(folder / "press_release.txt").read_text("utf-8"), **facts)
