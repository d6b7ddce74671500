"""Recognises small talk: greetings, thanks, farewells and questions about the assistant. Pure.

A message is small talk only if all of it consists of such phrases: "Hello there, thanks!" is, "Hello, how do I renew my passport?"
is a question (searched without its greeting). Covers English and the most frequent greetings of some other languages.
"""

from __future__ import annotations

import re
from enum import Enum

from index.text.analysis import fold

MAX_CHARACTERS = 120


class SmallTalk(Enum):
    """The kinds of small talk."""

    GREETING = "greeting"
    THANKS = "thanks"
    FAREWELL = "farewell"
    ABOUT_ASSISTANT = "about the assistant"
    ACKNOWLEDGEMENT = "acknowledgement"


_WHOM = r"(?: (?:there|all|everyone|everybody|again|bot|chatbot|assistant|folks|team|friend|sir|madam|mate))*"
_MUCH = r"(?: (?:so|very|a lot|lots|a million|ever so|again|much|indeed|kindly))*"
_MACHINE = r"(?:bot|chat ?bot|robot|human|person|real person|machine|computer|ai|assistant|language model|llm)"
_PHRASES = {
    SmallTalk.THANKS: (
        rf"(?:many |much |no )?(?:thanks|thank you|thank u|thankyou|thx|thnx|ty|cheers|ta|much appreciated){_MUCH}{_WHOM}",
        rf"(?:thanks|thank you){_MUCH} for (?:all |of )*(?:your|the|that|this)(?: (?:help|time|answer|reply|info|information|support))?",
        r"(?:i |really )*appreciate (?:it|that|your help)|that (?:was|is|s) (?:really |very |so |most )*(?:helpful|useful|kind)",
        r"that helps|you (?:are|re) (?:the best|(?:very |so |really )*(?:helpful|kind))|great help|very helpful|so helpful",
        r"merci(?: beaucoup)?|danke(?: schon| sehr)?|(?:muchas )?gracias|obrigad[oa]|grazie",
    ),
    SmallTalk.ABOUT_ASSISTANT: (
        r"(?:who|what)(?: exactly)? are you(?: exactly)?|who (?:made|built|created|trained) you|tell me about yourself",
        r"what (?:is|s) your name|do you have a name|introduce yourself|how do you work|how does this (?:chat ?bot|bot|chat) work",
        r"what model are you|which (?:language )?model (?:are you|do you use)|are you (?:chatgpt|gpt|there|online|real|alive)",
        rf"(?:are you|is this|am i (?:talking|speaking|chatting) (?:to|with)) (?:an? |really |actually )*{_MACHINE}",
        r"who am i (?:talking|speaking|chatting) (?:to|with)|what can i ask(?: you)?|what questions can i ask(?: you)?",
        r"what (?:can|do) you (?:do|know)(?: for me| about)?",
        r"what (?:topics|subjects|documents) (?:do you (?:cover|have|know)|can i ask(?: you)? about)",
        r"what can you (?:help|assist)(?: me)? with|(?:how )?(?:can|could) you help(?: me)?",
        r"help(?: me)?|i need (?:some )?help|i have (?:a|another|one more|some) questions?",
        r"(?:can|may) i ask (?:you )?(?:a|another|some) questions?",
    ),
    SmallTalk.FAREWELL: (
        rf"(?:bye|bye bye|goodbye|good bye|good night|farewell|see you|see ya|cya){_WHOM}(?: (?:later|soon|then|now|tomorrow))*",
        r"talk to you later|take care|have a (?:good|nice|great|lovely) (?:day|one|evening|weekend|time)",
        r"that (?:is|s|will be|ll be) all(?: for (?:now|today))?|nothing else|no more questions|adios|au revoir|tschuss",
    ),
    SmallTalk.GREETING: (
        rf"(?:hi|hiya|hello|hullo|hallo|hey|heya|howdy|yo|greetings|good (?:morning|afternoon|evening|day)){_WHOM}",
        r"how are you(?: (?:doing|today))*|how (?:is it|s it|are things) going|how do you do|nice to meet you",
        r"hola|bonjour|salut|ciao|guten (?:tag|morgen|abend)|moin|servus|buenos dias|buenas tardes|namaste",
    ),
    SmallTalk.ACKNOWLEDGEMENT: (
        r"ok|okay|okey|alright|all right|cool|great|good|nice|perfect|excellent|wonderful|awesome|brilliant|fantastic|lovely",
        r"got it|gotcha|understood|i see|i understand|(?:that )?makes sense|good to know|wow|noted|sounds good",
        r"no problem|no worries|never ?mind|lol|haha|sure",
    ),
}
_BY_KIND = {kind: rf"(?:{'|'.join(phrases)})" for kind, phrases in _PHRASES.items()}
_BETWEEN = r"please|so|well|and|but|oh|ah|very|really|just|then|anyway|sorry"
_SMALL_TALK = re.compile(rf"(?:(?:{'|'.join(_BY_KIND.values())}|{_BETWEEN}) )+")
# A message with several phrases has the first kind in this order.
_KINDS = [(kind, re.compile(rf"(?:^| ){phrase} ")) for kind, phrase in _BY_KIND.items()]
_WORD = re.compile(r"[^\W_]+")
# Small talk that may precede or follow a question, and the first words of a question after a greeting without punctuation.
_COURTESIES = (SmallTalk.GREETING, SmallTalk.THANKS, SmallTalk.FAREWELL, SmallTalk.ACKNOWLEDGEMENT)
_ASKS = re.compile(
    r"(?:who|whose|what|when|where|which|why|how|is|are|was|were|do|does|did|can|could|will|would|should|may|must|has|have|had"
    r"|i|we|my|our|please|tell|and)(?:['’]\w+)?\b.*\s",
    re.IGNORECASE | re.DOTALL,
)
_PIECE = re.compile(r"[^.!?,;:\n]*(?:[.!?,;:\n]+\s*|$)")
_MAX_PIECES = 4  # of courtesies on either side
_MAX_GREETING_WORDS = 4  # of a greeting without punctuation


def strip_courtesies(message: str) -> str:
    """The question in a message without the greetings and thanks around it; the whole message if that is ambiguous ("Hello, Dolly!")."""
    pieces = [piece[0] for piece in _PIECE.finditer(message) if piece[0]]
    first, last = 0, len(pieces)
    while first < min(last, _MAX_PIECES) and small_talk(pieces[first]) in _COURTESIES:
        first += 1
    while last > max(first, len(pieces) - _MAX_PIECES) and small_talk(pieces[last - 1]) in _COURTESIES:
        last -= 1
    question = _strip_greeting("".join(pieces[first:last]).strip())
    if question == message.strip():
        return message
    return question if _ASKS.match(question) or question.endswith("?") else message


def _strip_greeting(message: str) -> str:
    """“hello what is it” -> “what is it”."""
    words = message.split(maxsplit=_MAX_GREETING_WORDS + 1)
    for count in range(min(_MAX_GREETING_WORDS, len(words) - 1), 0, -1):
        rest = message.split(maxsplit=count)[count]
        if small_talk(" ".join(words[:count])) in (SmallTalk.GREETING, SmallTalk.THANKS) and _ASKS.match(rest):
            return rest
    return message


def small_talk(message: str) -> SmallTalk | None:
    """The kind of small talk that a message is. None if it is, or may be, a question to the documents."""
    if len(message) > MAX_CHARACTERS:
        return None
    normalised = " ".join(_WORD.findall(fold(message).lower())) + " "
    if not _SMALL_TALK.fullmatch(normalised):
        return None
    return next((kind for kind, phrase in _KINDS if phrase.search(normalised)), None)
