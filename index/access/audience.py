"""Names of collections and groups, and the audience of a request, which is a filter."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from corpus.types import QuotableError
from index.types import DEFAULT_COLLECTION, StoredDocument

COLLECTION = r"[a-z0-9][a-z0-9-]{0,62}"
GROUP = r"[A-Za-z0-9_][A-Za-z0-9_.@-]{0,99}"
MAX_GROUPS = 100
EVERYONE = "*"  # stands for no groups where an engine stores them; no group can have this name


class InvalidName(QuotableError, ValueError):
    """The name of a collection or a group. The message completes "the collection …"."""


@dataclass(frozen=True, slots=True)
class Audience:
    """What a caller may read, as a filter: documents of these collections (None: of any) that are for everyone or for one of these groups.

    A document whose collection or groups cannot be read matches no audience. Only a caller without an audience reads everything.
    """

    collections: tuple[str, ...] | None
    groups: tuple[str, ...] = ()

    def may_read(self, stored: StoredDocument) -> bool:
        collection, groups = stored.edits.get("collection", DEFAULT_COLLECTION), stored.edits.get("access")
        if not isinstance(collection, str) or not self.may_hold(collection):
            return False
        return groups is None or (isinstance(groups, list) and not set(self.groups).isdisjoint(groups))

    def may_hold(self, collection: str) -> bool:
        """Whether documents of a collection may be among those it reads."""
        return self.collections is None or collection in self.collections


# Reads nothing: of a caller whom nobody identified.
NOBODY = Audience(())


def check_collection(name: str) -> str:
    """Raises InvalidName."""
    if not re.fullmatch(COLLECTION, name):
        raise InvalidName("must be 1 to 63 lower-case letters, digits and hyphens, such as press-releases")
    return name


def check_groups(names: Sequence[str]) -> tuple[str, ...]:
    """Raises InvalidName."""
    if not 1 <= len(names) <= MAX_GROUPS:
        raise InvalidName(f"must name 1 to {MAX_GROUPS} groups")
    for name in names:
        if not re.fullmatch(GROUP, name):
            raise InvalidName(f"must be names of 1 to 100 letters, digits and any of . @ _ -, not {name[:100]!r}")
    return tuple(dict.fromkeys(names))


def placement(collection: str | None, access: Sequence[str] | None) -> dict[str, Any]:
    """What of it is given, as edits of a document."""
    given = {"collection": collection, "access": list(access) if access is not None else None}
    return {name: value for name, value in given.items() if value is not None}
