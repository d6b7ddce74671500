"""The example questions under the search box."""

from __future__ import annotations

from collections.abc import Sequence

from corpus.press_release import press_release
from index.engine import EngineView
from index.types import DamagedRow
from qa.settings.collections import CollectionSettings
from qa.settings.settings import Settings

PRESS_RELEASE = press_release()
PRESS_RELEASE_QUESTIONS = (
    "Who signed the memorandum of understanding?",
    "When did OpenAI open its London office?",
    "What has the UK Government built with OpenAI’s API?",
    "How could AI help civil servants?",
)


def example_questions(settings: Settings, engine: EngineView, own: CollectionSettings) -> Sequence[str]:
    """The questions of the collection, else of the setting; unset, those about the press release where the documents hold it."""
    if own.example_questions is not None:
        return own.example_questions
    if "example_questions" in settings.model_fields_set:
        return settings.example_questions
    try:
        stored = engine.document(str(PRESS_RELEASE.id))
    except DamagedRow:  # the page is served without it
        return ()
    return PRESS_RELEASE_QUESTIONS if stored and stored.url == PRESS_RELEASE.url else ()
