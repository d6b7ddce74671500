"""Asks the product the questions of the dev sets and caches the results until the code changes."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

from benchmarks.quality.cut_corpora import CUTS, cut_corpora
from benchmarks.quality.dev_sets import FOLDERS, LANGUAGES, RANKED, ROOT, open_dev_set, read_dev_set, with_typos
from index.filters import Combination, Comparison, Filter
from index.ranking.result import Ranking
from qa.answering.answerer import Answerer
from qa.answering.confidence import Evidence
from qa.assembly import Service
from qa.evaluation.judging import Judge, Order, arrange
from qa.evaluation.question_sets import Question

SETS = ("or_sharc", "cranfield", "squad2", "govuk", "mtrag", "scifact", *CUTS, *(f"xquad-{code}" for code in LANGUAGES))
FOREIGN, NEAR, REMOVED = 300, 1000, 300  # the maximum number of questions of each kind in a set
DEPTH = 10  # names in a ranking


class Kind(StrEnum):
    """OWN: the set's questions. TYPO: the same with typing errors. UNSPELLED: without spelling correction. FOREIGN: questions of
    other sets. NEAR: on the topic, but not answered. REMOVED: own ones without the documents that answer them.
    """

    OWN = "own"
    TYPO = "typo"
    UNSPELLED = "unspelled"
    FOREIGN = "foreign"
    NEAR = "near"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Observation:
    """One question asked of one set. `ranked`: order -> the first names. `quoted`: whether the quote of the first passage contains
    the answer, None if that passage is not relevant.
    """

    kind: Kind
    question: str
    relevant: Mapping[str, int]
    ranked: Mapping[str, Sequence[str]]
    evidence: Evidence | None
    corrected: bool
    by_words: bool
    quoted: bool | None

    @property
    def confidence(self) -> float:
        """The probability of the quote before a calibration."""
        return self.evidence.quote if self.evidence else 0.0


def observe(name: str) -> list[Observation]:
    """All observations of a set, from the cache if the code is unchanged."""
    cached = FOLDERS / "observations" / f"{name}-{_code_digest()}.jsonl"
    if not cached.is_file():
        cached.parent.mkdir(parents=True, exist_ok=True)
        lines = [json.dumps(asdict(observation), ensure_ascii=False) for observation in _ask_all(name)]
        for old in cached.parent.glob(f"{name}-*.jsonl"):
            old.unlink()
        cached.write_text("\n".join(lines), "utf-8")
    return [_observation(json.loads(line)) for line in cached.read_text("utf-8").splitlines()]


def observe_model(name: str, model: str) -> list[Observation]:
    """The set's own questions with another model that reads all languages, not cached."""
    asker = Asker(open_dev_set(name, model), languages=())
    return [asker.ask(Kind.OWN, question) for question in read_dev_set(name).questions]


def _ask_all(name: str) -> Iterator[Observation]:
    if name in CUTS:
        for corpus in cut_corpora(name):
            asker = Asker(corpus.service)
            by_kind = {
                Kind.OWN: corpus.own,
                Kind.FOREIGN: corpus.foreign,
                Kind.NEAR: corpus.near,
                Kind.REMOVED: corpus.siblings,
            }
            yield from (asker.ask(kind, question) for kind, questions in by_kind.items() for question in questions)
        return
    dev, service = read_dev_set(name), open_dev_set(name)
    asker = Asker(service, dev.answers)
    yield from (asker.ask(Kind.OWN, question) for question in dev.questions)
    if name.startswith("xquad-"):
        return
    yield from (asker.ask(Kind.FOREIGN, question) for question in _foreign_questions(name))
    yield from (asker.ask(Kind.NEAR, question) for question in _sample(dev.near, NEAR))
    yield from (asker.ask_without_answers(question) for question in _sample(dev.questions, REMOVED))
    if name == "squad2":
        typed = with_typos(dev.questions)
        yield from (asker.ask(Kind.TYPO, t) for t, q in zip(typed, dev.questions, strict=True) if t.text != q.text)
    if name == "govuk":
        unspelled = Asker(service, spelling=False)
        yield from (unspelled.ask(Kind.UNSPELLED, question) for question in dev.questions)


def _foreign_questions(name: str) -> list[Question]:
    """Questions of the sets of other families, the same number from each."""
    own = read_dev_set(name)
    others = [other for other in map(read_dev_set, (*RANKED, "mtrag")) if other.family != own.family]
    return [question for other in others for question in _sample(other.questions, FOREIGN // len(others))]


def _sample(questions: Sequence[Question], most: int) -> list[Question]:
    """A deterministic sample."""
    return random.Random(7).sample(list(questions), min(most, len(questions)))


class Asker:
    """Asks the questions of a set of a service, and judges its rankings. `answers`: question id -> answer strings. `languages`: those
    that the model reads.
    """

    def __init__(
        self,
        service: Service,
        answers: Mapping[str, Sequence[str]] | None = None,
        *,
        spelling: bool = True,
        languages: Sequence[str] = ("en",),
    ) -> None:
        self._answers = answers or {}
        # With a threshold of 0 the first passage is always quoted.
        self._answerer = Answerer(service.engine, 0.0, languages, spelling=spelling)
        self._judge = Judge(service.engine)

    def ask(self, kind: Kind, question: Question, allowed: Filter | None = None) -> Observation:
        answer = self._answerer.ask(question.text, filter_=allowed)
        ranking = answer.ranking
        judged = ranking is not None and kind in (Kind.OWN, Kind.TYPO, Kind.UNSPELLED)
        names = self._names_of(question, ranking) if ranking and judged else {}
        strings = self._answers.get(question.id, ())
        first_right = bool(names and names["fused"]) and names["fused"][0] in question.relevant
        quote = answer.quote.quoted_text if answer.quote else ""
        return Observation(
            kind=kind,
            question=question.id,
            relevant=question.relevant,
            ranked=names,
            evidence=answer.evidence,
            corrected=answer.corrected is not None,
            by_words=answer.notice is not None and "words alone" in answer.notice,
            quoted=any(string in quote for string in strings) if strings and first_right else None,
        )

    def ask_without_answers(self, question: Question) -> Observation:
        """Ask over all documents but the relevant ones, which are named by their id or URL."""
        names = tuple(question.relevant)
        others = Combination("and", (Comparison("nin", "id", names), Comparison("nin", "url", names)))
        return self.ask(Kind.REMOVED, question, others)

    def _names_of(self, question: Question, ranking: Ranking) -> dict[str, Sequence[str]]:
        return {order.value: self._judge.names(arrange(ranking, order), question.relevant, DEPTH) for order in Order}


def _observation(record: dict[str, object]) -> Observation:
    evidence, kind = record.pop("evidence"), Kind(str(record.pop("kind")))
    return Observation(kind=kind, evidence=Evidence(**evidence) if isinstance(evidence, dict) else None, **record)  # type: ignore[arg-type]


def _code_digest() -> str:
    """A digest of all code that the observations depend on."""
    paths = [
        path
        for folder in ("corpus", "index", "qa/answering", "qa/evaluation")
        for path in sorted((ROOT / folder).rglob("*.py"))
    ]
    paths += [ROOT / "benchmarks" / "quality" / f"{name}.py" for name in ("dev_sets", "observations", "cut_corpora")]
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()[:12]
