"""Visits pages politely: as robots.txt allows, one request at a time, with a pause between two requests to a host."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from corpus.sources.addresses import Address, FetchError
from corpus.sources.fetcher import NO_VALIDATORS, Answer, Fetched, Fetcher, Validators
from corpus.types import QuotableError

if TYPE_CHECKING:  # imported with the first robots.txt: most processes read none
    from protego import Protego

USER_AGENT = "quotable"
MAX_REDIRECTS = 5
MAX_ROBOTS_BYTES = 512_000  # RFC 9309 requires 500 KiB
MAX_PAUSE = 60.0  # seconds, of those that a site asks for
# Failures of a host in a row, after which its other pages are left to the next run.
MAX_FAILURES = 10
_PERMANENT = frozenset((301, 308))
_GONE = frozenset((404, 410))


class Stopped(QuotableError):
    """The run was asked to stop."""


class HostUnavailable(QuotableError):
    """A host answers nothing that can be used."""


class NotAllowed(FetchError):
    """A page of a host that the settings do not name, or that robots.txt keeps from programs."""


class Finding(StrEnum):
    """What a visit found. SEEN: a page that this run has visited before, under another address. GONE: 404 or 410."""

    PAGE = "page"
    UNCHANGED = "unchanged"
    SEEN = "seen"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Visit:
    """`at`: the address of the page, where permanent redirects (301, 308) lead; others do not change it. `fetched`: of PAGE only.

    `source`: the address that answered, to which the validators belong.
    """

    finding: Finding
    at: str
    source: str
    fetched: Fetched | None = None
    validators: Validators = NO_VALIDATORS


class Crawler:
    """The visits of one run, in one thread."""

    def __init__(self, fetcher: Fetcher, pause: float, wait: Callable[[float], bool]) -> None:
        """`pause`: seconds between two requests to a host. `wait`: waits for seconds; true if the run is to stop."""
        self.requests = 0
        self._fetcher, self._pause, self._wait = fetcher, pause, wait
        self._rules: dict[str, Protego] = {}  # by scheme and authority
        self._next: dict[str, float] = {}  # when a host may be asked again
        self._failures: dict[str, int] = {}  # of a host, in a row
        self._failed: dict[str, FetchError] = {}  # by address
        self._arrived: dict[str, tuple[Finding, str]] = {}  # by the addresses that were asked for: what is found, and where

    def visit(self, url: str, validators_of: Callable[[str, str], Validators] = lambda at, source: NO_VALIDATORS) -> Visit:
        """Visit a page, following redirects. `validators_of`: those of the version that is known, by `at` and `source` as in Visit.

        Raises NotAllowed; FetchError for other failures of the page; HostUnavailable and Stopped, which end the run.
        """
        at, passed, is_moved = "", list[str](), True
        address = self.check(url)
        for _ in range(MAX_REDIRECTS + 1):
            if is_moved:
                at = str(address)
                if at in self._arrived:
                    finding, at = self._arrived[at]
                    self._arrived |= dict.fromkeys(passed, (finding, at))
                    return Visit(Finding.GONE if finding is Finding.GONE else Finding.SEEN, at, at)
                passed.append(at)
            answer = self._ask(address, validators_of(at, str(address)))
            if answer.location is None:
                visit = self._visit(address, at, answer)
                self._arrived |= dict.fromkeys(passed, (visit.finding, at))
                return visit
            is_moved = is_moved and answer.status in _PERMANENT
            address = self.check(str(answer.location))
        raise FetchError(f"{url} redirects more than {MAX_REDIRECTS} times")

    def pass_by(self, at: str) -> None:
        """A page that needs no visit in this run; redirects that lead to it are not followed."""
        self._arrived[at] = Finding.UNCHANGED, at

    def _visit(self, address: Address, at: str, answer: Answer) -> Visit:
        """Raises FetchError for a status that says neither what the page is nor that there is none."""
        if answer.fetched:
            return Visit(Finding.PAGE, at, str(address), answer.fetched, answer.validators)
        if answer.status == 304:
            return Visit(Finding.UNCHANGED, at, str(address), None, answer.validators)
        if answer.status in _GONE:
            return Visit(Finding.GONE, at, str(address))
        failure = self._failed[str(address)] = FetchError(f"{address} responded with status {answer.status}")
        raise failure

    def check(self, url: str) -> Address:
        """The address, if its host and robots.txt allow a visit. Raises NotAllowed, HostUnavailable and Stopped."""
        try:
            address = self._fetcher.check(url)
        except FetchError as error:
            raise NotAllowed(str(error)) from error
        site = f"{address.scheme}://{address.authority}"
        if site not in self._rules:
            self._rules[site] = self._read_robots(site)
        if not self._rules[site].can_fetch(str(address), USER_AGENT):
            raise NotAllowed(f"{site}/robots.txt does not allow {USER_AGENT} to fetch {address}")
        return address

    def _read_robots(self, site: str) -> Protego:
        """As RFC 9309 says: a file that is not there allows everything, a server that cannot say allows nothing."""
        address = self._fetcher.check(f"{site}/robots.txt")
        for _ in range(MAX_REDIRECTS + 1):
            try:
                answer = self._ask(address, NO_VALIDATORS)
            except FetchError as error:
                raise HostUnavailable(f"whether robots.txt allows to fetch pages is unknown: {error}") from error
            if answer.location is None:
                break
            address = answer.location
        if answer.status >= 500 or answer.status == 429:
            raise HostUnavailable(f"whether {address} allows to fetch pages is unknown: it responded with {answer.status}")
        from protego import Protego

        body = answer.fetched.body[:MAX_ROBOTS_BYTES] if answer.fetched else b""
        return Protego.parse(body.decode("utf-8-sig", "replace"))

    def _ask(self, address: Address, validators: Validators) -> Answer:
        """One request, in the turn of its host; none where one has failed."""
        if self._wait(max(self._next.get(address.host, 0.0) - time.monotonic(), 0.0)):
            raise Stopped("stopped before its end; the next run goes on")
        if str(address) in self._failed:
            raise self._failed[str(address)]
        self.requests += 1
        pause, is_failure = self._pause_of(address), True
        try:
            answer = self._fetcher.ask(str(address), validators)
            is_failure = answer.status >= 500 or answer.status == 429
            if is_failure and answer.retry_after:
                pause = max(pause, min(answer.retry_after, MAX_PAUSE))
            return answer
        except FetchError as error:
            self._failed[str(address)] = error
            raise
        finally:
            self._next[address.host] = time.monotonic() + pause
            self._count_failure(address, is_failure)

    def _count_failure(self, address: Address, is_failure: bool) -> None:
        self._failures[address.host] = failures = self._failures.get(address.host, 0) + 1 if is_failure else 0
        if failures > MAX_FAILURES:
            raise HostUnavailable(f"{address.host} failed {failures} times in a row; its other pages are left to the next run")

    def _pause_of(self, address: Address) -> float:
        rules = self._rules.get(f"{address.scheme}://{address.authority}")
        asked = rules.crawl_delay(USER_AGENT) if rules else None
        return max(self._pause, min(asked or 0.0, MAX_PAUSE))
