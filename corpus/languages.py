"""Which language a text is written in, by CLD2: 83 languages, Welsh among them, in 0.02 ms and without model files to load."""

from __future__ import annotations

import re
from itertools import islice

# In code points: what is looked at. Shorter than the least, a guess is mostly wrong.
_SAMPLE = 20_000
_LEAST_LETTERS = 12
_LEAST_OF_OTHER_SCRIPTS = 3
_LOOKED_AT = 50
# CLD2 reports withdrawn codes for these.
_CURRENT_CODES = {"iw": "he", "in": "id", "ji": "yi", "jw": "jv", "mo": "ro"}
# CLD2 refuses text with controls and noncharacters in it.
_REFUSED = re.compile("[^\t\n -~\u00a0-\ufdcf\ufdf0-\ufffd\U00010000-\U0001fffd\U00020000-\U0003fffd]")
_LETTER = re.compile(r"[^\W\d_]")
_LATIN = re.compile("[A-Za-z\u00aa\u00ba\u00c0-\u024f\u1e00-\u1eff]")


def detect(text: str) -> str | None:
    """The ISO 639-1 code of the language most of the text is in; None where it is too short or unclear to tell."""
    import pycld2  # type: ignore[import-untyped]

    sample = _REFUSED.sub(" ", text[:_SAMPLE])
    first = [letter[0] for letter in islice(_LETTER.finditer(sample), _LOOKED_AT)]
    # Few languages share a script that is not Latin, so few letters tell them, and the best guess will do.
    other_script = 2 * sum(1 for letter in first if not _LATIN.match(letter)) > len(first)
    if len(first) < (_LEAST_OF_OTHER_SCRIPTS if other_script else _LEAST_LETTERS):
        return None
    try:
        reliable, _, found = pycld2.detect(sample, bestEffort=other_script)
    except pycld2.error:
        return None
    if not (reliable or other_script):
        return None
    code = found[0][1].partition("-")[0]
    code = _CURRENT_CODES.get(code, code)
    return code if len(code) == 2 and code != "un" else None


def name(code: str) -> str:
    """The English name of a language; the code itself where it has none here."""
    import pycld2

    names = {known: written for written, known in pycld2.LANGUAGES}
    return str(names.get(code, code)).title()
