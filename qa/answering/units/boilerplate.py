"""Text that is never an answer: headings, captions, navigation, notices. Pure."""

from __future__ import annotations

import re
from functools import lru_cache

MAX_HEADING_WORDS = 12
CACHED_TEXTS = 4096

_NOTICE = re.compile(
    r"\b(?:all rights reserved|may not be reproduced|opens in (?:a )?new (?:window|tab)|skip to (?:main )?content|back to (?:the )?top"
    r"|(?:use|uses|accept|reject) (?:\w+ )?cookies|cookie (?:policy|settings)|privacy policy|terms (?:of use|and conditions) apply"
    r"|print this page|share this (?:page|article|post)|is this page useful|read more|related (?:content|links|articles)"
    r"|sign up (?:for|to) (?:our|the) (?:newsletter|mailing)|subscribe to (?:our|the)|follow us on|table of contents|click here)\b"
    r"|©|^copyright\b|^page \d+(?: of \d+)?$|^(?:yours (?:sincerely|faithfully|truly)|(?:kind|best) regards)\b",
    re.IGNORECASE,
)
_CONTENTS_LINE = re.compile(r"(?:\.{4,}|(?: \.){4,}|\u2026{2,})\s*\d*$")
_ENDS_SENTENCE = re.compile(r"[.!?…。！？؟۔।॥;][\"'”’»)\]*_]*$")
_TOPIC = re.compile(r"(?:How|What|When|Where|Who|Which|Why)(?: (?:and|or) (?:how|what|when|where|who|which|why))* to\b")
_INDIRECT_QUESTION = re.compile(r"(?:How|What|Who|Which|Why) ")
_FACT = re.compile(r"[\d£$€@]|\w: ?\w")
_SAYS_SOMETHING = re.compile(r"[^\W\d_]|\d.*\||[£$€%@]")


@lru_cache(maxsize=CACHED_TEXTS)
def is_notice(text: str) -> bool:
    """Whether a sentence, item or row is navigation, a legal notice, a closing or a line of contents."""
    return not _SAYS_SOMETHING.search(text) or bool(_NOTICE.search(text) or _CONTENTS_LINE.search(text))


def names_topic(sentence: str) -> bool:
    """Whether it says what a page is about and not what holds: "How to apply, and what it costs", or "What you can do if …" without a full
    stop or question mark; and states no figure and no `name: value`.
    """
    is_topic = _TOPIC.match(sentence) or (_INDIRECT_QUESTION.match(sentence) and not _ENDS_SENTENCE.search(sentence))
    return bool(is_topic) and not _FACT.search(sentence)


def is_heading_like(line: str) -> bool:
    """Whether a line that stands alone is a heading or caption: short, no sentence, and it states no figure and no `name: value`."""
    return not _ENDS_SENTENCE.search(line) and not _FACT.search(line) and len(line.split()) <= MAX_HEADING_WORDS
