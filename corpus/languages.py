"""Language detection with CLD2: 83 languages including Welsh, 0.02 ms a text, no model files."""

from __future__ import annotations

import re
from itertools import islice

# In code points.
_SAMPLE = 20_000
# Detection is mostly wrong on fewer letters. Scripts other than Latin need fewer.
_MIN_LETTERS = 12
_MIN_OTHER_SCRIPT_LETTERS = 3
# Letters examined to tell the script.
_SCRIPT_SAMPLE = 50
# CLD2 reports withdrawn codes for these.
_CURRENT_CODES = {"iw": "he", "in": "id", "ji": "yi", "jw": "jv", "mo": "ro"}
# CLD2 rejects text with control characters and noncharacters.
_REJECTED = re.compile("[^\t\n -~\u00a0-\ufdcf\ufdf0-\ufffd\U00010000-\U0001fffd\U00020000-\U0003fffd]")
_LETTER = re.compile(r"[^\W\d_]")
_LATIN = re.compile("[A-Za-z\u00aa\u00ba\u00c0-\u024f\u1e00-\u1eff]")


def detect(text: str) -> str | None:
    """The ISO 639-1 code of the text's main language; None if the text is too short or ambiguous."""
    import pycld2  # type: ignore[import-untyped]

    sample = _REJECTED.sub(" ", text[:_SAMPLE])
    letters = [letter[0] for letter in islice(_LETTER.finditer(sample), _SCRIPT_SAMPLE)]
    # Few languages share a script other than Latin: few letters and the best guess are enough.
    other_script = 2 * sum(1 for letter in letters if not _LATIN.match(letter)) > len(letters)
    if len(letters) < (_MIN_OTHER_SCRIPT_LETTERS if other_script else _MIN_LETTERS):
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
    """The English name of a language, or the code itself if CLD2 does not know it."""
    import pycld2

    names = {known: english for english, known in pycld2.LANGUAGES}
    return str(names.get(code, code)).title()
