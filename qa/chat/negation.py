"""Whether a sentence negates what its evidence says, or says what its evidence negates. Pure.

A negation applies to the next two terms of its clause. This compares words, so it finds a negation that was put in or left out, not one
that other words express.
"""

from __future__ import annotations

import re

from index.text.analysis import terms

SCOPE = 2  # terms
# Of the languages that are met most often; “not only” and “not just” negate nothing.
_NEGATION = re.compile(
    r"\b(?:not(?! (?:only|just|necessarily)\b)|no(?!\.? ?\d)|never|none|nobody|nothing|neither|nor|without|cannot|\w+n['’]t"
    r"|nicht|kein\w*|nie|niemals|ohne|pas|jamais|aucune?|sans|nunca|ning[uú]n[oa]?|non|nid|ddim)\b",
    re.IGNORECASE,
)
_CLAUSE_END = re.compile(
    r"[.,;:!?()\n]|\b(?:but|if|unless|because|when|where|which|who|aber|wenn|mais|si|pero)\b", re.IGNORECASE
)


def contradicts(statement: str, evidence: str) -> bool:
    """Whether the negations of a statement differ from those of the words that support it."""
    said, given = _negated(statement), _negated(evidence)
    in_statement, in_evidence = set(terms(statement)), set(terms(evidence))
    negated_here, negated_there = set().union(*said), set().union(*given)
    if any(not negated_there.intersection(scope) and (in_evidence.intersection(scope) or not given) for scope in said):
        return True
    return any(scope[0] in in_statement and not negated_here.intersection(scope) for scope in given)


def _negated(text: str) -> list[list[str]]:
    """For each negation with terms after it, the terms that it applies to."""
    scopes = []
    for found in _NEGATION.finditer(text):
        end = _CLAUSE_END.search(text, found.end())
        after = terms(text[found.end() : end.start() if end else len(text)])[:SCOPE]
        if after:
            scopes.append(after)
    return scopes
