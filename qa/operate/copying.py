"""Copy all documents of one engine to another, and compare the two.

An interrupted copy is simply run again: documents are stored whole or not at all, and those that are there already are left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from corpus.splitting.passages import split
from corpus.types import text_version
from index.engine import DocumentCopy, Engine
from index.types import DamagedRow, StoredDocument

# Stored together: few commits, little memory, and little to repeat after an interruption.
PASSAGES_TOGETHER = 1_000
# Stored vectors are compared as numbers, because an engine may encode them in its own way.
TOLERANCE = 1e-6
_PAGE = 100

# Documents done, and their number.
Progress = Callable[[int, int], None]


@dataclass(slots=True)
class CopyReport:
    """Numbers of documents. `embedded`: of the copied ones, those with new passages and vectors, because the models differ.

    `others`: that only the target holds. `problems`: a sentence for each document that could not be copied completely.
    """

    copied: int = 0
    unchanged: int = 0
    embedded: int = 0
    others: int = 0
    removed: int = 0
    problems: list[str] = field(default_factory=list)


class Copier:
    """Copies from `source` to `target`; both may be in use."""

    def __init__(self, source: Engine, target: Engine, *, keep_originals: bool = True, share_originals: bool = False) -> None:
        """`keep_originals`: copy the files that documents were read from. `share_originals`: both engines have the same."""
        self._source, self._target = source, target
        self._keep_originals, self._share_originals = keep_originals, share_originals
        self.report = CopyReport()

    def copy(self, progress: Progress, *, delete: bool = False) -> None:
        """Copy what the target does not hold. `delete`: remove documents that only the target holds. Raises StoreError or ModelError."""
        total = self._source.counts()[0]
        waiting: list[DocumentCopy] = []
        for number, (ours, theirs) in enumerate(_pairs(self._source, self._target), 1):
            if number % _PAGE == 0:
                progress(self.report.copied + self.report.unchanged, total)
            if ours is None and theirs is not None:
                self._leave_or_remove(theirs, delete)
            elif ours is not None and theirs is not None and self._head(ours) == self._head(theirs):
                self.report.unchanged += 1
            elif ours is not None and (copy := self._export(ours)):
                waiting.append(copy)
                if sum(len(each.passages) for each in waiting) >= PASSAGES_TOGETHER:
                    self._store(waiting)
                    waiting = []
        if waiting:
            self._store(waiting)
        progress(self.report.copied + self.report.unchanged, total)

    def check(self, progress: Progress) -> None:
        """Read every document of both. One whose text, places, passages or vectors differ is copied again; report it if that is no help."""
        total = self._source.counts()[0]
        for done, document in enumerate(_documents(self._source), 1):
            if self._difference(document):
                if copy := self._export(document):
                    self._store([copy])
                if difference := self._difference(document):
                    self.report.problems.append(f"{document.id}: {difference}")
            if done % _PAGE == 0:
                progress(done, total)
        progress(total, total)

    def _leave_or_remove(self, document: StoredDocument, delete: bool) -> None:
        if delete:
            self._target.remove(document.id)
            self.report.removed += 1
        else:
            self.report.others += 1

    def _head(self, document: StoredDocument) -> StoredDocument:
        """What both engines store alike."""
        return replace(document, number=0, original=document.original if self._keep_originals else None)

    def _export(self, document: StoredDocument) -> DocumentCopy | None:
        """None for one that was removed meanwhile."""
        try:
            return self._source.export(document.id)
        except DamagedRow as error:
            self.report.problems.append(f"{document.id}: {error}")
            return None

    def _store(self, copies: list[DocumentCopy]) -> None:
        with ExitStack() as kept:
            self._target.put_copies([self._fit(self._with_original(copy, kept)) for copy in copies])
        self.report.copied += len(copies)

    def _with_original(self, copy: DocumentCopy, kept: ExitStack) -> DocumentCopy:
        """The copy, whose original the target keeps as long as `kept` is open. Without one that is not kept, or damaged."""
        if self._share_originals:
            return copy
        digest = None
        try:
            content = self._source.original(copy.stored.id) if self._keep_originals else None
            digest = kept.enter_context(self._target.keep_original(content)) if content is not None else None
        except DamagedRow as error:
            self.report.problems.append(f"{copy.stored.id}: {error}")
        return replace(copy, stored=replace(copy.stored, original=digest))

    def _fit(self, copy: DocumentCopy) -> DocumentCopy:
        """With passages and vectors of the target's model."""
        embedder = self._target.embedder
        if copy.fingerprint == embedder.fingerprint:
            return copy
        passages = split(copy.document, embedder, embedder.max_tokens)
        vectors = embedder.embed_passages([passage.searchable_text for passage in passages])
        self.report.embedded += 1
        return replace(copy, passages=passages, vectors=vectors, fingerprint=embedder.fingerprint)

    def _difference(self, document: StoredDocument) -> str | None:
        try:
            ours, theirs = self._source.export(document.id), self._target.export(document.id)
            if ours is None:
                return None  # it was removed meanwhile
            if theirs is None:
                return "it is missing in the copy; run the copy again"
            if self._keep_originals and theirs.stored.original:
                self._target.original(document.id)
        except DamagedRow as error:
            return str(error)
        text = theirs.document.text
        is_same = self._head(ours.stored) == self._head(theirs.stored) and ours.document == theirs.document
        if text_version(text) != document.version or not is_same:
            return "it was changed meanwhile; run the copy again"
        if not _same_versions(ours, theirs):
            return "its earlier texts differ; run the copy again"
        if any(text[passage.start : passage.end] != passage.text for passage in theirs.passages):
            return "a passage of the copy is not in its text"
        if ours.fingerprint == theirs.fingerprint and not _same_passages(ours, theirs):
            return "its passages differ; run the copy again"
        return None


def _same_passages(one: DocumentCopy, other: DocumentCopy) -> bool:
    if one.passages != other.passages or one.vectors.shape != other.vectors.shape:
        return False
    return bool(np.allclose(one.vectors, other.vectors, rtol=0, atol=TOLERANCE))


def _same_versions(one: DocumentCopy, other: DocumentCopy) -> bool:
    def versions(copy: DocumentCopy) -> list[Any]:
        return [(replace(version, stored=replace(version.stored, number=0)), text) for version, text in copy.earlier]

    return (one.since, one.by) == (other.since, other.by) and versions(one) == versions(other)


def _pairs(source: Engine, target: Engine) -> Iterator[tuple[StoredDocument | None, StoredDocument | None]]:
    """The documents of both by id, None where one of them has none."""
    ours, theirs = _documents(source), _documents(target)
    one, other = next(ours, None), next(theirs, None)
    while one or other:
        if one and (other is None or one.id < other.id):
            yield one, None
            one = next(ours, None)
        elif other and (one is None or other.id < one.id):
            yield None, other
            other = next(theirs, None)
        else:
            yield one, other
            one, other = next(ours, None), next(theirs, None)


def _documents(engine: Engine) -> Iterator[StoredDocument]:
    """All undamaged documents by id."""
    after: str | None = None
    while page := engine.documents(after, _PAGE):
        yield from page
        after = page[-1].id
