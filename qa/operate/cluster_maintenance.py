"""Maintenance of the documents on a cluster: check, repair, rebuild, and vectors of another model.

Vectors of another model are in an index of their own, which takes the place of the one in use when it is complete. Processes that run
keep to the index that they began with, which is closed to changes then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing

from corpus.types import QuotableError
from index.opensearch.checking import Damage, find_damage
from index.opensearch.documents import mapping
from index.opensearch.documents.mapping import CHANGES, IndexFacts
from index.opensearch.engine import ClusterEngine
from index.types import DamagedRow, Embedder
from qa.assembly import absolute_model_name, embedder_of, embedder_opener, gate_of, open_to_write
from qa.operate.copying import Copier, Progress
from qa.operate.maintenance import Finding, check_state
from qa.operate.state import open_connection
from qa.settings.settings import Settings

Say = Callable[[str], None]


def check_cluster(settings: Settings, sample: int | None = None) -> list[Finding]:
    """Check the shards of a cluster and every document; read all of them whole, or about `sample`. Raises StoreError."""
    return [Finding(each.what, each.remedy) for each in _damage(settings, sample)] + check_state(settings)


def repair_cluster(settings: Settings, say: Say) -> Iterator[str]:
    """Split and embed again the stored text of documents whose passages are damaged; yield a line for each. Raises StoreError."""
    damaged = dict.fromkeys(each.document_id for each in _damage(settings, None) if each.document_id is not None)
    with open_to_write(settings, say) as writer:
        for document_id in damaged:
            try:
                for result in writer.put_again(document_id):
                    yield f"the document {result.id!r} has new passages from its stored text"
            except DamagedRow:
                yield f"the text of the document {document_id!r} is damaged too: its passages cannot be made again"
        writer.engine.rebuild()


def rebuild_cluster(settings: Settings, model: str | None, say: Say, progress: Progress) -> int | None:
    """Delete what is left over and merge; or embed all documents with another model, and return how many were embedded by this call.

    An interrupted call goes on where it stopped. Raises StoreError, ModelError, QuotableError for damaged documents, and
    InvariantsMissed: the old vectors stay in use.
    """
    connection = open_connection(settings)
    facts = mapping.read_facts(connection)
    name = absolute_model_name(model) if model else None
    embedder = embedder_of(settings, name, say) if name else None
    if facts is None or name is None or embedder is None or embedder.fingerprint == facts.fingerprint:
        with open_to_write(settings, say) as writer:
            writer.engine.rebuild()
        return None
    return _embed_beside(settings, facts, name, embedder, progress)


def drop_old_indices(settings: Settings) -> list[str]:
    """Delete the vectors of all models but the one in use; return their fingerprints."""
    connection = open_connection(settings)
    used = mapping.read_facts(connection)
    old = [facts for facts in mapping.all_facts(connection) if used and facts.index != used.index]
    for facts in old:
        mapping.delete_index(connection, facts)
    return [facts.fingerprint for facts in old]


def _damage(settings: Settings, sample: int | None) -> Iterator[Damage]:
    return find_damage(open_connection(settings), sample)


def _embed_beside(settings: Settings, old: IndexFacts, name: str, embedder: Embedder, progress: Progress) -> int:
    connection = open_connection(settings)
    new = mapping.create_beside(connection, embedder.fingerprint, name, embedder.dimension)
    mapping.close_to_changes(connection, new.index, False)  # it was in use before
    with (
        closing(ClusterEngine(connection, embedder_opener(settings, lambda _: None), index=old.index)) as source,
        closing(ClusterEngine(connection, lambda _: (name, embedder), index=new.index)) as target,
    ):
        copier = Copier(source, target, share_originals=True)
        copier.copy(progress, delete=True)
        mapping.close_to_changes(connection, old.index, True)
        try:
            copier.copy(progress, delete=True)  # what changed meanwhile
            if copier.report.problems:
                damaged = "; ".join(copier.report.problems[:3])
                raise QuotableError(f"damaged documents cannot be embedded: {damaged}; run `qa check --repair`, or remove them")
            if gate := gate_of(settings):
                gate(target)
            mapping.take_over(connection, old, new)
        except BaseException:
            mapping.close_to_changes(connection, old.index, False)
            raise
        connection.next(CHANGES)
    return copier.report.copied
