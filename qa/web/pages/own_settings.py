"""What the page of a collection has of its own: its title, language, example questions and colours."""

from __future__ import annotations

from index.filters import Comparison
from qa.settings.collections import CollectionSettings
from qa.web.current import service, settings

NOTHING_OWN = CollectionSettings()


def own_settings(collection: str | None) -> CollectionSettings:
    """Nothing for a collection that the caller may not read, as for one that does not exist."""
    own = settings().collections.get(collection) if collection else None
    if own is None or not service().engine.facets("collection", Comparison("eq", "collection", str(collection)), 1):
        return NOTHING_OWN
    return own


def title_of(collection: str) -> str:
    """The title of a collection that the caller may read, else its name."""
    own = settings().collections.get(collection)
    return own.title if own and own.title else collection


def style_of(own: CollectionSettings) -> str:
    """The style sheet of its colours, whose form the settings have checked; empty without colours."""
    colours = {"--link": own.color, "--ground": own.background, "--ink": own.text_color}
    declarations = "".join(f"{name}:{colour};" for name, colour in colours.items() if colour)
    return f":root{{{declarations}}}" if declarations else ""
