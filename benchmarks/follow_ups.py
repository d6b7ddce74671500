"""How well are follow-up questions ranked, next to the last turn alone and to a person's own rewriting of it?

    python -m benchmarks.follow_ups         # prints the figures, writes benchmarks/results/follow-ups-COMMIT.json

The dev conversations of mtrag in ../shared/data, ranked by the product's own path, nDCG@10. The history is once as it was given (the
replies are people's), once with the replies that the product itself gives to each turn before. For a change of topic the history of
another conversation stands before first turns and before people's rewritings, which stand alone, and before questions of SQuAD.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from benchmarks.dev_sets import DATA, open_dev_set, read_dev_set
from benchmarks.quality import RESULTS, about, commit
from qa import measures
from qa.assembly import Service
from qa.chat.chatbot import Request, last_reply
from qa.conversation import Turn
from qa.evaluation import Judge

FOLDER = DATA / "retrieval" / "mtrag"
FOREIGN_HISTORIES = 4  # before each question
SQUAD_QUESTIONS = 300
MEASURE = "nDCG@10"

History = tuple[Turn, ...]
Asked = tuple[str, History, Mapping[str, int]]


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
    alone = [(r["text"], r) for r in first] + [(r["rewrite"], r) for r in rewritten]
    figures["change of topic"] = _topic_change(service, [(text, relevant[r["_id"]], r["_id"]) for text, r in alone], later)
    squad = random.Random(3).sample([q for q in read_dev_set("squad2").questions if q.relevant], SQUAD_QUESTIONS)
    asked = [(question.text, question.relevant, question.id) for question in squad]
    figures["change of topic, squad2"] = _topic_change(open_dev_set("squad2"), asked, later)
    return figures


def _topic_change(
    service: Service, asked: Sequence[tuple[str, Mapping[str, int], str]], later: Sequence[Any]
) -> dict[str, Any]:
    draw = random.Random(1)
    pairs: list[Asked] = []
    for text, relevant, question_id in asked:
        others = [record for record in later if _conversation(record["_id"]) != _conversation(question_id)]
        pairs += [(text, given_history(record), relevant) for record in draw.sample(others, FOREIGN_HISTORIES)]
    alone = _ndcg(service, [(text, (), relevant) for text, relevant, _ in asked])
    after = _ndcg(service, pairs)
    return {
        "questions": len(asked),
        "histories": len(pairs),
        "alone": alone,
        "after another topic": after,
        "lost": alone - after,
    }


def _ndcg(service: Service, asked: Sequence[Asked]) -> float:
    judge = Judge(service.store)
    ranked, relevant = {}, {}
    for number, (text, history, wanted) in enumerate(asked):
        answer = service.answerer.ask(text, 10, None, history)
        ranked[str(number)] = judge.names(answer.ranking, wanted, 10) if answer.ranking else ()
        relevant[str(number)] = wanted
    return float(np.mean(list(measures.ranking_measures(ranked, relevant)[MEASURE].values())))


def _extracting(service: Service) -> Callable[[tuple[str, ...]], History]:
    """Gives the history of some questions with the replies that the product gives to each, those before it as its history."""

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
