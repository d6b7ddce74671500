"""Sign-in by the organisation: the trusted proxy names the user, and the user's groups, in headers of each request.

Only the address `trusted_proxy` is believed, and it must set both headers itself, also to nothing, so that no client can.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from index.access.audience import GROUP, Audience
from qa.operate.keys import Role
from qa.settings.settings import Settings
from qa.web.access.callers import Caller

PREFIX = "user:"  # no key has such a name
# A comma would come from a second header of the name, which someone else may have sent.
_USER = re.compile(r"[^\x00-\x20\x7f,](?:[^\x00-\x1f\x7f,]{0,198}[^\x00-\x20\x7f,])?")


@dataclass(frozen=True, slots=True)
class SignIn:
    """`proxy`: its address. `writers`: groups whose members read and change everything; others read what their groups may."""

    proxy: str
    user_header: str
    groups_header: str | None = None
    writers: frozenset[str] = frozenset()

    @classmethod
    def by(cls, settings: Settings) -> SignIn | None:
        if settings.trusted_proxy is None or settings.user_header is None:
            return None
        return cls(settings.trusted_proxy, settings.user_header, settings.groups_header, frozenset(settings.writer_groups))

    def caller(self, environ: Mapping[str, Any]) -> Caller | None:
        """Whom the proxy names; None for nobody, or for a request that did not come from it."""
        if _sender(environ) != self.proxy:
            return None
        user = _header(environ, self.user_header).strip()
        if not _USER.fullmatch(user):
            return None
        name = PREFIX + user
        groups = tuple(dict.fromkeys(self._groups(environ)))
        if not self.writers.isdisjoint(groups):
            return Caller(name, Role.WRITE)
        return Caller(name, Role.READ, Audience(None, groups))

    def _groups(self, environ: Mapping[str, Any]) -> list[str]:
        """Those that a document can name."""
        named = _header(environ, self.groups_header).split(",") if self.groups_header else []
        return [group for group in map(str.strip, named) if re.fullmatch(GROUP, group)]


def _sender(environ: Mapping[str, Any]) -> str:
    """The address of the socket's other end, before X-Forwarded-For was applied."""
    original: Mapping[str, str] = environ.get("werkzeug.proxy_fix.orig", environ)
    return original.get("REMOTE_ADDR", "")


def _header(environ: Mapping[str, Any], name: str) -> str:
    """Its value, read as UTF-8; empty where it is not."""
    value: str = environ.get("HTTP_" + name.upper().replace("-", "_"), "")
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return ""
