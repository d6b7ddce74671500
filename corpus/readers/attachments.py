"""Files in files: an attachment becomes a document of its own, which names its message."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from corpus.types import Document, MetadataValue, ReadFailure

# Levels of messages attached to messages.
MAX_DEPTH = 5
# In code points.
_MAX_PART = 60
_NOT_IN_PART = re.compile(r"[^\w.=+@~-]+")


@dataclass(frozen=True, slots=True)
class Attachment:
    """The bytes of a file attached to the document yielded before it, and the file's name."""

    data: bytes
    name: str


def attached(found: Document | ReadFailure, name: str, message: Document, place: str) -> Document | ReadFailure:
    """What was read of the attachment `name` of a message, as a part of the message. `place`: the message's, for failures.

    An attachment has neither an id nor a URL of its own: whoever sends a message cannot replace or imitate another document.
    """
    if isinstance(found, ReadFailure):
        return replace(found, name=f"{place}: {found.name}", reason=f"{place}: {found.reason}")
    parts = (message.part, part_name(name), part_name(found.id) if found.id else None, found.part)
    about: dict[str, MetadataValue] = {} if "mail" in found.metadata else _about(message)
    return replace(
        found, id=None, url=None, part="/".join(part for part in parts if part), metadata=about | dict(found.metadata)
    )


def part_name(name: str) -> str:
    """The last segment of an attachment's id: the file's name, fit for an address."""
    plain = _NOT_IN_PART.sub("-", name).strip("-.")[-_MAX_PART:] or "attachment"
    return plain if "." in plain else f"attachment-{plain}"


def _about(message: Document) -> dict[str, MetadataValue]:
    about: dict[str, MetadataValue] = {"mail": message.title}
    if "from" in message.metadata:
        about["mail_from"] = message.metadata["from"]
    if message.date:
        about["mail_date"] = message.date
    return about
