"""The sources of a service and the pages that were seen, in two small files: the first is short, the second grows with the sites."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields, replace
from typing import Any, TypeVar
from urllib.parse import urlsplit

from corpus.sources.addresses import is_address
from qa.sources.source import NAME, LastRun, Page, Source, SourceError
from qa.state_files import StateFiles

FILE_NAME = "sources.json"
PAGES_FILE_NAME = "sources-pages.json"
FORMAT = 1

Result = TypeVar("Result")


def read_sources(files: StateFiles) -> dict[str, Source]:
    """The sources by name. Raises SourceError for a file that is damaged or newer."""
    return _sources(files, files.read(FILE_NAME))


def source_named(files: StateFiles, name: str) -> Source:
    """Raises SourceError if there is none."""
    sources = read_sources(files)
    if name not in sources:
        raise _unknown(name)
    return sources[name]


def add_source(files: StateFiles, source: Source) -> None:
    """Raises SourceError if its name is invalid or taken, or its place is that of another."""
    if not NAME.fullmatch(source.name):
        raise SourceError(f"{source.name!r} is not a name of at most 100 letters, digits and any of . _ -")

    def add(sources: dict[str, Source]) -> None:
        for other in sources.values():
            if source.name == other.name or source.place == other.place:
                raise SourceError(f"the source {other.name} is there already ({other.place}); remove it first")
        sources[source.name] = source

    _change_sources(files, add)


def free_name(files: StateFiles, place: str) -> str:
    """A name for a new source: the host of its address, or the name of its folder, with a number if that is taken."""
    name = str(urlsplit(place).hostname) if is_address(place) else place.rstrip("/").rpartition("/")[2]
    name = "".join(character if NAME.fullmatch(character) or character in "._-" else "-" for character in name).strip("-._")
    taken, name = read_sources(files), name[:90] or "source"
    return next(
        each for number in range(1, len(taken) + 2) if (each := f"{name}-{number}" if number > 1 else name) not in taken
    )


def remove_source(files: StateFiles, name: str) -> Source:
    """Forget a source and its pages, and return it. Raises SourceError if there is none."""

    def remove(sources: dict[str, Source]) -> Source:
        if name not in sources:
            raise _unknown(name)
        return sources.pop(name)

    removed = _change_sources(files, remove)
    _change_pages(files, lambda pages: pages.pop(name, None))
    return removed


def record_run(files: StateFiles, name: str, last: LastRun, is_sitemap: bool | None) -> None:
    """Nothing if the source was removed meanwhile."""

    def record(sources: dict[str, Source]) -> None:
        if name in sources:
            sources[name] = replace(sources[name], last=last, is_sitemap=is_sitemap)

    _change_sources(files, record)


def read_pages(files: StateFiles) -> dict[str, dict[str, Page]]:
    """The pages of each source by the address that it lists, or the path of the file. Raises SourceError."""
    return _pages(files, files.read(PAGES_FILE_NAME))


def write_pages(files: StateFiles, name: str, pages: Mapping[str, Page]) -> None:
    def write(all_pages: dict[str, dict[str, Page]]) -> None:
        all_pages[name] = dict(pages)

    _change_pages(files, write)


def _sources(files: StateFiles, content: bytes | None) -> dict[str, Source]:
    found = _parsed(files, FILE_NAME, content)
    try:
        return {
            name: Source(
                **each
                | {
                    "name": name,
                    "access": tuple(each["access"]) if each.get("access") is not None else None,
                    "last": LastRun(**each["last"]) if each.get("last") else None,
                }
            )
            for name, each in found.items()
        }
    except (TypeError, AttributeError) as error:
        raise _damaged(files, FILE_NAME) from error


def _pages(files: StateFiles, content: bytes | None) -> dict[str, dict[str, Page]]:
    found = _parsed(files, PAGES_FILE_NAME, content)
    try:
        return {name: {url: Page(**page) for url, page in pages.items()} for name, pages in found.items()}
    except (TypeError, AttributeError) as error:
        raise _damaged(files, PAGES_FILE_NAME) from error


def _change_sources(files: StateFiles, change: Callable[[dict[str, Source]], Result]) -> Result:
    results: list[Result] = []

    def rewrite(content: bytes | None) -> bytes:
        sources = _sources(files, content)
        results.append(change(sources))
        return _as_json({name: asdict(source) for name, source in sources.items()})

    files.change(FILE_NAME, rewrite)
    return results[-1]


def _change_pages(files: StateFiles, change: Callable[[dict[str, dict[str, Page]]], object]) -> None:
    def rewrite(content: bytes | None) -> bytes:
        pages = _pages(files, content)
        change(pages)
        return _as_json({name: {url: _short(page) for url, page in each.items()} for name, each in pages.items()})

    files.change(PAGES_FILE_NAME, rewrite)


def _short(page: Page) -> dict[str, Any]:
    """Without what is as in a new page."""
    values = {each.name: getattr(page, each.name) for each in fields(page)}
    return {name: value for name, value in values.items() if value}


def _as_json(sources: Mapping[str, Any]) -> bytes:
    return json.dumps({"format": FORMAT, "sources": sources}, ensure_ascii=False).encode()


def _parsed(files: StateFiles, file_name: str, content: bytes | None) -> Mapping[str, Any]:
    if content is None:
        return {}
    try:
        found = json.loads(content)
        version, sources = found["format"], found["sources"]
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(files, file_name) from error
    if version != FORMAT or not isinstance(sources, dict):
        raise SourceError(f"{files.place(file_name)} has the format {version}, this version reads {FORMAT}; update Quotable")
    return sources


def _damaged(files: StateFiles, file_name: str) -> SourceError:
    return SourceError(f"{files.place(file_name)} is damaged; `qa check` says what to do")


def _unknown(name: str) -> SourceError:
    return SourceError(f"there is no source {name!r}; `qa source list` lists them")
