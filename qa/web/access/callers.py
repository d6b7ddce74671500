"""Callers: who sends a request, with which role, and what they may read."""

from __future__ import annotations

from dataclasses import dataclass

from index.access.audience import Audience
from qa.audit import THIS_MACHINE
from qa.operate.keys import Role


@dataclass(frozen=True, slots=True)
class Caller:
    """Name and role of a key, of a user, or of a caller without either. `audience`: what it may read, None for everything."""

    name: str
    role: Role
    audience: Audience | None = None


LOCAL = Caller(THIS_MACHINE, Role.WRITE)
# Reads documents that name no groups.
PUBLIC = Caller("public", Role.READ, Audience(None))
