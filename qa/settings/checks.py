"""Validate setting values: each function returns the value, or raises ValueError saying what it must be. No message repeats a secret."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from corpus.sources.addresses import FetchError, Hosts
from index.access.audience import check_groups
from index.opensearch.address import parse

_CONTROL = re.compile(r"[\0-\x1f\x7f]")


def line(value: str) -> str:
    if not value or _CONTROL.search(value):
        raise ValueError("must be a line of text that is not empty")
    return value


def path(value: Any) -> Any:
    """For use before conversion to Path: an empty string would become the current folder."""
    return line(value) if isinstance(value, str) else value


def key(value: str) -> str:
    """A value that an HTTP header can carry."""
    if not re.fullmatch(r"[!-~]+( +[!-~]+)*", value):
        raise ValueError("must be one line of visible ASCII characters")
    return value


def language(value: str) -> str:
    if not re.fullmatch("[a-z]{2}", value):
        raise ValueError(f"{value!r} is not a two-letter language code such as en")
    return value


def machine(value: str) -> str:
    """An IP address in the form that sockets report."""
    try:
        return str(ip_address(value))
    except ValueError as error:
        raise ValueError(f"{value!r} is not an IP address such as 127.0.0.1") from error


def header(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9]+(?:-[A-Za-z0-9]+)+", value):
        raise ValueError(f"{value!r} is not the name of a header such as X-Auth-Request-User")
    return value


def group(value: str) -> str:
    return check_groups([value])[0]


def host(value: str) -> str:
    if not re.fullmatch(r"[\w-]+(?:\.[\w-]+)*|[0-9a-fA-F:]+", value):
        raise ValueError(f"{value!r} is not a host name such as docs.example.org")
    return value


def origin(value: str) -> str:
    if not re.fullmatch(r"https?://(?:[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:]+\])(?::\d{1,5})?", value):
        raise ValueError(f"{value!r} is not an origin such as https://www.example.org")
    return value


def fetched_from(value: str) -> str:
    try:
        Hosts([value])
    except FetchError as error:
        raise ValueError(str(error)) from error
    return value


def address(value: str) -> str:
    try:
        parts = urlsplit(line(value))
        usable = parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port)
    except ValueError:  # its message may contain part of a password
        usable = False
    if not usable:
        raise ValueError("must be an address such as http://127.0.0.1:8080/v1")
    return value


def site(value: str) -> str:
    """The base of links, without a slash at its end."""
    try:
        parts = urlsplit(line(value))
        usable = parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port)
        plain = not (parts.username or parts.password or parts.query or parts.fragment)
    except ValueError:
        usable = plain = False
    if not usable or not plain or re.search(r"[\s\"'<>\\]", value):
        raise ValueError("must be the address of a site, such as https://docs.example.org")
    return value.rstrip("/")


def engine(value: str) -> str:
    parse(line(value))
    return value
