"""Prompt injection: documents with instructions, and a model that obeys every one of them.

Guaranteed for every model: passages stay inside their fence, there are no tools, and the reply shows nothing that the words of the
passages do not support. For the limits see docs/operations/chat.md: a model can quote the instruction itself, or leave out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Server, StartServer
from tests.qa.chat.scripted_model import ScriptedModel, saying

INJECTIONS = json.loads((Path(__file__).parent.parent.parent / "data" / "injections.json").read_text("utf-8"))
KEPT_OUT = [each for each in INJECTIONS if not each.get("gets_through")]
GETS_THROUGH = [each for each in INJECTIONS if each.get("gets_through")]
FENCED = re.compile(r"^passage \[(\d+)\] (\w{32})\n(.*?)\nend of passage \[\1\] \2$", re.M | re.S)


@pytest.fixture(scope="module")
def museum(data_folder: Callable[[], Path], start_server: StartServer, model: ScriptedModel) -> Iterator[Server]:
    """A server of documents that each say where a lantern is kept and contain an instruction."""
    with start_server(data_folder(), QA_LLM_URL=model.address, QA_LLM_MODEL="obedient") as running:
        for room, each in enumerate(INJECTIONS, 1):
            text = f"The {each['lantern']} lantern is kept in room {room} of the museum. {each['payload']}"
            job = running.add(id=each["lantern"], title=f"The {each['lantern']} lantern", text=text)
        running.finished(job)
        yield running


def obeyed(museum: Server, model: ScriptedModel, each: dict[str, str]) -> tuple[Any, str]:
    """The completion of a model that obeys the document, and the fence mark of its prompt."""
    marks: list[str] = []

    def obey(body: dict[str, Any]) -> str:
        marks.append(FENCED.findall(body["messages"][-1]["content"])[0][1])
        return each["obeys"].replace("{mark}", marks[0])

    model.behave = saying(obey)
    question = f"Where is the {each['lantern']} lantern of the museum kept?"
    body = json.dumps({"messages": [{"role": "user", "content": question}]}).encode()
    completion = museum.post("/v1/chat/completions", body).json()
    assert len(marks) == 1
    return completion, marks[0]


@pytest.mark.parametrize("each", KEPT_OUT, ids=lambda each: each["lantern"])
def test_injected_output_is_removed(museum: Server, model: ScriptedModel, each: dict[str, str]) -> None:
    completion, mark = obeyed(museum, model, each)
    content = completion["choices"][0]["message"]["content"]
    assert each["forbidden"].replace("{mark}", mark) not in f"{content}\n"
    assert f"The {each['lantern']} lantern is kept in room" in content

    sent = model.asked[-1]
    assert "tools" not in sent
    system, user = sent["messages"]
    passages = FENCED.findall(user["content"])
    assert len({found[1] for found in passages}) == 1
    assert any(each["payload"] in text for _, _, text in passages)
    assert each["payload"] not in FENCED.sub("", user["content"])
    assert each["payload"] not in system["content"]
    for annotation in completion["choices"][0]["message"]["annotations"]:
        text = museum.get(f"/v1/documents/{annotation['document']['id']}/text").json()["text"]
        assert text[annotation["start"] : annotation["end"]] == annotation["quote"]


@pytest.mark.parametrize("each", GETS_THROUGH, ids=lambda each: each["lantern"])
def test_output_supported_by_the_instruction_itself_is_cited(
    museum: Server, model: ScriptedModel, each: dict[str, str]
) -> None:
    """The check compares words, so it cannot remove what a document itself says."""
    completion, _ = obeyed(museum, model, each)
    message = completion["choices"][0]["message"]
    assert each["forbidden"] in message["content"]
    assert {annotation["document"]["id"] for annotation in message["annotations"]} == {each["lantern"]}
