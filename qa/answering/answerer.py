"""Question -> results with quotes, confidence, and whether the documents answer it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from copy import copy
from dataclasses import replace
from types import MappingProxyType

from corpus.languages import detect
from index.engine import EngineView, Snapshot
from index.filters import Filter, collection_of
from index.ranking.query import PreparedQuery, embed_together
from index.ranking.result import Candidate, Ranking
from index.text.analysis import analysed_as, terms
from index.types import StoredDocument, StoredPassage
from qa.answering.answer import Answer, Result
from qa.answering.calibration import AS_SHIPPED, Calibration
from qa.answering.choosing.choice import Choice, choose
from qa.answering.choosing.comparing import comparison
from qa.answering.confidence import highest_confidence, topic_evidence
from qa.answering.editing import edit
from qa.answering.near_duplicates import are_near_duplicates, is_newer
from qa.answering.question.follow_ups import Context, FollowUp, complete_question, read_context, resolve_follow_up
from qa.answering.question.languages import is_foreign, language_notice, question_languages, unsupported_language
from qa.answering.question.small_talk import strip_courtesies
from qa.answering.question.turn import Turn
from qa.answering.quote_pages import QuotePages
from qa.answering.reader.windows import Reader
from qa.answering.selection import ConsideredUnits, adds_to, marked, missing_names, quote, quoted_in
from qa.answering.units.candidates import gather, neighbour_ids
from qa.answering.units.unit import Unit
from qa.curation.rules import NO_CURATION, Curation
from qa.observation import EMBED, RANK, REQUEST, mark_stage, record_answer
from qa.settings.settings import Read

PARTIAL = "Part of the documents cannot be searched at present."
QUOTED_PASSAGES = 8  # first results that a quote may come from
MOST_ANSWERS = 3
NO_THRESHOLDS: Mapping[str, float] = MappingProxyType({})
ALSO_CONFIDENCE = 0.4  # the lowest of a second and third answer


class Answerer:
    def __init__(
        self,
        engine: EngineView,
        answer_threshold: float,
        languages: Collection[str] = (),
        calibration: Calibration = AS_SHIPPED,
        *,
        readers: Sequence[Reader] = (),
        read: Read = "auto",
        spelling: bool = True,
        arrange: Callable[[Ranking], Ranking] | None = None,
        curation: Callable[[], Curation] = lambda: NO_CURATION,
        thresholds: Mapping[str, float] = NO_THRESHOLDS,
    ) -> None:
        """`answer_threshold`: lowest confidence of an answerable question. `calibration`: of confidence, to these documents.

        `languages`: codes of the embedding model's languages, empty for all; a question in another language is searched by words.
        `readers`: the reading models; the first that reads a question's language reads it. `read`: when, unless a question says
        otherwise. `spelling`: correct questions. `arrange`: reorders each ranking, to compare orders. `curation`: the editor's rules
        now. `thresholds`: those of collections that are asked alone, where they differ.
        """
        self._engine = engine
        self._answer_threshold, self._thresholds = answer_threshold, thresholds
        self._languages = frozenset(languages)
        self._calibration = calibration
        self._readers, self._read = tuple(readers), read
        self._spelling = spelling
        self._arrange = arrange
        self._curation = curation
        self._pages = QuotePages()

    def over(self, engine: EngineView) -> Answerer:
        """As this one, over what an audience may read."""
        other = copy(self)
        other._engine = engine
        return other

    @property
    def engine(self) -> EngineView:
        """Holds the documents that it asks."""
        return self._engine

    @property
    def state(self) -> Hashable:
        """Changes whenever an answer may change; differs between audiences."""
        return self._engine.version, self._curation()

    def ask(
        self,
        question: str,
        limit: int = 5,
        filter_: Filter | None = None,
        history: Sequence[Turn] = (),
        read: Read | None = None,
        *,
        spelling: bool = True,
    ) -> Answer:
        """Answer with up to `limit` results, best first, from the documents that the filter allows.

        `history`: the turns before the question, oldest first. `read`: when the reading model reads; None as the answerer was made.
        `spelling`: correct it, if the answerer does.
        """
        mark_stage(REQUEST)
        plain = strip_courtesies(question)
        context = read_context(history)
        whole = complete_question(plain, context)
        documents = self._engine.known_languages()
        detected = detect(whole)
        languages = question_languages(whole, detected, documents)
        corrected = spelling and self._spelling and not is_foreign(whole, detected, documents)

        def prepare(corrects: bool) -> PreparedQuery:
            return self._engine.prepare(whole, languages, spelling=corrects and corrected)

        query, editing = edit(self._curation(), whole, prepare, self._engine, filter_)
        unsupported = unsupported_language(query.question, self._languages)
        if unsupported is not None:
            query, context = replace(query, lexical_only=True), None
        mark_stage(EMBED)
        with self._engine.snapshot(editing.allowed) as snapshot:
            followed = self._follow_up(query, context, snapshot) if context else None
            query = followed.query if followed else query
            ranking = editing.prefer_recent(editing.without_hidden(snapshot.search(query), snapshot), snapshot)
            if self._arrange:
                ranking = self._arrange(ranking)
            found, copies = passages_and_copies(ranking, snapshot, max(limit, QUOTED_PASSAGES))
            quotable = [stored for _, stored in found[:QUOTED_PASSAGES]]
            neighbours = [each for each in snapshot.passages(neighbour_ids(quotable)) if editing.shows(each)]
            quotable = self._pages.attach(self._engine, quotable, neighbours)
            found[:QUOTED_PASSAGES] = [(candidate, stored) for (candidate, _), stored in zip(found, quotable, strict=False)]
        curated = editing.apply(query, ranking)
        mark_stage(RANK)
        if not found:
            record_answer(False)
            nothing = self._notice(ranking, unsupported, None)
            return Answer(question, None, False, 0.0, None, (), (), ranking.generation, nothing, curated=curated)
        units = gather(quotable, neighbours)
        evidence = topic_evidence(ranking, found)
        own = _as_meant(ranking, detected if not self._languages or detected in self._languages else None)
        reader = self._reader_of(detected, own.language)
        compare = comparison(self._engine.embedder, query) if self._readers else None
        choices = choose(own, found[:QUOTED_PASSAGES], units, evidence, reader, read or self._read, compare)
        results = [_with_copies(each, copies) for each in _results(found[:limit], choices, ranking)]
        missing = missing_names(ranking, besides=[phrase for phrase, _ in ranking.synonyms])
        highest = highest_confidence(whole, ranking, missing)
        choices = [replace(choice, probability=min(choice.probability, highest)) for choice in choices]
        evidence = replace(evidence, quote=choices[0].probability if choices else 0.0)
        threshold = self._thresholds.get(collection_of(filter_) or "", self._answer_threshold)
        answers = self._answers(choices, quotable, [_score(candidate, ranking) for candidate, _ in found], threshold)
        confidence = self._calibration.apply(evidence.quote)
        answerable = bool(answers) and confidence >= threshold
        record_answer(answerable)
        rewritten, reason = _rewritten(question, plain, whole, ranking.question, followed)
        return Answer(
            question=question,
            corrected=ranking.question if ranking.question != whole else None,
            answerable=answerable,
            confidence=confidence,
            evidence=evidence,
            answers=[_with_copies(each, copies) for each in answers] if answerable else (),
            results=results,
            generation=ranking.generation,
            notice=self._notice(ranking, unsupported, found[0][1].document.language),
            ranking=ranking,
            rewritten=rewritten,
            reason=reason,
            read_as=ranking.meant if ranking.meant != ranking.question else None,
            considered=ConsideredUnits(choices, quotable),
            missing=missing,
            curated=curated,
        )

    def _reader_of(self, *languages: str | None) -> Reader | None:
        """For the first of these languages that is known and read."""
        return next((reader for code in languages if code for reader in self._readers if reader.reads(code)), None)

    def _answers(
        self, choices: Sequence[Choice], found: Sequence[StoredPassage], scores: Sequence[float], threshold: float
    ) -> list[Result]:
        """Up to MOST_ANSWERS quotes that say different things, the best choice first. `scores`: of the passages `found`."""
        answers: list[Result] = []
        for choice in choices:
            confidence = self._calibration.apply(choice.probability)
            if answers and confidence < max(ALSO_CONFIDENCE, threshold):
                continue
            stored = found[choice.unit.place]
            text = self._quoted_text(choice.unit, stored)
            answer = quote(choice, stored, scores[choice.unit.place], text, confidence) if text else None
            if answer and all(adds_to(answer, other) for other in answers):
                answers.append(answer)
            if len(answers) == MOST_ANSWERS or not answers:
                break
        return answers

    def _notice(self, ranking: Ranking, unsupported: str | None, language: str | None) -> str | None:
        """`unsupported`: language of the question; `language`: of the first passage."""
        return PARTIAL if ranking.partial else language_notice(unsupported, language, self._languages)

    def _quoted_text(self, unit: Unit, stored: StoredPassage) -> str | None:
        """The document's words of a unit's quote. None if the document was changed meanwhile."""
        text = quoted_in(unit, stored)
        if text is not None:
            return text
        document = self._engine.content(stored.document.id)  # the quote goes on in the passages beside this one
        unchanged = document is not None and document.version == stored.document.version
        return document.text[slice(*unit.quote)] if document and unchanged else None

    def _follow_up(self, query: PreparedQuery, context: Context, snapshot: Snapshot) -> FollowUp | None:
        """The question with its context. The context is embedded only if the question may need it."""
        embedder, best = self._engine.embedder, snapshot.best_similarity
        return resolve_follow_up(query, context, best(query.vector), lambda texts: embed_together(embedder, texts), best)


def passages_of(ranking: Ranking, snapshot: Snapshot, wanted: int) -> list[tuple[Candidate, StoredPassage]]:
    """The first candidates that are still stored, without near-duplicates."""
    return passages_and_copies(ranking, snapshot, wanted)[0]


def passages_and_copies(
    ranking: Ranking, snapshot: Snapshot, wanted: int
) -> tuple[list[tuple[Candidate, StoredPassage]], dict[int, list[StoredDocument]]]:
    """The first candidates that are still stored; of near-duplicates the newest, with the score of the best.

    Also, by the id of such a passage, the documents that hold the others.
    """
    found: list[tuple[Candidate, StoredPassage]] = []
    copies: dict[int, list[StoredDocument]] = {}
    for first in range(0, len(ranking.candidates), wanted):
        candidates = {c.passage_id: c for c in ranking.candidates[first : first + wanted]}
        for stored in snapshot.passages(list(candidates)):
            texts = ((place, other.passage.text) for place, (_, other) in enumerate(found))
            place = next((place for place, text in texts if are_near_duplicates(stored.passage.text, text)), None)
            if place is None:
                found.append((candidates[stored.id], stored))
                continue
            candidate, other = found[place]
            if is_newer(stored.document, other.document):
                found[place] = (candidate, stored)
                stored, other = other, stored
                copies[other.id] = copies.pop(stored.id, [])
            if stored.document.number != other.document.number:
                copies.setdefault(other.id, []).append(stored.document)
        if len(found) >= wanted:
            break
    return found[:wanted], copies


def _with_copies(result: Result, copies: Mapping[int, Sequence[StoredDocument]]) -> Result:
    by_id = {document.id: document for document in copies.get(result.stored.id, ())}
    return replace(result, copies=tuple(by_id.values())) if by_id else result


def _as_meant(ranking: Ranking, detected: str | None) -> Ranking:
    """For the question as it is meant, with the weights of its own terms: those of earlier questions find passages, but need not be in a
    quote.

    `detected`: the question's language, if the model reads it. The ranking gets it if the words were taken for English only because there
    is no stemmer for them.
    """
    own = set(terms(ranking.meant, ranking.language))
    weights = {term: weight for term, weight in ranking.term_weights.items() if term in own}
    language = detected if detected and analysed_as(detected) == ranking.language else ranking.language
    return replace(ranking, question=ranking.meant, term_weights=weights or ranking.term_weights, language=language)


def _rewritten(
    question: str, plain: str, whole: str, corrected: str, followed: FollowUp | None
) -> tuple[str | None, str | None]:
    """The question that was searched and why it differs from the one that was asked; None if it does not."""
    reasons = [
        "greetings and thanks were removed" if plain != question else None,
        "it completes the previous question" if whole != plain else None,
        followed.reason if followed else None,
        "its spelling was corrected" if corrected != whole else None,
    ]
    given = [reason for reason in reasons if reason]
    return (followed.question if followed else corrected, "; ".join(given)) if given else (None, None)


def _results(found: Sequence[tuple[Candidate, StoredPassage]], choices: Sequence[Choice], ranking: Ranking) -> list[Result]:
    """The passages, each with its best unit marked. `choices`: among the units of the first passages."""
    results = []
    by_place: dict[int, list[Choice]] = {}
    for choice in choices:
        by_place.setdefault(choice.unit.place, []).append(choice)
    for place, (candidate, stored) in enumerate(found):
        start, end = marked(stored, by_place.get(place, ()), ranking.term_weights, ranking.language)
        base = stored.passage.start
        results.append(Result(stored, _score(candidate, ranking), (start, end), stored.passage.text[start - base : end - base]))
    return results


def _score(candidate: Candidate, ranking: Ranking) -> float:
    """0..1"""
    return min(max(candidate.score / ranking.best_possible, 0.0), 1.0)
