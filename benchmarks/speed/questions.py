"""Questions for benchmarks, generated from patterns."""

from __future__ import annotations

import random
from itertools import product

OPENINGS = ("who", "when did", "what does", "how will", "why should", "where can", "which of", "tell me whether")
SUBJECTS = (
    "the government",
    "OpenAI",
    "Peter Kyle",
    "the London office",
    "a small business",
    "the security institute",
    "an engineer",
)
VERBS = ("announce", "sign", "explain", "support", "build", "expand", "share")
OBJECTS = (
    "the memorandum",
    "its chatbot",
    "the partnership",
    "public services",
    "new jobs in the UK",
    "the infrastructure priorities",
    "AI models",
)
ENDINGS = ("", " this year", " and what follows from it", " according to the press release")


def questions(count: int) -> list[str]:
    """Distinct questions of 5 to 20 words: the same ones every time, shuffled."""
    found = [f"{' '.join(words)}{ending}?" for *words, ending in product(OPENINGS, SUBJECTS, VERBS, OBJECTS, ENDINGS)]
    random.Random(0).shuffle(found)
    assert len(set(found[:count])) == count
    return found[:count]
