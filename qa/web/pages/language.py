"""The pages' own words in the reader's language: a catalogue for each, `languages/LANGUAGE.po`, in gettext's format.

A message is its English text, so English needs no catalogue, and what a catalogue lacks is shown in English. Adding a language is
adding its file. Documents, questions and what the HTTP interface says stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from flask import g, has_request_context, request

from qa.settings.reading import SettingsError
from qa.settings.settings import Settings
from qa.web.pages.manage.address import MANAGE

ENGLISH = "en"
CATALOGUES = Path(__file__).parent / "languages"
# Pages for the people who run the service, which have no catalogue.
ENGLISH_ONLY = (MANAGE, "/docs")


@lru_cache(maxsize=1)
def languages() -> tuple[str, ...]:
    """The codes of all languages of the pages."""
    return (ENGLISH, *sorted(path.stem for path in CATALOGUES.glob("*.po")))


@lru_cache
def catalogue(code: str) -> Mapping[str, str]:
    """The messages of a language by their English text; empty for English."""
    if code == ENGLISH:
        return MappingProxyType({})
    from babel.messages.pofile import read_po

    with (CATALOGUES / f"{code}.po").open("rb") as file:
        return MappingProxyType({str(each.id): str(each.string) for each in read_po(file, code) if each.id and each.string})


def language() -> str:
    """The language of the page that is answered: what the browser prefers of those there are."""
    if not has_request_context() or request.path.startswith(ENGLISH_ONLY):
        return ENGLISH
    if "language" not in g:
        preferred = (tag.partition("-")[0].lower() for tag in request.accept_languages.values())
        g.language = next((code for code in preferred if code in languages()), ENGLISH)
    return str(g.language)


def check_languages(settings: Settings) -> None:
    """Raises SettingsError for a collection whose language the pages do not speak."""
    for name, own in settings.collections.items():
        if own.language and own.language not in languages():
            raise SettingsError(
                f"the setting collections cannot be used: {name}.language: the pages do not speak {own.language!r}; they speak"
                f" {', '.join(languages())}"
            )


def translate(message: str, **values: object) -> str:
    """A message in the language of the page. `values` take the places of their names in braces."""
    found = catalogue(language()).get(message, message)
    return found.format(**values) if values else found


def direction() -> str:
    """`ltr` or `rtl`, in which the language of the page is written."""
    return _direction(language())


@lru_cache
def _direction(code: str) -> str:
    if code == ENGLISH:
        return "ltr"
    from babel import Locale

    return str(Locale.parse(code).text_direction)


def messages() -> Mapping[str, str]:
    """The catalogue of the page for its scripts."""
    return dict(catalogue(language()))
