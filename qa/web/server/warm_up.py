"""Ask a few questions before the server is ready: they load the models, fill caches and show how long an answer takes."""

from __future__ import annotations

import logging
import time

from corpus.types import QuotableError
from qa.answering.answerer import Answerer

log = logging.getLogger(__name__)

# About no documents in particular; different words, because the vectors of repeated questions are cached.
QUESTIONS = (
    "Who is responsible for this?",
    "How much does it cost in total?",
    "When does the next period begin?",
    "Where can I find more information?",
    "Which documents do I have to send?",
)


def warm_up(answerer: Answerer) -> float | None:
    """The seconds that an answer takes once everything is loaded; None if the questions cannot be answered."""
    seconds = []
    try:
        for question in QUESTIONS:
            start = time.perf_counter()
            answerer.ask(question)
            seconds.append(time.perf_counter() - start)
    except QuotableError as error:
        log.error("%s", error)
        return None
    return min(seconds)
