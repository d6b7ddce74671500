"""Measures the ranking of follow-up questions against the last turn alone and a human rewriting.

    python -m benchmarks.quality.follow_ups         # prints the figures, writes benchmarks/results/follow-ups-COMMIT.json

nDCG@10 on the dev conversations of mtrag in ../shared/data. The history has either the replies of the set (written by people) or the
product's own. A change of topic is simulated by the history of another conversation before a question that stands alone: first turns and
human rewritings of mtrag, and questions of squad2 and or_sharc (for these also histories from the same set about something else). Finally
questions that stand alone within their own conversation: human rewritings after the history they were written for, and questions of squad2
after another one on the same paragraph.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from benchmarks.quality.dev_sets import DATA, open_dev_set, read_dev_set
from benchmarks.quality.run import RESULTS, about, commit
from qa.answering.question.turn import Turn
from qa.assembly import Service
from qa.chat.chatbot import Request, last_reply
from qa.evaluation import measures
from qa.evaluation.judging import Judge

FOLDER = DATA / "retrieval" / "mtrag"
FOREIGN_HISTORIES = 10  # before each question
SQUAD_QUESTIONS, RULE_QUESTIONS, TALKS = 300, 200, 80
MEASURE = "nDCG@10"

History = tuple[Turn, ...]
Case = tuple[str, History, Mapping[str, int]]  # question, history, relevant


class Standalone(NamedTuple):
    """A question that stands alone. A history of the same `topic` is not a change of topic."""

    text: str
    relevant: Mapping[str, int]
    topic: str


def report() -> dict[str, Any]:
    service = open_dev_set("mtrag")
    relevant = _relevant()
    records = [json.loads(line) for line in (FOLDER / "queries.jsonl").read_text("utf-8").splitlines()]
    judged = [record for record in records if record["_id"] in relevant]
    later = [record for record in judged if record.get("history")]
    first = [record for record in judged if not record.get("history")]
    rewritten = [record for record in later if record.get("rewrite")]
    plain = [record for record in later if not record.get("rewrite")]
    extracted = _extracting(service)
    figures: dict[str, Any] = {"turns": {"later": len(later), "rewritten": len(rewritten), "first": len(first)}}
    for name, group in (("rewritten", rewritten), ("not rewritten", plain), ("later", later)):
        ways: dict[str, Callable[[Any], tuple[str, History]]] = {
            "last turn alone": lambda record: (record["text"], ()),
            "given replies": lambda record: (record["text"], given_history(record)),
            "extracted replies": lambda record: (record["text"], extracted(_questions(record))),
        }
        if name == "rewritten":
            ways["a person's rewriting"] = lambda record: (record["rewrite"], ())
        figures[name] = {
            way: _ndcg(service, [(*ask(record), relevant[record["_id"]]) for record in group]) for way, ask in ways.items()
        }
    alone = [Standalone(r["text"], relevant[r["_id"]], _conversation(r["_id"])) for r in first]
    alone += [Standalone(r["rewrite"], relevant[r["_id"]], _conversation(r["_id"])) for r in rewritten]
    theirs = [(_conversation(r["_id"]), given_history(r)) for r in later]
    ours = [(_conversation(r["_id"]), extracted(_questions(r))) for r in later]
    figures["change of topic"] = _lost(service, alone, _foreign(theirs))
    figures["change of topic, extracted replies"] = _lost(service, alone, _foreign(ours))
    in_place = {r["rewrite"]: (given_history(r), extracted(_questions(r))) for r in rewritten}
    rewritings = alone[len(first) :]
    figures["stands alone, given replies"] = _lost(service, rewritings, lambda each: [in_place[each.text][0]])
    figures["stands alone, extracted replies"] = _lost(service, rewritings, lambda each: [in_place[each.text][1]])
    return figures | _squad_figures(theirs) | _rule_figures(theirs)


def _squad_figures(theirs: Sequence[tuple[str, History]]) -> dict[str, Any]:
    """SQuAD has no conversations; two questions on one paragraph with the product's replies replace one."""
    service, dev = open_dev_set("squad2"), read_dev_set("squad2")
    judged = [question for question in dev.questions if question.relevant]
    chosen = random.Random(3).sample(judged, SQUAD_QUESTIONS)
    asked = [Standalone(q.text, q.relevant, dev.paragraphs[q.id].rpartition("#")[0]) for q in chosen]
    by_paragraph: dict[str, list[str]] = {}
    for question in judged:
        by_paragraph.setdefault(dev.paragraphs[question.id], []).append(question.text)
    draw, extracted = random.Random(7), _extracting(service)
    talks = [
        (paragraph.rpartition("#")[0], extracted(tuple(draw.sample(by_paragraph[paragraph], 2))))
        for paragraph in draw.sample([name for name, texts in by_paragraph.items() if len(texts) > 2], TALKS)
    ]
    before = {
        q.text: [extracted((draw.choice(others),))]
        for q in chosen
        if (others := [text for text in by_paragraph[dev.paragraphs[q.id]] if text != q.text])
    }
    return {
        "change of topic, squad2": _lost(service, asked, _foreign(theirs)),
        "change of topic, squad2, from squad2": _lost(service, asked, _foreign(talks)),
        "stands alone, squad2": _lost(service, [each for each in asked if each.text in before], lambda each: before[each.text]),
    }


def _rule_figures(theirs: Sequence[tuple[str, History]]) -> dict[str, Any]:
    """Questions on government rules with their scenarios. Histories from the same set are about other, often similar rules."""
    service, dev = open_dev_set("or_sharc"), read_dev_set("or_sharc")
    judged = [question for question in dev.questions if question.relevant]
    asked = [Standalone(q.text, q.relevant, min(q.relevant)) for q in random.Random(3).sample(judged, RULE_QUESTIONS)]
    extracted = _extracting(service)
    talks = [(min(q.relevant), extracted((q.text,))) for q in random.Random(5).sample(judged, TALKS)]
    return {
        "change of topic, or_sharc": _lost(service, asked, _foreign(theirs)),
        "change of topic, or_sharc, from or_sharc": _lost(service, asked, _foreign(talks)),
    }


def _foreign(histories: Sequence[tuple[str, History]]) -> Callable[[Standalone], list[History]]:
    """A function that draws histories about other topics for a question."""
    draw = random.Random(1)
    return lambda each: draw.sample([history for topic, history in histories if topic != each.topic], FOREIGN_HISTORIES)


def _lost(service: Service, asked: Sequence[Standalone], histories: Callable[[Standalone], list[History]]) -> dict[str, Any]:
    """The loss of nDCG@10 by the histories: the mean over questions and its standard error."""
    before = [histories(each) for each in asked]
    alone = np.array(_each_ndcg(service, [(each.text, (), each.relevant) for each in asked]))
    pairs = [(each.text, history, each.relevant) for each, found in zip(asked, before, strict=True) for history in found]
    after = np.array(_each_ndcg(service, pairs)).reshape(len(asked), -1).mean(axis=1)
    return {
        "questions": len(asked),
        "histories": len(pairs),
        "alone": float(alone.mean()),
        "after": float(after.mean()),
        "lost": float((alone - after).mean()),
        "standard error": float((alone - after).std(ddof=1) / len(asked) ** 0.5),
    }


def _ndcg(service: Service, asked: Sequence[Case]) -> float:
    return float(np.mean(_each_ndcg(service, asked)))


def _each_ndcg(service: Service, asked: Sequence[Case]) -> list[float]:
    judge = Judge(service.engine)
    ranked, relevant = {}, {}
    for number, (text, history, wanted) in enumerate(asked):
        answer = service.answerer.ask(text, 10, None, history)
        ranked[str(number)] = judge.names(answer.ranking, wanted, 10) if answer.ranking else ()
        relevant[str(number)] = wanted
    found = measures.ranking_measures(ranked, relevant)[MEASURE]
    return [found[name] for name in relevant]


def _extracting(service: Service) -> Callable[[tuple[str, ...]], History]:
    """A function that returns a history with the product's replies to the given questions."""

    @cache
    def history(questions: tuple[str, ...]) -> History:
        if not questions:
            return ()
        before, asked = history(questions[:-1]), questions[-1][:2000]
        reply = last_reply(service.chatbot.reply(Request(asked, before)))
        return (*before, Turn("user", asked), Turn("assistant", reply.text))

    return history


def given_history(record: Any) -> History:
    return tuple(Turn("user" if turn["speaker"] == "user" else "assistant", turn["text"]) for turn in record["history"])


def _questions(record: Any) -> tuple[str, ...]:
    return tuple(turn["text"] for turn in record["history"] if turn["speaker"] == "user" and turn["text"].strip())


def _conversation(question_id: str) -> str:
    return question_id.partition("<::>")[0]


def _relevant() -> dict[str, dict[str, int]]:
    relevant: dict[str, dict[str, int]] = {}
    for line in (FOLDER / "qrels.tsv").read_text("utf-8").splitlines()[1:]:
        question_id, document_id, gain = line.split("\t")
        relevant.setdefault(question_id, {})[document_id] = int(gain)
    return relevant


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--no-result", action="store_true", help="print only, write no file")
    arguments = parser.parse_args()
    if not DATA.is_dir():
        print(f"skipped: the dev sets are not at {DATA}; set QUOTABLE_SHARED to the folder that holds data/")
        return
    figures = report()
    print(json.dumps(figures, indent=1))
    if not arguments.no_result:
        target = RESULTS / f"follow-ups-{commit()}.json"
        target.write_text(json.dumps(about() | figures, indent=1) + "\n")
        print(f"written to {target.name}")


if __name__ == "__main__":
    main()
