"""What a file of rules names that is not among the documents."""

from __future__ import annotations

from collections.abc import Iterator

from index.engine import EngineView
from index.types import DamagedRow
from qa.curation.rules import Curation, Place


def unknown_places(curation: Curation, engine: EngineView) -> Iterator[str]:
    """A line for each place that is pinned or hidden but not there, or not yet."""
    for rule, place in curation.places():
        if problem := _problem(place, engine):
            yield f"line {rule.line}: {problem}" if rule.line else problem


def _problem(place: Place, engine: EngineView) -> str | None:
    try:
        document = engine.document(place.document)
        if document is None:
            return f"there is no document {place.document!r} yet"
        if not place.is_in(document):
            return (
                f"{place.document!r} is in the collection {document.collection!r}, where no rule of {place.collection!r} holds"
            )
        if not any(place.holds(stored) for stored in engine.passages_of(place.document)):
            return f"no single passage of {place.document!r} has the text {place.text!r}"
    except DamagedRow as error:
        return str(error)
    return None
