"""Questions to begin with: drawn from the documents, and asked once, so that only those are shown that the documents answer.

The same documents give the same questions.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator

from corpus.splitting.sentences import sentence_spans
from index.embedded.store.rows import StoredPassage
from index.embedded.store.store import Store
from qa.answering.answerer import Answerer

WANTED = 4
LOOKED_AT = 24  # passages, evenly spaced over all that were ever stored
LEAST_CONFIDENCE = 0.8
LONGEST = 70  # code points of a question; longer ones wrap on a phone

# "AI Growth Zones", "University of Oxford": two to five capitalised words, small ones between them.
_NAME = re.compile(r"\b[A-Z][\w’'-]*(?:\s(?:(?:of|and|for|the)\s)?[A-Z][\w’'-]*){1,4}")
# What a page of instructions calls itself: "Renew your driving licence".
_INSTRUCTION = re.compile(
    r"(?:Apply|Appeal|Ask|Book|Buy|Cancel|Change|Check|Claim|Complain|Contact|Correct|Find|Get|Make|Order|Pay|Register|Renew|Replace"
    r"|Report|Request|Save|Set up|Sign up|Start|Stop|Tell|Track|Transfer|Update|View|Work out)\b.*[^.:]"
)
_OURS = {"your": "my", "you": "I", "yourself": "myself", "you’re": "I’m", "you've": "I’ve"}


class Examples:
    """Found when they are first wanted, and again when a passage that one of them rests on is gone."""

    def __init__(self, answerer: Answerer, store: Store) -> None:
        self._answerer = answerer
        self._store = store
        self._finding = threading.Lock()
        self._found: dict[str, int] = {}  # question -> the passage that answers it
        self._looked_up_to = 0

    def questions(self) -> list[str]:
        """Up to WANTED of them; none where nothing could be drawn from the documents."""
        with self._finding:
            if self._stale():
                self._looked_up_to = self._store.last_passage_id()
                self._found = dict(self._answered())
            return list(self._found)

    def _stale(self) -> bool:
        if len(self._store.passages(list(self._found.values()))) < len(self._found):
            return True
        return len(self._found) < WANTED and self._store.last_passage_id() != self._looked_up_to

    def _answered(self) -> Iterator[tuple[str, int]]:
        passages = self._spread()
        several = len({stored.document.number for stored in passages}) >= WANTED
        found: set[str] = set()
        used: set[int] = set()
        for stored in passages:
            if several and stored.document.number in used:
                continue
            question = next((q for q in questions_from(stored) if q not in found and self._answers(q, stored)), None)
            if question is None:
                continue
            found.add(question)
            used.add(stored.document.number)
            yield question, stored.id
            if len(found) == WANTED:
                return

    def _spread(self) -> list[StoredPassage]:
        last = self._store.last_passage_id()
        return self._store.passages(sorted({1 + last * step // LOOKED_AT for step in range(LOOKED_AT)} if last else ()))

    def _answers(self, question: str, stored: StoredPassage) -> bool:
        answer = self._answerer.ask(question)
        return answer.confidence >= LEAST_CONFIDENCE and any(
            result.stored.document.number == stored.document.number for result in answer.results
        )


def questions_from(stored: StoredPassage) -> Iterator[str]:
    """What a passage may answer, the likeliest to read well first."""
    title = " ".join(stored.document.title.split())
    candidates = [heading for heading in stored.passage.headings if heading.endswith("?")]
    if _INSTRUCTION.fullmatch(title):
        candidates.append(f"How do I {_mine(_in_a_sentence(title))}?")
    candidates += [f"What is said about {name}?" for name in _names(stored.passage.text)]
    candidates += [f"What does “{title}” say about {_in_a_sentence(heading)}?" for heading in stored.passage.headings[-1:]]
    return (question for question in candidates if len(question) <= LONGEST)


def _names(text: str) -> Iterator[str]:
    """Names inside a sentence; at its beginning every word has a capital."""
    for start, end in sentence_spans(text):
        for found in _NAME.finditer(text, start + 1, end):
            yield " ".join(found[0].removesuffix("’s").removesuffix("'s").split())


def _in_a_sentence(title: str) -> str:
    """Without the capital that it begins with, unless that is a name's in capitals."""
    return title[:1].lower() + title[1:] if title[1:2].islower() else title


def _mine(title: str) -> str:
    return " ".join(_OURS.get(word, word) for word in title.split())
