"""API keys: created, listed and revoked by the operator, checked by the server, stored as hashes only.

A key has 256 random bits, so a plain SHA-256 of it cannot be reversed; slow hashes are for passwords. The operator's commands write
`keys.json` and servers write `keys-used.json`, so that keys are read again only when they changed.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
import threading
import time
from collections.abc import Hashable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import IntEnum

from corpus.types import QuotableError
from index.access.audience import Audience, check_collection, check_groups
from index.types import StoreError
from qa.state_files import StateFiles

FILE_NAME = "keys.json"
USED_FILE_NAME = "keys-used.json"
FORMAT = 2  # keys may be bound to collections and groups
PREFIX = "qtb"  # lets people and secret scanners recognise a key
NAME = re.compile(r"[^\W_][\w .@-]{0,99}")
# Between two writes of the times of last use; a crash loses at most these.
USED_SECONDS = 60.0
# Compared with unknown keys, so that they take as long as known ones.
_NO_HASH = "0" * 64


class Role(IntEnum):
    """The permissions of a key; each role includes those before it."""

    READ = 1
    WRITE = 2

    @property
    def word(self) -> str:
        return self.name.lower()


# Version 0.1 had a third role, admin, that allowed nothing beyond write. Its keys keep working.
_ROLES = {**{role.word: role for role in Role}, "admin": Role.WRITE}


class KeysError(QuotableError):
    """A key cannot be created or found, or the keys cannot be read."""


@dataclass(frozen=True, slots=True)
class Key:
    """`hash`: SHA-256 of the secret in hexadecimal. `created`: ISO 8601 in UTC.

    `collections`, `groups`: what it is bound to, as in `Audience`; a key with neither reads everything.
    """

    id: str
    name: str
    role: Role
    hash: str
    created: str
    collections: tuple[str, ...] | None = None
    groups: tuple[str, ...] | None = None

    @property
    def audience(self) -> Audience | None:
        """What it may read; None for everything."""
        if self.collections is None and self.groups is None:
            return None
        return Audience(self.collections, self.groups or ())


def read_keys(files: StateFiles) -> Sequence[Key]:
    """The keys of a service, oldest first. Raises KeysError if they are damaged, StoreError if they cannot be read."""
    return _parse(files, files.read(FILE_NAME))


def create_key(
    files: StateFiles,
    name: str,
    role: Role,
    collections: tuple[str, ...] | None = None,
    groups: tuple[str, ...] | None = None,
) -> str:
    """Create a key and return its secret, which is not stored. Raises KeysError for a name that is taken or invalid.

    `collections`, `groups`: bind it; only a key with the role read can be bound.
    """
    is_bound = collections is not None or groups is not None
    if is_bound and role is not Role.READ:
        raise KeysError("a key that is bound to collections or groups has the role read; leave them out for a key that writes")
    if not NAME.fullmatch(name):
        raise KeysError(f"invalid key name {name!r}: use 1 to 100 letters, digits, spaces or any of . @ _ -")
    identity = secrets.token_hex(4)
    secret = f"{PREFIX}_{identity}_{secrets.token_urlsafe(32)}"
    created = datetime.now(UTC).isoformat(timespec="seconds")
    new = Key(identity, name, role, _hash(secret), created, collections, groups)

    def add(content: bytes | None) -> bytes:
        keys = _parse(files, content)
        if any(key.name == name for key in keys):
            raise KeysError(f"a key named {name!r} exists; revoke it first, or choose another name")
        return _format([*keys, new])

    files.change(FILE_NAME, add)
    return secret


def revoke_key(files: StateFiles, name: str) -> str:
    """Revoke a key by its name or id, and return its name.

    Running servers refuse it from the next request on, on a cluster within half a second.
    """
    revoked = name

    def remove(content: bytes | None) -> bytes:
        nonlocal revoked
        keys = _parse(files, content)
        revoked = next((key.name for key in keys if name in (key.name, key.id)), name)
        kept = [key for key in keys if name not in (key.name, key.id)]
        if len(kept) == len(keys):
            raise KeysError(f"no key {name!r}; `qa key list` lists all keys")
        return _format(kept)

    files.change(FILE_NAME, remove)
    return revoked


def last_used(files: StateFiles) -> Mapping[str, str]:
    """The time of last use of each key id, exact to a minute; empty if it cannot be read."""
    with suppress(StoreError):
        return _parse_used(files.read(USED_FILE_NAME))
    return {}


class KeyRing:
    """The keys of a service in a running server, which follows their changes."""

    def __init__(self, files: StateFiles) -> None:
        self._files = files
        self._lock = threading.Lock()
        self._keys: Mapping[str, Key] = {}
        self._seen: Hashable = None  # the state of no file
        self._used: dict[str, str] = {}
        self._written = time.monotonic()

    def find(self, secret: str) -> Key | None:
        """The key with this secret, or None. Raises KeysError if the keys cannot be read."""
        parts = secret.split("_", 2)
        key = self._current().get(parts[1]) if len(parts) == 3 else None
        same = hmac.compare_digest(_hash(secret), key.hash if key else _NO_HASH)
        if key is None or not same:
            return None
        self._mark_used(key)
        return key

    def flush(self) -> None:
        """Write the times of last use. A failure is ignored."""
        with self._lock, suppress(StoreError):
            if self._used:
                self._files.change(USED_FILE_NAME, self._add_used)
            self._written = time.monotonic()

    def _add_used(self, content: bytes | None) -> bytes:
        used = {**_parse_used(content), **self._used}
        return json.dumps({name: when for name, when in used.items() if name in self._keys}, indent=1).encode()

    def _current(self) -> Mapping[str, Key]:
        seen = self._files.state(FILE_NAME)
        if seen != self._seen:
            self._keys, self._seen = {key.id: key for key in read_keys(self._files)}, seen
        return self._keys

    def _mark_used(self, key: Key) -> None:
        self._used[key.id] = datetime.now(UTC).isoformat(timespec="seconds")
        if time.monotonic() - self._written > USED_SECONDS:
            self.flush()


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="surrogateescape")).hexdigest()


def _parse(files: StateFiles, content: bytes | None) -> Sequence[Key]:
    if content is None:
        return ()
    place = files.place(FILE_NAME)
    try:
        found = json.loads(content)
        if found["format"] > FORMAT:
            raise KeysError(
                f"{place} has format {found['format']}, this version reads up to {FORMAT}: install the version that wrote it"
            )
        return tuple(_key(**key) for key in found["keys"])
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise KeysError(f"{place} is damaged: restore it from a backup, or delete it and create new keys") from error


def _key(role: str, collections: list[str] | None = None, groups: list[str] | None = None, **others: str) -> Key:
    """Raises InvalidName, which is a ValueError, rather than read a binding that is not one."""
    bound = None if collections is None else tuple(map(check_collection, collections))
    return Key(role=_ROLES[role], collections=bound, groups=None if groups is None else check_groups(groups), **others)


def _format(keys: Sequence[Key]) -> bytes:
    """In the first format, unless a key is bound, which older versions must not read as one that is not."""
    number = FORMAT if any(key.audience for key in keys) else 1
    rows = [{name: value for name, value in asdict(key).items() if value is not None} | {"role": key.role.word} for key in keys]
    return json.dumps({"format": number, "keys": rows}, indent=1).encode()


def _parse_used(content: bytes | None) -> dict[str, str]:
    """Nothing for a damaged file, which is written again."""
    with suppress(ValueError):
        found = json.loads(content or b"{}")
        if isinstance(found, dict):
            return {str(identity): str(when) for identity, when in found.items()}
    return {}
