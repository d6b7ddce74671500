"""Small and medium corpora cut out of squad2, because confidence must also be right for a single document."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.quality.dev_sets import DATA, FOLDERS, RANKED, dev_settings, read_dev_set
from corpus.types import Document
from qa.assembly import Service, open_to_read, open_to_write
from qa.evaluation.question_sets import CORPUS, Question, read_corpus
from qa.ingest.writer import IncomingDocument


@dataclass(frozen=True, slots=True)
class Cut:
    """The number of corpora, their number of consecutive paragraphs, and the maximum number of questions of each kind in a corpus."""

    corpora: int
    fewest: int
    most: int
    one_article: bool
    own: int
    near: int
    siblings: int
    foreign: int


CUTS = {
    "small": Cut(40, 3, 12, one_article=True, own=15, near=6, siblings=5, foreign=13),
    "medium": Cut(12, 50, 200, one_article=False, own=50, near=20, siblings=20, foreign=45),
}


@dataclass(frozen=True, slots=True)
class CutCorpus:
    """`own`: questions that the paragraphs answer. `near`: on the topic, not answered. `siblings`: about other paragraphs of the same
    articles. `foreign`: about other topics.
    """

    service: Service
    own: Sequence[Question]
    near: Sequence[Question]
    siblings: Sequence[Question]
    foreign: Sequence[Question]


def cut_corpora(name: str) -> Iterator[CutCorpus]:
    """Deterministic. `name`: one of CUTS."""
    cut, draw = CUTS[name], random.Random(7)
    documents = list(read_corpus(DATA / "retrieval" / "squad2" / CORPUS))
    squad = read_dev_set("squad2")
    others = [question for other in RANKED if other != "squad2" for question in read_dev_set(other).questions]
    for number in range(cut.corpora):
        first = draw.randrange(len(documents) - cut.fewest)
        chosen = documents[first : first + draw.randint(cut.fewest, cut.most)]
        chosen = [d for d in chosen if d.title == chosen[0].title or not cut.one_article]
        ids, titles = {str(d.id) for d in chosen}, {d.title for d in chosen}
        of_articles = {str(document.id) for document in documents if document.title in titles}
        elsewhere = [q for q in squad.questions if not of_articles & set(q.relevant)]
        yield CutCorpus(
            service=_service(f"{name}/{number:02}", chosen),
            own=_sample(draw, [q for q in squad.questions if ids & set(q.relevant)], cut.own),
            near=_sample(draw, [q for q in squad.near if squad.paragraphs[q.id] in ids], cut.near),
            siblings=_sample(draw, [q for q in squad.questions if (of_articles - ids) & set(q.relevant)], cut.siblings),
            foreign=_sample(draw, elsewhere, cut.foreign // 2) + _sample(draw, others, cut.foreign - cut.foreign // 2),
        )


def _service(name: str, documents: Sequence[Document]) -> Service:
    settings = dev_settings(FOLDERS / "cuts" / name)
    with open_to_write(settings, print) as writer:
        for _ in writer.put_all(IncomingDocument(str(document.id), document) for document in documents):
            pass
        if writer.engine.generation == 0 or writer.engine.status().unindexed:
            writer.engine.rebuild()
    return open_to_read(settings, print)


def _sample(draw: random.Random, questions: Sequence[Question], most: int) -> list[Question]:
    return draw.sample(list(questions), min(most, len(questions)))
