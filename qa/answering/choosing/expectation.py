"""What a question expects of its answer (an amount, a date, a person, a list …) and whether a text has it. Pure; for English."""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache

from qa.answering.choosing.words import CACHED_QUESTIONS


class Expected(StrEnum):
    AMOUNT = "amount"  # of money or a percentage
    NUMBER = "number"
    DATE = "date"
    DURATION = "duration"
    FREQUENCY = "frequency"
    PERSON = "person"  # or an organisation
    PLACE = "place"
    TELEPHONE = "telephone number"
    EMAIL = "email address"
    POSTAL_ADDRESS = "postal address"
    REASON = "reason"
    LIST = "list"
    WAY = "way"  # to do something
    YES_OR_NO = "yes or no"


def _cue(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


_IS = r"(?:['’]s| is| are| was| were| will be)"
_AUXILIARY = "is|are|was|were|do|does|did|will|would|can|could|should|must|may|might|has|have|had"
_AMOUNT_NOUNS = (
    "price|cost|fee|charge|fine|penalt(?:y|ies)|amount|rate|salar(?:y|ies)|wage|limit|threshold|maximum|minimum|percent(?:age)?|share"
    "|proportion|revenue|profit|budget|discount|value|worth|sum|deposit|turnover"
)
# Money is meant, unlike in "how much water", where any number is, and in "how do I find out how much".
_HOW_MUCH = r"(?<!\bsee )(?<!\bout )(?<!\bon )(?<!\bknow )(?<!\bcheck )\bhow much"
_MONEY = rf"(?: (?:{_AUXILIARY}|money|extra|more|less|tax|vat|rent|interest|compensation|pay|of|to|for|it|i|you|we)\b|\W*$)"
_CUES = (
    (
        Expected.DURATION,
        _cue(
            r"\bhow (?:long|soon|quickly|late|early|old)\b",
            r"\b(?:how many|number of) (?:\w+ )?(?:day|week|month|year|hour|minute)s?\b",
            r"\bhow much (?:time|notice|warning)\b",
            r"\btime limit\b",
        ),
    ),
    (Expected.FREQUENCY, _cue(r"\bhow (?:often|frequently|regularly)\b")),
    (
        Expected.DATE,
        _cue(
            rf"^\W*(?:\w+\W+)?when\b(?!.*, (?:{_AUXILIARY}|what|how|who|where|which)\b)",
            r"\bwhen (?:is|are|was|were|do|does|did|will|can|could|must|should|would|has|have|had|might)\b",
            rf"\b(?:what|which){_IS}?(?: the)? (?:\w+ )?(?:date|day|month|year|time|deadline|decade|century)s?\b",
            r"\b(?:deadline|cut-?off|due date|expir(?:y|es?)|start date|closing date|opening (?:times?|hours?)|how long ago)\b",
        ),
    ),
    (
        Expected.AMOUNT,
        _cue(
            rf"{_HOW_MUCH}(?={_MONEY})",
            r"\bhow many (?:pounds|pence|pennies|euros?|dollars|quid)\b",
            r"\bwhat (?:do|does|did|will|would|is|are)(?: \S+){1,6} (?:costs?|pays?|paid|charges?|charged|earns?|spen[dt])\b",
            rf"\bwhat{_IS}(?: \S+){{0,4}} (?:{_AMOUNT_NOUNS})s?\b",
            rf"\b(?:what|which)(?: \w+){{0,3}} (?:{_AMOUNT_NOUNS})\b",
            r"\b(?:what|which) ?%",
        ),
    ),
    (
        Expected.NUMBER,
        _cue(
            r"\bhow (?:many|far|large|big|tall|high|fast|wide|deep|few|heavy|strong|hot|cold|loud)\b",
            rf"{_HOW_MUCH}(?!{_MONEY}| (?:time|notice|warning)\b)",
            r"\b(?:what|which)(?: \w+){0,3} (?:number\b|population|size|age|temperature|distance|length|height|weight|speed|score"
            r"|phone)s?\b",
        ),
    ),
    (
        Expected.PERSON,
        _cue(
            r"(?:^|[.,;:!?]\s+|\b(?:and|to|from|by|with|for|of|about|at|so|but)\s+)who(?:m|se|'s)?\b",
            r"\b(?:what|which)(?: \w+){0,2} (?:person|people|king|queen|man|woman|president|leader|author|scientist|group|compan(?:y|ies)"
            r"|firm|organi[sz]ation|team|player|emperor|name|bank|university|minister|department|agenc(?:y|ies)|bod(?:y|ies)|council"
            r"|charit(?:y|ies))s?\b",
        ),
    ),
    (
        Expected.PLACE,
        _cue(
            r"^\W*(?:\w+\W+)?where\b",
            r"\bwhere (?:is|are|was|were|do|does|did|will|can|could|must|should|would|has|have|had|might)\b",
            r"\b(?:what|which)(?: \w+){0,2} (?:city|country|state|river|place|location|county|region|area|town|continent|street"
            r"|island|nation"
            r"|building|address|website|page|site)\b",
        ),
    ),
    (
        Expected.TELEPHONE,
        _cue(
            r"\b(?:tele)?(?:phone|fone)s?(?: \w+)? (?:number|no)\b",
            r"\bnumber\b.*\b(?:call|ring|phone)\b",
            r"\bhelpline\b.*\bnumber\b",
            r"\b(?:contact|helpline) number\b",
        ),
    ),
    (Expected.EMAIL, _cue(r"\be-?mail address\b", r"\bwhere\b.*\be-?mail\b")),
    (
        Expected.POSTAL_ADDRESS,
        _cue(
            r"\bpostal address\b",
            r"\b(?:what|which|whose) (?:is the )?address\b",
            r"\bwhere (?:do|does|should|can|could|must|to)\b.*\b(?:post|mail|write)\b",
        ),
    ),
    (Expected.REASON, _cue(r"\bwhy\b", r"\b(?:what|which)(?: \w+){0,2} (?:reason|cause|purpose|caused)s?\b", r"\bhow come\b")),
    (
        Expected.WAY,
        _cue(
            r"\bhow (?:do|can|could|should|would|to|does|did|will|might|must|shall)\b",
            r"\b(?:what|which)(?: \w+){0,2} (?:way|step|process|procedure|method)s?\b",
            r"\bwhat (?:do|should|must|can) (?:i|we|you|they|he|she|one|people)\b.*\bdo\b",
        ),
    ),
    (
        Expected.LIST,
        _cue(
            r"\b(?:what|which)(?: \S+){0,4} (?:(?!(?:i|wa|doe|ha|thi|it)s\b)[a-z]+(?<!s)s|people|documents|evidence|information"
            r"|criteria)\b",
            r"\b(?:list|examples?|types?|kinds?|sorts?) of\b",
            r"\bwhat (?:are|do|does|can|should|must|else|counts?|needs?)\b",
            r"\bwho (?:can|qualifies|is (?:eligible|allowed|exempt|covered))\b",
        ),
    ),
)
_YES_OR_NO = re.compile(
    r"(?:^|[.,;:!?]\s+|\b(?:so|and|but|then|please)\s+)(?:is|are|am|was|were|do|does|did|can|could|will|would|should|must|may|might"
    r"|has|have|had"
    r"|isn't|aren't|don't|doesn't|didn't|can't|couldn't|won't|wouldn't|shouldn't|haven't|hasn't|need|ought)\s+(?!not\b.*\bwhat\b)\w+",
    re.IGNORECASE,
)

_MONTH = "january|february|march|april|june|july|august|september|october|november|december"
NUMBER_WORDS = (
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty"
    " thirty forty fifty sixty seventy eighty ninety hundred thousand million billion dozen half third quarter twice once"
).split()
_NUMBER_WORD = "|".join(rf"{word}s?" for word in NUMBER_WORDS)
_HAS = {
    Expected.AMOUNT: _cue(
        r"[£$€¥]\s?\d",
        r"\d\s?(?:%|p\b|pence\b|pounds?\b|dollars?\b|euros?\b|per cent\b|percent\b)",
        r"\b(?:usd|gbp|eur)\s?\d",
        r"\bfree(?: of charge)?\b",
        r"\b(?:one|two|three|four|a)[ -](?:half|third|quarter|fifth|tenth)s?\b|\bhalf (?:of|the|that|its|your)\b",
        rf"\b(?:{_NUMBER_WORD}) (?:per cent|percent|pounds|dollars)\b",
        r"\bno (?:fee|charge|cost)\b",
    ),
    Expected.NUMBER: _cue(r"\d", rf"\b(?:{_NUMBER_WORD})\b"),
    Expected.DATE: _cue(
        rf"\b(?:{_MONTH}|may \d|\d+ may)\b",
        r"\b(?:1[0-9]|20)\d\ds?\b",
        r"\b\d{1,2}(?:st|nd|rd|th)\b",
        r"\b\d{1,2}[:.]\d\d\b",
        r"\b\d{1,2}\s?[ap]m\b",
        r"\b(?:mon|tues|wednes|thurs|fri|satur|sun)days?\b",
        r"\b(?:today|tomorrow|yesterday|century|decade|midnight|noon|spring|summer|autumn|winter)\b",
        r"\b(?:before|after|until|by|within|from|since|during|once|when|as soon as|at the end of|immediately)\b",
    ),
    Expected.DURATION: _cue(
        rf"\b(?:\d+|{_NUMBER_WORD}|a|an|every|each|per|several|few)[\s-]+(?:\w+[\s-]+)?(?:second|minute|hour|day|week|month|year"
        rf"|decade)s?\b",
        r"\b(?:daily|weekly|monthly|yearly|annually|quarterly|fortnight|immediately|indefinitely|permanent(?:ly)?)\b",
        r"\b\d+ (?:or over|to \d+|and over)\b",
        r"\b(?:since|century|centuries)\b",
    ),
    Expected.FREQUENCY: _cue(
        r"\b(?:every|each|per|once|twice|times|daily|weekly|monthly|yearly|annual(?:ly)?|quarterly|fortnight(?:ly)?|always|regular(?:ly)?"
        r"|at least|an? (?:day|week|month|year))\b"
    ),
    Expected.PLACE: _cue(
        r"\b(?:in|at|from|to|near|of|across|outside|through) (?:the )?(?-i:[A-Z])",
        r"\b(?:street|road|avenue|city|county|england|scotland|wales|ireland|uk|london)\b",
        r"\b(?:online|website|office|centre|center|address|www|http)",
        r"@",
    ),
    Expected.TELEPHONE: _cue(
        r"(?:\+\d{1,3}[ -]?|\b0|\(0)\d{2,5}\)?[ -]?\d[\d -]{4,}\d\b", r"(?:\b|\()\d{3}\)?[ .-]\d{3}[ .-]\d{4}\b"
    ),
    Expected.EMAIL: _cue(r"\w@\w[\w-]*\.\w"),
    Expected.POSTAL_ADDRESS: _cue(
        r"(?-i:\b[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}\b)", r"(?-i:\b[A-Z]{2} \d{5}\b)", r"\bP\.?O\.? box \d"
    ),
    Expected.REASON: _cue(
        r"\b(?:because|due to|since|as a result|so that|in order to|so as to|result\w* (?:of|from|in)|caused?|reasons?|therefore|thus"
        r"|le(?:a)?d to"
        r"|to (?:help|ensure|make|allow|give|avoid|prevent|protect|support|enable|improve|reduce|provide)|means?|designed|aims?"
        r"|purpose|as (?:it|they|the|you|this))\b",
    ),
    Expected.WAY: _cue(
        r"\b(?:you|they|we|he|she|it|people|applicants?|employers?|customers?) (?:can|must|should|need|may|will|have to|could)\b",
        r"^[-*•\d.()\s]*(?:go|apply|call|phone|contact|write|use|fill|send|complete|check|ask|get|make|tell|register|submit|report"
        r"|download|visit|book"
        r"|pay|sign|choose|find|email|post|take|give|keep|click|enter|follow|add|read|log|create|start|return|set|order|put|include"
        r"|print|do)\b",
        r"\b(?:by (?:\w+ing|phone|post|email)|online|using|through|via)\b",
    ),
    Expected.YES_OR_NO: _cue(
        r"\b(?:can|cannot|can't|can’t|must|may|will|won't|won’t|should|could|would|only|if|unless|not|no|never|don't|don’t|doesn't"
        r"|doesn’t|isn't|isn’t"
        r"|aren’t|wouldn’t|need(?:s|ed)?|ha(?:s|ve) to|allow\w*|entitle\w*|eligible|qualif\w*|require\w*|exempt\w*|even|still"
        r"|regardless|both|either|any|all"
        r"|treated|include[sd]?|exclude[sd]?|permit\w*|prohibit\w*|whether|is|are)\b",
    ),
}
# In these a person or organisation is a capitalised word after the first.
_NAME = re.compile(
    r"(?<=\s)[\"'“‘(]*[A-Z][\w’'&.-]+|\b(?:he|she|they|your|the) (?:employer|council|landlord|bank|court|tribunal|adviser|minister)\b"
)
HARD = (
    Expected.AMOUNT,
    Expected.NUMBER,
    Expected.DATE,
    Expected.DURATION,
    Expected.FREQUENCY,
    Expected.PERSON,
    Expected.TELEPHONE,
    Expected.EMAIL,
    Expected.POSTAL_ADDRESS,
)
# "How do I find out how much", "what do we do with one without a date": no figure is expected, unless it is asked for first.
_FIGURE_FIRST = _cue(
    r"^\W*(?:and |so |but )?(?:how (?:much|many|long|soon|often|quickly|late|early|old|far|high)|when|who|what time)\b"
)
_DEPENDS = _cue(r"\bdepends? on\b")
CONTACT = frozenset((Expected.TELEPHONE, Expected.EMAIL, Expected.POSTAL_ADDRESS))


@lru_cache(maxsize=CACHED_QUESTIONS)
def expectations(question: str) -> frozenset[Expected]:
    """What the question expects; empty if that is unknown."""
    found = frozenset(kind for kind, cue in _CUES if cue.search(question))
    if contact := found & CONTACT:
        return contact  # "what is the number", "where do I send", "which address" ask for nothing else
    if (Expected.WAY in found and not _FIGURE_FIRST.search(question)) or _DEPENDS.search(question):
        found -= frozenset(HARD)
    if not found - {Expected.LIST} and _YES_OR_NO.search(question):
        return frozenset({Expected.YES_OR_NO})
    return found


def has(kind: Expected, text: str) -> bool:
    """Whether a text has something of this kind; a list is a matter of structure, not of text."""
    if kind is Expected.PERSON:
        return _NAME.search(text) is not None
    pattern = _HAS.get(kind)
    return pattern is not None and pattern.search(text) is not None
